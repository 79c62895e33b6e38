"""`viz.facing`: the backward passes of two ranks that train one network, facing each other, and what travels between them.

Read before: `steps.py`, which tells of one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import graphviz
import numpy

from tinygrad_ml.errors import OptionError

from .figures import number
from .labels import escaped, font
from .legend import part_of
from .render import PICTURE_FORMATS, render
from .style import ARROW, FONT, GRADIENT, GROUND, INK, MUTED, VALUE
from .telling import Step

_BOX = {"shape": "box", "style": "filled,rounded", "fillcolor": "#eef4fa", "color": "#3f6f9f"}
_LEAVES = {"shape": "box", "style": "filled,rounded", "fillcolor": "#f7eefa", "color": "#9a4fb0", "penwidth": "1.6"}
_MEETS = {"shape": "box", "style": "filled", "fillcolor": "#fdf1d8", "color": "#a5690a", "penwidth": "1.6"}
_DIGITS = 64


def facing(walks: Sequence[Sequence[Step]], samples: Sequence[int], parameters: Sequence[str]) -> Facing:
    """Two backward passes side by side, in the order in which they went, and between them the means that both get.

    walks       of each rank what `viz.steps(loss)` told, which can be sent from one process to another
    samples     how many samples each rank has, by which its gradients count
    parameters  the names of the tensors that learn

    Raises `OptionError`: there are not two walks of the same steps.
    """
    backward = [[step for step in walk if step.phase == "backward"] for walk in walks]
    if len(walks) != 2 or len(samples) != 2 or len({tuple(step.name for step in walk) for walk in backward}) != 1:
        raise OptionError("facing() draws the backward passes of two ranks that compute the same of other samples")
    return Facing(backward[0], backward[1], samples, parameters)


class Facing:
    """The picture: `source` is its DOT text, `save` writes it as .svg, .png or .pdf."""

    def __init__(self, left: list[Step], right: list[Step], samples: Sequence[int], parameters: Sequence[str]):
        self._samples, self._names = samples, parameters
        graph = graphviz.Digraph("facing")
        graph.attr("graph", bgcolor=GROUND, fontname=FONT, nodesep="0.45", ranksep="0.3", pad="0.1")
        graph.attr("node", fontname=FONT, fontsize="11", fontcolor=INK, margin="0.12,0.06")
        graph.attr("edge", fontname=FONT, fontsize="10", color=ARROW, fontcolor=GRADIENT, arrowsize="0.7")
        self._write_heads(graph)
        above = ("head0", "between", "head1")
        for place, row in enumerate(_rows(left, right, self._leaves)):
            above = self._write_row(graph, place, row, above)
        self._write_ends(graph, above)
        self.source = graph.source

    def save(self, path: str | Path) -> Path:
        """Write it; the path written."""
        path = Path(path)
        form = path.suffix.lower().lstrip(".")
        if form not in PICTURE_FORMATS:
            raise OptionError(f"this picture is saved as .svg, .png or .pdf, not {path.name!r}")
        path.write_bytes(render(self.source, form))
        return path

    def _leaves(self, step: Step) -> bool:
        """Whether it completes the gradient of a parameter, which sets out then."""
        return step.complete and any(step.name.endswith(f"/∂{name}") for name in self._names)

    def _write_heads(self, graph: graphviz.Digraph) -> None:
        with part_of(graph) as row:
            row.attr(rank="same")
            for rank, samples in enumerate(self._samples):
                text = f"<<b>rank {rank}</b><br/>{font(f'{samples} samples, backward', MUTED, 10)}>"
                row.node(f"head{rank}", text, shape="plain")
            travels = f"<b>between them</b><br/>{font('each gradient leaves as soon as it is complete', MUTED, 10)}"
            row.node("between", f"<{travels}>", shape="plain")
            row.edge("head0", "between", style="invis")
            row.edge("between", "head1", style="invis")

    def _write_row(
        self, graph: graphviz.Digraph, place: int, row: tuple[list[Step], list[Step]], above: tuple[str, str, str]
    ) -> tuple[str, str, str]:
        """A step of both, and what leaves after it; the boxes under which the next row stands."""
        chains = [f"chain{rank}_{place}" for rank in (0, 1)]
        leaving = [steps[1:] for steps in row]
        between = above[1]
        for rank, steps in enumerate(row):
            graph.node(chains[rank], _label(steps[0]), **_BOX)
            graph.edge(above[2 * rank], chains[rank], style="" if place else "invis", weight="9")
        with part_of(graph) as level:
            level.attr(rank="same")
            for box in chains:
                level.node(box)
            if not leaving[0]:
                return chains[0], between, chains[1]
            gradients = [f"leaves{rank}_{place}" for rank in (0, 1)]
            for rank, steps in enumerate(leaving):
                level.node(gradients[rank], _label(steps[0]), **_LEAVES)
            mean = self._mean(leaving[0][0], leaving[1][0])
            name = leaving[0][0].name
            meets = f"meets_{place}"
            level.node(meets, self._told(name, leaving[0][0], leaving[1][0], mean), **_MEETS)
            level.edge(chains[0], gradients[0], color=GRADIENT)
            level.edge(gradients[0], meets, f"{self._samples[0]} · g  →\n←  mean", dir="both", color=GRADIENT)
            level.edge(meets, gradients[1], f"←  {self._samples[1]} · g\nmean  →", dir="both", color=GRADIENT)
            level.edge(gradients[1], chains[1], dir="back", color=GRADIENT)
        graph.edge(between, meets, style="invis", weight="9")
        return chains[0], meets, chains[1]

    def _write_ends(self, graph: graphviz.Digraph, above: tuple[str, str, str]) -> None:
        with part_of(graph) as row:
            row.attr(rank="same")
            for rank in (0, 1):
                row.node(f"end{rank}", f"<<b>θ ← θ - lr · mean</b><br/>{font('the same step', MUTED, 10)}>", **_BOX)
            row.node("same", f"<{font('so the weights stay equal, to the bit', MUTED, 10)}>", shape="plain")
            row.edge("end0", "same", style="invis")
            row.edge("same", "end1", style="invis")
        for box, end in zip(above, ("end0", "same", "end1"), strict=True):
            graph.edge(box, end, style="invis" if end == "same" else "dashed", weight="9")

    def _mean(self, left: Step, right: Step) -> numpy.ndarray:
        first, second = (numpy.asarray(step.result.values, "float64") for step in (left, right) if step.result)
        weights = self._samples
        return (first * weights[0] + second * weights[1]) / sum(weights)

    def _told(self, name: str, left: Step, right: Step, mean: numpy.ndarray) -> str:
        title = f"<b>mean of {escaped(name, _DIGITS)}</b>"
        if mean.size > 1:
            return f"<{title}<br/>{font(f'{mean.size} numbers each way', VALUE, 10)}>"
        values = [number(float(numpy.asarray(step.result.values).item())) for step in (left, right) if step.result]
        weights = self._samples
        sums = f"({weights[0]} · {values[0]} + {weights[1]} · {values[1]}) / {sum(weights)}"
        return (
            f"<{title}<br/>{font(escaped(sums, _DIGITS), MUTED, 10)}<br/>{font(f'= {number(mean.item())}', VALUE, 11)}>"
        )


def _rows(
    left: list[Step], right: list[Step], leaves: Callable[[Step], bool]
) -> Iterator[tuple[list[Step], list[Step]]]:
    """The steps of the walk of both, each with the gradients that leave after it."""
    row: tuple[list[Step], list[Step]] = [], []
    for pair in zip(left, right, strict=True):
        if row[0] and not (leaves(pair[0]) and len(row[0]) == 1):
            yield row
            row = [], []
        row[0].append(pair[0])
        row[1].append(pair[1])
    yield row


def _label(step: Step) -> str:
    value = step.numbers or step.value
    rule = step.rule.split(" = ", 1)[-1]
    lines = [f"<b>{escaped(step.name, _DIGITS)}</b>", f"<i>{font(escaped(rule, _DIGITS), INK, 10)}</i>"]
    if value != rule:
        lines.append(font(escaped(value, _DIGITS), VALUE, 10))
    return f"<{'<br/>'.join(lines)}>"
