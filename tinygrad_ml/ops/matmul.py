"""Matrix products. In the rules, Aᵀ is `A.mT` (the last two axes swapped) and a leading batch of matrices is broadcast.

What else is computed of matrices is in `../linalg/`.
"""

from ..backend import dtypes
from ..errors import ShapeError
from .primitive import Primitive
from .shapes import Shape, broadcast, size


def product_shape(a: Shape, b: Shape) -> Shape:
    """(.., n, m) and (.., m, k) give (.., n, k)."""
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


matmul = Primitive(
    "matmul",
    lambda xp, a, b: a.dot(b) if a.ndim == b.ndim == 2 else xp.matmul(a, b),  # twice as slow if they are small
    product_shape,
    (lambda g, b: matmul(g, b.mT), lambda g, a: matmul(a.mT, g)),
    inputs=("a", "b"),
    formula="a @ b",
    local=("bᵀ, from the right", "aᵀ, from the left"),
    coerce=dtypes.promote,
    flops=lambda y, a, b: 2 * size(y) * a[-1],
    kind="product",
)


def _linear_shape(x: Shape, weight: Shape) -> Shape:
    if len(x) != 2 or len(weight) != 2 or x[1] != weight[1]:
        raise ShapeError(f"shapes {x} and {weight}: both must be matrices with as many columns")
    return (x[0], weight[0])


# The product of a layer, whose weight is stored (out, in). Its own operation, because the weight's gradient gᵀ·x then comes
# out in the memory order of the weight, and an update can run straight through both; that of x·(weightᵀ) would be transposed.
linear = Primitive(
    "linear",
    lambda xp, x, weight: x.dot(weight.T),
    _linear_shape,
    (lambda g, weight: matmul(g, weight), lambda g, x: matmul(g.mT, x)),
    inputs=("x", "weight"),
    formula="x @ weightᵀ",
    local=("weight, from the right", "x, from the right of gᵀ"),
    coerce=dtypes.promote,
    flops=lambda y, x, weight: 2 * size(y) * x[1],
    kind="product",
    turned=True,
)
