"""`tg.vmap`: a function of one sample as a function of many. Read before: `level.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from ..errors import AxisError, DTypeError, OptionError, ShapeError
from ..functional import concat, moveaxis
from ..structure import is_nested, leaves, packed_like, paths
from ..tensor import as_tensor
from .level import Level
from .rules import for_each

R = TypeVar("R")
RANDOMNESS = ("error", "different", "same")


def vmap(
    f: Callable[..., R],
    in_axes: Any = 0,
    out_axes: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., R]:
    """The function that does to each of many samples what `f` does to one: f is called once, with the shapes of one sample.

        vmap(f)(x)[i] = f(x[i])

    f           takes and returns tensors, and nested tuples, lists and dictionaries of tensors
    in_axes     along which axis of an argument the samples lie: a number for all arguments, or a tuple with one for each.
                None for what is the same for all samples. For a nested argument the same number for all of it, or a
                structure like it. Keyword arguments are the same for all samples
    out_axes    along which axis of the results they shall lie; a number, or a structure like that of the results. None for
                a result that is the same for all samples
    randomness  what random numbers are in f, those of dropout included: an "error"; "different" for each sample; or the
                "same" for all of them
    chunk_size  how many samples are computed at a time, where all together take too much memory; all by default

    Gradients of any order flow through it, and it may be taken of itself. It may stand around what takes gradients: those of
    single samples are

    >>> x, y = tg.random.randn(5, 3), tg.random.randn(5)
    >>> w = tg.zeros(3, requires_grad=True)
    >>> tg.vmap(lambda x, y: tg.grad((x @ w - y) ** 2, w)[0])(x, y).shape
    (5, 3)

    There are no loops over samples in it, but for operations whose row has no rule for many. Reading a number in f (`if x >
    0`) is an error, and so is `backward()` on a sample: call tg.grad.

    Raises `ShapeError` for arguments with unlike numbers of samples, `AxisError` for an axis that is not there,
    `DTypeError` for what is no tensor, `OptionError` if nothing has samples. The meaning is that of `torch.func.vmap`.
    """
    if randomness not in RANDOMNESS:
        raise OptionError(f"randomness={randomness!r} is none of {', '.join(map(repr, RANDOMNESS))}")
    if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
        raise OptionError(f"chunk_size={chunk_size!r} should say how many samples to compute at a time: one or more")

    @wraps(f, updated=())
    def of_many(*args: Any, **kwargs: Any) -> R:
        axes = _spread(in_axes, args, "in_axes")
        wholes = [_whole(leaf, axis, path) for leaf, axis, path in zip(leaves(args), axes, paths(args), strict=True)]
        n = _count(wholes)
        step = n if chunk_size is None else min(chunk_size, n)
        chunks = [None] if step == n else [slice(start, start + step) for start in range(0, n, step)]
        runs = [_run(f, args, kwargs, wholes, chunk, randomness) for chunk in chunks]
        structure = runs[0][0]
        every = [_joined(parts) for parts in zip(*[parts for _, parts in runs], strict=True)]
        outs = _spread(out_axes, structure, "out_axes")
        return packed_like(structure, [_laid(part, axis, n) for part, axis in zip(every, outs, strict=True)])

    return of_many


class _LeafOfMany(NamedTuple):
    """A leaf of an argument or of a result, and whether it has the samples along its first axis."""

    value: Any
    many: bool


def _run(
    f: Callable, args: tuple, kwargs: dict[str, Any], wholes: list[_LeafOfMany], chunk: slice | None, randomness: str
) -> tuple[Any, list[_LeafOfMany]]:
    """(what f gives, of which the structure counts, its leaves) for the samples of a chunk, or for all."""
    if chunk is not None:
        wholes = [part._replace(value=part.value[chunk]) if part.many else part for part in wholes]
    with Level(_count(wholes), randomness) as level:
        given = f(*packed_like(args, [level.sample(value) if many else value for value, many in wholes]), **kwargs)
        return given, [_result(leaf, level) for leaf in leaves(given)]


def _joined(parts: tuple[_LeafOfMany, ...]) -> _LeafOfMany:
    """One leaf of the results of all chunks."""
    if len(parts) == 1 or not parts[0].many:
        return parts[0]
    return _LeafOfMany(concat([part.value for part in parts]), True)


def _result(leaf: Any, level: Level) -> _LeafOfMany:
    if leaf is None:
        return _LeafOfMany(None, False)
    try:
        tensor = as_tensor(leaf)
    except DTypeError:
        raise DTypeError(f"the function of tg.vmap returns tensors, and structures of them, not {leaf!r}") from None
    return _LeafOfMany(level.whole(tensor), level.is_sample(tensor))


def _laid(part: _LeafOfMany, axis: int | None, n: int) -> Any:
    """A result with the samples along an axis."""
    value, many = part
    if value is None or (axis is None and not many):
        return value
    if axis is None:
        raise OptionError(
            f"out_axes=None is for a result that is the same for all samples, but {value._described()} has {n} of them"
        )
    whole = value if many else for_each(value, n)
    return moveaxis(whole, 0, axis) if axis else whole


def _whole(leaf: Any, axis: int | None, path: tuple) -> _LeafOfMany:
    """An argument with the samples along its first axis, if it has any."""
    if axis is None or leaf is None:
        return _LeafOfMany(leaf, False)
    name = f"argument {path[0]}" + "".join(f"[{part!r}]" for part in path[1:]) + " of a function of tg.vmap"
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        raise DTypeError(f"{name} is {_short(leaf)}, which has no samples: say None in its place in in_axes")
    x = as_tensor(leaf)
    if not -x.ndim <= axis < x.ndim:
        raise AxisError(
            f"{name} is {x._described()}, which has no axis {axis} for the samples: say another one, or None, in in_axes"
        )
    return _LeafOfMany(moveaxis(x, axis, 0) if axis else x, True)


def _short(leaf: Any) -> str:
    return repr(leaf) if isinstance(leaf, (int, float, str)) else f"of type {type(leaf).__name__}"


def _count(wholes: list[_LeafOfMany]) -> int:
    """How many samples there are."""
    counts = list(dict.fromkeys(part.value.shape[0] for part in wholes if part.many))
    if not counts:
        raise OptionError("tg.vmap needs an argument with samples: a tensor, and an axis in in_axes that is not None")
    if len(counts) > 1:
        raise ShapeError(
            f"the arguments of a function of tg.vmap have {' and '.join(map(str, counts))} samples: the axes of in_axes must "
            f"be of one size"
        )
    return counts[0]


def _spread(axes: Any, part: Any, name: str) -> list[int | None]:
    """An axis for each leaf of a structure: `axes` says one for all of it, or has its structure."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(leaves(part))
    if isinstance(part, Mapping) and isinstance(axes, Mapping) and part.keys() == axes.keys():
        return [axis for key, item in part.items() for axis in _spread(axes[key], item, name)]
    both_sequences = (
        is_nested(part) and is_nested(axes) and not isinstance(part, Mapping) and not isinstance(axes, Mapping)
    )
    if both_sequences and len(part) == len(axes):
        return [axis for inner, item in zip(axes, part, strict=True) for axis in _spread(inner, item, name)]
    raise OptionError(
        f"{name}={axes!r} does not fit: it is an axis, None, or a structure of these like that of the "
        f"{'arguments' if name == 'in_axes' else 'results'}"
    )
