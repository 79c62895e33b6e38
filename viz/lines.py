"""The program beside the graph: which lines of it made each node, and the functions that those lines stand in.

Read before: `variables.py`. Read next: `carried.py`.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import sysconfig
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, TypeAlias

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import watching

Call: TypeAlias = tuple[CodeType, int]
"""A function of the program, and the line that it was at."""

LONGEST_FUNCTION = 150
"""Of longer functions only this many lines are shown."""
LINES_AROUND = 2
"""Of what stands in no function, the lines that were run are shown, and so many around them."""

_OURS = ("tinygrad_ml", "viz")
_NOT_THE_PROGRAM = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "scripts")})


class ProgramLine(str):
    """Where in the program an operation was called, as "file:line".

    calls  the lines that led there, from the innermost function of the program to the outermost
    """

    calls: tuple[Call, ...]

    def __new__(cls, calls: Sequence[Call]) -> ProgramLine:
        (code, number) = calls[0]
        made = super().__new__(cls, f"{code.co_filename}:{number}")
        made.calls = tuple(calls)
        return made


class lines(watching):
    """Inside, tensors remember which lines of the program they were computed by: `explain` shows the program beside the map.

    `explain` does so by itself where it is given a function or a module, and its `inputs`.

    >>> with viz.lines():
    ...     loss = criterion(model(images), labels)
    >>> viz.explain(loss, "page.html")
    """

    def __init__(self) -> None:
        super().__init__(_remember)


def _remember(op: object, inputs: object, params: object, output: Any) -> None:
    node = output.node
    if node.op is not None and (calls := _calls(sys._getframe(1))):
        node.line = ProgramLine(calls)


def _calls(frame: FrameType | None) -> list[Call]:
    """The lines of the program that are running, up to where it called a function of ours that called back."""
    found: list[Call] = []
    while frame is not None:
        ours = frame.f_globals.get("__name__", "").partition(".")[0]
        if ours == "viz":
            break
        if ours not in _OURS and _is_program(frame.f_code):
            found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return found


def _is_program(code: CodeType) -> bool:
    """Whether it is a function of the user's, and not of Python or of a package."""
    file = code.co_filename
    return not (file.startswith(("<frozen", *_NOT_THE_PROGRAM)) or "site-packages" in file or "dist-packages" in file)


def failed_at(trace: TracebackType | None) -> list[Call]:
    """The lines of the program that an error went through, from the innermost function to the outermost."""
    found: list[Call] = []
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if name not in _OURS and _is_program(trace.tb_frame.f_code):
            found.insert(0, (trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    return found


def program_of(made: Mapping[str, Node], failed: Sequence[Call] = ()) -> dict[str, Any] | None:
    """The program as data for the page; None if nobody remembered its lines.

    made    the nodes by the ids of their boxes
    failed  the lines at which it stopped

    Gives the blocks of the program that are shown, each with its title, the number of its first line, and its lines; for
    each box the lines that made it, as [block, line]; and those at which it failed.
    """
    calls = {box: node.line.calls for box, node in made.items() if isinstance(node.line, ProgramLine)}
    blocks = _Blocks([*calls.values(), tuple(failed)])
    boxes = {box: found for box, stack in calls.items() if (found := blocks.places(stack))}
    stopped = blocks.places(failed)
    if not boxes and not stopped:
        return None
    return {"blocks": blocks.shown, "boxes": boxes, "failed": stopped}


class _Blocks:
    """The parts of the program that are shown: whole functions, and what is run outside of functions."""

    def __init__(self, stacks: Iterable[tuple[Call, ...]]):
        self.shown: list[dict[str, Any]] = []
        self._files: list[str] = []
        outside: dict[str, set[int]] = {}
        for stack in stacks:
            for code, line in reversed(stack):
                if self._block(code.co_filename, line) is not None:
                    continue
                if code.co_name.startswith("<"):  # a module, or a small function in a line of another
                    outside.setdefault(code.co_filename, set()).add(line)
                else:
                    self._add_function(code)
        for file, used in outside.items():
            left = {line for line in used if self._block(file, line) is None}
            if left:
                first, last = max(min(left) - LINES_AROUND, 1), max(left) + LINES_AROUND
                self._add(file, Path(file).name, first, linecache.getlines(file)[first - 1 : last])

    def _add_function(self, code: CodeType) -> None:
        text = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        title = f"{Path(code.co_filename).name} · {code.co_qualname.replace('<locals>.', '')}"
        self._add(code.co_filename, title, code.co_firstlineno, inspect.getblock(text) if text else [])

    def _add(self, file: str, title: str, first: int, text: Sequence[str]) -> None:
        if text:
            shown = textwrap.dedent("".join(text[:LONGEST_FUNCTION]).expandtabs(4)).splitlines()
            self.shown.append({"title": title, "first": first, "lines": shown})
            self._files.append(file)

    def _block(self, file: str, line: int) -> int | None:
        """Which block a line stands in."""
        for number, block in enumerate(self.shown):
            if self._files[number] == file and block["first"] <= line < block["first"] + len(block["lines"]):
                return number
        return None

    def places(self, stack: Sequence[Call]) -> list[list[int]]:
        """The lines of a stack as [block, line], the innermost first."""
        found = ((self._block(code.co_filename, line), line) for code, line in stack)
        return [[block, line] for block, line in found if block is not None]
