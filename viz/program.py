"""From a compiled step to the plain data of a picture: a frame for each fused group of operations, in the order of running.

Read before: `model.py`, `kernels.py`. Read next: `labels.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tinygrad_ml.compile import Step
from tinygrad_ml.compile.explain import operations_of
from tinygrad_ml.compile.program import Call, Instruction, Value
from tinygrad_ml.compile.schedule.kernel import Kernel
from tinygrad_ml.errors import OptionError

from . import words
from .figures import amount, byte_text, shape_text
from .heat import heat
from .kernels import Block, Blocks, by_place, in_short, with_parts
from .model import Drawing, Edge, Frame, Item

MANY_UPDATES = 8
"""Updates drawn as one from which arrows of what comes in for each would hide all others."""
PROGRAM_OVERLAYS = ("flops", "bytes")


def read_step(step: Step, stage: str | None, depth: int | None, fold: bool, overlay: str | None, limit: int) -> Drawing:
    """The picture of what the last call of a step ran, or of its program at a stage; the options are those of `draw`.

    Raises `CompileError` for a step that has not been called yet, and `OptionError`.
    """
    if overlay is not None and overlay not in PROGRAM_OVERLAYS:
        raise OptionError(
            f"a compiled step is coloured by {' or '.join(map(repr, PROGRAM_OVERLAYS))}, not by {overlay!r}: it keeps no numbers"
        )
    # All is read off one explanation: another thread may call the step meanwhile.
    explanation, of = step.explanation, step.__name__
    if stage is not None and stage not in explanation.stages:
        names = ", ".join(map(repr, explanation.stages))
        raise OptionError(f"stage is one of {names}, or None for kernels, not {stage!r}")
    # What a kernel moves and computes is known of the whole: so with an overlay kernels are the boxes.
    blocks = Blocks(explanation, stage, 0 if overlay else depth, fold, limit)
    of = f"{of} after {stage!r}" if stage else of
    drawing = Drawing("program" if stage else "kernels", of, notes=blocks.notes, overlay=overlay or "")
    _ProgramReader(blocks, drawing).read()
    if overlay:
        heat(drawing.items, overlay)
    return drawing


class _ProgramReader:
    """Fills a drawing with the blocks of a program."""

    def __init__(self, blocks: Blocks, drawing: Drawing):
        self.at, self.drawing, self.names, self.explanation = blocks, drawing, blocks.names, blocks.explanation
        if len(blocks.phases) > 1:
            self.phases = {phase: f"p{place}" for place, phase in enumerate(blocks.phases)}
            drawing.frames |= {frame: Frame(frame, phase, "pass") for phase, frame in self.phases.items()}
        else:
            self.phases = {}
        self.places: dict[Value, str] = {}  # the box that shows a value
        self.blocks: dict[Value, Block] = {}  # and the block that computes it
        self.numbered: dict[tuple[str, str], tuple[str, int]] = {}  # where the arrow with numbers enters a block
        self.goes = self._destinations()

    def read(self) -> None:
        for value in self.at.sources:
            self._add_source(value)
        for block in self.at.blocks:
            if self.at.closed:
                self._add_closed(block)
            else:
                self._add_open(block)
        edges: dict[tuple, Edge] = {}
        for block in self.at.blocks:
            for kernel in block.kernels or [block]:
                firsts = block.instructions if block.alike else kernel.instructions
                for first, instruction in zip(firsts, kernel.instructions, strict=True):
                    told = {value for value, by in self.at.updated.items() if by is kernel}
                    self._connect(block, first, instruction, told, edges)
        self.drawing.edges = list(edges.values())

    def _add(self, item: Item, values: Iterable[Value], block: Block | None = None) -> None:
        self.drawing.items.append(item)
        for value in values:
            self.places[value] = item.id
            if block is not None:
                self.blocks[value] = block

    def _path(self, block: Block) -> tuple[str, ...]:
        return (self.phases[block.phase],) if self.phases else ()

    def _add_source(self, value: Value) -> None:
        alike = self.at.alike.get(value, [value])
        names = [self.at.own_names[each] for each in alike]
        item = Item(f"s{value.number}", _KINDS[value.source.kind], in_short(names))
        if item.kind == "host":
            item.name = ", ".join(names)
        elif item.kind == "constant":
            item.name = f"{item.name} {_describe(value)}" if value.shape else item.name
        else:
            item.count = len(alike)
            if value.source.kind == "state" and value.source.tensor.requires_grad:
                item.kind = "parameter"
            if len(alike) == 1:
                item.shape, item.dtype = value.shape, str(value.dtype)
        item.goes = self._texts([value])
        self._add(item, alike)

    def _add_open(self, block: Block) -> None:
        kernel = block.kernels[0] if block.kernels else None
        framed = len(block.instructions) > 1
        path = self._path(block) + ((block.id,) if framed else ())
        if framed:
            detail = "\n".join(self._costs(block))
            self.drawing.frames[block.id] = Frame(block.id, *_titles(block), detail, block.count)
        for entry in block.entries.values():
            which = [self._outer_name(value) for value in entry.values]
            which = ", ".join(which) if len(which) <= 3 else in_short(which)
            self._add(Item(entry.id, "entry", f"{entry.name} ×{len(entry.values)}", path, equation=which), ())
        for place, instruction in enumerate(block.instructions):
            output = instruction.output
            item = Item(f"n{output.number}", self._kind(instruction), self.names[output], path, instruction.op.name)
            item.equation = self._equation(instruction, block)
            # In a loop all is of one shape, which stands in its frame.
            if (
                not (framed and kernel and output.shape == kernel.shape and output.dtype == "float32")
                and len(block.kernels) < 2
            ):
                item.shape, item.dtype = output.shape, str(output.dtype)
            item.flops, item.bytes = instruction.flops, output.nbytes
            if kernel and not framed:
                of = f"{block.purpose} · " if block.purpose else ""
                item.costs = (f"{of}{_number(block)} · {self._costs(block)[0]}",)
            outputs = [kernel.instructions[place].output for kernel in block.kernels] or [output]
            self._finish(item, outputs, outputs, block)

    def _add_closed(self, block: Block) -> None:
        name, more = _titles(block)
        item = Item(block.id, "call" if self.at.stage else "kernel", name, self._path(block), more, count=block.count)
        item.equation = operations_of(block.instructions) if name else ""
        item.name = name or operations_of(block.instructions)
        item.flops = sum(kernel.flops for kernel in block.kernels)
        item.bytes = self.at.moved(block)
        item.costs = self._costs(block) + self._operands(block)
        if "uncompiled" in map(self._kind, block.instructions):
            item.kind = "uncompiled"
        handed_on = [value for kernel in block.kernels for value in kernel.outputs]
        self._finish(item, [i.output for kernel in block.kernels for i in kernel.instructions], handed_on, block)

    def _finish(self, item: Item, values: list[Value], handed_on: list[Value], block: Block) -> None:
        item.goes = self._texts(handed_on)
        if item.kind == "uncompiled":
            item.note = "no compiled form: runs as in eager mode"
        self._add(item, values, block)

    def _kind(self, instruction: Instruction) -> str:
        if not self.at.stage and instruction in self.explanation.uncompiled:
            return "uncompiled"
        returned = any(name == "returned" for _, name, _ in self.goes.get(instruction.output, ()))
        return "output" if returned else "operation"

    def _equation(self, instruction: Instruction, block: Block) -> str:
        near: dict[Value | Instruction, str] = {part: self.names[part] for part in (instruction, *instruction.inputs)}
        near = {part: name.rpartition(".")[2] if len(name) > 16 else name for part, name in near.items()}
        near |= {value: entry.name for value, entry in block.entries.items()}
        if isinstance(instruction.op, Call):
            return f"{instruction.op.name}({', '.join(near[value] for value in instruction.inputs)})"
        return words.right_side(instruction, near)

    def _outer_name(self, value: Value) -> str:
        """What to call a value outside of kernels drawn as one: a gradient by what it is the gradient of."""
        root = self.at.through(value)[0]
        left = [name.removesuffix(".grad") for _, name, _ in self.goes.get(root, ()) if name.endswith(".grad")]
        return left[0] if left else self.at.own_names.get(root) or self.names[root]

    def _costs(self, block: Block) -> tuple[str, ...]:
        """What its kernels move and compute; for a loop, over what."""
        flops = sum(kernel.flops for kernel in block.kernels)
        moved = "" if self.at.stage else f"{byte_text(self.at.moved(block))} moved"
        figures = " · ".join(filter(None, [moved, f"{amount(flops)} FLOP" if flops else ""]))
        alone = len(block.kernels) == 1 and len(block.instructions) > 1 and not self.at.stage
        return tuple(filter(None, [_loop(block.kernels[0]) if alone else "", figures]))

    def _operands(self, block: Block) -> tuple[str, ...]:
        """What a closed block takes besides arguments: parameters and state, constants, and numbers of the host."""
        told = self.at.told(block)
        kept = [self.at.own_names[value] for value in told if value.source.kind in ("state", "gradient")]
        kept += [f"{self.names[value]} {_describe(value)}" for value in told if value.source.kind == "constant"]
        each = ", ".join(dict.fromkeys(entry.name for entry in block.entries.values()))
        host = dict.fromkeys(self.names[value] for value in told if value.source.kind == "number")
        lines = [f"with {', '.join(by_place(kept))}"] if kept else []
        lines += [f"with {', '.join(host)} of this step"] if host else []
        lines += [f"takes the {each} of each, without arrows"] if each and block.count > MANY_UPDATES else []
        return tuple(line for text in lines for line in textwrap.wrap(text, 56))

    def _destinations(self) -> dict[Value, list[tuple[str, str, str]]]:
        """Value -> (words before, name, words after) for each thing that becomes of it besides being read."""
        found: dict[Value, list[tuple[str, str, str]]] = {}
        for value, what in zip(self.at.program.results, self.at.results, strict=True):
            found.setdefault(self.at.through(value)[0], []).append(("", what, ""))
        for memory, value in self.at.program.writes:
            in_place = value in self.explanation.in_place
            how = "" if self.at.stage else ", in place" if in_place else ", at the end"
            verb = "updates " if memory in self.at.updated else "into "
            found.setdefault(self.at.through(value)[0], []).append((verb, self.at.own_names[memory], how))
        return found

    def _texts(self, values: Iterable[Value]) -> tuple[str, ...]:
        names: dict[tuple[str, str], list[str]] = {}
        for before, name, after in [goes for value in values for goes in self.goes.get(value, ())]:
            names.setdefault((before, after), []).append(name)
        return tuple(f"{before}{with_parts(several)}{after}" for (before, after), several in names.items())

    def _connect(
        self, block: Block, first: Instruction, instruction: Instruction, told: set[Value], edges: dict[tuple, Edge]
    ) -> None:
        """Add the arrows to an instruction, or to the one of the `first` kernel that is drawn in its place.

        told  the values of which the text of the kernel says that it reads them
        """
        target = self.places[instruction.output]
        for position, value in enumerate(instruction.inputs):
            root, views = self.at.through(value)
            source, into = self.places.get(root), (target, position)
            if source is None or source == target or root in told:
                continue  # a number in a formula, or within a closed kernel
            if self.at.closed and block.count > MANY_UPDATES and root.source is None:
                continue  # what comes in for each of many is said in the box
            text = [_describe(root)] if root.source is None and self.blocks[root] is not block else []
            text += [f"as {', '.join(views)}: {_describe(value)}"] if views else []
            entry = block.entries.get(first.inputs[position])
            if self.at.closed:
                into = (target, 0)
            elif root.source is not None and root.source.kind == "number":
                into = self.numbered.setdefault((block.id, source), into)  # one arrow to a kernel: formulas say where
            elif entry is not None:
                edges.setdefault((entry.id, *into), Edge(f"e{len(edges)}", entry.id, target, "entry"))
                into = (entry.id, 0)
            back = root.source is None and self.blocks[root].phase == block.phase != "" and self.at.is_backward(block)
            kind = "backward" if back else "forward"
            arrow = Edge(f"e{len(edges)}", source, into[0], kind, words=tuple(filter(None, text)))
            edges.setdefault((source, *into), arrow)


_KINDS = {"argument": "input", "state": "state", "gradient": "state", "constant": "constant", "number": "host"}
"""Kind of a source -> kind of its box."""


def _number(block: Block) -> str:
    numbers = [str(number) for number in block.numbers]
    return f"kernel {numbers[0]}" if len(numbers) == 1 else f"kernels {', '.join(numbers)}"


def _titles(block: Block) -> tuple[str, str]:
    """What a block computes, and which kernels it is, if both are known."""
    numbered = _number(block) if block.numbers else ""
    return (block.purpose, numbered) if block.purpose else (numbered, "")


def _loop(kernel: Kernel) -> str:
    """`one loop over (100, 500), reduced over axis 0`"""
    axes = f", reduced over {words.axes_text(kernel.axes)}" if kernel.axes else ""
    return f"one loop over {shape_text(kernel.shape)}{axes}"


def _describe(value: Value) -> str:
    """`(100, 500)`, `int64 (100,)`; nothing for a single float32."""
    dtype = "" if value.dtype == "float32" else str(value.dtype)
    return " ".join(filter(None, [dtype, str(value.shape) if value.shape else ""]))
