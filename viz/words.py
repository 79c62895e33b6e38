"""Operations, rules and tensors in words: `hidden = x · W`, `∂L/∂W = xᵀ · ∂L/∂hidden`.

Every operation brings its formula and its local derivatives in the letters of its inputs (see
`tinygrad_ml/ops/primitive.py`). Here the letters become the names, or the numbers, of one graph.

Read next: `nesting.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_ml.compile.program import Instruction
from tinygrad_ml.graph import Node
from tinygrad_ml.ops import Primitive, conv, elementwise, index, matmul, movement, reduce

from .figures import number, shape_text

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FUNCTION = re.compile(r"\b(ln|log[₀-₉]+|sign|erf|det|(?:arc?)?(?:sin|cos|tan)h?|(?:arg)?(?:max|min)) x\b")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# How a gradient goes back through an operation that only moves numbers: "times 1" would say nothing.
_MOVED = {
    reduce.sum_: "{g}, repeated to {shape}",
    movement.reshape: "{g}, reshaped to {shape}",
    movement.permute_dims: "{g}, its axes put back in order",
    movement.broadcast_to: "{g}",
    movement.concat: "its part of {g}",
    index.getitem: "{g}, put at [{index}] of zeros",
    index.scatter_add: "{g} at [{index}]",
    reduce.cumulative_sum: "{g}, summed from the end",
    conv.windows: "{g}, added back where the windows overlap",
    conv.fold: "{g}, seen through the windows",
    movement.transfer: "{g}, moved back",
    elementwise.cast: "{g}, in the dtype of the input",
}


Applied: TypeAlias = Node | Instruction
"""An operation, and what it was applied to."""


def is_constant(node: Node) -> bool:
    """Whether a leaf is a single number that the program wrote down, such as the 2 of `2 * x`."""
    return node.op is None and not node.needs_grad and not node.shape and node.name is None


def names_of(order: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, str]:
    """What to call each node: its own name; else its operation, numbered if there are several."""
    kinds = {node: _kind(node) for node in order}
    totals, seen, names = Counter(kinds.values()), Counter(), {}
    taken = {node.name for node in order}
    for node, kind in kinds.items():
        seen[kind] += 1
        if node.name:
            names[node] = node.name
        elif is_constant(node) and hasattr(node.value, "item"):
            names[node] = number(node.value.item())
        else:
            names[node] = numbered(kind, seen[kind], totals[kind])
    if len(outputs) == 1 and not outputs[0].name and not outputs[0].shape and "L" not in taken:
        names[outputs[0]] = "L"  # what the field calls the number that is differentiated
    return names


def numbered(kind: str, count: int, total: int) -> str:
    """The name of the count-th of all things of a kind: `mul₂`; of the only one, `mul`."""
    return kind if total == 1 else f"{kind}{str(count).translate(_SUBSCRIPTS)}"


def _kind(node: Node) -> str:
    if node.op is not None:
        return node.op.name
    return "parameter" if node.needs_grad else "constant" if is_constant(node) else "input"


def put_in(text: str, names: Mapping[str, str]) -> str:
    """`text` with letters replaced, where they stand for a variable (and "at a tie" is English)."""
    if not names:
        return text
    letters = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    found = re.compile(rf"(?<![A-Za-z0-9_])({letters})(?![A-Za-z0-9_])(?! tie| number)")
    return found.sub(lambda match: names[match[1]], text)


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
        return f"x{_exponent(node.params['exponent'])}"
    return operation(node).formula.format_map(_Params(node.params))


def _exponent(n: float) -> str:
    text = number(n)
    return text.translate(_SUPERSCRIPTS) if re.fullmatch(r"-?\d+", text) else f"^{text}"


def local(node: Node, position: int) -> str:
    """The local derivative with respect to an input, in letters: `b` for the first input of `a · b`."""
    op = operation(node)
    if not op.local:
        return ""
    if op is elementwise.power:
        n = node.params["exponent"]
        return f"{number(n)}·x{_exponent(n - 1)}" if n != 2 else "2·x"
    return op.local[min(position, len(op.local) - 1)].format_map(_Params(node.params))


def letters(node: Applied, names: Mapping[Any, str]) -> dict[str, str]:
    """From the letters of a formula to the names of this node's inputs, and of itself as `y`."""
    found = {operation(node).input_name(i): names[parent] for i, parent in enumerate(node.inputs)}
    found["y"] = names[node]
    return found


def equation(node: Applied, names: Mapping[Any, str]) -> str:
    """The operation with the names of this graph: `hidden = x · W`."""
    return f"{names[node]} = {_filled(formula(node), letters(node, names))}"


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A formula with names put in, in brackets behind a function. A letter that is an exponent is not replaced but explained."""
    if re.search(r"[^\W\d_]{2}", values.get("x", "")):
        text = _FUNCTION.sub(r"\1(x)", text)  # `tanh matmul` would read as a product
    small = {"ˣ": "x", "ᵇ": "b"}
    left = [letter for sign, letter in small.items() if sign in text and letter in values]
    if not left:
        return put_in(text, values)
    explained = ", ".join(
        f"{letter} = {values[letter]}" for letter in values if letter != "y" and values[letter] != letter
    )
    return f"{text}, {explained}" if explained else text


def with_numbers(text: str, values: Mapping[str, float]) -> str:
    """A formula with numbers put in: `3 · 4`. Negative ones go into brackets."""
    shown = {letter: f"({number(value)})" if value < 0 else number(value) for letter, value in values.items()}
    return _filled(text, shown)


def mentions(node: Applied, position: int) -> bool:
    """Whether the formula of a node names this input by a letter that can be replaced."""
    letter = operation(node).input_name(position)
    return put_in(formula(node), {letter: "\0"}) != formula(node)


def gradient_name(name: str, outputs: str) -> str:
    """∂L/∂name."""
    return f"∂{outputs}/∂{name}"


def rule(node: Node, position: int, names: Mapping[Node, str], g: str) -> str:
    """How the gradient g goes back to an input: `xᵀ · ∂L/∂hidden`."""
    parent = node.inputs[position]
    if node.op in _MOVED:
        params = {**_Params(node.params), "g": g, "shape": parent.shape}
        return _MOVED[node.op].format_map(params)
    return times(local(node, position), g, letters(node, names))


def times(derivative: str, g: str, values: Mapping[str, str]) -> str:
    """g times a local derivative, from the side that its words name, as in "aᵀ, from the left"."""
    factor, side, turned = _sides(derivative)
    factor = _filled(factor, values)
    if side:
        g = f"{g}ᵀ" if turned else g
        return f"{factor} · {g}" if side == "left" else f"{g} · {factor}"
    if " g " in f" {factor} ":
        return put_in(factor, {"g": g})
    if factor in ("1", "-1", "0"):
        return {"1": g, "-1": f"-{g}", "0": "0"}[factor]
    simple = re.fullmatch(r"[^\s+\-/,]+|\w*\([^()]*\)", factor)
    return f"{g} · {factor}" if simple else f"{g} · ({factor})"


def rule_with_numbers(node: Node, position: int, g: float, values: Mapping[str, float]) -> str:
    """The rule between single numbers: `2 · 3`. Empty where it only moves the gradient."""
    if node.op in _MOVED:
        return ""
    bracketed = lambda x: f"({number(x)})" if x < 0 else number(x)  # noqa: E731
    return times(local(node, position), bracketed(g), {letter: bracketed(x) for letter, x in values.items()})


def _sides(derivative: str) -> tuple[str, str, bool]:
    """A local derivative, the side from which it is multiplied, and whether gᵀ takes the place of g."""
    factor, _, side = derivative.partition(", from the ")
    return factor, side.partition(" ")[0], side.endswith(" of gᵀ")


def shapes_forward(node: Node) -> str:
    """`(32, 784) · (784, 10) → (32, 10)`."""
    sign = " · " if node.op in (matmul.matmul, matmul.linear) else ", "
    shapes = [parent.shape for parent in node.inputs]
    if node.op is matmul.linear:
        shapes[1] = shapes[1][::-1]
    return f"{sign.join(map(shape_text, shapes))} → {shape_text(node.shape)}"


def shapes_backward(node: Node, position: int, share: tuple[int, ...]) -> str:
    """The same for a share of gradient: `(784, 32) · (32, 10) → (784, 10)`."""
    factor, side, turned = _sides(local(node, position))
    given = {operation(node).input_name(i): parent.shape for i, parent in enumerate(node.inputs)}
    shape = given.get(factor.rstrip("ᵀ"))
    if not side or shape is None:
        return shape_text(node.shape) if node.shape == share else f"{shape_text(node.shape)} → {shape_text(share)}"
    g = _turned(node.shape) if turned else node.shape
    shape = _turned(shape) if factor.endswith("ᵀ") else shape
    pair = (shape, g) if side == "left" else (g, shape)
    return f"{' · '.join(map(shape_text, pair))} → {shape_text(share)}"


def _turned(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], *shape[-2:][::-1])
