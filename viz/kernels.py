"""A compiled step, arranged for a picture: which kernels are drawn as one, which are closed, what everything is called.

An optimiser updates each parameter by a kernel of its own; those that do the same are drawn as one, "×6".
What differs between them enters it through a small box, which says what the six are.

Read before: `tinygrad_ml/compile/program.py`, `units.py`. Read next: `program.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tinygrad_ml.compile.explain import Explanation, source_name
from tinygrad_ml.compile.program import Call, Instruction, Value
from tinygrad_ml.compile.schedule.kernel import Kernel
from tinygrad_ml.errors import OptionError
from tinygrad_ml.modes import BACKWARD
from tinygrad_ml.ops.movement import permute_dims

from . import words
from .figures import number
from .folding import FOLD_FROM
from .labels import LABEL_CHARACTERS
from .units import calls, together

COMFORTABLE_KERNELS = 40
"""Above this many boxes kernels are closed, if no depth was asked for: their arrows cross each other more than those of modules."""


@dataclass
class Entry:
    """Where what differs between kernels drawn as one comes in: for each of them a value."""

    id: str
    name: str
    values: list[Value]


@dataclass(eq=False)
class Block:
    """What is drawn together: the instructions of a kernel, or of several that do the same; or one instruction.

    id       of its frame, or of its box if it is closed
    kernels  those, or, of a program that has none yet, what one call of a layer or function computes
    numbers  its place in the order in which kernels run; one for each of `kernels`; none before there are kernels
    entries  for kernels drawn as one: each value of the first that is another one in the others -> where it comes in
    alike    whether its kernels do the same; else they are those of one layer, closed together
    phase    of the step, in words
    purpose  what it computes, in the words of the program; nothing if that is known by its operations only
    """

    id: str
    instructions: Sequence[Instruction]
    kernels: list[Kernel] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    entries: dict[Value, Entry] = field(default_factory=dict)
    alike: bool = True
    phase: str = ""
    purpose: str = ""

    @property
    def count(self) -> int:
        """How many kernels that do the same it is drawn for."""
        return len(self.kernels) if self.alike else 1


class Blocks:
    """A program in blocks, in the order in which they run.

    program      what is drawn
    results      for each of its results what becomes of it
    explanation  of the step
    stage        of the program; None for what runs, as kernels. Of a program that has none yet each instruction is a block,
                 or, if it is closed, each call of a layer or function
    names        value or instruction -> what to call it
    own_names    value from outside -> what to call it by itself, also where it is drawn as one with others
    alike        value from outside -> those that are drawn as its box, itself among them; others have no box
    inlined      the numbers that stand in formulas, and have no box
    closed       whether kernels, or calls, are drawn as boxes with nothing inside; they say which parameters and state
                 they take
    phases       of the step, in their order
    updated      for closed kernels: memory that a kernel reads and writes in place -> that kernel, whose text says so
    """

    def __init__(
        self,
        explanation: Explanation,
        stage: str | None,
        depth: int | None,
        fold: bool,
        limit: int,
    ):
        self.program = program = explanation.stages[stage] if stage else explanation.program
        self.results, self.explanation, self.stage = explanation.results, explanation, stage
        self._purposes = explanation.purposes_at(stage)
        self.notes: list[str] = []
        self._makers = program.producers()
        self._gradients = {
            value for value, what in zip(program.results, self.results, strict=True) if what.endswith(".grad")
        }
        self._memories = {memory for memory, _ in program.writes}
        self._readers: dict[Value, set[Kernel]] = {}  # of the memory of a value
        self._roots = {} if stage else explanation.roots
        self.own_names: dict[Value, str] = {value: _source(value) for value in program.sources()}
        self.closed = depth == 0
        self.updated: dict[Value, Kernel] = {}
        self._arrange(fold)
        if depth is None and self._count() > COMFORTABLE_KERNELS:
            self.closed = True
            self._arrange(fold, merge=True)
            what = "calls of layers and functions" if stage else "kernels"
            alone = "" if stage else ", those of one layer together. Draw each with depth=0"
            self.notes.append(
                f"{len(program.instructions)} operations: {what} are closed{alone}. Open them with depth=1."
            )
        if self._count() > limit:
            close = "" if self.closed else "Close it with depth=0, or draw"
            raise OptionError(
                f"this step would be a picture of {self._count():,} boxes, which is more than limit={limit:,}: its layout "
                f"would take minutes and nobody could read it. {close or 'Draw'} a part of the function, compiled by "
                f"itself; or read step.explain() and step.program; or raise limit="
            )

    def _arrange(self, fold: bool, merge: bool = False) -> None:
        """Make the blocks, and the names of what is drawn. With `merge` the kernels of one layer are one block."""
        self.alike: dict[Value, list[Value]] = self._numbers()
        if self.stage and not self.closed:
            self.blocks = [Block(f"k{place}", [i]) for place, i in enumerate(self.program.instructions, start=1)]
            pieces: list[Kernel] = []
        else:
            pieces = calls(self.program, self._purposes) if self.stage else self.explanation.kernels
            self.blocks = self._kernels(pieces, fold)
            if merge:
                self.blocks = self._merge_calls(self.blocks, pieces)
        phases = {}
        for block in self.blocks:
            handed_on = [value for kernel in block.kernels for value in kernel.outputs]
            made = handed_on or [instruction.output for instruction in block.instructions]
            phase = self._purposes.phase_of(block.instructions, made)
            block.phase = phases[phase] = phase.text(self._purposes.turns)
            block.purpose = self._purpose(block)
            block.numbers = [] if self.stage else block.numbers
        self.phases = [phases[phase] for phase in sorted(phases)]
        self._drawn = {i.output for block in self.blocks for k in block.kernels or [block] for i in k.instructions}
        self.names: dict[Value | Instruction, str] = self._names_of_values()
        self.inlined = self._numbers_in_formulas()
        sources = self.program.sources()
        self.sources = [v for v in sources if self.alike.get(v, [v])[0] is v and v not in self.inlined]
        if self.closed:
            self.updated = self._kernels_by_memory(pieces)
            self.sources = [v for v in self.sources if v.source.kind == "argument" or v in self.program.results]

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

    def _kernels_by_memory(self, kernels: Sequence[Kernel]) -> dict[Value, Kernel]:
        """Memory that a kernel reads and overwrites -> that kernel."""
        pairs = self.program.writes if self.stage else [(m, v) for v, m in self.explanation.in_place.items()]
        memory_of = {value: memory for memory, value in pairs}
        found = {}
        for kernel in kernels:
            written = {memory_of.get(value) for value in kernel.outputs}
            found |= {value: kernel for value in map(self._root, kernel.inputs()) if value in written}
        return found

    def told(self, block: Block) -> list[Value]:
        """What a closed block takes from outside, but for arguments, and what its text says that it updates."""
        taken = dict.fromkeys(self._root(value) for kernel in block.kernels for value in kernel.inputs())
        own = {value for value, kernel in self.updated.items() if kernel in block.kernels}
        return [v for v in taken if v.source is not None and v not in own and v not in self.inlined]

    def is_backward(self, block: Block) -> bool:
        """Whether a block belongs to a backward pass, and there are others."""
        return len(self.phases) > 1 and block.phase.startswith(BACKWARD.kind)

    def through(self, value: Value) -> tuple[Value, list[str]]:
        """The value whose box an arrow starts from, and the operations on the way that only look at its memory."""
        views: list[str] = []
        while value not in self._drawn and value.source is None:
            views.insert(0, self._makers[value].op.name)
            value = self._makers[value].inputs[0]
        return value, views

    def _kernels(self, kernels: Sequence[Kernel], fold: bool) -> list[Block]:
        self._readers = {}
        for kernel in kernels:
            for value in kernel.inputs():
                self._readers.setdefault(self._root(value), set()).add(kernel)
        ends = {*self._gradients, *(value for _, value in self.program.writes)} - set(self._readers)
        blocks: list[Block] = []
        same: dict[tuple, Block] = {}
        counts = Counter(map(self._structure, kernels))
        for place, kernel in enumerate(kernels, start=1):
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

    def _merge_calls(self, blocks: Sequence[Block], kernels: Sequence[Kernel]) -> list[Block]:
        """The same with the kernels of one layer, or of one call, in one block, where they are not drawn as one already."""
        folded = {kernel: block for block in blocks for kernel in block.kernels if len(block.kernels) > 1}
        purpose: dict[Kernel, object] = {k: folded.get(k) or self._words_and_phase(k) for k in kernels}
        number = {kernel: place for place, kernel in enumerate(kernels, start=1)}
        merged: dict[Block, None] = {}
        for group in together(kernels, purpose, self._root):
            whole = [instruction for kernel in group for instruction in kernel.instructions]
            block = Block(f"k{number[group[0]]}", whole, group, [number[k] for k in group], alike=len(group) == 1)
            merged[folded.get(group[0]) or block] = None
        return list(merged)

    def _purpose(self, block: Block) -> str:
        """What a block computes; of kernels drawn as one what they have in common, as `Adam` of all parameters."""
        if not block.kernels:
            return ""
        told = {self._purposes.words(kernel.instructions) for kernel in block.kernels}
        return told.pop() if len(told) == 1 else self._purposes.words(block.instructions, paths=False)

    def _words_and_phase(self, kernel: Kernel) -> tuple | None:
        words = self._purposes.words(kernel.instructions)
        return (words, self._purposes.phase_of(kernel.instructions, kernel.outputs)) if words else None

    def moved(self, block: Block) -> int:
        """The bytes that the kernels of a block move."""
        return sum(map(self.explanation.nbytes, block.kernels))

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

    def _names_of_values(self) -> dict[Value | Instruction, str]:
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

    def _numbers_in_formulas(self) -> set[Value]:
        """The constant numbers that stand in the formulas of all operations that take them."""
        found = {v for v in self.program.sources() if v.source.kind == "constant" and not v.shape}
        for instruction in [instruction for block in self.blocks for instruction in block.instructions]:
            for position, value in enumerate(instruction.inputs):
                if value in found and (isinstance(instruction.op, Call) or not words.mentions(instruction, position)):
                    found.discard(value)
        return found - set(self.program.results)


def _source(value: Value) -> str:
    """A value from outside: its name; of a constant number the number."""
    array = value.constant
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


def by_place(names: Sequence[str]) -> list[str]:
    """Names without what they have in common with the one before, up to its last dot: `bn1.weight, .bias`."""
    short = list(names[:1])
    for before, name in pairwise(names):
        place = before.rpartition(".")[0]
        short.append(name.removeprefix(place) if place and name.rpartition(".")[0] == place else name)
    return short


def in_short(names: Sequence[str]) -> str:
    """Several names in few words: what they have in common after the last dot, but for `grad`; or the first and the last."""
    if len(names) == 1:
        return names[0]
    ends = {name.rpartition(".")[2] for name in names}
    return ends.pop() if len(ends) == 1 and ends != {"grad"} else f"{names[0]} … {names[-1]}"
