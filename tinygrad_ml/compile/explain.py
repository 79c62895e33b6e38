"""What a compiled step does, as a table: kernels, bytes, floating-point operations, memory."""

from __future__ import annotations

from .cpu import Executable
from .passes.fusion import Kernel
from .program import VIEWS, Call, Program, Value


def explained(recorded: Program, executable: Executable) -> str:
    """The kernels in order, and what the step costs, compared with running it operation by operation."""
    layout = executable.layout
    kernels = [kernel for kernel in executable.kernels if not _only_looks(kernel, layout)]
    lines = ["kernel                                                    shape                  MB moved     MFLOP"]
    for kernel in kernels:
        lines.append(
            f"{_shortened(kernel.name, 56):56}  {kernel.shape!s:20} {kernel.nbytes / 1e6:10.3f} {kernel.flops / 1e6:9.3f}"
        )
    eager_bytes = sum(
        value.nbytes for i in recorded.instructions for value in (*i.inputs, i.output) if i.op.name not in VIEWS
    )
    lines += [
        "",
        f"operations recorded      {len(recorded.instructions)}",
        f"kernels                  {len(kernels)}",
        f"bytes moved              {sum(k.nbytes for k in kernels) / 1e6:.2f} MB; operation by operation {eager_bytes / 1e6:.2f} MB",
        f"floating-point work      {sum(k.flops for k in kernels) / 1e6:.1f} MFLOP",
        f"memory between           {layout.nbytes / 1e6:.2f} MB; operation by operation {_peak(recorded) / 1e6:.2f} MB",
        f"written in place         {len(layout.in_place)} of {len(recorded.writes)} tensors",
    ]
    names = sorted({instruction.op.name for instruction in executable.eager if not isinstance(instruction.op, Call)})
    if names:
        lines.append(f"no compiled form, so run eagerly: {', '.join(names)}")
    return "\n".join(lines)


def _only_looks(kernel: Kernel, layout) -> bool:
    return kernel.instructions[0].output in layout.views


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _peak(program: Program) -> int:
    """The most bytes that results take at one time, if each is freed after its last use."""
    last: dict[Value, int] = {}
    for i, instruction in enumerate(program.instructions):
        last.update(dict.fromkeys((*instruction.inputs, instruction.output), i))
    last.update(dict.fromkeys(program.results, len(program.instructions)))
    freed: dict[int, int] = {}
    for instruction in program.instructions:
        place = last[instruction.output]
        freed[place] = freed.get(place, 0) + instruction.output.nbytes
    held = peak = 0
    for i, instruction in enumerate(program.instructions):
        held += instruction.output.nbytes
        peak = max(peak, held)
        held -= freed.get(i, 0)
    return peak
