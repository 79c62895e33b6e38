"""Operations, rules and tensors in words: `hidden = x @ W`, `∂L/∂W = xᵀ @ ∂L/∂hidden`.

Every operation brings its formula and its local derivatives in the letters of its inputs (see
`tinygrad_ml/ops/primitive.py`). Here the letters become the names, or the numbers, of one graph.

Read next: `nesting.py`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_ml import tensor
from tinygrad_ml.compile.program import Instruction
from tinygrad_ml.functional import cumulative, windows
from tinygrad_ml.graph import Node
from tinygrad_ml.modes import no_grad
from tinygrad_ml.ops import Primitive, elementwise, index, matmul, movement, reduce
from tinygrad_ml.tensor import apply

from .facts import is_mask
from .figures import as_shown, number, shape_text
from .formulas import filled, is_arithmetic, power, put_in, stated, true_text, with_numbers
from .replay import unwatched
from .subject import is_note

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

# How a gradient goes back through an operation that only moves numbers: "times 1" would say nothing.
_MOVED = {
    reduce.sum_: "{g}, repeated to {shape}",
    movement.reshape: "{g}, reshaped to {shape}",
    movement.permute_dims: "{g}, its axes put back in order",
    movement.broadcast_to: "{g}",
    movement.concat: "its part of {g}",
    index.getitem: "{g}, put at [{index}] of zeros",
    index.scatter_add: "{g} at [{index}]",
    cumulative.cumulative_sum_row: "{g}, summed from the end",
    windows.windows: "{g}, added back where the windows overlap",
    windows.fold: "{g}, seen through the windows",
    movement.transfer: "{g}, moved back",
    elementwise.cast: "{g}, in the dtype of the input",
}


Applied: TypeAlias = Node | Instruction
"""An operation, and what it was applied to."""


def is_constant(node: Node) -> bool:
    """Whether a leaf is a single number that the program wrote down, such as the 2 of `2 * x`."""
    return node.op is None and not node.needs_grad and not node.shape and node.name is None


def names_of(order: Sequence[Node], outputs: Sequence[Node], hidden: Collection[Node] = ()) -> dict[Node, str]:
    """What to call each node: its own name; else v₁, v₂, ... for what is computed, and what it is for a leaf.

    hidden  nodes without a box of their own: numbers first count what is shown
    """
    names = {node: node.name for node in order if node.name}
    taken = set(names.values())
    if len(outputs) == 1 and outputs[0] not in names and not outputs[0].shape and "L" not in taken:
        names[outputs[0]] = "L"  # what the field calls the number that is differentiated
    elif len(outputs) == 1 and outputs[0] in hidden and outputs[0] not in names and "y" not in taken:
        names[outputs[0]] = "y"  # and what comes out of a network
    unnamed: dict[str, list[Node]] = {}
    for node in order:
        if is_constant(node) and hasattr(node.value, "item"):
            names[node] = number(node.value.item())
        elif node not in names and not is_note(node):
            unnamed.setdefault(_kind(node), []).append(node)
    for kind, nodes in unnamed.items():
        nodes.sort(key=hidden.__contains__)
        shown = sum(node not in hidden for node in nodes)
        free = (name for count in itertools.count(1) if (name := numbered(kind, count, shown)) not in taken)
        names.update(zip(nodes, free, strict=False))
    for node in order:
        if is_note(node):
            names[node] = names[node.inputs[0]]
    return names


MASK = "mask"
"""What says where something is so is called, if it has no name: mostly the program has just compared two tensors."""
RESULT = "v"
"""What results without a name are called, as in the literature on automatic differentiation: v₁, v₂, ..."""


def numbered(kind: str, count: int, total: int) -> str:
    """The name of the count-th of all things of a kind: `input₂`; of the only one, `input`. Results are all numbered."""
    only = total <= 1 and count == 1 and kind != RESULT
    return kind if only else f"{kind}{str(count).translate(_SUBSCRIPTS)}"


def is_numbered_result(name: str) -> bool:
    """Whether a name is one of those, given to a result that has none."""
    return bool(re.fullmatch(f"{RESULT}[₀-₉]+", name))


def _kind(node: Node) -> str:
    if node.op is not None:
        return RESULT
    if node.needs_grad:
        return "parameter"
    return "constant" if is_constant(node) else MASK if is_mask(node) else "input"


def index_text(index: tuple) -> str:
    """An index as it is written: `0, 2:5, :, array`."""
    return ", ".join(_part(part) for part in index) or "()"


def _part(part) -> str:
    if not isinstance(part, slice):
        return "new axis" if part is None else repr(part)
    ends = [("" if bound is None else str(bound)) for bound in (part.start, part.stop)]
    return ":".join(ends if part.step in (None, 1) else [*ends, str(part.step)])


def axes_text(axes: tuple[int, ...]) -> str:
    """`axis 0`, `axes 0, 1`."""
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}" if axes else "nothing"


class _Params(dict):
    """The parameters of an operation as its formula shows them."""

    def __init__(self, params: Mapping):
        super().__init__(params)
        if "index" in params:
            self["index"] = index_text(params["index"])
        if "axis" in params and isinstance(params["axis"], tuple):
            self["axis"] = axes_text(params["axis"])

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def operation(node: Applied) -> Primitive:
    """The operation of a node, or an instruction, that has one with words of its own."""
    assert isinstance(node.op, Primitive), f"{node} has no formula"
    return node.op


def formula(node: Applied) -> str:
    """What the node computes, in the letters of its inputs: `a · b`."""
    if node.op is elementwise.power:
        return power("x", node.params["exponent"])
    return operation(node).formula.format_map(_Params(node.params))


def local(node: Node, position: int) -> str:
    """The local derivative with respect to an input, in letters: `b` for the first input of `a · b`."""
    op = operation(node)
    if not op.local:
        return ""
    if op is elementwise.power:
        n = node.params["exponent"]
        if n in (0, 1):
            return number(n)
        return f"{'-' if n == -1 else f'{number(n)}·'}{power('x', n - 1) if n != 2 else 'x'}"
    return op.local[min(position, len(op.local) - 1)].format_map(_Params(node.params))


def letters(node: Applied, names: Mapping[Any, str]) -> dict[str, str]:
    """From the letters of a formula to the names of this node's inputs, and of itself as `y`."""
    found = {operation(node).input_name(i): names[parent] for i, parent in enumerate(node.inputs)}
    found["y"] = names[node]
    return found


def equation(node: Applied, names: Mapping[Any, str]) -> str:
    """The operation with the names of this graph: `hidden = x @ W`."""
    return f"{names[node]} = {right_side(node, names)}"


def right_side(node: Applied, names: Mapping[Any, str]) -> str:
    """What the operation computes, with the names of this graph: `x @ W`."""
    return filled(formula(node), letters(node, names))


def written_out(node: Node, numbers: Mapping[Node, float]) -> str:
    """An operation on single numbers with the numbers put in: `3 · 4 = 12`. Empty where they are not known, or not single."""
    known = all(other in numbers for other in (node, *node.inputs))
    if node.op is None or node.op.kind != "elementwise" or not known or is_note(node):
        return ""
    given = {operation(node).input_name(i): numbers[parent] for i, parent in enumerate(node.inputs)}
    text, result = formula(node), numbers[node]

    def again(digits: int) -> float:
        rounded = [tensor(x if isinstance(x, bool) else as_shown(x, digits)) for x in given.values()]
        with no_grad(), unwatched():
            cast = [x.astype(parent.dtype) for x, parent in zip(rounded, node.inputs, strict=True)]
            return apply(operation(node), tuple(cast), node.params).item()

    text = true_text(lambda digits: with_numbers(text, given, digits), result, None if is_arithmetic(text) else again)
    return text and stated(text, number(result))


def mentions(node: Applied, position: int) -> bool:
    """Whether the formula of a node names this input by a letter that can be replaced."""
    letter = operation(node).input_name(position)
    return put_in(formula(node), {letter: "\0"}) != formula(node)


def gradient_name(name: str, outputs: str) -> str:
    """∂L/∂name."""
    return f"∂{outputs}/∂{name}"


def rule(node: Node, position: int, names: Mapping[Node, str], g: str) -> str:
    """How the gradient g goes back to an input: `xᵀ @ ∂L/∂hidden`."""
    parent = node.inputs[position]
    if node.op in _MOVED:
        params = {**_Params(node.params), "g": g, "shape": parent.shape}
        return _MOVED[node.op].format_map(params)
    return times(local(node, position), g, letters(node, names))


def times(derivative: str, g: str, values: Mapping[str, str]) -> str:
    """g times a local derivative, from the side that its words name, as in "aᵀ, from the left"."""
    factor, side, turned = _sides(derivative)
    factor = filled(factor, values)
    if side:
        g = transpose(g) if turned else g
        return f"{factor} @ {g}" if side == "left" else f"{g} @ {factor}"
    if factor in ("1", "-1", "0"):
        return {"1": g, "-1": filled("-x", {"x": g}), "0": "0"}[factor]
    if re.match("1 (?:if|where|for|at|in) ", factor):
        return g + factor[1:].replace("½", f"½·{g}")
    if _MENTIONS_G.search(factor):
        return put_in(factor.replace("gᵀ", transpose(g)), {"g": g})
    simple = re.fullmatch(r"[^\s+\-/,]+|\w*\([^()]*\)", factor)
    return f"{g} · {factor}" if simple else f"{g} · ({factor})"


_MENTIONS_G = re.compile(r"(?<![A-Za-z])g(?![a-z])|\bg[A-Zλs]\b")


def transpose(g: str) -> str:
    """`gᵀ`, `(∂L/∂W)ᵀ`."""
    return f"{g}ᵀ" if g.isalnum() else f"({g})ᵀ"


def rule_with_numbers(node: Node, position: int, g: float, values: Mapping[str, float], digits: int = 4) -> str:
    """The rule between single numbers: `2 · 3`. Empty where it only moves the gradient, or is not computed but described."""
    derivative = local(node, position)
    if node.op in _MOVED or not is_arithmetic(derivative):
        return ""
    shown = number(g, digits)
    return times(
        derivative,
        f"({shown})" if shown[0] == "-" else shown,
        {letter: number(x, digits) for letter, x in values.items()},
    )


def _sides(derivative: str) -> tuple[str, str, bool]:
    """A local derivative, the side from which it is multiplied, and whether gᵀ takes the place of g."""
    factor, _, side = derivative.partition(", from the ")
    return factor, side.partition(" ")[0], side.endswith(" of gᵀ")


def shapes_forward(node: Node) -> str:
    """`(32, 784) @ (784, 10) → (32, 10)`."""
    sign = " @ " if node.op in (matmul.matmul, matmul.linear) else ", "
    shapes = [parent.shape for parent in node.inputs]
    if node.op is matmul.linear:
        shapes[1] = shapes[1][::-1]
    return f"{sign.join(map(shape_text, shapes))} → {shape_text(node.shape)}"


def shapes_backward(node: Node, position: int, share: tuple[int, ...]) -> str:
    """The same for a share of gradient: `(784, 32) @ (32, 10) → (784, 10)`."""
    factor, side, turned = _sides(local(node, position))
    given = {operation(node).input_name(i): parent.shape for i, parent in enumerate(node.inputs)}
    shape = given.get(factor.rstrip("ᵀ"))
    if not side or shape is None:
        return shape_text(node.shape) if node.shape == share else f"{shape_text(node.shape)} → {shape_text(share)}"
    g = _reverse(node.shape) if turned else node.shape
    shape = _reverse(shape) if factor.endswith("ᵀ") else shape
    pair = (shape, g) if side == "left" else (g, shape)
    return f"{' @ '.join(map(shape_text, pair))} → {shape_text(share)}"


def _reverse(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], *shape[-2:][::-1])
