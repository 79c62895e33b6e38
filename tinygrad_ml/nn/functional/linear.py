"""Affine maps, and look-up tables, which are affine maps of one-hot rows."""

import math

from ...backend import dtypes
from ...errors import DTypeError, ShapeError
from ...functional import one_hot as rows_of_one
from ...functional.composed import composed
from ...functional.indexing import PLACES, check_labels
from ...functional.whole import as_a_whole
from ...graph import Node
from ...kernels import products
from ...modes import inside, modes
from ...ops import matmul
from ...ops.elementwise import add
from ...tensor import Tensor, TensorLike, apply, as_tensor


def linear(input: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """y = x·Wᵀ + b.

    input   (..., in_features)
    weight  (out_features, in_features)
    bias    (out_features,), or None
    Returns (..., out_features). Raises `ShapeError` for another number of features, or of axes of the weight.
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if weight.ndim != 2:
        raise ShapeError(
            f"linear{inside(modes.scope)} needs a weight of 2 axes, (out_features, in_features), but got {weight._described()}"
        )
    if not input.ndim or input.shape[-1] != weight.shape[-1]:
        raise ShapeError(
            f"linear{inside(modes.scope)} expects {weight.shape[-1]} features on the last axis of its input, but got "
            f"{input._described()}. Its weight has shape {weight.shape}: (out_features, in_features)."
        )
    if (
        input.ndim == 2
        and isinstance(bias, Tensor)
        and bias.shape == weight.shape[:1]
        and bias._needs
        and weight._needs
    ):
        return _affine(input, weight, bias) if input._needs else _affine_of_data(input, weight, bias)
    rows = input if input.ndim == 2 else input.reshape((math.prod(input.shape[:-1]), input.shape[-1]))
    y = apply(matmul.linear, (rows, weight))
    if input.ndim != 2:
        y = y.reshape((*input.shape[:-1], weight.shape[0]))
    return y if bias is None else y + bias


def _take_affine_apart(node: Node) -> None:
    """Put a product and a sum in the place of a layer."""
    (x, weight, bias), plan = node.inputs, node.plan
    product = Node(node.number - 0.5, node.shape, node.dtype)
    product.op, product.inputs, product.scope, product.needs_grad = matmul.linear, (x, weight), node.scope, True
    product.plan = needed = matmul.linear.plans[(x.needs_grad, weight.needs_grad)]
    if node.saved is None:
        product.saved = None
    else:
        assert plan is not None and needed is not None  # as the weight needs a gradient
        saved = dict(zip(plan.kept, node.saved, strict=True))
        product.saved = tuple([saved[place] for place in needed.kept])
    node.op, node.inputs, node.plan, node.saved = add, (product, bias), add.plans[(True, True)], ()


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return apply(matmul.linear, (x, weight)) + bias


_affine, _affine_of_data = (
    as_a_whole(products.affine, gradient, take_apart=_take_affine_apart, quiet=False)(_linear)
    for gradient in (products.affine_gradient, products.affine_gradient_of_data)
)


@composed
def bilinear(input1: TensorLike, input2: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """y[..., o] = bias[o] + Σ over i, j of x₁[..., i] · weight[o, i, j] · x₂[..., j].

    input1  (..., in1_features)
    input2  (..., in2_features)
    weight  (out_features, in1_features, in2_features)
    bias    (out_features,), or None
    Returns (..., out_features). Raises `ShapeError` for other numbers of features.
    """
    x1, x2, weight = as_tensor(input1), as_tensor(input2), as_tensor(weight)
    if not x1.ndim or x1.shape[:-1] != x2.shape[:-1] or (x1.shape[-1], x2.shape[-1]) != weight.shape[1:]:
        raise ShapeError(
            f"bilinear{inside(modes.scope)} needs inputs (..., {weight.shape[1]}) and (..., {weight.shape[2]}) for its "
            f"weight of shape {weight.shape}, but got {x1._described()} and {x2._described()}"
        )
    out, features, _ = weight.shape
    mixed = linear(x2, weight.reshape(out * features, -1)).reshape((*x1.shape[:-1], out, features))
    y = (mixed * x1.expand_dims(-2)).sum(-1)
    return y if bias is None else y + bias


def one_hot(tensor: TensorLike, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of 0 with one 1, in int64: (*shape, num_classes), by default the largest class + 1.

    `tg.one_hot` makes rows of floats.
    """
    return rows_of_one(tensor, None if num_classes == -1 else num_classes, dtypes.int64)


def embedding(input: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
    """Rows of a table: y[..., :] = weight[input[...], :].

    input        integers of any shape, from 0 to num_embeddings - 1
    weight       (num_embeddings, embedding_dim)
    padding_idx  the number of a row that gets no gradient
    Returns (*input.shape, embedding_dim). Raises `RangeError` for a number that has no row, `ShapeError` for a weight
    that is no table.
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if input.dtype.kind not in "iu":
        raise DTypeError(f"embedding needs integers to look up, but got {input._described()}")
    if weight.ndim != 2:
        raise ShapeError(
            f"embedding needs a weight of 2 axes, (num_embeddings, embedding_dim), but got {weight._described()}"
        )
    check_labels(input, weight.shape[0], "embedding", PLACES)
    rows = weight[input]
    if padding_idx is None:
        return rows
    padding = (input == padding_idx % weight.shape[0]).expand_dims(-1)
    return padding.where(rows.detach(), rows)
