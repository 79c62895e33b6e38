"""A picture in DOT, the language of Graphviz: to be laid out by it, or with the place of everything told.

Node ids are our own (`n7`), all text comes escaped from `labels.py`, and the same drawing gives
the same text, byte for byte.

Read before: `labels.py`, `legend.py`. Read next: `render.py`.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import graphviz

from .labels import edge_label, escaped, font, frame_label, item_label, lines_of, table
from .layout import Area, Point, Positions, Way, around
from .legend import LegendPart, box_of, estimated_width, part_of, write_legend
from .model import Drawing, Edge, Frame, Item
from .style import ALARM, ARROW, FONT, FRAME, FRAME_FILL, GRADIENT, GROUND, MUTED, heat_colour

RANKDIRS = ("TB", "LR")
"""From top to bottom, from left to right."""
_OUTSIDE = ()

CONTINUED = "… "
"""Before the name of a frame that began in an earlier column."""
PLAIN_ARROWS_ABOVE_NODES, PLAIN_IN_PROGRAMS = 400, 130
"""Above this many boxes arrows are straight and bare, which more than halves the time of the layout. The arrows of a recorded
program, which go from forward far into backward, can take Graphviz minutes to bend around the boxes between."""
SPINE_WEIGHT = "20"
"""How much more it counts that arrows on the longest way are straight: Graphviz gives those around several ranks up to 8."""


class _Room(NamedTuple):
    """How much room there is: between boxes and between their rows, around texts, in inches; inside of frames, and of frames
    around frames, in points; how large heads of arrows are; and whether labels of frames lie on their lines."""

    between: str
    arrow: str
    margin: str
    rim: str
    outer: str
    head: str
    label_on_line: bool


_ROOMS = (
    _Room("0.3", "0.35", "0.16,0.06", "10", "10", "0.7", False),
    _Room("0.15", "0.18", "0.1,0.04", "7", "7", "0.7", True),
    _Room("0.08", "0.08", "0.055,0.015", "5", "5", "0.5", True),
    _Room("0.03", "0.08", "0.03,0.01", "4", "2", "0.5", True),
)
"""By the `brevity` of the boxes."""
SHORTEST_LINE, NO_LIMIT = 44, 160
"""Letters in a line of the notes, however narrow or wide the picture is."""


class Joint(NamedTuple):
    """A point at the end of a column where arrows leave it, or at its start, where they come in.

    rank    "source" at the start of the column, "sink" at its end
    tips    for each arrow: its id, the box at its other end, its label, and where it has its head as Graphviz says it
    """

    id: str
    rank: str
    tips: list[tuple[str, str, str, str]]


def to_dot(
    drawing: Drawing,
    legend: bool = True,
    rankdir: str = "TB",
    joints: Sequence[Joint] = (),
    swapped: bool = False,
) -> str:
    """The drawing as DOT text.

    rankdir  "TB": read downwards, or "LR": to the right
    joints   where arrows from and to other columns enter and leave
    swapped  write the side of the backward pass before that of the forward pass
    """
    graph = _graph(drawing, rankdir)
    boxes, room = len(drawing.items), _room_in(drawing)
    graph.attr(
        "graph",
        newrank="true",  # ranks reach across frames: a gradient stands beside its tensor
        nodesep=room.between,
        ranksep=room.arrow,
        splines="line" if _has_plain_arrows(drawing) else "true",
        # How long the layout may look for something better: without a limit, tangled graphs take minutes.
        nslimit=_patience(boxes),
        nslimit1=_patience(boxes),
        label=_caption(drawing) if legend else "",
        labelloc="t",
    )
    _write_boxes(graph, drawing, swapped)
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
    spine = spine_of(drawing)
    for edge in drawing.edges:
        tail, head = ends_of(edge, drawing)
        weight = {"weight": SPINE_WEIGHT} if edge.id in spine else {}
        graph.edge(tail, head, **(_look_of_arrow(edge, drawing) | weight))
    for rank in ("source", "sink"):
        if at := [joint for joint in joints if joint.rank == rank]:
            _write_joints(graph, rank, at)
    if legend:
        write_legend(graph, drawing)
    return graph.source


def to_placed_dot(drawing: Drawing, layout: Positions, parts: dict[str, LegendPart], rankdir: str = "TB") -> str:
    """The drawing as DOT text in which everything has its place, which Graphviz only draws.

    parts  what the layout has a place for besides the boxes: parts of the legend, lines of the caption
    """
    graph = _graph(drawing, rankdir)
    graph.attr("graph", layout="nop2")
    seen: Counter[str] = Counter()
    depths = {frame: depth for item in drawing.items for depth, frame in enumerate(item.path, start=1)}
    for placed in layout.frames:
        frame, number = placed.frame, seen[placed.frame.id]
        seen[frame.id] += 1
        own = f"{frame.id}_{number}" if number else frame.id
        with part_of(graph, f"cluster_{own}") as cluster:
            look = _look_of_frame(frame, depths.get(frame.id, 2), placed.on_line)
            look |= {"id": own, "bb": _bounds(placed.area)}
            if placed.label is not None:
                look |= {"lp": _point(placed.label.seen_from(-placed.area.left, -placed.area.top).middle)}
            cluster.attr("graph", **look)
    for frame in drawing.frames.values():
        if (area := layout.boxes.get(f"label_{frame.id}")) is not None:
            graph.node(f"label_{frame.id}", pos=_point(area.middle), **_look_of_label(frame))
    for item in drawing.items:
        graph.node(item.id, pos=_point(layout.boxes[item.id].middle), **_look_of_box(item))
    for edge in drawing.edges:
        tail, head = ends_of(edge, drawing)
        label = layout.labels.get(edge.id)
        place = {"pos": _line(layout.arrows[edge.id]), "lp": label and _point(label.middle)}
        look = _look_of_arrow(edge, drawing) | place
        graph.edge(tail, head, **(look if label else look | {"label": None}))
    for name, part in parts.items():
        if name in layout.boxes:
            look = part.look | {"class": "legend"}
            graph.node(name, label=f"<{part.label}>", pos=_point(layout.boxes[name].middle), **look)
    whole = around([layout.area, *layout.frame_labels()])
    for number, corner in enumerate(((whole.left, whole.top), (whole.right, whole.bottom))):
        # Graphviz takes the size of a picture from boxes alone.
        graph.node(f"corner_{number}", pos=_point(corner), shape="point", width="0.01", height="0.01", style="invis")
    return graph.source


def to_parts_dot(drawing: Drawing, parts: dict[str, LegendPart]) -> str:
    """The parts of a legend and of a caption alone, and the labels of frames, to be measured."""
    graph = _graph(drawing, "TB")
    for name, part in parts.items():
        graph.node(name, label=f"<{part.label}>", **part.look)
    for frame in drawing.frames.values():
        for placed in (frame, continued(frame)) if frame.label else ():
            graph.node(id_of_label(placed), label=frame_label(placed), shape="plain")
    return graph.source


def continued(frame: Frame) -> Frame:
    """A frame in a column after the one in which it began."""
    return replace(frame, label=CONTINUED + frame.label, aside="")


def id_of_label(frame: Frame) -> str:
    """What the label of a frame is called where it is measured."""
    return f"label_of_{frame.id}{'_again' * frame.label.startswith(CONTINUED)}"


def _graph(drawing: Drawing, rankdir: str) -> graphviz.Digraph:
    """A graph with what is the same of everything in it."""
    graph = graphviz.Digraph("picture")
    graph.attr("graph", bgcolor=GROUND, fontname=FONT, rankdir=rankdir, pad="0.02")
    graph.attr("node", fontname=FONT, fontsize="11", margin=_room_in(drawing).margin, height="0.2", width="0.3")
    graph.attr("edge", fontname=FONT, fontsize="9", color=ARROW, arrowsize=_room_in(drawing).head)
    return graph


def _room_in(drawing: Drawing) -> _Room:
    return _ROOMS[max((item.brevity for item in drawing.items), default=0)]


def _caption(drawing: Drawing) -> str:
    if not drawing.notes:
        return ""
    letters = int(min(max(estimated_width(drawing) / 5.2, SHORTEST_LINE), NO_LIMIT))
    return table([part.label for part in caption_parts(drawing, letters).values()])


def caption_parts(drawing: Drawing, letters: int) -> dict[str, LegendPart]:
    """The notes on a picture in lines of at most so many letters."""
    lines = [line for note in drawing.notes for line in textwrap.wrap(note, min(letters, NO_LIMIT))]
    colour = ALARM if drawing.alarm else MUTED
    look: dict[str, str | None] = {"shape": "plain"}
    return {
        f"caption_{number}": LegendPart(line, look, font(escaped(line, NO_LIMIT), colour, 10))
        for number, line in enumerate(lines)
    }


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
    on_line = labelled_on_their_line(drawing)

    def write(into: graphviz.Digraph, path: tuple[str, ...]) -> None:
        for item in inside.get(path, ()):
            into.node(item.id, **_look_of_box(item))
        for inner in frames.get(path, ()):
            frame = drawing.frames[inner[-1]]
            with part_of(into, f"cluster_{frame.id}") as cluster:
                room = _room_in(drawing)
                look = _look_of_frame(frame, len(inner)) | {"margin": room.outer if inner in frames else room.rim}
                cluster.attr("graph", **(look | {"label": ""} if frame.id in on_line else look))
                if frame.detail:
                    _write_label(cluster, frame, drawing)
                write(cluster, inner)

    write(graph, _OUTSIDE)


def labelled_on_their_line(drawing: Drawing) -> set[str]:
    """The frames whose label interrupts their upper line, as in forms: where room counts, those without frames in them, if
    their label is no wider than a box in them."""
    if not _room_in(drawing).label_on_line:
        return set()
    longest: dict[str, int] = {}
    for item in drawing.items:
        for frame in item.path[-1:]:
            letters = max(map(len, lines_of(item_label(item))), default=0)
            longest[frame] = max(longest.get(frame, 0), letters)
    outer = {frame for item in drawing.items for frame in item.path[:-1]} | {"forward", "backward"}
    labels = {frame: " ".join(lines_of(frame_label(drawing.frames[frame]))) for frame in longest.keys() - outer}
    return {
        frame for frame, label in labels.items() if len(label) <= longest[frame] + 2 and drawing.frames[frame].label
    }


def _look_of_frame(frame: Frame, depth: int, on_line: bool = False) -> dict[str, str]:
    if frame.kind == "legend":
        return {"label": "", "style": "rounded", "color": FRAME, "class": "legend"}
    return {
        "label": ""
        if frame.detail or not frame.label
        else frame_label(frame, (GROUND, FRAME_FILL)[depth % 2 == 0] if on_line else ""),
        "labeljust": "l",
        "style": "rounded,filled" if frame.kind != "side" else "rounded",
        "fillcolor": FRAME_FILL if depth % 2 else GROUND,
        "color": FRAME,
        "class": "frame",
        "id": frame.id,
    }


def _write_label(cluster: graphviz.Digraph, frame: Frame, drawing: Drawing) -> None:
    """The label of a frame as a box above all that is in the frame. Arrows cross a label, but go around a box: a label
    with details is one."""
    name = f"label_{frame.id}"
    cluster.node(name, **_look_of_label(frame))
    inside = [item.id for item in drawing.items if frame.id in item.path]
    lower = {edge.target for edge in drawing.edges if edge.source in inside}
    for item in inside:
        if item not in lower:
            cluster.edge(name, item, style="invis", weight="2")


def _look_of_label(frame: Frame) -> dict[str, str]:
    return {"label": frame_label(frame), "shape": "plain", "margin": "0.08", "class": "frame"}


def _look_of_box(item: Item) -> dict[str, str | None]:
    if item.kind == "door":
        return {"label": "", "id": item.id, "shape": "point", "width": "0.04", "class": item.kind}
    look = box_of("failed" if item.alarm else item.kind, item.brevity > 0)
    if item.heat is not None:
        look["fillcolor"] = heat_colour(item.heat)
    return {"label": item_label(item), "id": item.id, **look, "class": item.kind}


def _patience(boxes: int) -> str | None:
    return None if boxes <= 150 else "1" if boxes <= PLAIN_ARROWS_ABOVE_NODES else "0.3"


def goes_back(edge: Edge, drawing: Drawing) -> bool:
    """Whether an arrow is written the other way round, so that the pass back lies beside the pass forward."""
    return edge.kind == "backward" and drawing.direction != "backward"


def ends_of(edge: Edge, drawing: Drawing) -> tuple[str, str]:
    """The boxes between which an arrow is laid out: from the one that comes earlier as one reads."""
    return (edge.target, edge.source) if goes_back(edge, drawing) else (edge.source, edge.target)


def spine_of(drawing: Drawing) -> set[str]:
    """The arrows on the longest ways through a picture: data runs straight along them, and what goes around bends."""
    arrows = [edge for edge in drawing.edges if edge.kind not in ("repeat", "beside")]
    after: dict[str, list[str]] = {item.id: [] for item in drawing.items}
    waits = dict.fromkeys(after, 0)
    for edge in arrows:
        tail, head = ends_of(edge, drawing)
        after[tail].append(head)
        waits[head] += 1
    order = [box for box, count in waits.items() if not count]
    above, below = dict.fromkeys(after, 0), dict.fromkeys(after, 0)
    for box in order:  # which grows: each box follows when all before it have been
        for head in after[box]:
            above[head] = max(above[head], above[box] + 1)
            waits[head] -= 1
            if not waits[head]:
                order.append(head)
    for box in reversed(order):
        below[box] = max((below[head] + 1 for head in after[box]), default=0)
    longest = max(above.values(), default=0)
    ends = {edge.id: ends_of(edge, drawing) for edge in arrows}
    return {name for name, (tail, head) in ends.items() if above[tail] + 1 + below[head] == longest}


def label_of(edge: Edge, drawing: Drawing) -> str | None:
    """The label of an arrow; arrows of large pictures are bare."""
    return None if _has_plain_arrows(drawing) else edge_label(edge) or None


def _has_plain_arrows(drawing: Drawing) -> bool:
    return len(drawing.items) > (PLAIN_IN_PROGRAMS if drawing.direction == "program" else PLAIN_ARROWS_ABOVE_NODES)


def _look_of_arrow(edge: Edge, drawing: Drawing) -> dict[str, str | None]:
    look = {"id": edge.id, "class": edge.kind, "label": label_of(edge, drawing)}
    if edge.kind == "backward":
        look |= {"color": GRADIENT, "style": "dashed"}
        look |= {"dir": "back"} if goes_back(edge, drawing) else {}
    elif edge.kind == "idle":
        look |= {"style": "dotted"}
    elif edge.kind == "beside":
        look |= {"color": GRADIENT, "style": "bold"}
    elif edge.kind == "repeat":
        look |= {"style": "bold", "constraint": "false"}
    elif edge.kind == "entry":
        look |= {"weight": "20"}  # or what comes in from far away would draw the entry out of its kernel
    return look


def _write_joints(graph: graphviz.Digraph, rank: str, joints: Sequence[Joint]) -> None:
    with part_of(graph) as row:
        row.attr(rank=rank)
        for joint in joints:
            row.node(joint.id, shape="point", width="0.01", height="0.01", label="")
    for joint in joints:
        for name, box, label, heads in joint.tips:
            ends = (joint.id, box) if rank == "source" else (box, joint.id)
            graph.edge(*ends, id=name, label=label or None, dir=heads)


def _point(at: Point) -> str:
    return f"{at[0]:.2f},{-at[1]:.2f}"


def _bounds(area: Area) -> str:
    return f"{area.left:.2f},{-area.bottom:.2f},{area.right:.2f},{-area.top:.2f}"


def _line(way: Way) -> str:
    tips = [f"{letter},{_point(tip)}" for letter, tip in (("s", way.start), ("e", way.end)) if tip is not None]
    return " ".join([*tips, *map(_point, way.points)])
