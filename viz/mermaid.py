"""A picture as Mermaid, which GitHub, GitLab and many notebooks draw where it stands in a text.

    ```mermaid
    flowchart TB ...
    ```

Mermaid makes its own layout, so nothing but boxes, frames, arrows and words is told.

Read before: `labels.py`. Read next: `tikz.py`.
"""

from __future__ import annotations

from .labels import edge_label, frame_label, item_label, lines_of
from .model import Drawing, Item
from .style import BOXES, FRAME, FRAME_FILL, GRADIENT, heat_colour

AROUND = {
    "operation": ("(", ")"),
    "output": ("([", "])"),
    "gradient": ("(", ")"),
    "module": ("[[", "]]"),
    "function": ("[[", "]]"),
    "kernel": ("[[", "]]"),
    "call": ("[[", "]]"),
    "state": ("[(", ")]"),
    "failed": ("{{", "}}"),
}
"""Kind of a box -> the brackets that tell Mermaid its shape, where it is not a plain box."""
MERMAID_SIGNS = '"#&;<>`\\'
"""Signs that Mermaid or a browser would take for more than text."""
ARROWS = {"idle": "-.->", "backward": "-.->", "beside": "==>", "repeat": "==>"}


def to_mermaid(drawing: Drawing) -> str:
    """The drawing as the text of a Mermaid flowchart."""
    lines = ["flowchart TB", f"    accTitle: {_quote(drawing.of)}"]
    lines += [f"    %% {' '.join(note.split())}" for note in drawing.notes]
    _write_boxes(lines, drawing, (), 1)
    for edge in drawing.edges:
        words = "<br/>".join(map(_quote, lines_of(edge_label(edge))))
        lines.append(
            f"    {edge.source} {ARROWS.get(edge.kind, '-->')}{f'|{chr(34)}{words}{chr(34)}|' if words else ''} {edge.target}"
        )
    coloured = [str(i) for i, edge in enumerate(drawing.edges) if edge.kind in ("backward", "beside")]
    if coloured:
        lines.append(f"    linkStyle {','.join(coloured)} stroke:{GRADIENT}")
    for kind in drawing.kinds():
        _, style, fill, line, width, _ = BOXES[kind]
        dashes = ",stroke-dasharray:4 3" if "dashed" in style else ""
        lines.append(f"    classDef {kind} fill:{fill},stroke:{line},stroke-width:{width}px,color:#1c2733{dashes}")
    lines += [f"    style {item.id} fill:{heat_colour(item.heat)}" for item in drawing.items if item.heat is not None]
    lines += [f"    style {frame} fill:{FRAME_FILL},stroke:{FRAME}" for frame in _frames(drawing)]
    return "\n".join(lines) + "\n"


def _frames(drawing: Drawing) -> list[str]:
    return list(dict.fromkeys(frame for item in drawing.items for frame in item.path))


def _write_boxes(lines: list[str], drawing: Drawing, path: tuple[str, ...], depth: int) -> None:
    """The boxes in one frame, and the frames in it."""
    indent, inner = "    " * depth, []
    for item in drawing.items:
        if item.path == path:
            lines.append(f"{indent}{_box(item)}")
        elif item.path[: len(path)] == path and item.path[len(path)] not in inner:
            inner.append(item.path[len(path)])
    for frame in inner:
        title = " ".join(map(_quote, lines_of(frame_label(drawing.frames[frame]))))
        lines.append(f'{indent}subgraph {frame}["{title}"]')
        _write_boxes(lines, drawing, (*path, frame), depth + 1)
        lines.append(f"{indent}end")


def _box(item: Item) -> str:
    kind = "failed" if item.alarm else item.kind
    before, after = AROUND.get(kind, ("[", "]"))
    first, *rest = [_quote(line) for line in lines_of(item_label(item))] or [" "]
    words = "<br/>".join([f"<b>{first}</b>", *rest])
    return f'{item.id}{before}"{words}"{after}:::{kind}'


def _quote(text: str) -> str:
    """Text that Mermaid, and the browser after it, take as text and nothing else."""
    return "".join(f"#{ord(sign)};" if sign in MERMAID_SIGNS else sign for sign in text)
