"""A large matrix times a vector, something done to each number of that, and the transposed matrix times what comes out: one walk.

    y = A·w,  g = f(y),  q = Aᵀ·g             the step of a linear model, from its data to the gradient of its weights

Each of the two products takes as long as memory gives the matrix, and it is the same matrix. Here its rows are multiplied both ways
while they lie in the cache:

    for each chunk of rows:
        total = 0
        for each block of rows:
            y = block·w;  g = f(y);  total += blockᵀ·g
    q = the sum of all totals

What else is computed of y, as the loss and its mean, is computed afterwards, as ever. f may be any elementwise operations, of y and of
what is there before, a number for each row or for all. The chunks are as many for one thread as for several, so the numbers are
the same.

Read before: `pooling.py`. Read next: `walks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy

from ...ops.index import getitem
from ...ops.matmul import matmul
from ...ops.movement import broadcast_to, permute_dims, reshape
from ...ops.reduce import sum_
from ...ops.shapes import size
from ..eager import value_of
from ..passes.rewriting import Rewriting, rewritten
from ..program import Call, Instruction, Program, Value
from .expressions import constant, expression, has_loop
from .places import MEMORY, NOTHING_OVERLAPS, Forms, Operand, Written, addressable, loop_text

READ_ONCE_BYTES = 1 << 22
"""Of a matrix that does not stay in the cache between two products."""
BYTES_OF_ROWS = 320_000
"""Of rows that do: a part of the second-level cache, of which a megabyte is usual."""
FEWEST_CHUNKS = 16
"""At least, each of which has a total of its own: so many threads may share them."""
ROWS_TOGETHER = 8
"""At a time, for each number of the vector that is read: as many sums fit into registers."""
FACTORS = (numpy.float32, numpy.float64)


def _chunks(n: int) -> tuple[int, int, int]:
    """(how many chunks, rows of each, rows that are left for one more)"""
    rows = max(1, n // FEWEST_CHUNKS)
    return n // rows, rows, n % rows


class TwoProducts(Call):
    """A value for `y`, `g` and the totals of all chunks, flat, one behind the other.

    `middle` are the instructions that make `g` of y: inputs are the matrix, the vector, and what else these take, `given`
    """

    def __init__(self) -> None:
        super().__init__("both_ways", self._computed)

    @staticmethod
    def _computed(
        xp: Any, a: Any, w: Any, *arrays: Any, middle: tuple[Instruction, ...], given: tuple[Value, ...], g: Value
    ) -> Any:
        known = dict(zip(given, (xp.matmul(a, w), *arrays), strict=True))
        for i in middle:
            known[i.output] = value_of(i, xp, *(known.get(x, x.constant) for x in i.inputs))
        whole, rows, left = _chunks(len(a))
        totals = xp.zeros((whole + bool(left), a.shape[1]), a.dtype)
        for chunk in range(len(totals)):
            part = slice(chunk * rows, (chunk + 1) * rows)
            totals[chunk] = xp.matmul(a[part].T, known[g].reshape(-1)[part])
        return xp.concatenate([known[given[0]].reshape(-1), known[g].reshape(-1), totals.reshape(-1)])

    def flops(self, output: tuple[int, ...], *inputs: tuple[int, ...]) -> int:  # type: ignore[override]
        """Of both products."""
        return 4 * size(inputs[0])


BOTH_WAYS = TwoProducts()


def both_ways(program: Program) -> Program:
    """The program with one operation wherever it has two such products of one matrix."""
    found = list(_found(program))
    if not found:
        return program
    first, others = {pair.begin.output: pair for pair in found}, dict[Value, Instruction]()

    def instead(i: Instruction, writing: Rewriting) -> Instruction | None:
        if i.output in first:
            others.update(first[i.output].instead(writing))
        return others.get(i.output)

    return rewritten(program, instead)


class _Pair(NamedTuple):
    """Two products of one matrix: y = begin, `middle` makes g of it, end = Aᵀ·g."""

    begin: Instruction
    middle: tuple[Instruction, ...]
    g: Value
    end: Instruction

    def instead(self, writing: Rewriting) -> dict[Value, Instruction]:
        """What takes the place of y's, g's and the second product's instruction, behind the operation that computes them."""
        (a, w), y, inside = self.begin.inputs, self.begin.output, {i.output for i in self.middle}
        taken = dict.fromkeys(x for i in self.middle for x in i.inputs if x not in inside and constant(x) is None)
        others = [x for x in taken if x is not y]
        (n, columns), (whole, _, left), dtype = a.shape, _chunks(a.shape[0]), a.dtype
        totals = (whole + bool(left), columns)
        params: dict[str, Any] = {"middle": self.middle, "given": (y, *others), "g": self.g}
        ends = (0, n, 2 * n, 2 * n + size(totals))
        flat = writing.new(BOTH_WAYS, (a, w, *others), ends[-1:], dtype, **params)

        def part(which: int) -> Value:
            start, stop = ends[which : which + 2]
            return writing.new(getitem, (flat,), (stop - start,), dtype, index=(slice(start, stop),))

        total = writing.new(sum_, (writing.reshaped(part(2), totals),), (columns,), dtype, axis=(0,), keepdims=False)
        made = {self.g: part(1), y: part(0), self.end.output: total}
        return {value: Instruction(reshape, (x,), {"shape": value.shape}, value) for value, x in made.items()}


def _found(program: Program) -> Iterator[_Pair]:
    makers, place = program.producers(), {i.output: p for p, i in enumerate(program.instructions)}
    first = {i.inputs[0]: i for i in program.instructions if i.op is matmul and _is_large(i)}
    for i in program.instructions if first else ():
        turned = makers.get(i.inputs[0]) if i.op is matmul and i.output.shape[1:] == (1,) else None
        if turned is None or turned.op is not permute_dims or turned.inputs[0] not in first:
            continue
        begin, g = first[turned.inputs[0]], i.inputs[1]
        while g in makers and makers[g].renames:
            (g,) = makers[g].inputs
        middle = _middle(g, begin, makers, place) if g.dtype == begin.output.dtype else None
        if middle is not None:
            del first[turned.inputs[0]]
            yield _Pair(begin, middle, g, i)


def _is_large(i: Instruction) -> bool:
    a, w = i.inputs
    alike = a.dtype == w.dtype and a.dtype in FACTORS and len(a.shape) == 2 and w.shape[1:] == (1,)
    return alike and a.nbytes >= READ_ONCE_BYTES and ROWS_TOGETHER * a.shape[1] * a.dtype.itemsize <= BYTES_OF_ROWS


def _middle(
    g: Value, begin: Instruction, makers: Mapping[Value, Instruction], place: Mapping[Value, int]
) -> tuple[Instruction, ...] | None:
    """What makes g of y and of what is there before it, in order; None if that is not done number by number."""
    y, found, waiting, reads = begin.output, dict[Value, Instruction](), [g], False
    many = (1, size(y.shape))
    while waiting:
        value = waiting.pop()
        maker = makers.get(value)
        if value is y or value in found:
            reads |= value is y
        elif size(value.shape) not in many or value.dtype not in MEMORY:
            return None
        elif maker is not None and place[value] > place[y]:
            plain = maker.renames or maker.op is broadcast_to or (maker.elementwise and has_loop(maker, False))
            if not plain:
                return None
            found[value] = maker
            waiting += maker.inputs
    return tuple(sorted(found.values(), key=lambda i: place[i.output])) if reads else None


def walk_both_ways(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """Two loops: for all chunks of one size, and for the rest. None if the matrix does not lie in order."""
    a, w, *others = instruction.inputs
    (n, k), nbytes = a.shape, a.dtype.itemsize
    apart = [0 if size(x.shape) == 1 else max(forms[x].strides) for x in others]
    if not (forms[a].flags.c_contiguous and forms[w].flags.c_contiguous and all(addressable(forms[x]) for x in others)):
        return None
    if any(min(forms[x].strides, default=0) < 0 or 0 in forms[x].strides for x in others if size(x.shape) > 1):
        return None
    whole, rows, left = _chunks(n)
    growth = (rows * k * nbytes, 0, *(rows * step for step in apart), rows * nbytes, rows * nbytes, k * nbytes)
    begins = [0] * len(instruction.inputs) + [0, n * nbytes, 2 * n * nbytes]
    steps = tuple(step // x.dtype.itemsize for step, x in zip(apart, others, strict=True) if step)
    block = max(ROWS_TOGETHER, BYTES_OF_ROWS // (k * nbytes) // ROWS_TOGETHER * ROWS_TOGETHER)
    values, text, found = [*instruction.inputs, *[instruction.output] * 3], _text(instruction), []
    for chunks, height, done in ((whole, rows, 0), (1, left, whole)):
        if height:
            ends = zip(values, begins, growth, strict=True)
            operands = tuple(Operand(x, behind=first + done * each) for x, first, each in ends)
            found.append(Written(text, (chunks, height, k, block), operands, steps, n * k, growth))
    return found


def _text(instruction: Instruction) -> str:
    a, _, *others = instruction.inputs
    kind, zero = f"{a.dtype}s", f"{a.dtype}(0.0)"
    along = [size(x.shape) != 1 for x in others]
    arrays = [f"a: {kind}", f"w: {kind}", *(f"x{i}: {MEMORY[x.dtype]}" for i, x in enumerate(others))]
    arrays += [f"y: {kind}", f"g: {kind}", f"t: {kind}", *(f"e{i}" for i, varies in enumerate(along) if varies)]
    every = range(ROWS_TOGETHER)
    lines = ["for j in range(k):", "    t[c * k + j] = " + zero]
    lines += ["for b in range(c * rows, c * rows + rows, block):", "    e = min(b + block, c * rows + rows)"]
    lines += [f"    m = b + (e - b) // {ROWS_TOGETHER} * {ROWS_TOGETHER}"]
    lines += [f"    for i in range(b, m, {ROWS_TOGETHER}):"]
    lines += [f"        s{r} = {zero}" for r in every]
    lines += ["        for j in range(k):", "            f = w[j]"]
    lines += [f"            s{r} = add_in_any_order(s{r}, a[(i + {r}) * k + j] * f)" for r in every]
    lines += [f"        y[i + {r}] = s{r}" for r in every]
    lines += ["    for i in range(m, e):", f"        s0 = {zero}", "        for j in range(k):"]
    lines += ["            s0 = add_in_any_order(s0, a[i * k + j] * w[j])", "        y[i] = s0"]
    lines += ["    for i in range(b, e):", *(f"        {line}" for line in _between(instruction, along))]
    lines += [f"    for i in range(b, m, {ROWS_TOGETHER}):"]
    lines += [f"        g{r} = g[i + {r}]" for r in every]
    lines += ["        for j in range(k):", "            q = t[c * k + j]"]
    lines += [f"            q = q + a[(i + {r}) * k + j] * g{r}" for r in every]
    lines += ["            t[c * k + j] = q"]
    lines += ["    for i in range(m, e):", "        g0 = g[i]", "        for j in range(k):"]
    lines += ["            t[c * k + j] = t[c * k + j] + a[i * k + j] * g0"]
    words = " ".join(i.op.name for i in instruction.params["middle"])
    chunks = ["for c in range(n0):", *(f"    {line}" for line in lines)]
    return loop_text(f"both ways: {words}", ["n0", "rows", "k", "block", *arrays], [NOTHING_OVERLAPS, *chunks])


def _between(instruction: Instruction, along: list[bool]) -> Iterator[str]:
    """Lines that make g[i] of y[i]."""
    middle, (y, *others) = instruction.params["middle"], instruction.params["given"]
    names = {y: "v"}
    yield "v = y[i]"
    for i, (x, varies) in enumerate(zip(others, along, strict=True)):
        names[x] = f"z{i}"
        element = f"x{i}[i * e{i}]" if varies else f"x{i}[0]"
        yield f"z{i} = {element} != 0" if x.dtype == bool else f"z{i} = {element}"
    for number, i in enumerate(middle):
        operands = [names.get(x) or constant(x) or "" for x in i.inputs]
        if i.renames or i.op is broadcast_to:
            names[i.output] = operands[0]
            continue
        names[i.output] = f"v{number}"
        yield f"v{number} = {expression(i, operands)}"
    yield f"g[i] = {names[instruction.params['g']]}"
