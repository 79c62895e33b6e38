"""What the values of a script may be, as far as one sees without running it: modules, arrays, methods of its own.

Read next: `porter.py`.
"""

from __future__ import annotations

import ast

from .names import ScriptNames

OF_PYTHON = frozenset(
    [
        "add",
        "append",
        "copy",
        "count",
        "difference",
        "extend",
        "format",
        "get",
        "index",
        "insert",
        "items",
        "join",
        "keys",
        "lower",
        "pop",
        "remove",
        "replace",
        "reverse",
        "sort",
        "split",
        "strip",
        "update",
        "upper",
        "values",
        "where",
        "apply",
        "set_",
    ]
)
"""Methods of lists, texts, sets and dictionaries: who says them without PyTorch's arguments may mean one of those."""

KEEPING = frozenset(["to", "cuda", "cpu", "float", "double", "half", "eval", "train", "requires_grad_"])
"""Methods of modules that give the module back."""


class Kinds:
    """What is known about the names of a script.

    methods  the functions and attributes that its classes define
    modules  what is a module, as it is typed: `model`, `self.encoder`
    arrays   names of what other packages have made
    """

    def __init__(self, tree: ast.AST, names: ScriptNames):
        self._names = names
        nodes = list(ast.walk(tree))
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        self.methods = {part.name for node in classes for part in node.body if isinstance(part, functions)}
        self.methods |= {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
        }
        self._classes: set[str] = set()
        for node in classes:
            if any(
                names.path(base).startswith("torch.nn.") or ast.unparse(base) in self._classes for base in node.bases
            ):
                self._classes.add(node.name)
        assigned = [
            (ast.unparse(target), node.value)
            for node in nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
        ]
        self.modules = {target for target, value in assigned if self._is_module(value)}
        parameters = {argument.arg for node in nodes if isinstance(node, ast.arguments) for argument in _all(node)}
        arrays = {target for target, value in assigned if self.is_foreign(value, set())}
        tensors = {target for target, value in assigned if not self.is_foreign(value, arrays)}
        self._arrays = arrays - tensors - parameters

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression is known to be a module."""
        return ast.unparse(node) in self.modules or self._is_module(node)

    def _is_module(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        path = self._names.path(node.func)
        if path.startswith("torch.nn.") and path.rpartition(".")[2][:1].isupper() and not path.endswith(".Parameter"):
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr in KEEPING:
            return self.is_module(node.func.value) if hasattr(self, "modules") else self._is_module(node.func.value)
        return isinstance(node.func, ast.Name) and node.func.id in self._classes

    def holds_numbers(self, owner: ast.expr) -> bool:
        """Whether `owner.data` can be a tensor's: neither an attribute of `self`, nor of what other packages made."""
        return not (isinstance(owner, ast.Name) and owner.id == "self") and not self.is_foreign(owner)

    def is_foreign(self, node: ast.expr, arrays: set[str] | None = None) -> bool:
        """Whether an expression belongs to another package, or to Python."""
        while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
            if self._names.path(node):
                return False
            node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.ListComp)):
            return True
        copies = {"copy", "deepcopy"}  # of modules and tensors as of all else
        named = self._names.others - copies | (self._arrays if arrays is None else arrays)
        return isinstance(node, ast.Name) and (node.id in named or node.id == "super")

    def is_of_tensor(self, call: ast.Call) -> bool:
        """Whether a method that is called may be a tensor's."""
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr in self.methods or self.is_foreign(function.value):
            return False
        texts = [
            argument for argument in call.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if function.attr in OF_PYTHON:
            return bool(call.keywords or (call.args and function.attr in ("sort", "split"))) and not texts
        return True


def _all(node: ast.arguments) -> list[ast.arg]:
    return [*node.posonlyargs, *node.args, *node.kwonlyargs]
