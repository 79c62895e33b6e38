"""A picture as plain data: boxes, arrows, and the frames around them. Nothing here knows Graphviz.

`read_graph` turns nodes of the engine into this, and lets go of them: a picture keeps no graph alive.

Read next: `reading.py`, which fills it in; `labels.py` and `dot.py`, which write it as text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .backward import KnownGradient
from .figures import ArraySummary
from .pixels import Pixels

KINDS = {
    "input": "input",
    "parameter": "wants a gradient",
    "constant": "constant",
    "operation": "operation",
    "output": "output",
    "module": "closed module",
    "function": "closed function",
    "gradient": "gradient",
    "state": "kept from step to step",
    "host": "numbers of the host, anew in each step",
    "kernel": "closed kernel",
    "call": "closed call",
    "uncompiled": "no compiled form",
    "entry": "for each of them",
    "failed": "failed",
}
"""The kinds of boxes, in the legend's order and words."""


@dataclass
class Item:
    """A box of the picture: a leaf, an operation with its result, a gradient, a closed module or kernel.

    path      ids of the frames around it, outermost first
    equation  the operation with the names of this graph put in, `x · W`
    sum       the same with numbers, for scalars: `3 · 4 = 12`
    whole     whether all numbers of the value are shown
    note      why there are no numbers, if there are none
    aside     what is to be known of it besides, in small: which of several calls it is
    brevity   0: all is written that there is; 1: what belongs to the level of layers, names, shapes and parameters;
              2: shapes only where they change; 3: no parameters, and gradients by short names
    inside    of a closed layer: its settings
    weights   of a closed call: its parameters, with their shapes
    takes     the shapes that go into a closed call
    beside    the id of the tensor that this is the gradient of
    norm      of the gradients of all parameters in a closed module
    count     how many equal modules, or tensors of kernels drawn as one, are drawn as this one
    costs     of a kernel, in words
    goes      what becomes of the result besides being used: "returned", "into w, in place"
    pixels    a picture of the value, to stand in the box
    turn      when the backward walk came to this gradient, counted from 1
    heat      the overlay's figure: from 0 to 1, and in words
    """

    id: str
    kind: str
    name: str
    path: tuple[str, ...] = ()
    operation: str = ""
    equation: str = ""
    sum: str = ""
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    device: str = ""
    value: ArraySummary | None = None
    whole: bool = False
    note: str = ""
    gradient: KnownGradient | None = None
    saved: tuple[str, ...] = ()
    saved_bytes: int = 0
    freed: bool = False
    flops: int = 0
    bytes: int = 0
    parameters: int = 0
    operations: int = 1
    norm: float | None = None
    count: int = 1
    costs: tuple[str, ...] = ()
    goes: tuple[str, ...] = ()
    aside: str = ""
    brevity: int = 0
    inside: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    takes: tuple[tuple[int, ...], ...] = ()
    beside: str | None = None
    pixels: Pixels | None = None
    turn: int | None = None
    heat: float | None = None
    heat_text: str = ""
    alarm: bool = False


@dataclass
class Edge:
    """An arrow: from an input to the operation that takes it, or along the way of a gradient.

    kind   "forward", "backward", "idle" (no gradient flows), "beside" (from a tensor to where its
           gradient starts), "repeat" (from the last of a folded row of modules to the next), or "entry" (into
           kernels drawn as one)
    local  the local derivative, as a number or in words
    share  the share of gradient that goes along here
    which  (k, n): this is the k-th of n shares that arrive there
    summed the axes over which the share is summed, because the tensor was broadcast
    words  what goes along between kernels: shape, dtype, and as what it is looked at
    brief  whether it has no label, as between layers, where the boxes say the shapes
    """

    id: str
    source: str
    target: str
    kind: str = "forward"
    shape: tuple[int, ...] | None = None
    local: str = ""
    rule: str = ""
    share: KnownGradient | None = None
    which: tuple[int, int] = (1, 1)
    summed: tuple[int, ...] = ()
    count: int = 1
    words: tuple[str, ...] = ()
    brief: bool = False


@dataclass
class Frame:
    """A box around boxes: a module, a pass, one side of the picture, or a kernel.

    detail lines below the label
    count  how many equal modules, or kernels that do the same, are drawn as this one
    aside  what is to be known of it besides, in small: which of several calls it is
    """

    id: str
    label: str
    kind: str = "module"
    detail: str = ""
    count: int = 1
    aside: str = ""


@dataclass
class Drawing:
    """All that a picture shows.

    direction  "forward", "backward" or "both"; of a compiled step "kernels", or "program" before there are kernels
    of         what it is a picture of, for its title and for screen readers
    alarm      whether the notes tell of trouble
    ends       boxes that stand above all others, "source", or below them, "sink", by id
    in_all     what the whole network has and costs, where its boxes do not say it
    routes     the id of the arrow for each use of a tensor: ("forward" or "backward", the place of the
               user in the topological order, the position of the input); and where backward starts
    """

    direction: str
    of: str
    items: list[Item] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    alarm: bool = False
    in_all: str = ""
    overlay: str = ""
    ends: dict[str, str] = field(default_factory=dict)
    routes: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def kinds(self) -> list[str]:
        """The kinds of boxes that occur, in the legend's order."""
        present = {item.kind for item in self.items}
        return [kind for kind in KINDS if kind in present]
