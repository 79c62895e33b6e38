"""A recorded program, simplified, and what a call does around it: the host's part of the step, gradients let go of, memory
noted as overwritten, tensors made of results and handed out.

A step of a small network takes less time than to go through lists that say what is to be done with its parameters. So it
is written out as lines of Python, once for a program, as for XOR, with the names x0, x1, ... for the things that are meant:

    x0._grad = None
    x1._grad = None
    r0, r1, r2, = run([a0._data, a1._data])
    noted()
    x0._grad = Tensor(r0)
    x1._grad = Tensor(r1)
    return Tensor(r2)

Read before: `recording.py`; `guards/glance.py`, which puts such lines behind a condition. Read next: `engines.py`, what
runs the program itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from .. import writes
from ..backend import of, owner
from ..errors import CompileError
from ..structure import leaves, packed_like
from ..tensor import Tensor
from .alike import alike
from .engines import Engine
from .guards.glance import Glance, Wording
from .guards.signature import Arguments
from .passes import PASSES
from .passes.rolled import AT_ONCE, ROLLED
from .program import Program
from .recording import Recording, Result
from .schedule.ownership import ownership
from .sources import Argument, Memory


class Compiled:
    """One recorded program, and what it takes to run it."""

    def __init__(self, recording: Recording, call: Arguments, engine: Engine, memory: Any, without: Sequence[str]):
        self.key, program = call.key, recording.program
        self.stages: dict[str, Program] = {"recorded": program}
        left_out = {*without, *([AT_ONCE] if ROLLED in without else [])}
        for name, simplify in engine.passes.items():
            if name not in left_out and (simpler := simplify(program)) is not program:
                self.stages[name] = program = simpler
        if "dead" not in without:
            program = PASSES["dead"](program)  # what the others have left without a use
        self.program = self.stages["ownership"] = program = ownership(program)
        rebound = {id(target) for target, what, _ in recording.rebinds if what == "data"}
        options = [name not in without for name in ("fusion", "in_place", "loops", "persistent")]
        self.executable = engine.executable(program, rebound, memory, *options)
        self._written = [memory.source for memory, _ in program.writes]
        moving = {value.source for value in self.executable.moving}
        self._written_in_calls = [source for source in self._written if source in moving]
        self._written_arguments = [source.position for source in self._written if isinstance(source, Argument)]
        self._arguments = [v.source for v in recording.program.sources() if isinstance(v.source, Argument)]
        self._reads_gradients = any(value.source.kind == "gradient" for value in program.sources())
        self._numbers = [
            [(array, v.source.name) for v, array in self.executable.numbers.items() if v.source.call == call]
            for call in range(len(recording.host))
        ]
        self._begin(recording, call.tensors)

    def _begin(self, recording: Recording, tensors: list[Tensor]) -> None:
        """Be the program of a recording, which has just been made of a call with these tensors."""
        self.recording, self._fresh, self.failed = recording, True, False
        self.glance: Callable[[tuple, dict], Any] | None = None
        self._looks = 0
        self._laid_out: Any = None  # the layout of the memory that `_wrote_states` notes
        names = Wording()
        lines = self._lines(names, [f"tensors[{i}]" for i in range(len(tensors))])
        self._replay: Callable[[list, Callable, Callable], Any] = names.function("replay(tensors, run, noted)", lines)
        self._look_at_memory(tensors)

    def _look_at_memory(self, tensors: list[Tensor]) -> None:
        """Note which memory is overwritten; `CompileError` if other state lies there."""
        written: dict[int, list[Any]] = {}  # by what owns the memory
        for source in self._written:
            if not isinstance(source, Argument):
                array = source.now()._data
                written.setdefault(id(owner(array)), []).append(array)
        self._written_states = set(written)
        for value in self.program.sources():
            if value.source.kind == "state":
                array = value.source.tensor._data
                others = any(other is not array for other in written.get(id(owner(array)), ()))
                if others or self._written_arguments:
                    self._refuse_overlap(value.source, array, tensors)

    def again(self, recording: Recording, tensors: list[Tensor]) -> Compiled | None:
        """This program for another recording, if that is the same; else None."""
        if self.failed or not self.executable.fits() or not alike(self.recording, recording):
            return None
        twin = copy.copy(self)
        twin._begin(recording, tensors)
        return twin

    def fits(self, tensors: list[Tensor]) -> bool:
        """Whether what the recording relied on holds in this call."""
        same = not self.failed and all(tensors[i] is tensor for i, tensor in self.recording.aliases.items())
        return same and self.executable.fits() and self.recording.holds() and self.recording.watch.same()

    def glance_from_now(self, call: Arguments, args: tuple, kwargs: dict[str, Any]) -> None:
        """Have calls like this one, which fits, known at a glance, and done there: from the second one on, and then ever more
        rarely, as what is another each time needs the guards."""
        self._looks += 1
        if self._looks & (self._looks - 1) or not self.executable.is_linked():
            return
        self.glance = None
        glance = Glance()
        tensors = call.glance(glance, args, kwargs)
        if tensors is None or self._written_arguments:
            return
        for position, tensor in self.recording.aliases.items():
            glance.require(f"{tensors[position]} is {glance.word(tensor)}")
        self._look_at_layout()
        memory, find = glance.word(self._written_states), glance.word(owner)
        for tensor in tensors if self._written_states else ():
            array = f"{tensor}._data"
            glance.require(f"id({array} if {array}.base is None else {find}({array})) not in {memory}")
        self.executable.glance(glance)
        for condition in self.recording.conditions:
            condition.glance(glance)
        self.recording.watch.glance(glance)
        self.glance = glance.function(self._whole(glance.names, tensors))

    def _lines(self, names: Wording, tensors: Sequence[str]) -> list[str]:
        """What is done around the program: `run` is what runs it, `noted` what notes that the memory of state was overwritten,
        and `tensors` are expressions for the arguments."""
        rebinds = [
            (tensors[t] if isinstance(t, int) else names.word(t), what, place)
            for t, what, place in self.recording.rebinds
        ]
        lines = [f"{t}._grad = None" for t, what, _ in rebinds if what == "grad" and not self._reads_gradients]
        results = "".join(f"r{i}, " for i in range(len(self.program.results)))
        lines.append(f"{results}{results and '= '}run([{', '.join(f'{tensor}._data' for tensor in tensors)}])")
        lines.append("noted()")
        for source in self._written_in_calls:
            now = tensors[source.position] if isinstance(source, Argument) else f"{names.word(source.now)}()"
            lines.append(f"{names.word(writes.wrote)}({now}._data)")
        for target, what, place in sorted(rebinds, key=lambda rebind: rebind[1] == "data"):
            new = None if place is None else f"{names.word(Tensor)}(r{place})"
            lines.append(f"{target}._grad = {new}" if what == "grad" else f"{target}._replace({new}._data)")
        return [*lines, f"return {self._handed_out(names, tensors)}"]

    def _handed_out(self, names: Wording, tensors: Sequence[str]) -> str:
        """The expression of what the function returns."""

        def expression(leaf: Any) -> str:
            if not isinstance(leaf, Result):
                return names.word(leaf)
            if leaf.place is not None:
                return f"{names.word(Tensor)}(r{leaf.place})"
            return tensors[leaf.tensor] if isinstance(leaf.tensor, int) else names.word(leaf.tensor)

        outputs = self.recording.outputs
        parts = "".join(f"{expression(leaf)}, " for leaf in leaves(outputs))
        if type(outputs) is Result:
            return parts[:-2]
        if type(outputs) is tuple and all(type(part) is Result for part in outputs):
            return f"({parts})"
        return f"{names.word(packed_like)}({names.word(outputs)}, [{parts}])"

    def _whole(self, names: Wording, tensors: list[str]) -> list[str]:
        """A whole call as lines: the host's part of the step, and the rest; if that fails, no step was counted."""
        counts = [f"{names.word(inside)}[{name!r}]" for inside, name in self.recording.counted]
        host = []
        for (function, _, _), numbers in zip(self.recording.host, self._numbers, strict=True):
            host.append(f"given = {names.word(function)}()")
            host += [f"{names.word(array)}[...] = given[{name!r}]" for array, name in numbers]
        return [
            *(f"n{i} = {count}" for i, count in enumerate(counts)),
            *host,
            f"run, noted = {names.word(self.executable.linked())}, {names.word(self._wrote_states)}",
            "try:",
            *(f"    {line}" for line in self._lines(names, tensors)),
            "except BaseException:",
            *(f"    {count} = n{i}" for i, count in enumerate(counts)),
            "    raise",
        ]

    def refuse_overlaps(self, tensors: list[Tensor]) -> None:
        """`CompileError` if an argument lies in memory that the program overwrites as something else: what comes first
        is not the same as in eager mode."""
        for argument in self._arguments:
            array = tensors[argument.position]._data
            if self._written_arguments or id(owner(array)) in self._written_states:
                self._refuse_overlap(argument, array, tensors)

    def _refuse_overlap(self, what: Memory, array: Any, tensors: list[Tensor]) -> None:
        for source in self._written:
            written = source.now(tensors)._data
            if array is written or owner(array) is not owner(written):
                continue
            if of(array).namespace.may_share_memory(array, written):
                raise CompileError(
                    f"{what} lies in the memory of {source}, or a part of it, which the function overwrites by assign(). What is "
                    f"read before that, and what after it, is not said in a compiled function: pass a copy, tg.tensor(...)"
                )

    def __call__(self, tensors: list[Tensor]) -> Any:
        """Run a step; what the function returns. If it fails, no step was counted."""
        recording, fresh = self.recording, self._fresh
        counts = [inside[name] for inside, name in recording.counted]
        self._host()
        try:
            for position in self._written_arguments:
                tensors[position]._make_writeable()
            result = self._replay(tensors, self.executable, self._note_states)
        except BaseException:
            if fresh and recording.before is not None:
                recording.before.restore()
                self.failed = True
            else:
                for (inside, name), count in zip(recording.counted, counts, strict=True):
                    inside[name] = count
            raise
        recording.before = None
        return result

    def several(self, times: int, tensors: list[Tensor]) -> tuple[int, Any]:
        """(how many, the last result): run one step or, if that many are wanted, as many as are one launch."""
        changing = any(isinstance(target, int) for target, _, _ in self.recording.rebinds)  # arguments do
        together = 1 if changing else self.executable.together
        if not 1 < together <= times:
            return 1, self(tensors)
        for step in range(together):
            self._host()
            self.executable.keep_numbers(step)
        result = self._replay(tensors, self.executable.run_together, self._note_states)
        self.recording.before = None
        return together, result

    def _note_states(self) -> None:
        """Note that the memory of state has been overwritten."""
        self._look_at_layout()
        self._wrote_states()

    def _look_at_layout(self) -> None:
        """Look where state lies, if the program was linked, as some of it lies elsewhere now."""
        if self._laid_out is not self.executable.layout:
            self._laid_out = self.executable.layout
            arrays = [source.now()._data for source in self._written if source not in self._written_in_calls]
            self._wrote_states = writes.noting(arrays)
            self._written_states = self._written_states | set(map(id, map(owner, arrays)))

    def _host(self) -> None:
        """The host's part of the step. While recording it has been done once already."""
        fresh, self._fresh = self._fresh, False
        for (function, _, given), numbers in zip(self.recording.host, self._numbers, strict=True):
            if not fresh:
                given = function()
            for array, name in numbers:
                array[...] = given[name]
