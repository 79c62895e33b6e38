"""Calling a function once, and what comes of it: the program, and what this relied on.

What the function reaches is found first; what it does, a `Recorder` writes down; and where it has left something else,
is looked again.

Read before: `record/`, `guards/`. Read next: `compiled.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import CompileError
from ..modes import watching
from ..structure import containers, leaves, mapped
from ..tensor import Tensor
from .guards.conditions import Condition, Facts, gradients, needs
from .guards.reach import Reach
from .guards.signature import Arguments
from .guards.snapshots import Snapshot
from .guards.watch import Watch
from .program import Program, Value
from .record.recorder import Recorder
from .record.traced import ELSEWHERE, WHAT_TO_DO, Traced, Unreadable
from .sources import Argument


@dataclass(eq=False)
class Result:
    """In the structure that a function returned: the place among the results, or the tensor of the caller's itself."""

    place: int | None
    tensor: Any = None


@dataclass(eq=False)
class Recording:
    """What recording a function gives.

    program     the instructions
    rebinds     (tensor or position of an argument, "grad" or "data", place in the results or None)
    outputs     what the function returned, with `Result` in the places of its tensors
    host        the host's part of each step, in order: functions, their dtype or None, and what they gave this time
    conditions  what the recording relied on
    watch       the variables and attributes that code of the user's reads, as they were behind it
    before      what everything that can be reached held before, until a first step has gone well
    counted     (dictionary, name): where the host's part of a step leaves its numbers
    aliases     position of an argument -> the tensor, if the function reaches it in another way too
    fixed       the arguments that are no tensors: they are kept, as their ids may be in the key of the call
    """

    program: Program
    rebinds: list[tuple[Tensor | int, str, int | None]]
    outputs: Any
    host: list[tuple[Callable, Any, Any]]
    conditions: list[Condition | Facts]
    watch: Watch
    before: Snapshot | None
    counted: list[tuple[dict, str]]
    aliases: dict[int, Tensor]
    fixed: tuple

    def holds(self) -> bool:
        """Whether all that the recording relied on is as it was, but for what is noticed."""
        return all(condition.holds() for condition in self.conditions)

    def change(self) -> str:
        """What to say of something that it relied on, and that is another now."""
        differing = [condition.words for condition in self.conditions if not condition.holds()]
        words = f"it differs in {next(iter(differing), 'the shape or dtype of its state')}"
        return next(self.watch.changes(), words)


def record(call: Arguments, recorder: Recorder | None = None) -> Recording:
    """Call the function, and say what it did. If it fails, all that it could reach is put back as it was.

    recorder  what writes it down, for who wants to know more than the program
    """
    reached = Reach(call.function)
    by_itself = set(map(id, reached.tensors))
    aliases = {i: tensor for i, tensor in enumerate(call.tensors) if id(tensor) in by_itself}
    reached.look_at(call.args, call.kwargs)
    before, there, reporters = Snapshot(reached.holders), list(reached.tensors), list(reached.reporters)
    with recorder or Recorder() as recorder:
        try:
            given = [(name, Snapshot([(part, name)])) for name, whole in call.named for part in containers(whole)]
            for position, name in enumerate(call.names()):
                recorder.take(call.tensors[position], Argument(position, name))
            for tensor in there:
                recorder.take(tensor)
            with watching(recorder.watch):
                returned = call.function(*call.args, **call.kwargs)
            _refuse_changed_arguments(given)
            if recorder.shadows.awaited:
                raise CompileError(
                    f"while it is recorded, the function waits for another thread, which uses its tensors: {ELSEWHERE}"
                )
            reached.look_again(before)
            _refuse_what_was_kept(recorder, reached, returned)
            results, rebinds, outputs = _left(recorder, returned, call.tensors, there)
            relied_on = _relied_on(recorder, call.tensors, there, reporters, before)
            writes = recorder.writes(set(map(id, leaves(returned))) - set(map(id, (*there, *call.tensors))))
            return Recording(
                Program(recorder.instructions, results, writes),
                rebinds,
                outputs,
                recorder.host,
                relied_on,
                Watch(reached),
                before,
                before.counted(reached.holders) if recorder.host else [],
                aliases,
                tuple(leaf for leaf in leaves((call.args, call.kwargs)) if not isinstance(leaf, Tensor)),
            )
        except BaseException as error:
            before.restore()
            if isinstance(error, Unreadable):
                raise CompileError(str(error)) from error
            raise


def _refuse_changed_arguments(given: list[tuple[str, Snapshot]]) -> None:
    """`CompileError` if a list or a dictionary among the arguments is another now."""
    changed = next((name for name, part in given if part.change() is not None), None)
    if changed is not None:
        raise CompileError(
            f"the function changes argument {changed}, or a list or a dictionary in it, and a recorded one would not: "
            f"return what it makes, and put it there outside"
        )


def _refuse_what_was_kept(recorder: Recorder, now: Reach, returned: Any) -> None:
    """`CompileError` if a tensor that the function made stays somewhere: it has no numbers, and no replay makes them."""
    kept = now.place(recorder.was_made_here)
    if kept is not None:
        raise CompileError(
            f"a tensor that the function makes is kept in {kept}, but a function recorded by tg.compile only hands over "
            f"what it returns. Return the tensor and keep it outside; or make a tensor beforehand, as with tg.zeros, "
            f"and overwrite it by {kept.partition('[')[0]}.assign(...)"
        )
    for leaf in leaves(returned):
        if isinstance(leaf, (Iterator, Awaitable)):
            raise CompileError(
                f"the function returns a {type(leaf).__name__}, which computes when it is asked, and that would be after "
                f"tg.compile has recorded. Return a list or a tuple"
            )
        inside = None if isinstance(leaf, Tensor) else Reach(leaf).place(recorder.was_made_here)
        if inside is not None:
            raise CompileError(
                f"the function returns an object with a tensor in it, {inside}, which a function recorded by tg.compile "
                f"could not fill anew. Return tensors in tuples, lists and dictionaries, and make the object outside"
            )


def _left(
    recorder: Recorder, returned: Any, tensors: list[Tensor], there: list[Tensor]
) -> tuple[list[Value], list[tuple], Any]:
    """(results, rebinds, outputs) of a `Recording`: what the function left in tensors, and what it returned."""
    position = {id(tensor): i for i, tensor in enumerate(tensors)}
    known = set(map(id, there))
    results: list[Value] = []

    def result(tensor: Tensor) -> int:
        results.append(recorder.value_of(tensor))
        return len(results) - 1

    rebinds = [
        (position.get(id(tensor), tensor), what, None if new is None else result(new))
        for tensor, what, new in recorder.replaced()
    ]

    def placed(leaf: Any) -> Any:
        if isinstance(leaf, Traced):
            raise CompileError(WHAT_TO_DO)
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in position:
            return Result(None, position[id(leaf)])
        return Result(None, leaf) if id(leaf) in known else Result(result(leaf))

    return results, rebinds, mapped(placed, returned)


def _relied_on(
    recorder: Recorder, tensors: list[Tensor], there: list[Tensor], reporters: list[Any], before: Snapshot
) -> list[Condition | Facts]:
    arguments = set(map(id, tensors))
    have_gradients = {tensor: had for tensor, had in recorder.read_gradients().items() if id(tensor) not in arguments}
    relied_on = [*map(Facts, reporters), needs(there), gradients(have_gradients)]
    if recorder.relied_on:
        words = "which parameters have been updated equally often"
        with before.back():
            relied_on += [Condition(words, f, f(), getattr(f, "glance", None)) for f in recorder.relied_on]
    return relied_on
