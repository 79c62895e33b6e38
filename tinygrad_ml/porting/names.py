"""What a name in a script of PyTorch's means, and what it is called here. Read next: `calls.py`."""

from __future__ import annotations

import ast
import re
import sys
from types import ModuleType
from typing import NamedTuple

from ..spellings import rows

PACKAGE = __name__.partition(".")[0]


class TorchModule(NamedTuple):
    """A module of PyTorch's.

    table  where the table of `spellings/` has what stands in it
    ours   our module, behind the package's name
    """

    table: str
    ours: str


ROOMS = {
    "torch": TorchModule("torch", ""),
    "torch.nn": TorchModule("nn", ".nn"),
    "torch.nn.parameter": TorchModule("nn", ".nn"),
    "torch.nn.functional": TorchModule("F", ".nn.functional"),
    "torch.nn.init": TorchModule("init", ".nn.init"),
    "torch.nn.utils": TorchModule("utils", ".nn.utils"),
    "torch.nn.utils.rnn": TorchModule("", ".nn.utils.rnn"),
    "torch.nn.utils.parametrizations": TorchModule("", ".nn.utils.parametrizations"),
    "torch.optim": TorchModule("optim", ".optim"),
    "torch.optim.lr_scheduler": TorchModule("lr_scheduler", ".optim.lr_scheduler"),
    "torch.utils": TorchModule("", ""),
    "torch.utils.data": TorchModule("data", ".data"),
    "torch.utils.checkpoint": TorchModule("", ""),
    "torch.linalg": TorchModule("torch.linalg", ".linalg"),
    "torch.distributions": TorchModule("", ".distributions"),
    "torch.func": TorchModule("", ""),
    "torch.cuda": TorchModule("cuda", ""),
    "torch.autograd": TorchModule("autograd", ""),
    "torchvision": TorchModule("", ".data"),
    "torchvision.datasets": TorchModule("", ".data"),
    "torchvision.transforms": TorchModule("", ".data.transforms"),
}
"""The modules whose names can be turned; torchvision's are data and what is done to images."""

MODULE_IN_TABLE = {room.table: name for name, room in reversed(ROOMS.items()) if room.table} | {"tg": "torch"}
"""What the table calls a module → PyTorch's name of it."""

OTHERWISE = {"torchvision.transforms.ToTensor": "torchvision.transforms.ToFloat"}
"""Names of torchvision's that are others here."""

OF_OTHER_PACKAGES = ("torch", "torchvision")


def our_module(theirs: str) -> ModuleType | None:
    """The module that has here what a module of PyTorch's has; None where there is none."""
    return sys.modules.get(PACKAGE + ROOMS[theirs].ours)


def apart(path: str) -> tuple[str, str]:
    """The module and the name in it of a dotted name of PyTorch's: `torch.nn.Linear` → `torch.nn`, `Linear`."""
    module = path
    while module not in ROOMS:
        module = module.rpartition(".")[0]
    return module, path[len(module) + 1 :]


def ours_has(path: str) -> bool:
    """Whether it has the same name here."""
    if path in ROOMS:
        return bool(ROOMS[path].ours) or path == "torch"
    module, name = apart(path)
    ours = our_module(module)
    return ours is not None and name in vars(ours) and (not name.startswith("_") or name == "__version__")


class ScriptNames:
    """The names that a script's imports give.

    theirs  name in the script → dotted name of PyTorch's
    others  names of other modules
    """

    def __init__(self, tree: ast.AST):
        self.theirs: dict[str, str] = {}
        self.others: set[str] = set()
        self.needs_package = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._add(alias.asname or whole, whole)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    self._add(alias.asname or alias.name, f"{node.module}.{alias.name}")
        typed = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        whole = next((name for name, path in self.theirs.items() if path == "torch" and name != "torch"), "")
        self.package = whole or ("tg" if "tg" not in typed else PACKAGE)
        self.kept = {
            name: path for name, path in self.theirs.items() if path not in OF_OTHER_PACKAGES and ours_has(path)
        }

    def _add(self, name: str, path: str) -> None:
        if path.partition(".")[0] in OF_OTHER_PACKAGES:
            self.theirs[name] = path
        else:
            self.others.add(name)

    def path(self, node: ast.expr) -> str:
        """The dotted name of PyTorch's that an expression means; "" for all else."""
        if isinstance(node, ast.Name):
            return self.theirs.get(node.id, "")
        if isinstance(node, ast.Attribute) and (before := self.path(node.value)):
            return f"{before}.{node.attr}"
        return ""

    def is_dtype(self, node: ast.expr) -> bool:
        """Whether an expression is the name of a dtype."""
        return re.fullmatch(r"torch\.(u?int\d*|b?float\d*|bool|long|double|half|short)", self.path(node)) is not None

    def reference(self, path: str) -> str:
        """How something of ours is written in the script, that has the same name as PyTorch's `path`."""
        module, name = apart(path)
        behind = f".{name}" if name else ""
        for known, meant in sorted(self.kept.items(), key=lambda item: -len(item[1])):
            if path == meant:
                return known
            if (
                meant in ROOMS
                and ROOMS[module].ours.startswith(ROOMS[meant].ours)
                and f"{module}.".startswith(f"{meant}.")
            ):
                return known + ROOMS[module].ours[len(ROOMS[meant].ours) :] + behind
        self.needs_package = True
        return self.package + ROOMS[module].ours + behind

    def root(self, short: str) -> ast.expr:
        """A module of ours, by what the table calls it, as an expression of the script."""
        return ast.parse(self.reference(MODULE_IN_TABLE[short]), mode="eval").body

    def differs(self, path: str) -> str:
        """What the table says about a name that is not here."""
        module, name = apart(path)
        first = name.partition(".")[0]
        for row in rows(ROOMS[module].table, first) if ROOMS[module].table else ():
            return row.differs or f"here it is {row.as_it_stands()}"
        return "it is not here"
