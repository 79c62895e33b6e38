"""A picture in DOT, the language of Graphviz.

Node ids are our own (`n7`), all text comes escaped from `labels.py`, and the same drawing gives
the same text, byte for byte.

Read before: `labels.py`, `legend.py`. Read next: `render.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import graphviz

from .labels import edge_label, escaped, font, frame_label, item_label, table
from .legend import box_of, estimated_width, part_of, write_legend
from .model import Drawing, Edge, Frame, Item
from .style import ALARM, ARROW, FONT, FRAME, FRAME_FILL, GRADIENT, GROUND, MUTED, heat_colour

_OUTSIDE = ()

PLAIN_ARROWS_ABOVE_NODES = 400
"""Above this many boxes arrows are straight and bare, which more than halves the time of the layout."""


def to_dot(
    drawing: Drawing, legend: bool = True, swapped: bool = False, column: Mapping[str, int] = MappingProxyType({})
) -> str:
    """The drawing as DOT text.

    swapped  write the side of the backward pass before that of the forward pass, and the last column first
    column   the column that each box stands in, by its id (`columns.py`); by default there is one
    """
    boxes = len(drawing.items)
    graph = graphviz.Digraph("picture")
    graph.attr(
        "graph",
        bgcolor=GROUND,
        fontname=FONT,
        rankdir="TB",
        newrank="true",  # ranks reach across frames: a gradient stands beside its tensor
        nodesep="0.3",
        ranksep="0.35",
        pad="0.2",
        splines="line" if boxes > PLAIN_ARROWS_ABOVE_NODES else "true",
        # How long the layout may look for something better: without a limit, tangled graphs take minutes.
        nslimit=_patience(boxes),
        nslimit1=_patience(boxes),
        label=_caption(drawing),
        labelloc="t",
    )
    graph.attr("node", fontname=FONT, fontsize="11", margin="0.16,0.06", height="0.2", width="0.3")
    graph.attr("edge", fontname=FONT, fontsize="9", color=ARROW, arrowsize="0.7")
    order = sorted(drawing.items, key=lambda item: -column.get(item.id, 0)) if swapped else drawing.items
    _write_boxes(graph, replace(drawing, items=order), swapped)
    for item in drawing.items:
        if item.beside is not None and drawing.direction == "both":
            with part_of(graph) as row:
                row.attr(rank="same")
                row.node(item.beside)
                row.node(item.id)
    for rank in sorted(set(drawing.ends.values())):
        with part_of(graph) as row:
            row.attr(rank=rank)
            for name, end in drawing.ends.items():
                if end == rank:
                    row.node(name)
    for edge in drawing.edges:
        apart = column.get(edge.source) != column.get(edge.target)
        _write_edge(graph, edge, drawing.direction, labelled=boxes <= PLAIN_ARROWS_ABOVE_NODES, apart=apart)
    if legend:
        write_legend(graph, drawing)
    return graph.source


def _caption(drawing: Drawing) -> str:
    if not drawing.notes:
        return ""
    letters = int(
        min(max(estimated_width(drawing) / 5.2, 44), 160)
    )  # in a line, so that it is no wider than the picture
    lines = [line for note in drawing.notes for line in textwrap.wrap(note, letters)]
    return table([font(escaped(line, 160), ALARM if drawing.alarm else MUTED, 10) for line in lines])


def _write_boxes(graph: graphviz.Digraph, drawing: Drawing, swapped: bool) -> None:
    """Each box inside of its frames, which are nested as their ids say."""
    inside: dict[tuple[str, ...], list[Item]] = {}
    frames: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for item in drawing.items:
        if item.path not in inside:
            for depth in range(len(item.path), 0, -1):
                siblings = frames.setdefault(item.path[: depth - 1], [])
                if item.path[:depth] not in siblings:
                    siblings.append(item.path[:depth])
        inside.setdefault(item.path, []).append(item)
    if swapped:
        frames[_OUTSIDE].reverse()

    def write(into: graphviz.Digraph, path: tuple[str, ...]) -> None:
        for item in inside.get(path, ()):
            _write_item(into, item)
        for inner in frames.get(path, ()):
            frame = drawing.frames[inner[-1]]
            with part_of(into, f"cluster_{frame.id}") as cluster:
                # Arrows cross a label, but go around a box: a label with details is one.
                cluster.attr(
                    "graph",
                    label="" if frame.detail or not frame.label else frame_label(frame),
                    labeljust="l",
                    style="rounded,filled" if frame.kind != "side" else "rounded",
                    fillcolor=FRAME_FILL if len(inner) % 2 else GROUND,
                    color=FRAME,
                    margin="10",
                    **{"class": "frame", "id": frame.id},
                )
                if frame.detail:
                    _write_label(cluster, frame, drawing)
                write(cluster, inner)

    write(graph, _OUTSIDE)


def _write_label(cluster: graphviz.Digraph, frame: Frame, drawing: Drawing) -> None:
    """The label of a frame as a box above all that is in the frame."""
    name = f"label_{frame.id}"
    cluster.node(name, label=frame_label(frame), shape="plain", margin="0.08", **{"class": "frame"})
    inside = [item.id for item in drawing.items if frame.id in item.path]
    lower = {edge.target for edge in drawing.edges if edge.source in inside}
    for item in inside:
        if item not in lower:
            cluster.edge(name, item, style="invis", weight="2")


def _write_item(graph: graphviz.Digraph, item: Item) -> None:
    if item.kind == "door":
        graph.node(item.id, label="", id=item.id, shape="point", width="0.04", **{"class": item.kind})
        return
    box = box_of("failed" if item.alarm else item.kind)
    if item.heat is not None:
        box["fillcolor"] = heat_colour(item.heat)
    graph.node(item.id, label=item_label(item), id=item.id, **box, **{"class": item.kind})


def _patience(boxes: int) -> str | None:
    return None if boxes <= 150 else "1" if boxes <= PLAIN_ARROWS_ABOVE_NODES else "0.3"


def _write_edge(graph: graphviz.Digraph, edge: Edge, direction: str, labelled: bool, apart: bool) -> None:
    attributes = {"id": edge.id, "class": edge.kind, "label": (labelled and edge_label(edge)) or None}
    ends = edge.source, edge.target
    if edge.kind == "backward":
        attributes |= {"color": GRADIENT, "style": "dashed"}
        if direction != "backward":
            # Written the other way round, so that the pass back lies beside the pass forward.
            ends = edge.target, edge.source
            attributes |= {"dir": "back"}
    elif edge.kind == "idle":
        attributes |= {"style": "dotted"}
    elif edge.kind == "beside":
        attributes |= {"color": GRADIENT, "style": "bold"}
    elif edge.kind == "repeat":
        attributes |= {"style": "bold", "constraint": "false"}
    elif edge.kind == "entry":
        attributes |= {"weight": "20"}  # or what comes in from far away would draw the entry out of its kernel
    if apart:
        attributes |= {"constraint": "false"}  # from one column to another
    graph.edge(*ends, **attributes)
