"""The imports of a script, of what is here. Read before: `names.py`."""

from __future__ import annotations

import ast

from ..spellings import rows
from .names import OF_OTHER_PACKAGES, OTHERWISE, PACKAGE, ROOMS, ScriptNames, apart, ours_has
from .source import ScriptText


class Imports:
    """Turns the statements that import, one after the other.

    missing  (statement, dotted name) of what is not here
    """

    def __init__(self, names: ScriptNames):
        self._names = names
        self._written: set[str] = set()
        self.missing: list[tuple[ast.stmt, str]] = []

    def turned(self, node: ast.Import | ast.ImportFrom) -> list[str] | None:
        """The statements that take the place of one; None if it has nothing of PyTorch's."""
        if isinstance(node, ast.Import):
            if not any(alias.name.partition(".")[0] in OF_OTHER_PACKAGES for alias in node.names):
                return None
            parts = [part for alias in node.names for part in self._whole(node, alias)]
            return [f"import {', '.join(parts)}"] if parts else []
        if node.level or (node.module or "").partition(".")[0] not in OF_OTHER_PACKAGES:
            return None
        found: dict[str, list[str]] = {}
        for alias in node.names:
            module, name = self._from(node, alias)
            if module:
                found.setdefault(module, []).append(name)
        return [f"from {module} import {', '.join(parts)}" for module, parts in found.items()]

    def _whole(self, node: ast.stmt, alias: ast.alias) -> list[str]:
        path = alias.name
        if path.partition(".")[0] not in OF_OTHER_PACKAGES:
            return [ast.unparse(alias)]
        if not alias.asname:
            part = f"{PACKAGE} as {self._names.package}" if self._names.package != PACKAGE else PACKAGE
            if path.partition(".")[0] != "torch" or part in self._written:
                return []
        elif ours_has(path):
            part = f"{PACKAGE}{ROOMS[path].ours} as {alias.asname}"
        elif path in ROOMS:
            return []
        else:
            self.missing.append((node, path))
            return [ast.unparse(alias)]
        self._written.add(part)
        return [part]

    def _from(self, node: ast.ImportFrom, alias: ast.alias) -> tuple[str, str]:
        """From which module what is imported; "" for what is written otherwise where it is used."""
        path, bound = f"{node.module}.{alias.name}", alias.asname or alias.name
        if ours_has(path):
            module, name = ("", "") if path in ROOMS else apart(path)
            whole = PACKAGE + ROOMS[path].ours if path in ROOMS else f"{PACKAGE}{ROOMS[module].ours}.{name}"
            module, _, name = whole.rpartition(".")
            return module, name if name == bound else f"{name} as {bound}"
        if path in ROOMS or path in OTHERWISE or _turned_where_used(path):
            return "", ""
        self.missing.append((node, path))
        return str(node.module), ast.unparse(alias)


def first_place(script: ScriptText) -> int:
    """Where an import can be put: the first that is of PyTorch, outside of functions; else the first statement behind the
    docstring and what is imported from __future__."""
    body = script.tree.body
    imports = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    found = [node for node in imports if ScriptNames(ast.Module([node], [])).theirs]
    future = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    behind = [node for node in body if not isinstance(node, ast.Expr) and node not in future]
    return script.line_start(script.span((found or behind)[0])[0])


def _turned_where_used(path: str) -> bool:
    module, name = apart(path)
    table = ROOMS[module].table
    found = (*(rows(table, name) if table else ()), *(rows("x", name) if table == "torch" else ()))
    return any(row.ours != "-" for row in found)
