"""Looking what a function does: it is recorded as `tg.compile` records it, at several sizes, and nothing is computed.

Read before: `wires.py`. Read next: `writer.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy

from ...backend import Absent
from ...compile.guards.signature import Arguments
from ...compile.passes.dead import dead
from ...compile.program import Instruction, Value, is_check
from ...compile.record.recorder import Recorder
from ...compile.record.traced import Traced
from ...compile.recording import Recording, record
from ...compile.sources import Argument, Memory, Number, State
from ...errors import OptionError, TinygradError
from ...loops import Scan
from ...modes import Place, modes
from ...structure import leaves, mapped
from ...tensor import Tensor
from ..graph import OnnxNode
from .inputs import GivenInputs, example
from .table import arguments_of
from .varying import DifferenceError, VaryingNumber, merged
from .wires import CalledFunction, ExportProgram, ExportStep, ExportWire

OTHER_SIZES: tuple[Callable[[int], int], ...] = (
    lambda n: n + 3, lambda n: n + 7, lambda n: 2 * n, lambda n: 3 * n, lambda n: n + 1, lambda n: n - 1, lambda n: n - 2,
    lambda n: n // 2, lambda n: n // 4, lambda n: n + 2, lambda n: 4 * n, lambda n: n + 4, lambda n: n + 8, lambda n: n + 32,
)  # fmt: skip
"""At which sizes a function is looked at besides; those that it refuses are passed over."""
TRIED_SIZES = 2
SMALL_SIZES = (1, 2, 3)
"""Sizes at which something may be different, as at the smaller of a size and a number."""


class Listener(Recorder):
    """Also notes which composed functions are called, with what, and what they give."""

    listens = True

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[Place, tuple[Any, dict[str, Any], Any]] = {}

    def called(self, place: Place, what: Any, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        if modes.tracer is not None:  # within a loop, whose body is another matter
            return
        given = {"inputs": args[0]} if isinstance(what, OnnxNode) else arguments_of(what, args, kwargs)
        if given is not None:
            self.calls[place] = what, mapped(self._noted, given), mapped(self._noted, result)

    def _noted(self, leaf: Any) -> Any:
        """The value of a tensor, in its place; None for what stands for one sample of many."""
        if not isinstance(leaf, Tensor):
            return leaf
        if isinstance(leaf._data, Absent) and not isinstance(leaf._data, Traced):
            return None
        return self.value_of(leaf)


class Sighting(NamedTuple):
    """One recording: the program without what nobody needs, the calls, and values that nothing takes but are returned."""

    recording: Recording
    steps: list[Instruction]
    calls: list[tuple[Place, tuple]]
    arguments: Sequence[Tensor]
    made: dict[Any, Value]

    def own_value(self, which: Any) -> Value:
        """The value of an argument (by its position), or of a tensor that was there before, which the function returned."""
        for value in _all_values(self):
            source = value.source
            if isinstance(source, Argument) and isinstance(which, int) and source.position == which:
                return value
            if isinstance(source, State) and source.tensor is which:
                return value
        key = which if isinstance(which, int) else id(which)
        if key not in self.made:
            tensor = self.arguments[which] if isinstance(which, int) else which
            source = Argument(which, "") if isinstance(which, int) else State(tensor)
            self.made[key] = Value(0, tensor.shape, tensor.dtype, source)
        return self.made[key]


def look(function: Callable, arguments: Sequence[Tensor], fill: Callable[[Sequence[Tensor]], tuple]) -> Sighting:
    """What a function does with arguments like these. Whatever it changes is as before, afterwards."""
    args, kwargs = fill(arguments)
    listener = Listener()
    recording = record(Arguments(function, args, kwargs), listener)
    if recording.before is not None:
        recording.before.restore()
    program = recording.program
    program.instructions = [step for step in program.instructions if not is_check(step)]
    return Sighting(recording, dead(program).instructions, list(listener.calls.items()), arguments, {})


def looks(function: Callable, given: GivenInputs, sizes: dict[str, int]) -> tuple[list[Sighting], list[Sighting]]:
    """The recordings at the sizes given, and at others of each size that may vary; and those, if there are any, at which something
    may be different that is not in general, as where a size is 1."""

    def at(**others: int) -> Sighting:
        return look(function, example(given, {**sizes, **others}), given.fill)

    first = at()
    found, tried = [first], {name: [size] for name, size in sizes.items()}
    for name, size in sizes.items():
        errors: list[str] = []
        for other in _others(size):
            seen = _alike(first, partial(at, **{name: other}), errors)
            if seen is not None:
                found.append(seen)
                tried[name].append(other)
                if len(tried[name]) > TRIED_SIZES:
                    break
        else:
            raise OptionError(
                f"the size {name!r} cannot be a dynamic one: the function does something else at other sizes than {size}. "
                f"{'; '.join(errors[:2])}. Leave {name!r} out of dynamic=, or give a size at which others work too"
            )
    special = [{name: small} for name in sizes for small in SMALL_SIZES if small not in tried[name]]
    if len(sizes) > 1:  # all of them at a time: what is a product of two sizes shows here
        special.append({name: max(others) for name, others in tried.items()})
    more = [_alike(first, partial(at, **others), []) for others in special]
    return found, [seen for seen in more if seen is not None]


def _alike(first: Sighting, looking: Callable[[], Sighting], errors: list[str]) -> Sighting | None:
    """Another recording, if it does the same as the first; else the error is noted."""
    try:
        seen = looking()
        _check_alike([first, seen])
    except (TinygradError, DifferenceError) as error:
        errors.append(str(error).rstrip("."))
        return None
    return seen


def _others(size: int) -> Iterator[int]:
    met = {size}
    for other in OTHER_SIZES:
        if (n := other(size)) > 1 and n not in met:
            met.add(n)
            yield n


def _check_alike(found: Sequence[Sighting]) -> None:
    """`DifferenceError` if two recordings do not do the same."""
    for steps in itertools.zip_longest(*[each.steps for each in found]):
        if any(step is None for step in steps):
            before, now = (len(each.steps) for each in found)
            raise DifferenceError(f"{before} operations become {now}, as where Python loops over it")
        names = [step.op.name for step in steps]
        if len(set(names)) > 1:
            raise DifferenceError(f"{names[0]}{_where(steps[0])} there, and {names[1]} here")


def _where(step: Instruction) -> str:
    named = ".".join(place.name or place.kind for place in step.output.scope)
    return f" in {named}" if named else ""


class _Overlay:
    """The wires of the values of several recordings."""

    def __init__(self, found: Sequence[Sighting]):
        self._found = found
        self._wires: dict[Value, ExportWire] = {}
        self._others: list[dict[Value, Value]] = [{} for _ in found]

    def wire(self, values: Sequence[Value]) -> ExportWire:
        """The wire of the values that stand in one place."""
        first = values[0]
        if first not in self._wires:
            self._wires[first] = ExportWire.of(values)
            for known, value in zip(self._others, values, strict=True):
                known[value] = first
        elif any(
            known.setdefault(value, first) is not first for known, value in zip(self._others, values, strict=True)
        ):
            raise DifferenceError(f"what is put into an operation: {first!r}")
        return self._wires[first]

    def known(self, value: Value) -> ExportWire | None:
        """The wire of a value of the first recording."""
        return self._wires.get(value)

    def applied(self, steps: Sequence[Instruction]) -> ExportStep:
        """One step of all recordings."""
        ops = tuple(step.op for step in steps)
        if any(op is not ops[0] and not isinstance(op, Scan) for op in ops):
            raise DifferenceError(f"the operation {ops[0].name}")
        inputs = tuple(self.wire(values) for values in zip(*[step.inputs for step in steps], strict=True))
        params = merged([step.params for step in steps])
        return ExportStep(ops, inputs, params, self.wire([step.output for step in steps]), steps[0].output.scope)


def see(function: Callable, given: GivenInputs, sizes: dict[str, int], names: dict[int, str]) -> ExportProgram:
    """What a function does, whatever the sizes.

    given  its inputs
    sizes  the names of sizes that may vary, and an example of each
    names  of tensors, by their ids: what the caller calls them
    """
    found, special = looks(function, given, sizes)
    try:
        program = _laid_over(found, given, names)
    except DifferenceError as error:
        raise OptionError(
            f"what the function does depends on {', '.join(map(repr, sizes))} in more than sizes: {error}. Leave such a size "
            f"out of dynamic="
        ) from None
    for more in special:
        try:
            program, found = _laid_over([*found, more], given, names), [*found, more]
        except DifferenceError:
            continue
    return program


def _laid_over(found: list[Sighting], given: GivenInputs, names: dict[int, str]) -> ExportProgram:
    overlay = _Overlay(found)
    steps = [overlay.applied(each) for each in zip(*[look.steps for look in found], strict=True)]
    returned = zip(*[_results(each) for each in found], strict=True)
    results = [(name, overlay.wire(values)) for name, values in zip(_result_names(found[0]), returned, strict=True)]
    inputs = _inputs(found, overlay, given)
    state = [
        (_state_name(sources[0], names), overlay.wire(memory), overlay.wire(values))
        for memory, values, sources in _written(found)
    ]
    written = {id(wire) for _, wire, _ in state}
    gradients = _gradients(found, overlay, names, written)
    calls = {place: _call(place, call, found, k, overlay) for k, (place, call) in enumerate(found[0].calls)}
    return ExportProgram(
        inputs,
        steps,
        results + gradients,
        state,
        {place: call for place, call in calls.items() if call is not None},
        _numbers(found[0].recording, steps),
    )


def _inputs(found: list[Sighting], overlay: _Overlay, given: GivenInputs) -> list[tuple[str, ExportWire]]:
    """The wires of the arguments, also of those of which nothing is used."""
    known: dict[int, ExportWire] = {}
    for look_at in found[:1]:
        for value in _all_values(look_at):
            if isinstance(value.source, Argument):
                wire = overlay.known(value)
                if wire is not None:
                    known[value.source.position] = wire
    return [(name, known.get(position) or given.wire(position)) for position, name in enumerate(given.names)]


def _all_values(each: Sighting) -> Iterator[Value]:
    for step in each.steps:
        yield from step.inputs
    yield from each.recording.program.results
    for pair in each.recording.program.writes:
        yield from pair
    yield from each.made.values()


def _results(each: Sighting) -> list[Value]:
    """The values that the function returned, in order."""
    program = each.recording.program
    return [
        each.own_value(leaf.tensor) if leaf.place is None else program.results[leaf.place]
        for leaf, _ in _leaves(each.recording.outputs, "")
    ]


def _leaves(part: Any, path: str) -> Iterator[tuple[Any, str]]:
    """(leaf, path) of the tensors in what a function returned."""
    if isinstance(part, dict):
        for key, item in part.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif hasattr(part, "_fields"):
        for key in part._fields:
            yield from _leaves(getattr(part, key), f"{path}.{key}" if path else key)
    elif isinstance(part, (tuple, list)):
        for key, item in enumerate(part):
            yield from _leaves(item, f"{path}.{key}" if path else f"output.{key}" if len(part) > 1 else "output")
    elif hasattr(part, "place"):
        yield part, path or "output"


def _result_names(each: Sighting) -> list[str]:
    return [path for _, path in _leaves(each.recording.outputs, "")]


def _written(found: list[Sighting]) -> Iterator[tuple[tuple, tuple, tuple]]:
    """(memory, values, sources) of all that the function overwrites, in the recordings."""
    for pairs in zip(*[_writes_of(each) for each in found], strict=True):
        memory, values = zip(*pairs, strict=True)
        yield memory, values, tuple(value.source for value in memory)


def _writes_of(each: Sighting) -> list[tuple[Value, Value]]:
    """(memory, value), tensors that became others included."""
    program = each.recording.program
    pairs = [(memory, value) for memory, value in program.writes if isinstance(memory.source, Memory)]
    states = {id(v.source.tensor): v for v in _all_values(each) if isinstance(v.source, State)}
    for tensor, what, place in each.recording.rebinds:
        if what == "data" and place is not None and id(tensor) in states:
            pairs.append((states[id(tensor)], program.results[place]))
    return sorted(pairs, key=_age)


def _age(pair: tuple[Value, Value]) -> float:
    """When a tensor was made that is overwritten: parameters come in the order of their layers."""
    tensor = getattr(pair[0].source, "tensor", None)
    return math.inf if tensor is None else tensor.node.number


def _gradients(
    found: list[Sighting], overlay: _Overlay, names: dict[int, str], written: set[int]
) -> list[tuple[str, ExportWire]]:
    """Gradients that are left in `.grad`, but for parameters that the function moves by them."""
    states = {id(v.source.tensor): v for v in _all_values(found[0]) if isinstance(v.source, State)}
    moved = {key for key, value in states.items() if id(overlay.known(value)) in written}
    left = []
    for rebinds in zip(*[each.recording.rebinds for each in found], strict=False):
        tensor, what, place = rebinds[0]
        if what != "grad" or place is None or id(tensor) in moved or not isinstance(tensor, Tensor):
            continue
        values = [each.recording.program.results[rebind[2]] for each, rebind in zip(found, rebinds, strict=True)]
        left.append((f"{names.get(id(tensor)) or tensor.name or 'tensor'}.grad", overlay.wire(values)))
    return left


def _state_name(source: Memory, names: dict[int, str]) -> str:
    tensor = getattr(source, "tensor", None)
    return names.get(id(tensor)) or source.name or "state"


def _call(place: Place, call: tuple, found: list[Sighting], k: int, overlay: _Overlay) -> CalledFunction | None:
    """A call in all recordings; None where it is another one in some."""
    try:
        calls = [each.calls[k][1] for each in found]
        if any(each[0] is not call[0] for each in calls):
            return None
        return CalledFunction(
            call[0], _over([each[1] for each in calls], overlay), _over([each[2] for each in calls], overlay)
        )
    except (DifferenceError, IndexError):
        return None


def _over(parts: Sequence[Any], overlay: _Overlay) -> Any:
    """Arguments in all recordings, with wires in the places of values."""
    first = parts[0]
    if isinstance(first, Value):
        known = overlay.known(first)
        return overlay.wire(parts) if known is None else known
    if isinstance(first, dict):
        return {key: _over([part[key] for part in parts], overlay) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(part) != len(first) for part in parts):
            if any(isinstance(leaf, Value) for leaf in leaves(list(parts))):
                raise DifferenceError("the length of an argument")
            return VaryingNumber(map(tuple, parts))
        return tuple(_over(items, overlay) for items in zip(*parts, strict=True))
    return merged(parts)


def _numbers(recording: Recording, steps: list[ExportStep]) -> list[tuple[str, ExportWire, Any]]:
    """What the host computes for each call."""
    found: dict[int, tuple[str, ExportWire, Any]] = {}
    for step in steps:
        for wire in step.inputs:
            if isinstance(wire.source, Number) and id(wire) not in found:
                given = recording.host[wire.source.call][2]
                found[id(wire)] = wire.source.name, wire, numpy.asarray(given[wire.source.name], wire.dtype)
    return list(found.values())
