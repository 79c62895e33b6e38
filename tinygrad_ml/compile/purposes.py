"""What a step computes, in the words of the user's program: forward, backward or update, and of which layer.

A value remembers the calls of modules and functions inside which it was computed. A gradient belongs to the calls of what it is
the gradient of, behind `BACKWARD`; what an optimiser computes stands behind `UPDATE`. What is written without modules and
optimisers has no such marks, and what it is for is read off where it comes from and where it goes.

Read before: `program.py`. Read next: `explain.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from ..modes import BACKWARD, UPDATE, Place, path
from .program import Instruction, Program, Value

FORWARD = "forward"
PHASES = (FORWARD, BACKWARD.kind, UPDATE.kind)
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_MARKED = {BACKWARD: BACKWARD.kind, UPDATE: UPDATE.kind}


class Phase(NamedTuple):
    """A phase of a step. Phases are sorted as they follow each other.

    turn   1, or more where it needs what a later pass of an earlier turn gave, as the second network of a step does
    place  of its name in `PHASES`
    """

    turn: int
    place: int

    @property
    def name(self) -> str:
        """One of `PHASES`."""
        return PHASES[self.place]

    def text(self, turns: int) -> str:
        """`forward`; `forward 2` where there are several turns."""
        return f"{self.name} {self.turn}" if turns > 1 else self.name


class Purposes:
    """What the values of a program are for.

    gradients  the values that are handed out as gradients
    recorded   the program as it was recorded, which knows all calls
    """

    def __init__(self, program: Program, gradients: Iterable[Value], recorded: Program):
        self._program = program
        self._gradients = set(gradients)
        self._gradients |= {value for memory, value in program.writes if memory.source.kind == "gradient"}
        self._around = {place for i in recorded.instructions for place in _modules(i.output.scope)[:-1]}
        """Calls of modules that call others."""
        self._networks = _networks(recorded, self._around)
        self._updated = self._owners(recorded)
        self._ends = self._goals()
        self._phases: dict[Value, Phase] = {}
        self._turns: dict[tuple, int] = {}
        for _ in range(2):  # the second time it is known how late each call runs
            self._find_phases()
        self.turns = max((phase.turn for phase in self._phases.values()), default=1)

    def phase(self, value: Value) -> Phase:
        """The phase of the step that computes a value."""
        return self._phases.get(value, Phase(1, 0))

    def phase_of(self, instructions: Iterable[Instruction], handed_on: Iterable[Value]) -> Phase:
        """The phase of what runs together: the first that needs something of it; a gradient that is only kept does not count."""
        made = [instruction.output for instruction in instructions]
        needed = set(handed_on)
        counted = [value for value in made if value in needed and not self._only_kept(value)]
        return min(self.phase(value) for value in counted or made)

    def words(self, instructions: Iterable[Instruction], paths: bool = True) -> str:
        """`conv1 Conv2d, relu; gradient of relu`: the layers and functions that instructions are part of, in their order;
        nothing if they are part of none. Without `paths` those of several layers of one kind are the same."""
        whole = list(instructions)
        if all(not _unmarked(i.output.scope)[1] and i.output.gradient_of is None for i in whole):
            return ""
        named: dict[tuple[Place, ...], dict[str, None]] = {}
        for instruction in whole:
            named.setdefault(_unmarked(instruction.output.scope)[0], {})[self._what(instruction, paths)] = None
        return "; ".join("gradient of " * marks.count(BACKWARD) + ", ".join(whats) for marks, whats in named.items())

    def call(self, value: Value) -> tuple:
        """What is equal for the values that one call of a layer or function computes, or one update; nothing for others."""
        marks, places = _unmarked(value.scope)
        if marks and marks[0] is UPDATE:
            return *marks, *places
        part = self._part(places)
        return () if part is None else (*marks, part)

    def _part(self, places: tuple[Place, ...]) -> Place | None:
        """The call of a layer, or else of a function, which these calls are."""
        modules = _modules(places)
        if modules and modules[-1] not in self._around:
            return modules[-1]
        return next((place for place in places if place.is_function), None)

    def _what(self, instruction: Instruction, paths: bool) -> str:
        """The layer, function or operation that an instruction is, or, for a gradient, that it is the gradient of."""
        marks, places = _unmarked(instruction.output.scope)
        modules = _modules(places)
        if UPDATE in marks:
            network = self._updated.get(places[0], "")
        else:
            network = self._networks.get(modules[0].identity, "") if modules else ""
        where = ".".join(filter(None, [network, path(places)])) if paths else ""
        if UPDATE in marks:
            return f"{places[0].kind} of {where}" if where else places[0].kind
        part, turn = self._part(places), instruction.output.gradient_of
        if turn and not paths and not places:
            turn = "parameters"
        return f"{where} {part.kind if part else turn or instruction.op.name}".strip()

    def _owners(self, recorded: Program) -> dict[Place, str]:
        """Call of an update -> the network that the parameter belongs to, where there are several."""
        network_of: dict[Value, str] = {}
        found: dict[Place, str] = {}
        for instruction in recorded.instructions:
            marks, places = _unmarked(instruction.output.scope)
            if places and not marks and (network := self._networks.get(places[0].identity)):
                taken = [value for value in instruction.inputs if value.source is not None]
                for value in taken:
                    network_of.setdefault(value, network)
            elif UPDATE in marks and places[0].name:
                found.update((places[0], network_of[value]) for value in instruction.inputs if value in network_of)
        return found

    def _find_phases(self) -> None:
        """Find the phases of all values. What one call computes is of one turn, also the mask that it makes before it needs
        what is new in that turn."""
        for instruction in self._program.instructions:
            phase = self._phases[instruction.output] = self._phase(instruction)
            if call := self.call(instruction.output):
                self._turns[call] = max(self._turns.get(call, 1), phase.turn)

    def _phase(self, instruction: Instruction) -> Phase:
        before = [self._phases[value] for value in instruction.inputs if value in self._phases]
        turn = max((self._turns.get(self.call(instruction.output), 1), *(phase.turn for phase in before)))
        phase = Phase(turn, PHASES.index(self._name(instruction.output, before)))
        return phase if all(other <= phase for other in before) else Phase(turn + 1, phase.place)

    def _name(self, value: Value, before: list[Phase]) -> str:
        marked = next((_MARKED[place] for place in value.scope[:1] if place in _MARKED), None)
        if marked or _modules(value.scope) or all(phase.name == FORWARD for phase in before):
            return marked or FORWARD
        goals = self._ends[value]
        if goals == {"written"}:
            return UPDATE.kind
        return BACKWARD.kind if goals and goals <= {"kept", "written"} else FORWARD

    def _goals(self) -> dict[Value, set[str]]:
        """Value -> what becomes of it: "kept" as a gradient, "written" into memory, or "used" by something else."""
        goals: defaultdict[Value, set[str]] = defaultdict(set)
        ends = [(value, "used") for value in self._program.results]
        ends += [(value, "written") for _, value in self._program.writes]
        for value, what in ends:
            goals[value].add("kept" if value in self._gradients else what)
        for instruction in reversed(self._program.instructions):
            mark: Any = next(iter(instruction.output.scope), None)
            through = {UPDATE: {"written"}, BACKWARD: {"used"}}.get(mark, goals[instruction.output])
            for value in instruction.inputs:
                goals[value] |= through
        return goals

    def _only_kept(self, value: Value) -> bool:
        return self._ends.get(value, set()) <= {"kept", "written"} and self.phase(value).name == BACKWARD.kind


def _unmarked(scope: tuple[Place, ...]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """(the marks in front, the calls)"""
    marks = 0
    while marks < len(scope) and scope[marks] in _MARKED:
        marks += 1
    return scope[:marks], scope[marks:]


def _networks(recorded: Program, around: Container[Place]) -> dict[int, str]:
    """Outermost module -> what to call it; none if there is only one, whose name goes without saying."""
    kinds: dict[int, str] = {}
    for instruction in recorded.instructions:
        modules = _modules(_unmarked(instruction.output.scope)[1])
        if modules and modules[0] in around:
            kinds.setdefault(modules[0].identity, modules[0].kind)
    counts = Counter(kinds.values())
    seen: Counter[str] = Counter()
    named: dict[int, str] = {}
    for module, kind in kinds.items() if len(kinds) > 1 else ():
        seen[kind] += 1
        named[module] = f"{kind}{str(seen[kind]).translate(_SUBSCRIPTS)}" if counts[kind] > 1 else kind
    return named


def _modules(places: tuple[Place, ...]) -> list[Place]:
    return [place for place in places if place not in _MARKED and not place.is_function]
