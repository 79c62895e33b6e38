"""The code that has typed something: whether it calls, imports or only asks; what stands there; what it calls its values."""

from __future__ import annotations

import ast
import dis
import linecache
import sys
from itertools import islice
from types import FrameType, ModuleType
from typing import NamedTuple

import numpy

from .rows import NAMELESS, called

PACKAGE = __name__.partition(".")[0]


def user() -> FrameType:
    """The frame of the code that uses this package: the nearest that does not belong to it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _ours(frame):
        frame = frame.f_back
    return frame


def _ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__") or ""
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def imports(frame: FrameType) -> bool:
    """Whether the code that runs in `frame` is a `from ... import`, which words of an AttributeError would not survive."""
    if frame.f_code.co_name == "_handle_fromlist":
        return True
    return _instruction(frame)[0] == "IMPORT_FROM"


def calls(frame: FrameType) -> bool:
    """Whether the attribute that is looked up in `frame` is called at once, as in x.view(2); `hasattr` does not."""
    name, argument = _instruction(frame)
    return name == "LOAD_METHOD" or (name == "LOAD_ATTR" and sys.version_info >= (3, 12) and bool(argument & 1))


def _instruction(frame: FrameType) -> tuple[str, int]:
    code = frame.f_code.co_code
    return dis.opname[code[frame.f_lasti]], code[frame.f_lasti + 1]


class SourceCall(NamedTuple):
    """A call, or an attribute that is looked up, as it was typed: the text, what stands before the name, the arguments."""

    text: str
    function: ast.Attribute
    args: list[ast.expr]
    keywords: dict[str, ast.expr]


def written(frame: FrameType, name: str) -> SourceCall | None:
    """The call of `name` that runs in `frame`, or the attribute, as it stands in its file; None where that cannot be read."""
    text = _running(frame)
    try:
        node = ast.parse(f"({text})", mode="eval").body
    except SyntaxError:
        return None
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Attribute) or call.func.attr != name:
        return None
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(k.arg is None for k in call.keywords):
        return None
    return SourceCall(text, call.func, call.args, {k.arg: k.value for k in call.keywords if k.arg})


def _running(frame: FrameType) -> str:
    """The text of the expression that runs in `frame`; "" where it cannot be read."""
    place = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    first, last, start, stop = place
    if first is None or last is None or start is None or stop is None:
        return ""
    lines = [
        linecache.getline(frame.f_code.co_filename, n, frame.f_globals).encode() for n in range(first, last + 1)
    ]  # columns are counted in bytes
    if not all(lines):
        return ""
    lines[-1] = lines[-1][:stop]
    lines[0] = lines[0][start:]
    return b"".join(lines).decode(errors="replace")


def node_of(value: object, frame: FrameType) -> ast.expr:
    """A value as one would type it: a number by its digits, a tensor by the name that it has in `frame`; `NAMELESS` if it
    has none."""
    if isinstance(value, (tuple, list)):
        parts = [called(node_of(part, frame), "x") for part in value]
        return ast.Tuple(parts) if isinstance(value, tuple) else ast.List(parts)
    if value is None or type(value) in (bool, int, float, str):
        return ast.parse(repr(value).replace("inf", "float('inf')"), mode="eval").body
    if isinstance(value, numpy.dtype):
        return ast.parse(f"{alias(PACKAGE, 'tg', frame)}.{value}", mode="eval").body
    for names in (frame.f_locals, frame.f_globals):
        for name, known in names.items():
            if known is value and not name.startswith("_"):
                return ast.Name(name)
    return NAMELESS


def alias(module: str, usual: str, frame: FrameType) -> str:
    """The name under which the code of a frame knows a module of this package; else the usual one."""
    known = {
        thing.__name__: name
        for names in (frame.f_globals, frame.f_locals)
        for name, thing in names.items()
        if isinstance(thing, ModuleType)
    }
    above = module
    while above and above not in known:
        above = above.rpartition(".")[0]
    return known[above] + module.removeprefix(above) if above else usual
