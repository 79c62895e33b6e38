"""Running a body: what need not be in the rounds is taken out of them, and the rest is a loop for each dtype of results.

Products of a slice of xs with something shared are computed for all rounds at once, before the loop: one large product is
quicker than many small ones. So is what depends on nothing that varies.

Read before: `derivative.py`. Read next: `scan.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..backend import Device, dtypes
from ..batching.rules import for_each
from ..functional import concat, matmul, moveaxis, reshape
from ..modes import modes
from ..ops import matmul as products
from ..ops.index import ARRAY, getitem
from ..tensor import Tensor, apply, filled
from .body import Body, Extract, Operation
from .derivative import Stack, derivative, float_carries
from .primitive import Scan, given_parts
from .samples import body_of_samples

Tensors = Sequence[Tensor]


class Rounds(NamedTuple):
    """How many, in which direction, and what is kept of each for the gradient: "all" that it needs, or the "carries" only,
    from which the rest is computed again, in its round."""

    length: int
    reverse: bool = False
    keep: str = "all"


class Inputs(NamedTuple):
    """What a loop begins with, goes over, and shares."""

    carries: Tensors
    xs: Tensors
    shared: Tensors

    def all(self) -> tuple[Tensor, ...]:
        """In the order of the values of a body."""
        return (*self.carries, *self.xs, *self.shared)

    def of(self, part: Extract) -> Inputs:
        """Those that a part of the body takes."""
        return Inputs(
            [self.carries[i] for i in part.carries],
            [self.xs[j] for j in part.xs],
            [self.shared[k] for k in part.shared],
        )

    @property
    def device(self) -> Device:
        """Where the loop runs; numbers go with any device."""
        every = self.all()
        return next((tensor.device for tensor in every if tensor.ndim), every[0].device if every else Device("cpu"))


def run(body: Body, inputs: Inputs, rounds: Rounds) -> tuple[list[Tensor], list[Tensor]]:
    """(the last carries, what is handed out of the rounds, stacked)."""
    if rounds.keep != "carries":  # what is computed at once is there at once
        body, inputs = _take_out(body, inputs, rounds.length)
    finals: dict[int, Tensor] = {}
    made: dict[int, Tensor] = {}
    forms = [body.forms[value] for value in body.made]
    for dtype in dict.fromkeys(form.dtype for form in (*body.carries, *forms)):
        last = [i for i, form in enumerate(body.carries) if form.dtype == dtype]
        handed = [j for j, form in enumerate(forms) if form.dtype == dtype]
        results = _of_one_dtype(body, last, [body.made[j] for j in handed], inputs, rounds)
        finals.update(zip(last, results, strict=False))
        made.update(zip(handed, results[len(last) :], strict=True))
    return [finals[i] for i in range(len(body.carries))], [made[j] for j in range(len(body.made))]


def _of_one_dtype(body: Body, finals: list[int], made: list[int], inputs: Inputs, rounds: Rounds) -> list[Tensor]:
    """The last of these carries, and these values of all rounds: all of one dtype."""
    part = body.part(finals, made)
    own, inputs = part.body, inputs.of(part)
    last = tuple(part.carries.index(i) for i in finals)
    dtype = own.forms[(*last, *own.made)[0]].dtype
    if modes.grad and dtypes.is_float(dtype) and any(tensor._needs for tensor in inputs.all()):
        kept = [value for value in _values_to_keep(own, inputs, rounds) if own.forms[value].dtype == dtype]
        own = own.handing_out(dict.fromkeys(value for value in kept if value not in own.made))
    op = _scan(own, last, len(made), rounds)
    return op.outputs(apply(op, inputs.all()))


def _values_to_keep(body: Body, inputs: Inputs, rounds: Rounds) -> list[int]:
    """The values of each round that the gradient needs."""
    carries = list(range(len(body.carries)))
    if rounds.keep == "carries":
        return carries
    wanted = tuple(i for i, tensor in enumerate(inputs.all()) if tensor._needs)
    return carries + derivative(body, wanted, tuple(range(len(body.made))), inputs.device).needed


@functools.lru_cache(maxsize=256)
def _scan(body: Body, finals: tuple[int, ...], shown: int, rounds: Rounds) -> Scan:
    """The operation. What does the same is the same operation, so that a program knows it again."""

    def gradient(op: Scan, g: Any, y: Tensor, inputs: Tensors, needed: tuple[int, ...]) -> list[Tensor | None]:
        return _gradient(op, g, y, inputs, needed, rounds.keep)

    def batch(op: Scan, inputs: Tensors, n: int, many: tuple[bool, ...]) -> Tensor:
        return _of_samples(op, inputs, n, many, rounds)

    return Scan(body, finals, shown, rounds.length, rounds.reverse, gradient, batch=batch)


def _of_samples(op: Scan, inputs: Tensors, n: int, many: tuple[bool, ...], rounds: Rounds) -> Tensor:
    """What the operation gives for each of n samples. See `samples.py`."""
    body = op.body
    first_x, first_shared = len(body.carries), len(body.carries) + len(body.xs)
    starts = [x if has else for_each(x, n) for x, has in zip(inputs[:first_x], many, strict=False)]
    xs = [
        moveaxis(x, 0, 1) if has else x
        for x, has in zip(inputs[first_x:first_shared], many[first_x:first_shared], strict=True)
    ]
    own = Inputs(starts, xs, inputs[first_shared:])
    whole, found = body_of_samples(body, n, (*[True] * first_x, *many[first_x:]), own.device)
    own = own._replace(shared=[*own.shared, *found])
    results = _of_one_dtype(whole, list(op.finals), list(whole.made), own, rounds)
    finals, stacks = results[: len(op.finals)], results[len(op.finals) :]
    parts = [*finals, *[moveaxis(stack, 1, 0) for stack in stacks]]
    return concat([reshape(part, (n, part.size // n if n else 0)) for part in parts], axis=1)


def _gradient(op: Scan, g: Any, y: Tensor, inputs: Tensors, needed: tuple[int, ...], keep: str) -> list[Tensor | None]:
    """The shares of all inputs. See `derivative.py`."""
    body, parts = op.body, given_parts(op, g)
    first_x, first_shared, first_made = len(body.carries), len(body.carries) + len(body.xs), len(op.finals)
    own = Inputs(inputs[:first_x], inputs[first_x:first_shared], inputs[first_shared:])
    given = tuple(sorted(place - first_made for place in parts if place >= first_made))
    found = derivative(body, needed, given, own.device)

    def stack(which: Stack) -> Tensor:
        value = which.which
        if which.kind == "of":
            return parts[first_made + value]
        if which.kind == "made":
            return made[value]
        if first_x <= value < first_shared:
            return inputs[value]
        if value in body.made:
            return op.part(y, first_made + body.made.index(value))
        # A carry of another dtype, which does not lie in y: the rounds are run again for it.
        return _of_one_dtype(body, [], [value], own, Rounds(op.length, op.reverse))[0]

    carries = float_carries(body)
    starts = [_gradient_of_carry(op, parts, i, inputs[i]) for i in carries] + [_zeros(inputs[i]) for i in found.sums]
    shared = [*[own.shared[k] for k in found.shared], *found.found]
    backwards = Rounds(op.length, not op.reverse, keep)
    ends, made = run(found.body, Inputs(starts, list(map(stack, found.taken)), shared), backwards)
    shares: list[Tensor | None] = [None] * len(inputs)
    for i, share in (*zip((*carries, *found.sums), ends, strict=True), *zip(found.slices, made, strict=False)):
        shares[i] = share
    for i, total in found.totals:
        shares[i] = total(lambda value: stack(found.operands[value]))
    return shares


def _gradient_of_carry(op: Scan, parts: dict[int, Tensor], carry: int, start: Tensor) -> Tensor:
    """The gradient at the end of a carry."""
    place = op.finals.index(carry) if carry in op.finals else None
    return parts[place] if place in parts else _zeros(start)


def _zeros(like: Tensor) -> Tensor:
    return filled(like.shape, 0, like.dtype, like.device)


def _take_out(body: Body, inputs: Inputs, length: int) -> tuple[Body, Inputs]:
    """The body without what can be computed for all rounds at once, and the inputs with that computed."""
    first_x, first_shared = len(body.carries), len(body.carries) + len(body.xs)
    stacked: dict[int, Tensor] = dict(enumerate(inputs.xs, first_x))
    same: dict[int, Tensor] = dict(enumerate((*inputs.shared, *map(Tensor, body.numbers)), first_shared))
    known, fixed = [], []
    for value, step in enumerate(body.steps, body.first_step):
        if all(i in same for i in step.inputs):
            given = tuple([step.given(k, same) for k in range(len(step.inputs))])
            same[value] = apply(step.op, given, step.params)
            if step.op.kind != "view":  # to look at something again costs nothing
                fixed.append(value)
        elif step.op in AT_ONCE:
            result = AT_ONCE[step.op](step, stacked, same, (length, *step.form.shape))
            if result is not None:
                stacked[value] = result
                known.append(value)
    if not known and not fixed:
        return body, inputs
    part = body.part(range(len(body.carries)), body.made, known, fixed)
    now = inputs.of(part)
    return part.body, now._replace(
        xs=[*now.xs, *[stacked[value] for value in part.known]],
        shared=[*now.shared, *[same[value] for value in part.fixed]],
    )


def _product(
    step: Operation, stacked: dict[int, Tensor], same: dict[int, Tensor], shape: tuple[int, ...]
) -> Tensor | None:
    """x @ w or x @ wᵀ of the slices of all rounds, if w is shared."""
    x, weight = step.given(0, stacked), step.given(1, same)
    if x is None or weight is None or weight.ndim != 2 or x.ndim < 3:
        return None
    rows = reshape(x, (x.size // x.shape[-1] if x.size else 0, x.shape[-1]))
    return reshape(matmul(rows, weight) if step.op is products.matmul else apply(step.op, (rows, weight)), shape)


def _rows(
    step: Operation, stacked: dict[int, Tensor], same: dict[int, Tensor], shape: tuple[int, ...]
) -> Tensor | None:
    """Rows of a table by their numbers."""
    if len(step.inputs) != 2 or step.params["index"] != (ARRAY,):
        return None
    table, numbers = step.given(0, same), step.given(1, stacked)
    return None if table is None or numbers is None else apply(getitem, (table, numbers), step.params)


AT_ONCE = {products.matmul: _product, products.linear: _product, getitem: _rows}
"""Operation -> what computes it for all rounds at once; None where it cannot."""
