"""A compiled step, arranged for a picture: which kernels are drawn as one, which are closed, what everything is called.

An optimiser updates each parameter by a kernel of its own; those that do the same are drawn as one, "×6".
What differs between them enters it through a small box, which says what the six are.

Read before: `tinygrad_ml/compile/program.py`. Read next: `program.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tinygrad_ml.compile.explain import Explanation, source_name
from tinygrad_ml.compile.program import Call, Instruction, Program, Value
from tinygrad_ml.compile.schedule.kernel import Kernel
from tinygrad_ml.errors import OptionError
from tinygrad_ml.ops.movement import permute_dims

from . import words
from .figures import number
from .folding import FOLD_FROM
from .labels import LABEL_CHARACTERS

COMFORTABLE_KERNELS = 40
"""Above this many boxes kernels are closed, if no depth was asked for: their arrows cross each other more than those of modules."""


@dataclass
class Entry:
    """Where what differs between kernels drawn as one comes in: for each of them a value."""

    id: str
    name: str
    values: list[Value]


@dataclass
class Block:
    """What is drawn together: the instructions of a kernel, or of several that do the same; or one instruction.

    id       of its frame, or of its box if it is closed
    numbers  its place in the order in which kernels run; one for each of `kernels`; none before there are kernels
    entries  for kernels drawn as one: each value of the first that is another one in the others -> where it comes in
    """

    id: str
    instructions: Sequence[Instruction]
    kernels: list[Kernel] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    entries: dict[Value, Entry] = field(default_factory=dict)


class Blocks:
    """A program in blocks, in the order in which they run.

    program      what is drawn
    results      for each of its results what becomes of it
    explanation  its kernels; None for a program that has none yet, of which each instruction is a block
    names        value or instruction -> what to call it
    own_names    value from outside -> what to call it by itself, also where it is drawn as one with others
    alike        value from outside -> those that are drawn as its box, itself among them; others have no box
    inlined      the numbers that stand in formulas, and have no box
    closed       whether kernels are drawn as boxes with nothing inside
    updated      for closed kernels: memory that a kernel reads and writes in place -> that kernel, whose text says so
    """

    def __init__(
        self,
        program: Program,
        results: list[str],
        explanation: Explanation | None,
        depth: int | None,
        fold: bool,
        limit: int,
    ):
        self.program, self.results, self.explanation = program, results, explanation
        self.notes: list[str] = []
        self._makers = program.producers()
        self._gradients = {
            value for value, what in zip(program.results, results, strict=True) if what.endswith(".grad")
        }
        self._memories = {memory for memory, _ in program.writes}
        self.alike: dict[Value, list[Value]] = self._numbers()
        self._readers: dict[Value, set[Kernel]] = {}  # of the memory of a value
        self._roots = explanation.roots if explanation else {}
        self.blocks = self._kernels(explanation, fold) if explanation else self._one_by_one()
        self._drawn = {i.output for block in self.blocks for k in block.kernels or [block] for i in k.instructions}
        self.own_names: dict[Value, str] = {value: _source(value) for value in program.sources()}
        self.names: dict[Value | Instruction, str] = self._named()
        self.inlined = self._inlined()
        self.sources = [v for v in program.sources() if self.alike.get(v, [v])[0] is v and v not in self.inlined]
        self.closed = depth == 0
        self.updated: dict[Value, Kernel] = {}
        if explanation and depth is None and self._count() > COMFORTABLE_KERNELS:
            self.closed = True
            self.notes.append(f"{len(program.instructions)} operations: kernels are closed. Open them with depth=1.")
        if self.closed and explanation:
            self.updated = self._updated(explanation)
            self.sources = [value for value in self.sources if not self._told(value)]
        if self._count() > limit:
            close = "" if self.closed or not explanation else "Close its kernels with depth=0, or draw"
            raise OptionError(
                f"this step would be a picture of {self._count():,} boxes, which is more than limit={limit:,}: its layout "
                f"would take minutes and nobody could read it. {close or 'Draw'} a part of the function, compiled by "
                f"itself; or read step.explain() and step.program; or raise limit="
            )

    def _one_by_one(self) -> list[Block]:
        return [Block(f"k{place}", [i]) for place, i in enumerate(self.program.instructions, start=1)]

    def _count(self) -> int:
        inside = len(self.blocks) if self.closed else sum(len(block.instructions) for block in self.blocks)
        return inside + len(self.sources)

    def _numbers(self) -> dict[Value, list[Value]]:
        """The numbers that a call on the host gives in each step, such as those of an optimiser: one box for them all."""
        calls: dict[int, list[Value]] = {}
        for value in self.program.sources():
            if value.source.kind == "number":
                calls.setdefault(value.source.call, []).append(value)
        return {value: values for values in calls.values() for value in values}

    def _updated(self, explanation: Explanation) -> dict[Value, Kernel]:
        found = {}
        for kernel in explanation.kernels:
            written = {explanation.in_place.get(value) for value in kernel.outputs}
            found |= {value: kernel for value in map(self._root, kernel.inputs()) if value in written}
        return found

    def _told(self, source: Value) -> bool:
        """Whether the text of closed kernels says enough: of numbers of the host, and of state that only its update reads."""
        if source.source.kind == "number":
            return True
        return all(self._readers.get(value) == {self.updated.get(value)} for value in self.alike.get(source, [source]))

    def through(self, value: Value) -> tuple[Value, list[str]]:
        """The value whose box an arrow starts from, and the operations on the way that only look at its memory."""
        views: list[str] = []
        while value not in self._drawn and value.source is None:
            views.insert(0, self._makers[value].op.name)
            value = self._makers[value].inputs[0]
        return value, views

    # -- kernels that do the same ------------------------------------------------------------------------

    def _kernels(self, explanation: Explanation, fold: bool) -> list[Block]:
        for kernel in explanation.kernels:
            for value in kernel.inputs():
                self._readers.setdefault(self._root(value), set()).add(kernel)
        ends = {*self._gradients, *(value for _, value in self.program.writes)} - set(self._readers)
        blocks: list[Block] = []
        same: dict[tuple, Block] = {}
        counts = Counter(self._structure(kernel) for kernel in explanation.kernels)
        for place, kernel in enumerate(explanation.kernels, start=1):
            structure = self._structure(kernel)
            updates = bool(kernel.outputs) and ends.issuperset(kernel.outputs)
            block = same.get(structure)
            if block is None or not updates:
                block = Block(f"k{place}", kernel.instructions)
                blocks.append(block)
                if fold and updates and counts[structure] >= FOLD_FROM:
                    same[structure] = block
            block.kernels.append(kernel)
            block.numbers.append(place)
        for block in blocks:
            if len(block.kernels) > 1:
                self._put_together(block)
        return blocks

    def moved(self, block: Block) -> int:
        """The bytes that the kernels of a block move."""
        return sum(map(self.explanation.nbytes, block.kernels)) if self.explanation else 0

    def _root(self, value: Value) -> Value:
        return self._roots.get(value, value)

    def _structure(self, kernel: Kernel) -> tuple:
        """What kernels have in common that do the same: all but the shapes, and where their inputs come from."""
        numbers: dict[Value, int] = {}
        rows = [
            (
                instruction.op,
                repr(instruction.params),
                str(instruction.output.dtype),
                instruction.output in kernel.outputs,
                tuple([numbers.setdefault(v, len(numbers)) for v in (*instruction.inputs, instruction.output)]),
            )
            for instruction in kernel.instructions
        ]
        return tuple(rows)

    def _put_together(self, block: Block) -> None:
        """Say of each input of kernels drawn as one whether it is the same, one box for all, or comes in by an entry."""
        for k, values in enumerate(zip(*[kernel.inputs() for kernel in block.kernels], strict=True)):
            if len(set(values)) == 1:
                continue
            roots = [self._root(value) for value in values]
            own = all(self._readers[root] == {kernel} for root, kernel in zip(roots, block.kernels, strict=True))
            if own and len(set(roots)) == len(roots) and all(root.source is not None for root in roots):
                self.alike |= dict.fromkeys(roots, roots)
            else:
                block.entries[values[0]] = Entry(f"{block.id}i{k}", self._role(roots), list(values))

    def _role(self, values: Sequence[Value]) -> str:
        """What the values that come in by an entry are to the update."""
        if self._gradients.issuperset(values):
            return "gradient"
        return "parameter" if self._memories.issuperset(values) else "input"

    # -- names ---------------------------------------------------------------------------------------------

    def _named(self) -> dict[Value | Instruction, str]:
        names: dict[Value | Instruction, str] = {**self.own_names}
        for value, values in self.alike.items():
            if value.source.kind != "number":
                names[value] = in_short([self.own_names[each] for each in values])
        shown = [instruction for block in self.blocks for instruction in block.instructions]
        for count, instruction in enumerate(shown, start=1):
            names[instruction.output] = names[instruction] = words.numbered(words.RESULT, count, len(shown))
        for instruction in self.program.instructions:
            if instruction.output not in self._drawn:
                names[instruction.output] = _view(instruction, names[instruction.inputs[0]])
        return names

    def _inlined(self) -> set[Value]:
        """The constant numbers that stand in the formulas of all operations that take them."""
        found = {v for v in self.program.sources() if v.source.kind == "constant" and not v.shape}
        for instruction in [instruction for block in self.blocks for instruction in block.instructions]:
            for position, value in enumerate(instruction.inputs):
                if value in found and (isinstance(instruction.op, Call) or not words.mentions(instruction, position)):
                    found.discard(value)
        return found - set(self.program.results)


def _source(value: Value) -> str:
    """A value from outside: its name; of a constant number the number."""
    array = getattr(value.source, "array", None)
    return number(array.item()) if array is not None and not value.shape else source_name(value)


def _view(instruction: Instruction, name: str) -> str:
    """What to call a view: `xᵀ`, `reshape(x)`."""
    turned = instruction.op is permute_dims and instruction.params["axes"] == (1, 0)
    if len(name) > LABEL_CHARACTERS:
        return instruction.op.name  # views of views of views
    return f"{name}ᵀ" if turned else f"{instruction.op.name}({name})"


def with_parts(names: Sequence[str]) -> str:
    """The same, where some names are parts of others: `w and its exp_avg, exp_avg_sq`."""
    owners = [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
    parts = {name.removeprefix(f"{owner}.") for owner in owners for name in names if name.startswith(f"{owner}.")}
    return f"{in_short(owners)} and its {', '.join(sorted(parts))}" if parts else in_short(owners)


def in_short(names: Sequence[str]) -> str:
    """Several names in few words: what they have in common after the last dot, but for `grad`; or the first and the last."""
    if len(names) == 1:
        return names[0]
    ends = {name.rpartition(".")[2] for name in names}
    return ends.pop() if len(ends) == 1 and ends != {"grad"} else f"{names[0]} … {names[-1]}"
