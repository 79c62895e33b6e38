"""What a compiled step consists of and what it costs: as data (`step.explanation`), and as the table of `step.explain()`.

`viz.draw(step)` draws the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from .layout import form_of, view_function
from .passes.fusion import Kernel
from .program import Call, Instruction, Program, Value, described
from .recorder import Recording

_NAME, _GIVES = 43, 26
"""Columns of the table, which is 100 wide."""


class Cost(NamedTuple):
    """One way to run a step, in figures.

    pieces  kernels, or operations one by one
    nbytes  that they read and write
    flops   floating-point operations
    memory  the most bytes that are needed at one time, besides arguments and state
    """

    pieces: int
    nbytes: int
    flops: int
    memory: int


class Explanation:
    """A compiled step taken apart. As text it is the table of `step.explain()`.

    program     what runs
    stages      the program as it was recorded, and after each pass
    kernels     what moves numbers, in the order in which it runs
    roots       value -> the value whose memory it looks at; itself if it has its own
    in_place    value -> the value from outside, into whose memory it is computed
    uncompiled  the instructions that have no compiled form, and run as in eager mode
    results     for each of the program's results what becomes of it: "returned", "0.weight.grad"
    compiled    the `Cost` of all kernels
    eager       that of what was recorded, operation by operation
    """

    def __init__(self, recording: Recording, stages: Mapping[str, Program], executable):
        layout = executable.layout
        self.program, self.stages = executable.program, stages
        self.kernels = [k for k in executable.kernels if not all(i.output in layout.views for i in k.instructions)]
        self.roots, self.in_place = layout.roots, layout.in_place
        self.uncompiled = [i for i in executable.eager if not isinstance(i.op, Call)]
        self.results = _destinations(recording)
        self.compiled = Cost(
            len(self.kernels),
            sum(map(self.nbytes, self.kernels)),
            sum(kernel.flops for kernel in self.kernels),
            layout.nbytes + sum(value.nbytes for value in layout.handed_out),
        )
        self.eager = _one_by_one(recording.program, layout.forms)

    def nbytes(self, kernel: Kernel) -> int:
        """Bytes that a kernel reads and writes; of what it looks at several times, once."""
        return _moved((*kernel.inputs(), *kernel.outputs), self.roots)

    def __str__(self) -> str:
        lines = [f"    {'kernel':{_NAME}} {'gives':{_GIVES}} {'bytes moved':>12} {'FLOP':>12}"]
        lines += [self._row(number, kernel) for number, kernel in enumerate(self.kernels, start=1)]
        a, b = self.compiled, self.eager
        figures = [
            ("", "compiled", "operation by operation"),
            ("kernels", a.pieces, b.pieces),
            ("bytes moved", f"{a.nbytes:,}", f"{b.nbytes:,}"),
            ("FLOP", f"{a.flops:,}", f"{b.flops:,}"),
            ("peak memory, bytes", f"{a.memory:,}", f"{b.memory:,}, besides arguments and state"),
        ]
        lines += ["", *(f"{name:25}{ours!s:20}{theirs}" for name, ours, theirs in figures), ""]
        left = ", ".join(f"{name} {len(program.instructions)}" for name, program in self.stages.items())
        lines.append(f"operations after a pass  {left}")
        lines.append(f"written in place         {len(self.in_place)} of {len(self.program.writes)} tensors")
        copied = [memory for memory, value in self.program.writes if value not in self.in_place]
        if copied:
            lines.append(f"copied at the end        {_shortened(', '.join(map(source_name, copied)), 75)}")
        if self.uncompiled:
            names = ", ".join(sorted({instruction.op.name for instruction in self.uncompiled}))
            lines.append(f"* no compiled form, so run eagerly: {names}")
        return "\n".join(lines)

    def _row(self, number: int, kernel: Kernel) -> str:
        star = " *" if any(instruction in self.uncompiled for instruction in kernel.instructions) else ""
        name = f"{_shortened(operations_of(kernel.instructions), _NAME - len(star))}{star}"
        counted = Counter(map(described, kernel.outputs))
        gives = ", ".join(f"{count} × {what}" if count > 1 else what for what, count in counted.items())
        figures = f"{self.nbytes(kernel):12,} {kernel.flops:12,}"
        return f"{number:3} {name:{_NAME}} {_shortened(gives, _GIVES):{_GIVES}} {figures}"


def operations_of(instructions: Iterable[Instruction]) -> str:
    """What instructions do, in a row: `sub mul add mul×3 sqrt`."""
    rows = [(name, len(list(same))) for name, same in groupby(i.op.name for i in instructions)]
    return " ".join(f"{name}×{count}" if count > 1 else name for name, count in rows)


def source_name(value: Value) -> str:
    """What to call a value from outside: `images`, `0.weight`, `0.weight.grad`; or its kind, if it has no name."""
    name = getattr(value.source, "name", "")
    return f"{name}.grad" if name and value.source.kind == "gradient" else name or repr(value.source)


def _destinations(recording: Recording) -> list[str]:
    words = ["returned"] * len(recording.program.results)
    for target, what, place in recording.rebinds:
        if place is not None:
            name = f"argument {target}" if isinstance(target, int) else target.name or "a tensor"
            words[place] = f"{name}.{what}"
    return words


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


# -- operation by operation ---------------------------------------------------------------------------------


def _one_by_one(program: Program, known: Mapping[Value, object]) -> Cost:
    """What running each operation by itself costs, every result in memory of its own, freed after its last use.

    known  how the memory of values from outside is laid out, where it is not in order
    """
    roots = _roots(program, known)
    working = [i for i in program.instructions if roots[i.output] is i.output]
    return Cost(
        len(working),
        sum(_moved((*dict.fromkeys(i.inputs), i.output), roots) for i in working),
        sum(i.flops for i in working),
        _peak(program, roots),
    )


def _roots(program: Program, known: Mapping[Value, object]) -> dict[Value, Value]:
    """Value -> the value whose memory it looks at, for what the program computes and takes."""
    forms = {value: known.get(value, form_of(value.shape, value.dtype)) for value in program.sources()}
    roots = {value: value for value in forms}
    for instruction in program.instructions:
        output, take = instruction.output, view_function(instruction)
        try:
            forms[output] = take(forms[instruction.inputs[0]]) if take else form_of(output.shape, output.dtype)
            roots[output] = roots[instruction.inputs[0]] if take else output
        except ValueError:  # a reshape for which numbers have to move
            forms[output], roots[output] = form_of(output.shape, output.dtype), output
    return roots


def _moved(values: Iterable[Value], roots: Mapping[Value, Value]) -> int:
    """Bytes of values. One that repeats the numbers of another, as windows into an image do, has no more than that."""
    return sum(min(value.nbytes, roots.get(value, value).nbytes) for value in values)


def _peak(program: Program, roots: Mapping[Value, Value]) -> int:
    last: dict[Value, int] = {}
    for i, instruction in enumerate(program.instructions):
        last.update({roots[value]: i for value in (*instruction.inputs, instruction.output)})
    last.update({roots[value]: len(program.instructions) for value in program.results})
    freed: Counter[int] = Counter()
    held = peak = 0
    for i, instruction in enumerate(program.instructions):
        output = instruction.output
        if roots[output] is output:
            held += output.nbytes
            freed[last[output]] += output.nbytes
        peak = max(peak, held)
        held -= freed[i]
    return peak
