"""A kernel: instructions that run together, and when each of them does.

Read next: `fusion.py`, which makes kernels of a program.
"""

from __future__ import annotations

from ...modes import UPDATE
from ..program import GATHER, Instruction, Value


class Kernel:
    """Instructions that run together, in this order: a loop over a domain, or a single operation of another kind.

    kind     "loop" or "single"
    shape    of the domain
    axes     those of its axes that are reduced
    outputs  what others need of it
    """

    def __init__(self, first: int, instruction: Instruction, kind: str):
        self.instructions = [instruction]
        self.kind = kind
        self.shape, self.axes = instruction.output.shape, ()
        self._reduced: set[Value] = set()
        if kind == "loop" and instruction.reduces:
            self.shape, self.axes = instruction.inputs[0].shape, tuple(instruction.params["axis"])
            self._reduced.add(instruction.output)
        self.whole = {instruction.inputs[0]} if instruction.op is GATHER else set()  # what must be whole before
        self.first = self.last = first  # where its instructions stand in the program
        self.needs: set[Kernel] = set()  # the kernels whose results it takes
        self.outputs: list[Value] = []

    def reduced(self, value: Value) -> bool:
        """Whether a value that is made here is one of the reduced ones."""
        return value in self._reduced

    @property
    def in_rows(self) -> bool:
        """Whether the last axes of the domain are reduced, and only they: then each row can be finished by itself."""
        return bool(self.axes) and self.axes == tuple(range(len(self.shape) - len(self.axes), len(self.shape)))

    def folds(self, instruction: Instruction) -> bool:
        """Whether it reduces full values."""
        return instruction.reduces and self.reduced(instruction.output)

    @property
    def updates(self) -> bool:
        """Whether it is a part of an update by an optimiser, in which denormal numbers are 0: see `denormals.py`."""
        return any(UPDATE in instruction.output.scope for instruction in self.instructions)

    def inputs(self) -> list[Value]:
        """The values that it takes, each once."""
        own = {instruction.output for instruction in self.instructions}
        return list(dict.fromkeys(v for i in self.instructions for v in i.inputs if v not in own))

    @property
    def flops(self) -> int:
        """Floating-point operations of all its instructions."""
        return sum(instruction.flops for instruction in self.instructions)

    @property
    def nbytes(self) -> int:
        """Bytes that are read and written."""
        return sum(value.nbytes for value in (*self.inputs(), *self.outputs))

    @property
    def name(self) -> str:
        """The names of its operations, one after the other."""
        return " ".join(instruction.op.name for instruction in self.instructions)

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"


class Turns:
    """When the instructions of a kernel run.

    A full value of turn t is computed in the t-th walk over the reduced axes; a reduction of it is known in turn
    t + 1, before that walk begins, and so are the reduced values that follow from it.

    of     value -> its turn
    count  how many there are
    """

    def __init__(self, kernel: Kernel):
        self._kernel = kernel
        self.of: dict[Value, int] = {}
        for instruction in kernel.instructions:
            latest = max((self.of.get(value, 0) for value in instruction.inputs), default=0)
            self.of[instruction.output] = latest + kernel.folds(instruction)
        self.count = max(self.of.values()) + 1

    def walk(self, instruction: Instruction) -> int:
        """In which walk an instruction of full operands runs."""
        return self.of[instruction.output] - self._kernel.folds(instruction)

    def walked(self, turn: int) -> list[Instruction]:
        """What is done for each element in a walk: full values are computed, and taken into reductions."""
        kernel = self._kernel
        full = [i for i in kernel.instructions if kernel.folds(i) or not kernel.reduced(i.output)]
        return [i for i in full if self.walk(i) == turn]

    def before(self, turn: int) -> list[Instruction]:
        """What follows from reductions, and is done before a walk once for each of what they leave."""
        kernel = self._kernel
        few = [i for i in kernel.instructions if kernel.reduced(i.output) and not kernel.folds(i)]
        return [i for i in few if self.of[i.output] == turn]
