"""What a compiled step consists of and what it costs: as data (`step.explanation`), and as the table of `step.explain()`.

`viz.draw(step)` draws the same.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby, zip_longest
from typing import Any, NamedTuple

from ..errors import CompileError
from ..loops.primitive import Scan
from .passes.rolled import AT_ONCE, ROLLED, loops_of, rolling
from .program import Call, Instruction, Program, Value, described
from .purposes import FORWARD, Purposes
from .recording import Recording
from .schedule.buffers import CACHE_LINE_BYTES
from .schedule.kernel import Kernel
from .schedule.layout import form_of, lay

_NAME, _GIVES = 43, 26
"""Columns of the table, which is 100 wide."""
_FIGURES = ("kernels", "bytes moved", "FLOP", "peak memory, bytes")
"""What to call those of a `Cost`."""


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
    stages      the program as it was recorded, after each pass, and as it runs, with the copies of `ownership`
    kernels     what moves numbers, in the order in which it runs
    phases      kernel -> the phase of the step that it belongs to: forward, backward or update, each perhaps in several turns
    purposes    kernel -> what it computes, in the words of the program: "conv1 Conv2d, relu; gradient of relu"; nothing
                for operations outside of modules and functions
    roots       value -> the value whose memory it looks at; itself if it has its own
    in_place    value -> the value from outside, into whose memory it is computed
    launched    how the kernels run, in words, on a machine that has several ways
    uncompiled  the instructions that have no compiled form, and run as in eager mode
    outward     those that have to do with other processes
    results     for each of the program's results what becomes of it: "returned", "0.weight.grad"
    compiled    the `Cost` of all kernels
    eager       that of what was recorded, operation by operation
    """

    def __init__(self, recording: Recording, stages: Mapping[str, Program], executable: Any):
        layout = executable.layout
        if layout is None:
            raise CompileError(
                "the program is recorded, but its first run failed before its memory was laid out, so there are no kernels "
                "to explain: call the step again without what the error named. step.program and step.stages can be read"
            )
        self.program, self.stages = executable.program, stages
        self.kernels = [k for k in executable.kernels if not all(i.output in layout.views for i in k.instructions)]
        self.roots, self.in_place, self.launched = layout.roots, layout.in_place, executable.launched
        self.outward = [i for i in executable.eager if _has_to_do_with_others(i)]
        self.uncompiled = [i for i in executable.eager if not isinstance(i.op, Call) and i not in self.outward]
        self.results = _destinations(recording)
        purposes = self.purposes_at()
        self.phases = {kernel: purposes.phase_of(kernel.instructions, kernel.outputs) for kernel in self.kernels}
        self.turns = purposes.turns
        self.purposes = {kernel: purposes.words(kernel.instructions) for kernel in self.kernels}
        self.compiled = Cost(
            len(self.kernels),
            sum(map(self.nbytes, self.kernels)),
            sum(kernel.flops for kernel in self.kernels),
            layout.nbytes + sum(value.nbytes for value in layout.handed_out),
        )
        self.eager = _one_by_one(recording.program, layout.forms)

    def purposes_at(self, stage: str | None = None) -> Purposes:
        """What the values of the program are for, of what runs or as it was at a stage."""
        program = self.stages[stage] if stage else self.program
        ends = zip(program.results, self.results, strict=True)
        return Purposes(program, [value for value, what in ends if what.endswith(".grad")], self.stages["recorded"])

    def grouped(self) -> dict[str, list[Kernel]]:
        """The kernels of each phase of the step, in the order of the phases; in each, in the order in which they run."""
        groups: dict[str, list[Kernel]] = {}
        for kernel in sorted(self.kernels, key=lambda kernel: self.phases[kernel]):
            groups.setdefault(self.phases[kernel].text(self.turns), []).append(kernel)
        return groups

    def nbytes(self, kernel: Kernel) -> int:
        """Bytes that a kernel reads and writes; of what it looks at several times, once."""
        return _moved((*kernel.inputs(), *kernel.outputs), self.roots)

    def __str__(self) -> str:
        lines = [f"    {'kernel':{_NAME}} {'gives':{_GIVES}} {'bytes moved':>12} {'FLOP':>12}"]
        numbers = {kernel: number for number, kernel in enumerate(self.kernels, start=1)}
        for phase, kernels in self.grouped().items():
            lines += [f"    {phase}"] if phase != FORWARD or len(kernels) < len(numbers) else []
            lines += [row for kernel in kernels for row in self._rows(numbers[kernel], kernel)]
        lines += ["", f"{'':25}{'compiled':20}operation by operation"]
        costs = zip(_FIGURES, self.compiled, self.eager, strict=True)
        lines += [f"{name:25}{ours:<20,}{theirs:,}" for name, ours, theirs in costs]
        lines[-1] += ", besides arguments and state"
        lines += [*self._why_more(), ""]
        left = [f"{name} {len(program.instructions)}" for name, program in self.stages.items()]
        lines += _under("operations after a pass", left)
        results = zip(self.program.results, self.results, strict=True)
        lines += _under("handed out", [f"{value!r} {what}" for value, what in results])
        lines += _under("written in place", [f"{len(self.in_place)} of {len(self.program.writes)} tensors"])
        copied = [source_name(memory) for memory, value in self.program.writes if value not in self.in_place]
        lines += _under("copied at the end", copied)
        lines += self._loops()
        lines += _under("launched", self.launched.split(), " ")
        counted = Counter(instruction.op.name for instruction in self.outward)
        said = [f"{name} × {count}" if count > 1 else name for name, count in counted.items()]
        lines += _under("with other processes", said)
        if self.uncompiled:
            names = ", ".join(sorted({instruction.op.name for instruction in self.uncompiled}))
            lines.append(f"* no compiled form, so run eagerly: {names}")
        return "\n".join(lines)

    def _rows(self, number: int, kernel: Kernel) -> list[str]:
        """A kernel's row of the table; more rows for what is too long for its column."""
        star = "*" if any(instruction in self.uncompiled for instruction in kernel.instructions) else ""
        counted = Counter(map(described, kernel.outputs))
        gives = [f"{count} × {what}" if count > 1 else what for what, count in counted.items()]
        purpose = f"{self.purposes[kernel]}:".split() if self.purposes[kernel] else []
        names = _wrapped([*purpose, *operations_of(kernel.instructions).split(), *star], " ", _NAME)
        columns = zip_longest(names, _wrapped(gives, ", ", _GIVES), fillvalue="")
        (name, first), *more = columns
        row = f"{number:3} {name:{_NAME}} {first:{_GIVES}} {self.nbytes(kernel):12,} {kernel.flops:12,}"
        return [row, *(f"    {name:{_NAME}} {value}".rstrip() for name, value in more)]

    def _why_more(self) -> list[str]:
        """Why a figure is larger than operation by operation, where it is."""
        lines = []
        if self.compiled.flops > self.eager.flops:
            lines.append("  more FLOP: labels are compared with every column, so that the loss is one kernel (one_hot)")
        if self.compiled.memory > self.eager.memory:
            lines.append("  more memory: all that a kernel reads and makes is there at one time, with room to work in;")
            lines.append(
                f"  buffers are whole cache lines of {CACHE_LINE_BYTES} bytes; results count from beginning to end"
            )
        return lines

    def _loops(self) -> list[str]:
        """Loops of Python: rolled up, or why not."""
        names = [name for name in self.stages if name not in (ROLLED, "ownership")]
        found = loops_of(self.stages[names[-1]])
        if AT_ONCE in names:
            before = rolling(self.stages[names[names.index(AT_ONCE) - 1]], at_once=True)[1]
            found = [*(loop for loop in before if not loop.reason), *found]
        elif ROLLED not in self.stages:
            found = [loop._replace(reason=loop.reason or "equal, but left as they are") for loop in found]
        said = [(f"{loop.rounds} rounds of {loop.operations} operations", loop.reason) for loop in found]
        lines = _under("rolled up", [rounds for rounds, reason in said if not reason])
        for rounds, reason in said:
            if reason:
                lines += _under("written out", f"{rounds}: {reason}; tg.scan writes them down once".split(), " ")
        return lines


def _has_to_do_with_others(instruction: Instruction) -> bool:
    """Whether it sends something to other processes, or waits for something: a call that says so, an operation with an effect."""
    op: Any = instruction.op
    return op.outward if isinstance(op, Call) else getattr(op, "effect", False)


def operations_of(instructions: Iterable[Instruction]) -> str:
    """What instructions do, in a row: `sub mul add mul×3 sqrt`."""
    rows = [(name, len(list(same))) for name, same in groupby(map(_operation, instructions))]
    return " ".join(f"{name}×{count}" if count > 1 else name for name, count in rows)


def _operation(instruction: Instruction) -> str:
    op = instruction.op
    return f"{op.name} of {op.length} rounds" if isinstance(op, Scan) else op.name


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


def _under(title: str, words: list[str], between: str = ", ") -> list[str]:
    """Words in the column beside their title, in as many lines as they take: none if there are no words."""
    return [f"{'' if i else title:25}{line}" for i, line in enumerate(_wrapped(words, between, 75) if words else ())]


def _wrapped(words: Iterable[str], between: str, width: int) -> list[str]:
    """Words in lines of at most `width`, broken between them; at least one line."""
    kept = between.join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in words)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(kept, width)] or [""]


def _one_by_one(program: Program, known: Mapping[Value, Any]) -> Cost:
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


def _roots(program: Program, known: Mapping[Value, Any]) -> dict[Value, Value]:
    """Value -> the value whose memory it looks at, for what the program computes and takes."""
    forms = {value: known.get(value, form_of(value.shape, value.dtype)) for value in program.sources()}
    roots = {value: value for value in forms}
    for instruction in program.instructions:
        lay(instruction, forms, roots)
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
