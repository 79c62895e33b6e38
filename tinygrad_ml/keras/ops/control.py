"""`keras.ops.core`: tensors in and out, loops, choices, derivatives.

`scan`, `map` and `fori_loop` are `tg.scan`, and `vectorized_map` is `tg.vmap`: the function is called once, with tensors that have
no numbers. `while_loop`, `cond` and `switch` look at numbers, where there are some, and run in Python; in compiled steps, and
inside of other loops, both sides of a choice are computed and one is taken, and a `while_loop` needs `maximum_iterations`.
`associative_scan` calls its function about 2·log₂ n times, whatever the number of elements is.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import functional as tg
from ... import loops
from ...backend import Absent, dtypes
from ...batching import vmap
from ...derivatives import jvp as _jvp
from ...errors import OptionError, ShapeError
from ...ops import Primitive
from ...structure import leaves, mapped, packed_like
from ...tensor import Tensor, apply
from ..layers.phase import phase
from ..layers.symbols import partial_shape
from .calls import operation
from .tensors import INDEX, tensor_of


@operation
def stop_gradient(variable: Any) -> Tensor:
    """The numbers of a tensor, through which no gradient flows."""
    return tensor_of(variable).detach()


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """x as a tensor; Python's integers become int32, its floats float32."""
    if sparse or ragged:
        raise OptionError("convert_to_tensor: there are no sparse or ragged tensors here")
    return tensor_of(x, dtype)


def convert_to_numpy(x: Any) -> numpy.ndarray:
    """The numbers of a tensor, on the CPU."""
    return x.detach().numpy() if isinstance(x, Tensor) else numpy.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor of this library."""
    return isinstance(x, Tensor)


def shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of the axes; of symbols None for the batch and for what is unknown."""
    x = tensor_of(x)
    return partial_shape(x) if x.symbolic and not phase.inside else x.shape


def ndim(x: Any) -> int:
    """The number of axes."""
    return tensor_of(x).ndim


def size(x: Any) -> int:
    """The number of elements."""
    return tensor_of(x).size


def dtype(x: Any) -> str:
    """The name of the dtype, such as "float32"."""
    return str(tensor_of(x).dtype)


def _without_numbers(*things: Any) -> bool:
    """Whether the numbers of a tensor are not known, as it is a symbol, or stands in a step that is recorded."""
    return any(isinstance(one, Tensor) and isinstance(one._data, Absent) for one in leaves(things))


@operation
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """(last carry, stacked ys) of the loop `carry, y = f(carry, x)` over the first axis of xs; see `tg.scan`. `unroll`
    changes nothing."""
    _check_callable("f", f)
    init = mapped(tensor_of, init)
    return loops.scan(_as_tensors(f), init, None if xs is None else mapped(tensor_of, xs), length, reverse)


def _check_callable(name: str, f: Any) -> None:
    if not callable(f):
        raise OptionError(f"{name} must be a function, and {f!r} is none")


def _as_tensors(f: Callable) -> Callable:
    """A body whose results are tensors, as Keras makes them of numbers."""

    def body(carry: Any, x: Any) -> tuple[Any, Any]:
        given = f(carry, x)
        return mapped(lambda leaf: leaf if leaf is None else tensor_of(leaf), given)

    return body


@operation
def map(f: Callable, xs: Any) -> Any:
    """f of each slice along the first axis of xs, stacked."""
    return scan(lambda carry, x: ((), f(x)), (), xs)[1]


@operation
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` of each slice along the first axis, stacked; it is called once, and computes them all together (`tg.vmap`)."""
    _check_callable("function", function)
    return vmap(function, randomness="different")(mapped(tensor_of, elements))


@operation
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """The value after `value = body_fun(i, value)` for i from lower to upper - 1; i is a tensor (int32)."""
    lower, upper = (int(end.item() if isinstance(end, Tensor) else end) for end in (lower, upper))
    if upper <= lower:
        return mapped(tensor_of, init_val)
    numbers = tg.arange(lower, upper, dtype=INDEX)
    return scan(lambda value, i: (body_fun(i, value), None), init_val, numbers)[0]


@operation
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """The variables after `loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds, and so many times at most.

    Where numbers are not known it is a `tg.scan` of `maximum_iterations` rounds, which change nothing once the condition
    does not hold any more.
    """
    several = isinstance(loop_vars, (tuple, list))
    values = tuple(mapped(tensor_of, loop_vars)) if several else (tensor_of(loop_vars),)

    def step(now: tuple) -> tuple:
        made = body(*now)
        return tuple(mapped(tensor_of, made)) if isinstance(made, (tuple, list)) else (tensor_of(made),)

    holds = cond(*values)
    if _without_numbers(holds):
        if maximum_iterations is None:
            raise OptionError(
                "while_loop: whether the condition holds is not known where numbers are not, in a compiled step or for "
                "symbols: pass maximum_iterations="
            )

        def round_(carry: tuple, _: Any) -> tuple[tuple, None]:
            going, now = carry
            then = packed_like(now, [_pick(going, a, b) for a, b in zip(leaves(step(now)), leaves(now), strict=True)])
            return (going & tensor_of(cond(*then)).astype(dtypes.bool_), then), None

        first = tensor_of(holds).astype(dtypes.bool_)
        values = loops.scan(round_, (first, values), None, maximum_iterations)[0][1]
    else:
        rounds = itertools.count() if maximum_iterations is None else range(maximum_iterations)
        for _ in rounds:
            if not bool(holds):
                break
            values = step(values)
            holds = cond(*values)
    return values if several else values[0]


def _pick(condition: Tensor, a: Any, b: Any) -> Tensor:
    return tg.where(condition, tensor_of(a), tensor_of(b))


@operation
def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """yₖ = x₀ ∘ x₁ ∘ … ∘ xₖ along an axis, with a ∘ b = f(a, b), for which it must not matter where brackets stand.

    f takes and gives structures as `elems`, of many elements at once.
    Source: G. Blelloch, "Prefix Sums and Their Applications" (1990).
    """
    _check_callable("f", f)
    parts = [tensor_of(one) for one in leaves(elems)]
    if len({part.shape[axis] for part in parts}) > 1:
        given = ", ".join(part._described() for part in parts)
        raise ShapeError(f"associative_scan goes along axes of one length, not over {given}")
    combine = lambda a, b: [tensor_of(x) for x in leaves(f(packed_like(elems, a), packed_like(elems, b)))]  # noqa: E731
    moved = [tg.moveaxis(part, axis, 0) for part in parts]
    made = _prefixes(combine, [tg.flip(x, 0) for x in moved] if reverse else moved)
    made = [tg.moveaxis(tg.flip(x, 0) if reverse else x, 0, axis) for x in made]
    return packed_like(elems, made)


def _prefixes(combine: Callable, parts: list[Tensor]) -> list[Tensor]:
    """Neighbours are put together in pairs; of these half as many prefixes are found, the others from them."""
    n = parts[0].shape[0]
    if n < 2:
        return parts
    odd = _prefixes(combine, combine([x[: n - 1 : 2] for x in parts], [x[1::2] for x in parts]))
    if n < 3:
        even = [x[:1] for x in parts]
    else:
        later = combine([x[: (n - 1) // 2] for x in odd], [x[2::2] for x in parts])
        even = [tg.concat([x[:1], y]) for x, y in zip(parts, later, strict=True)]
    return [_interleaved(a, b) for a, b in zip(even, odd, strict=True)]


def _interleaved(even: Tensor, odd: Tensor) -> Tensor:
    n = odd.shape[0]
    both = tg.stack([even[:n], odd], 1).reshape((2 * n, *odd.shape[1:]))
    return both if even.shape[0] == n else tg.concat([both, even[n:]])


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function that calls `pyfunc` on each element of its arguments, which are broadcast, and stacks what it gives."""
    if excluded is not None or signature is not None:
        raise OptionError("vectorize: excluded= and signature= are not offered; use vectorized_map")

    @functools.wraps(pyfunc)
    def vectorized(*args: Any) -> Any:
        xs = tg.broadcast_arrays(*[tensor_of(x) for x in args])
        made = vectorized_map(lambda x: pyfunc(*x), tuple(x.reshape(-1) for x in xs))
        return mapped(lambda y: y.reshape((*xs[0].shape, *y.shape[1:])), made)

    return vectorized


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What `true_fn()` gives, if `pred` is true, else what `false_fn()` gives.

    Where the number is not known both are called, and must give tensors of the same shapes.
    """
    if not _without_numbers(pred):
        return true_fn() if bool(pred) else false_fn()
    first, second = true_fn(), false_fn()
    chosen = tensor_of(pred).astype(dtypes.bool_)
    return packed_like(first, [_pick(chosen, a, b) for a, b in zip(leaves(first), leaves(second), strict=True)])


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """`branches[index](*operands)`, the index being limited to those that there are.

    Where the number is not known all are called, and must give tensors of the same shapes.
    """
    if not branches:
        raise OptionError("switch needs a branch at least")
    if not _without_numbers(index):
        place = int(index.item() if isinstance(index, Tensor) else index)
        return branches[builtins.min(builtins.max(place, 0), len(branches) - 1)](*operands)
    made = branches[0](*operands)
    for number, branch in enumerate(branches[1:], start=1):
        other = branch(*operands)
        made = packed_like(
            made, [_pick(index >= number, a, b) for a, b in zip(leaves(other), leaves(made), strict=True)]
        )
    return made


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """(fun(*primals), its derivative in the direction of the tangents); with `has_aux`, what fun gives beside, too."""
    aux: list[Any] = []

    def alone(*inputs: Tensor) -> Tensor:
        if not has_aux:
            return fun(*inputs)
        y, beside = fun(*inputs)
        aux.append(beside)
        return y

    found = _jvp(alone, tuple(tensor_of(x) for x in primals), tuple(tensor_of(x) for x in tangents))
    return (*found, aux[0]) if has_aux else found


def custom_gradient(f: Callable) -> Callable:
    """A decorator: `f(*tensors)` gives (y, grad), and `grad(*tensors, upstream=g)` gives the gradients of the tensors.

    A `grad` of one argument is called as `grad(g)`.
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Tensor:
        given = [tensor_of(x) for x in args]
        y, grad = f(*given, **kwargs)
        return apply(_with_gradient(grad, given), (y.detach(), *given))

    return call


def _with_gradient(grad: Callable, given: list[Tensor]) -> Primitive:
    """y, with the gradients of the tensors that it was computed from as somebody has stated them."""
    told = inspect.signature(grad).parameters.values()
    takes_tensors = len(told) > 1 or any(one.kind is one.VAR_POSITIONAL for one in told)

    def gradients(g: Tensor, needed: tuple[int, ...]) -> list:
        found = grad(*given, upstream=g) if takes_tensors else grad(g)
        return [None, *(found if isinstance(found, (tuple, list)) else [found])]

    return Primitive(
        "custom_gradient",
        lambda xp, y, *_: y,
        lambda y, *_: y,
        (gradients,),
        inputs=("inputs*",),
        formula="y",
        local=("as it was stated",),
        joint=True,
    )
