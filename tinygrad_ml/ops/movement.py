"""Operations that move numbers and compute nothing. The gradient of a movement is the way back."""

import numpy

from ..backend import get
from ..errors import ShapeError
from .primitive import Primitive, View, zero
from .shapes import Shape, broadcast, size


def _reshape_shape(x: Shape, shape: Shape) -> Shape:
    if size(x) != size(shape):
        raise ShapeError(f"cannot reshape {x} ({size(x)} elements) to {shape} ({size(shape)} elements)")
    return shape


reshape = Primitive(
    "reshape",
    lambda xp, x, shape: xp.reshape(x, shape),
    _reshape_shape,
    (lambda g, like: g.reshape(like.shape),),
    view=View(
        "kept", lambda x, shape: numpy.reshape(x, shape, copy=False), lambda base, shape: (reshape, {"shape": base})
    ),
    batch=lambda x, n, shape: reshape(x, shape=(n, *shape)),
    formula="x as {shape}",
    local=("1",),
)


def _permute_shape(x: Shape, axes: tuple[int, ...]) -> Shape:
    if sorted(axes) != list(range(len(x))):
        raise ShapeError(f"axes {axes} is not an order of the {len(x)} axes of shape {x}")
    return tuple(x[axis] for axis in axes)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


permute_dims = Primitive(
    "permute_dims",
    lambda xp, x, axes: xp.transpose(x, axes),
    _permute_shape,
    (lambda g, axes: permute_dims(g, axes=_inverse(axes)),),
    view=View(
        "changed", lambda x, axes: x.transpose(axes), lambda base, axes: (permute_dims, {"axes": _inverse(axes)})
    ),
    batch=lambda x, axes: permute_dims(x, axes=(0, *[axis + 1 for axis in axes])),
    formula="x with axes in the order {axes}",
    local=("1",),
)


def _broadcast_shape(x: Shape, shape: Shape) -> Shape:
    if broadcast(x, shape) != shape:
        raise ShapeError(f"cannot broadcast {x} to {shape}: the result would be {broadcast(x, shape)}")
    return shape


broadcast_to = Primitive(
    "broadcast_to",
    lambda xp, x, shape: xp.broadcast_to(x, shape),
    _broadcast_shape,
    (lambda g: g,),  # the engine sums over broadcast axes, here as everywhere
    view=View("changed", take=numpy.broadcast_to, many=True),
    batch=lambda x, n, shape: x.reshape((n, *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:])).broadcast_to((n, *shape)),
    formula="x repeated to {shape}",
    local=("1",),
)


def _concat_shape(*shapes: Shape, axis: int, offsets: tuple[int, ...]) -> Shape:
    if len({(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ShapeError(
            f"cannot concatenate shapes {', '.join(map(str, shapes))} along axis {axis}: all other axes must have equal sizes"
        )
    return (*shapes[0][:axis], offsets[-1], *shapes[0][axis + 1 :])


def _concat_gradient(g, position, axis, offsets):
    part = slice(offsets[position], offsets[position + 1])
    return g[(slice(None),) * axis + (part,)]


concat = Primitive(
    "concat",
    lambda xp, *xs, axis, offsets: xp.concatenate(xs, axis=axis),
    _concat_shape,
    (_concat_gradient,),
    inputs=("x*",),
    batch=lambda *xs, axis, offsets: concat(*xs, axis=axis + 1, offsets=offsets),
    formula="the inputs one after the other along axis {axis}",
    local=("1",),
    flops=lambda *_: 0,
)


transfer = Primitive(
    "transfer",
    lambda xp, x, device: xp.moved(x, get(device), device.index),
    lambda x, device: x,
    (lambda g, like: g.to(like.device),),
    batch="leading",
    formula="x on {device}",
    local=("1",),
    flops=lambda *_: 0,
    symbolic=True,
)


constant_in = Primitive(
    "constant_in",
    lambda xp, x, *others: x,
    lambda x, *_: x,
    (lambda g: g, zero),
    inputs=("x", "others*"),
    view=View("kept", back=lambda shape: (constant_in, {})),
    batch=lambda x, *others, n, many: constant_in(x if many[0] else x.broadcast_to((n, *x.shape)), *others),
    formula="x",
    local=("1", "0"),
    symbolic=True,
)
"""x, recorded as a function of others that it does not vary with: so that the derivative of a
derivative that happens to be constant is 0 and not an error."""
