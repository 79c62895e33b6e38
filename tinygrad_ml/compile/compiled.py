"""A recorded program, simplified, and what is done besides to run it: memory that is noted as overwritten, results handed
out, the host's part of the step.

Read before: `record/recorder.py`. Read next: `engines.py`, what runs the program itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from .. import writes
from ..backend import of, owner
from ..errors import CompileError
from ..tensor import Tensor
from . import replay
from .alike import alike
from .engines import Engine
from .guards.glance import Glance, Wording
from .guards.signature import Arguments
from .passes import PASSES
from .program import Program
from .recording import Recording
from .schedule.ownership import ownership
from .sources import Argument, Memory


class Compiled:
    """One recorded program, and what it takes to run it."""

    def __init__(
        self,
        recording: Recording,
        tensors: list[Tensor],
        engine: Engine,
        memory: Any,
        without: Sequence[str],
    ):
        self.recorded = program = recording.program
        self.stages: dict[str, Program] = {"recorded": program}
        for name, simplify in (PASSES | dict(engine.passes)).items():
            if name not in without and (simpler := simplify(program)) is not program:
                self.stages[name] = program = simpler
        if "dead" not in without:
            program = PASSES["dead"](program)  # what the others have left without a use
        self.program = self.stages["ownership"] = program = ownership(program)
        rebound = {
            id(target) for target, what, _ in recording.rebinds if what == "data" and not isinstance(target, int)
        }
        options = [name not in without for name in ("fusion", "in_place", "loops", "persistent")]
        self.executable = engine.executable(program, rebound, memory, *options)
        self._written = [memory.source for memory, _ in program.writes]
        moving = {value.source for value in self.executable.moving}
        self._written_in_calls = [source for source in self._written if source in moving]
        self._written_arguments = [source.position for source in self._written if isinstance(source, Argument)]
        self._reads_gradients = any(value.source.kind == "gradient" for value in program.sources())
        self._numbers = [
            [(array, v.source.name) for v, array in self.executable.numbers.items() if v.source.call == call]
            for call in range(len(recording.host))
        ]
        self._begin(recording, tensors)

    def _begin(self, recording: Recording, tensors: list[Tensor]) -> None:
        """Be the program of a recording, which has just been made of a call with these tensors."""
        self.recording, self._fresh, self.failed = recording, True, False
        self.glance: Callable[[tuple, dict], Any] | None = None
        self._looks = 0
        self.used = -1  # the number of the call that used it last
        self._laid_out: Any = None  # the layout of the memory that `_wrote_states` notes
        names = Wording()
        head, arguments = "replay(tensors, run, noted)", [f"tensors[{i}]" for i in range(len(tensors))]
        self._replay: Callable[[list, Callable, Callable], Any] = names.function(head, self._lines(names, arguments))
        self.look_at_memory(tensors)

    def look_at_memory(self, tensors: list[Tensor]) -> None:
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

    def _lines(self, names: Wording, tensors: list[str]) -> list[str]:
        """What is done around the program, for tensors that are called so."""
        forget = not self._reads_gradients
        return replay.lines(self.recording, names, tensors, len(self.program.results), forget, self._written_in_calls)

    def _whole(self, names: Wording, tensors: list[str]) -> list[str]:
        """A whole call as lines: the host's part of the step, and the rest; if that fails, no step was counted."""
        counted = [(names.word(inside), name) for inside, name in self.recording.counted]
        before = [f"n{i} = {inside}[{name!r}]" for i, (inside, name) in enumerate(counted)]
        back = [f"{inside}[{name!r}] = n{i}" for i, (inside, name) in enumerate(counted)]
        host = []
        for (function, _, _), numbers in zip(self.recording.host, self._numbers, strict=True):
            host.append(f"given = {names.word(function)}()")
            host += [f"{names.word(array)}[...] = given[{name!r}]" for array, name in numbers]
        bound = [f"run, noted = {names.word(self.executable.linked())}, {names.word(self._wrote_states)}"]
        done = self._lines(names, tensors)
        return [
            *before,
            *host,
            *bound,
            "try:",
            *(f"    {line}" for line in done),
            "except BaseException:",
            *(f"    {line}" for line in (*back, "raise")),
        ]

    def refuse_overlaps(self, tensors: list[Tensor]) -> None:
        """`CompileError` if an argument lies in memory that the program overwrites as something else: what comes first
        is not the same as in eager mode."""
        for position, tensor in enumerate(tensors):
            if self._written_arguments or id(owner(tensor._data)) in self._written_states:
                self._refuse_overlap(position, tensor._data, tensors)

    def _refuse_overlap(self, what: int | Memory, array: Any, tensors: list[Tensor]) -> None:
        for source in self._written:
            written = source.now(tensors)._data
            if array is not written and _overlap(array, written):
                sources = [value.source for value in self.recorded.sources() if value.source.kind == "argument"]
                names = {argument.position: str(argument) for argument in sources}
                if isinstance(what, int) and what not in names:
                    continue  # which is not used
                raise CompileError(
                    f"{names.get(what, what)} lies in the memory of {source}, or a part of it, which the function overwrites "
                    f"by assign(). What is read before that, and what after it, is not said in a compiled function: pass a "
                    f"copy, tg.tensor(...)"
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


def _overlap(a: Any, b: Any) -> bool:
    return owner(a) is owner(b) and bool(of(a).namespace.may_share_memory(a, b))
