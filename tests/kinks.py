"""The table of kinks: where a derivative jumps, and which value it takes there. It is the one that PyTorch takes.

`test_numerics.py` checks the numbers, `compare/test_ops_torch.py` that they are PyTorch's. A new function with a kink
gets a row here.
"""

from collections.abc import Callable
from typing import NamedTuple

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F


class Kink(NamedTuple):
    """A row: the slopes of the elementwise `function` at `points`; and its twin, a function of PyTorch and a tensor."""

    name: str
    function: Callable
    points: list[float]
    slopes: list[float]
    torch: Callable | None


KINKS: list[Kink] = []


def kink(name: str, points: list[float], slopes: list[float], function: Callable | None = None, torch=None) -> None:
    """Enter a row; by default it is of the function of that name in both libraries' `nn.functional`."""
    KINKS.append(
        Kink(
            name,
            function or getattr(F, name),
            points,
            slopes,
            torch or (lambda t, x: getattr(t.nn.functional, name)(x)),
        )
    )


kink("relu", [0], [0])
kink("relu6", [0, 6], [0, 0])
kink("hardtanh", [-1, 1], [0, 0])
kink("hardsigmoid", [-3, 3], [0, 0])
kink("hardswish", [-3, 3], [0, 1])
kink("leaky_relu", [0], [0.01])
kink("elu", [0], [1])
kink("elu of α = 2", [0], [2], lambda x: F.elu(x, 2.0), lambda t, x: t.nn.functional.elu(x, 2.0))
kink("celu of α = 2", [0], [1], lambda x: F.celu(x, 2.0), lambda t, x: t.nn.functional.celu(x, 2.0))
kink("selu", [0], [1.0507009873554805 * 1.6732632423543772])
kink(
    "prelu",
    [0],
    [0.25],
    lambda x: F.prelu(x, tg.tensor([0.25], dtype=x.dtype)),
    lambda t, x: t.nn.functional.prelu(x, t.tensor([0.25], dtype=x.dtype)),
)
kink("rrelu", [0], [(1 / 8 + 1 / 3) / 2])
kink("threshold", [1], [0], lambda x: F.threshold(x, 1.0, 5.0), lambda t, x: t.nn.functional.threshold(x, 1.0, 5.0))
kink("hardshrink", [-0.5, 0.5], [0, 0])
kink("softshrink", [-0.5, 0.5], [0, 0])
kink("softsign", [0], [1])
kink("abs", [0], [0], tg.abs, lambda t, x: t.abs(x))
kink("copysign", [0, -1], [0, -1], lambda x: tg.copysign(x, 1.0), lambda t, x: t.copysign(x, t.ones_like(x)))
kink("clip", [-1, 1], [1, 1], lambda x: tg.clip(x, -1, 1), lambda t, x: t.clip(x, -1, 1))
kink("maximum with 0", [0], [0.5], lambda x: tg.maximum(x, 0), lambda t, x: t.maximum(x, t.zeros_like(x)))
kink("minimum with 0", [0], [0.5], lambda x: tg.minimum(x, 0), lambda t, x: t.minimum(x, t.zeros_like(x)))
kink("max of a tie", [2, 1, 2], [0.5, 0, 0.5], lambda x: x.max(), lambda t, x: x.amax())
kink("min of a tie", [1, 1, 2], [0.5, 0.5, 0], lambda x: x.min(), lambda t, x: x.amin())
for _order in (0.5, 1, 2, 3):
    kink(
        f"norm {_order} of zeros",
        [0, 0],
        [0, 0],
        lambda x, p=_order: x.norm(p),
        lambda t, x, p=_order: t.linalg.vector_norm(x, p),
    )
for _order in (-1, -2, -0.5):
    kink(
        f"norm {_order} with a zero",
        [0, 2, 3],
        [0, 0, 0],
        lambda x, p=_order: x.norm(p),
        lambda t, x, p=_order: t.linalg.vector_norm(x, p),
    )
for _name, _slopes in (("l1_loss", [-1, 0, 1]), ("huber_loss", [-1, 0, 1]), ("smooth_l1_loss", [-1, 0, 1])):
    kink(
        _name,
        [-1, 0, 1],
        _slopes,
        lambda x, f=_name: getattr(F, f)(x, tg.zeros_like(x), reduction="none"),
        lambda t, x, f=_name: getattr(t.nn.functional, f)(x, t.zeros_like(x), reduction="none"),
    )
for _name, _points, _slopes, _function in (
    ("margin_ranking_loss", [1], [-1], lambda F, x, one: F.margin_ranking_loss(x, x * 0, one, 1.0, reduction="none")),
    ("hinge_embedding_loss", [1], [-1], lambda F, x, one: F.hinge_embedding_loss(x, -one, reduction="none")),
):
    kink(
        _name,
        _points,
        _slopes,
        lambda x, f=_function: f(F, x, tg.ones_like(x)),
        lambda t, x, f=_function: f(t.nn.functional, x, t.ones_like(x)),
    )
