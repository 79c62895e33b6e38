"""`tg.scan`: a loop whose body is recorded once, however many rounds there are.

Read before: `body.py`, `running.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import DTypeError, OptionError, ShapeError
from ..functional import concat, reshape
from ..functional.composed import composed
from ..structure import leaves, nesting, packed_like
from ..tensor import Tensor, as_tensor
from .body import Body, Form
from .running import Inputs, Rounds, Tensors, run
from .tracing import Tracer

KEEP = ("all", "carries", "sqrt")


@composed
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    keep: str = "all",
) -> tuple[Any, Any]:
    """(carry, ys): a loop over the first axis of xs, recorded once and run as one operation.

        carry, ys = init, []
        for x in xs:                        # from the last to the first with reverse=True
            carry, y = f(carry, x)
            ys.append(y)                    # in the order of xs, also with reverse=True
        return carry, tg.stack(ys)

    f        `f(carry, x)` gives (carry, y). It is called once, with tensors that have a shape and no numbers: as in a
             function of tg.compile, choose by tg.where, and make random numbers with tg.random
    init     the first carry: a tensor, or nested tuples, lists and dictionaries of tensors. Every carry has its structure,
             shapes and dtypes
    xs       a tensor, or a structure of tensors with the same length of their first axis; f gets a slice of each. None if
             there is nothing to go over
    length   the number of rounds, where xs does not say it
    reverse  whether to begin with the last slices
    keep     what is kept of each round for the gradient: "all" that it needs; the "carries", and the rest is computed again;
             or, with "sqrt", what is needed for √length rounds at a time, which takes a second forward pass and memory
             that grows with √length only

    The gradient is a loop over the gradient of f from the last round to the first, and can be differentiated in turn.
    Products of x with something that does not change are computed for all rounds at once, and so are the gradients of
    weights. With `tg.compile` the rounds are machine code. In pictures it is one box, which opens into one
    round (`open=["scan"]`); all of them, one after the other, are what a loop of Python draws.

    Raises `ShapeError` for xs of different lengths, and for a carry of another structure or shape; `DTypeError` for a
    carry of another dtype; `OptionError` where no length is known.

    >>> total, running = tg.scan(lambda c, x: (c + x, c + x), tg.tensor(0.0), tg.tensor([1.0, 2.0, 3.0]))
    >>> total, running
    (tensor(6.), tensor([1., 3., 6.]))

    The meaning is that of `jax.lax.scan`. Memory of √n: A. Griewank, "Achieving logarithmic growth of temporal and spatial
    complexity in reverse automatic differentiation" (1992).
    """
    if keep not in KEEP:
        raise OptionError(f"keep={keep!r}; use one of {', '.join(map(repr, KEEP))}")
    carries = [as_tensor(leaf) for leaf in leaves(init)]
    slices = [as_tensor(leaf) for leaf in leaves(xs) if leaf is not None]
    rounds = _length(slices, length)
    if keep == "sqrt" and rounds > 3:
        return _in_blocks(f, init, xs, rounds, reverse)
    tracer = Tracer(rounds)
    body, structure, checks = _trace(tracer, f, init, xs, carries, slices)
    drawn, shared = [numbers for _, numbers in tracer.drawn], tracer.found
    tracer.forget()
    for look, x in checks:
        look.at(x)
    finals, made = run(body, Inputs(carries, [*slices, *drawn], shared), Rounds(rounds, reverse, keep))
    return packed_like(init, finals), _fill(structure, made)


def _length(slices: Tensors, length: int | None) -> int:
    """The number of rounds."""
    for x in slices:
        if not x.ndim:
            raise ShapeError(f"tg.scan goes over the first axis of xs, and {x._described()} has none")
    lengths = {x.shape[0] for x in slices} | ({length} if length is not None else set())
    if not lengths:
        raise OptionError("tg.scan without xs needs length=, the number of rounds")
    if len(lengths) > 1:
        given = ", ".join(x._described() for x in slices)
        asked = "" if length is None else f", and length={length}"
        raise ShapeError(f"tg.scan goes over tensors of one length, not over {given}{asked}")
    (found,) = lengths
    if not isinstance(found, int) or found < 0:
        raise OptionError(f"length={length!r} is not a number of rounds")
    return found


def _trace(
    tracer: Tracer, f: Callable, init: Any, xs: Any, carries: Tensors, slices: Tensors
) -> tuple[Body, Any, list]:
    """The body, the structure of what f hands out, and what looks for mistakes in which of the slices."""
    with tracer:
        inside = [tracer.placeholder(Form.of(c), c.device, needs=True) for c in carries]
        here = [tracer.placeholder(Form(x.shape[1:], x.dtype), x.device, needs=True) for x in slices]
        rest = iter(here)
        x = packed_like(xs, [None if leaf is None else next(rest) for leaf in leaves(xs)])
        given = f(packed_like(init, inside), x)
        if not isinstance(given, tuple) or len(given) != 2:
            raise ShapeError(f"the function of tg.scan gives (carry, y), not {type(given).__name__}")
        carry, structure = given
        carried = _check_carry(init, carry, carries)
        made = [as_tensor(leaf) for leaf in leaves(structure) if leaf is not None]
        body = tracer.body(inside, [*here, *[tensor for tensor, _ in tracer.drawn]], [], carried, made)
    of_slices = {id(inner._data): x for inner, x in zip(here, slices, strict=True)}
    checks = [(look, of_slices[id(x._data)]) for look, x in tracer.checks if id(x._data) in of_slices]
    return body, structure, checks


def _check_carry(init: Any, carry: Any, carries: Tensors) -> list[Tensor]:
    """The tensors of a new carry, if it is like the first one."""
    if nesting(init) != nesting(carry):
        raise ShapeError(
            f"the carry that the function of tg.scan gives is {_outline(carry)}, but the first one is {_outline(init)}; "
            f"each round begins with what the one before gives, so they must be alike"
        )
    found = []
    for place, (leaf, start) in enumerate(zip(leaves(carry), carries, strict=True)):
        tensor = as_tensor(leaf)
        if tensor.shape != start.shape or tensor.dtype != start.dtype:
            which = f" number {place}" if len(carries) > 1 else ""
            kind = ShapeError if tensor.shape != start.shape else DTypeError
            raise kind(
                f"carry{which} of tg.scan begins with {Form.of(start)}, and the function gives it {Form.of(tensor)}; "
                f"each round begins with what the one before gives, so they must be alike: "
                + (
                    "give init that shape"
                    if kind is ShapeError
                    else f"convert one, as in init.astype('{tensor.dtype}')"
                )
            )
        found.append(tensor)
    return found


def _outline(part: Any) -> str:
    """A structure in words."""
    kind = type(part).__name__
    return f"a {kind} of {len(part)}" if nesting(part) is not None else f"one {kind}"


def _fill(structure: Any, made: list[Tensor]) -> Any:
    """A structure with tensors in the places of all leaves but None."""
    rest = iter(made)
    return packed_like(structure, [None if leaf is None else next(rest) for leaf in leaves(structure)])


def _in_blocks(f: Callable, init: Any, xs: Any, rounds: int, reverse: bool) -> tuple[Any, Any]:
    """The loop as one over blocks of √n rounds, of which only the carries between them are kept."""
    size = math.isqrt(rounds)
    blocks = rounds // size
    whole = blocks * size
    first, second = (
        (slice(rounds - whole, None), slice(0, rounds - whole)) if reverse else (slice(0, whole), slice(whole, None))
    )

    def over(where: slice) -> Any:
        return packed_like(xs, [None if leaf is None else as_tensor(leaf)[where] for leaf in leaves(xs)])

    def in_blocks(leaf: Any) -> Any:
        return None if leaf is None else reshape(leaf, (blocks, size, *leaf.shape[1:]))

    split = packed_like(xs, [in_blocks(leaf) for leaf in leaves(over(first))])
    carry, outer = scan(lambda c, x: scan(f, c, x, size, reverse), init, split, blocks, reverse, keep="carries")
    made = [None if leaf is None else reshape(leaf, (whole, *leaf.shape[2:])) for leaf in leaves(outer)]
    if whole < rounds:
        carry, others = scan(f, carry, over(second), rounds - whole, reverse)
        pairs = zip(made, leaves(others), strict=True)
        made = [None if a is None else concat([b, a] if reverse else [a, b]) for a, b in pairs]
    return carry, packed_like(outer, made)
