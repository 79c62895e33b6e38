"""Products of matrices and tensors. Everything becomes the primitive `matmul`."""

import math
import string
from collections.abc import Sequence

import numpy

from ..backend import dtypes
from ..errors import OptionError, ShapeError
from ..ops import matmul as primitives
from ..spellings import spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor
from .axes import one_axis
from .composed import composed
from .elementwise import _operands
from .manipulation import permute_dims
from .reductions import sum as sum_


def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """The matrix product: y[.., i, j] = Σₖ a[.., i, k] · b[.., k, j]. Also `a @ b`.

    Leading axes are a batch, and broadcast. A 1-D operand is a row at the left and a column at the
    right, and its axis is gone from the result.
    """
    a, b = _operands(a, b)
    if len(a.shape) == len(b.shape) == 2 and a.shape[1] == b.shape[0]:  # what most products are
        return apply(primitives.matmul, (a, b))
    if not a.ndim or not b.ndim:
        raise ShapeError(
            f"matmul needs at least 1 axis on both sides, but got {a._described()} and {b._described()}; use * for numbers"
        )
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(
            f"matmul of {a._described()} and {b._described()}: the last axis of the first has size {a.shape[-1]}, "
            f"the {'last but one' if b.ndim > 1 else 'only'} axis of the second has size {b.shape[-2 if b.ndim > 1 else 0]}; they must be equal"
        )
    row, column = a.ndim == 1, b.ndim == 1
    if row:
        a = a.reshape(1, -1)
    if column:
        b = b.reshape(-1, 1)
    if a.ndim > 2 and b.ndim == 2:  # one large product instead of a batch of small ones
        y = apply(primitives.matmul, (a.reshape((math.prod(a.shape[:-1]), a.shape[-1])), b))
        y = y.reshape((*a.shape[:-1], b.shape[-1]))
    else:
        y = apply(primitives.matmul, (a, b))
    if row and column:
        return y.reshape(y.shape[:-2])
    if row:
        return y.reshape((*y.shape[:-2], y.shape[-1]))
    return y.reshape(y.shape[:-1]) if column else y


@spelt
def vecdot(a: TensorLike, b: TensorLike, axis: int = -1) -> Tensor:
    """Σ a · b along an axis, which has one size on both sides; the other axes broadcast."""
    a, b = _operands(a, b)
    left, right = one_axis(axis, a.ndim), one_axis(axis, b.ndim)
    if not a.ndim or not b.ndim or a.shape[left] != b.shape[right]:
        raise ShapeError(
            f"vecdot along axis {axis} of {a._described()} and {b._described()}: the axis must have the same size in both"
        )
    return sum_(a.moveaxis(left, -1) * b.moveaxis(right, -1), -1, dtype=dtypes.result_type(a.dtype, b.dtype))


def outer(a: TensorLike, b: TensorLike) -> Tensor:
    """y[i, j] = a[i] · b[j], of two flattened tensors."""
    a, b = _operands(a, b)
    return a.reshape(-1, 1) * b.reshape(1, -1)


@composed
def kron(a: TensorLike, b: TensorLike) -> Tensor:
    """The Kronecker product: each element of a times all of b, in blocks. The one of fewer axes gets more at the left."""
    a, b = _operands(a, b)
    ndim = max(a.ndim, b.ndim)
    a, b = (x.reshape((1,) * (ndim - x.ndim) + x.shape) for x in (a, b))
    left = a.expand_dims(tuple(range(1, 2 * ndim, 2)))
    right = b.expand_dims(tuple(range(0, 2 * ndim, 2)))
    return (left * right).reshape(tuple(m * n for m, n in zip(a.shape, b.shape, strict=True)))


@composed
def tensordot(a: TensorLike, b: TensorLike, axes: int | Sequence = 2) -> Tensor:
    """Σ over pairs of axes: the last `axes` of a with the first of b, or `axes=(axes of a, axes of b)`."""
    a, b = _operands(a, b)
    if isinstance(axes, (int, numpy.integer)):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot over {axes} axes of {a._described()} and {b._described()}: there are 0 to {min(a.ndim, b.ndim)}"
            )
        left, right = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        if not isinstance(axes, (tuple, list)) or len(axes) != 2:
            raise ShapeError(f"tensordot's axes are a number, or a pair (axes of a, axes of b), and not {axes!r}")
        left, right = (tuple(part) if isinstance(part, (tuple, list)) else (part,) for part in axes)
        left, right = tuple(one_axis(i, a.ndim) for i in left), tuple(one_axis(i, b.ndim) for i in right)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ShapeError(
            f"tensordot of {a._described()} over axes {left} and {b._described()} over axes {right}: "
            f"the axes summed over must have equal sizes"
        )
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    inner = math.prod(a.shape[i] for i in left)
    rows, columns = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    product = matmul(
        permute_dims(a, (*free_a, *left)).reshape((math.prod(rows), inner)),
        permute_dims(b, (*right, *free_b)).reshape((inner, math.prod(columns))),
    )
    return product.reshape((*rows, *columns))


@composed
def einsum(subscripts: str, *operands: TensorLike) -> Tensor:
    """Einstein's summation, as NumPy's `einsum`: a letter names an axis; one that is not in the output is summed over.

    Repeated letters in one operand take the diagonal, `...` stands for leading axes that broadcast,
    and without `->` the output has the letters that occur once, in alphabetical order.

    >>> tg.einsum("ij,jk->ik", a, b)       # a matrix product
    """
    if not isinstance(subscripts, str):
        raise OptionError(
            f"einsum begins with the letters of the axes, as in tg.einsum('ij,jk->ik', a, b), and not with a "
            f"{type(subscripts).__name__}"
        )
    tensors = [as_tensor(operand) for operand in operands]
    terms, output = _parse(subscripts, tensors)
    tensors, terms = map(list, zip(*[_diagonals(x, term) for x, term in zip(tensors, terms, strict=True)], strict=True))
    _check_sizes(subscripts, tensors, terms)
    while len(tensors) > 1:
        a, b, left, right = tensors.pop(0), tensors.pop(0), terms.pop(0), terms.pop(0)
        needed = set(output).union(*terms)
        product, term = _contract(a, left, b, right, needed)
        tensors.insert(0, product)
        terms.insert(0, term)
    x, term = tensors[0], terms[0]
    x, term = _sum_out(x, term, set(output))
    return permute_dims(x, [term.index(letter) for letter in output])


def _parse(subscripts: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    """The letters of each operand and of the output, `...` spelled out in letters that are free."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise ShapeError(f"einsum {subscripts!r} names {len(terms)} operands, but {len(tensors)} were given")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    depth = 0
    for term, x in zip(terms, tensors, strict=True):
        named = len(term.replace("...", ""))
        if (x.ndim < named) if "..." in term else (x.ndim != named):
            raise ShapeError(f"einsum {subscripts!r}: {term!r} names {named} axes, but the operand has shape {x.shape}")
        depth = max(depth, x.ndim - named)
    batch = "".join(free[:depth])
    spelled = []
    for term, x in zip(terms, tensors, strict=True):
        extra = x.ndim - len(term.replace("...", ""))
        spelled.append(term.replace("...", batch[depth - extra :]))
    if not arrow:
        joined = "".join(terms).replace("...", "")
        output = ("..." if depth else "") + "".join(
            sorted(letter for letter in set(joined) if joined.count(letter) == 1)
        )
    output = output.replace("...", batch)
    unknown = [letter for letter in output if letter not in "".join(spelled)]
    if unknown or len(set(output)) != len(output):
        raise ShapeError(
            f"einsum {subscripts!r}: the output must name each axis once, and only axes that an operand has"
        )
    return spelled, output


def _check_sizes(subscripts: str, tensors: list[Tensor], terms: list[str]) -> None:
    sizes: dict[str, int] = {}
    for x, term in zip(tensors, terms, strict=True):
        for letter, extent in zip(term, x.shape, strict=True):
            known = sizes.setdefault(letter, extent)
            if known == 1:
                sizes[letter] = extent
            elif extent not in (1, known):
                shapes = ", ".join(str(x.shape) for x in tensors)
                raise ShapeError(
                    f"einsum {subscripts!r}: axis {letter!r} has sizes {known} and {extent} in operands of shapes {shapes}"
                )


def _diagonals(x: Tensor, term: str) -> tuple[Tensor, str]:
    """Letters that occur twice in one operand made one axis: their diagonal."""
    for letter in set(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(
                    f"einsum: the diagonal {letter * 2!r} of {x._described()} needs axes of one size, "
                    f"not {x.shape[first]} and {x.shape[second]}"
                )
            x = x.diagonal(0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    return x, term


def _sum_out(x: Tensor, term: str, needed: set[str]) -> tuple[Tensor, str]:
    gone = tuple(i for i, letter in enumerate(term) if letter not in needed)
    return (sum_(x, gone) if gone else x), "".join(letter for letter in term if letter in needed)


def _contract(a: Tensor, left: str, b: Tensor, right: str, needed: set[str]) -> tuple[Tensor, str]:
    """Two operands as one: batch axes kept, common axes summed over by a matrix product."""
    a, left = _sum_out(a, left, needed | set(right))
    b, right = _sum_out(b, right, needed | set(left))
    both = [letter for letter in left if letter in right]
    # An axis of size 1 on one side broadcasts, which a matrix product would not do for a summed axis.
    for letter in both:
        i, j = left.index(letter), right.index(letter)
        if a.shape[i] != b.shape[j]:
            size = max(a.shape[i], b.shape[j])
            a = a.broadcast_to(tuple(size if k == i else extent for k, extent in enumerate(a.shape)))
            b = b.broadcast_to(tuple(size if k == j else extent for k, extent in enumerate(b.shape)))
    batch = [letter for letter in both if letter in needed]
    summed = [letter for letter in both if letter not in needed]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    size = {**dict(zip(left, a.shape, strict=True)), **dict(zip(right, b.shape, strict=True))}
    extents = lambda letters: [size[letter] for letter in letters]  # noqa: E731
    a = permute_dims(a, [left.index(letter) for letter in (*batch, *rows, *summed)])
    b = permute_dims(b, [right.index(letter) for letter in (*batch, *summed, *columns)])
    inner = math.prod(extents(summed))
    product = matmul(
        a.reshape((*extents(batch), math.prod(extents(rows)), inner)),
        b.reshape((*extents(batch), inner, math.prod(extents(columns)))),
    )
    return product.reshape((*extents(batch), *extents(rows), *extents(columns))), "".join((*batch, *rows, *columns))
