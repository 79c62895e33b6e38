"""L-BFGS: a few steps that know how the slope turns, for losses without noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import CheckpointError, CompileError, OptionError
from ..functional import abs, concat, max, reshape, tensor, zeros
from ..functional.reductions import widened
from ..modes import enable_grad, modes, no_grad
from ..tensor import Tensor
from ..totals import accumulator
from .optimizer import Optimizer, not_negative, require

ARMIJO, CURVATURE = 1e-4, 0.9
"""Of a step along d: the loss must fall by this part of what its slope promised; the slope, to this part of itself."""


class LBFGS(Optimizer):
    """θ ← θ + t·d with d = -H·g: H is what the last steps s and changes of the gradient y tell of the inverse Hessian.

        H = (1 - ρ·s·yᵀ)·H'·(1 - ρ·y·sᵀ) + ρ·s·sᵀ,   ρ = 1 / yᵀs

    from the newest pair (s, y), with H' the same from the pairs before it, and (sᵀy / yᵀy) times 1 in the end.

    lr                the length t of a step; of the first one, times min(1, 1 / Σ|g|); or where a line search begins
    max_iter          how many steps a call of `step` makes
    max_eval          how often it computes the loss, if that comes first; 1.25 · max_iter by default. A line search may
                      take one more
    tolerance_grad    stop when no slope is larger
    tolerance_change  stop when neither parameters nor the loss change by more
    history_size      how many pairs are kept
    line_search_fn    None, or "strong_wolfe": t is sought that lowers the loss and flattens it enough

    `step(closure)` needs the closure, which clears the gradients, computes the loss, calls backward and returns the loss.
    It looks at the losses to decide what to do, so it runs in eager mode: `tg.compile` the loss within the closure, not
    the step. One group of parameters only.

    Sources: J. Nocedal, "Updating Quasi-Newton Matrices with Limited Storage" (1980); J. Nocedal, S. Wright, "Numerical
    Optimization" (2006), algorithms 7.4, 3.5 and 3.6.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        limits = {"max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval}
        tolerances = {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change}
        others = {"history_size": history_size, "line_search_fn": line_search_fn}
        super().__init__(params, {"lr": lr, **limits, **tolerances, **others})

    def check(self, group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise OptionError("LBFGS has one group of parameters: its steps are those of all of them together")
        require(group, lr=not_negative, line_search_fn=lambda name: name in (None, "strong_wolfe"))

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor:
        """Go up to `max_iter` steps; the loss before them."""
        if closure is None:
            raise OptionError("LBFGS computes the loss several times in a step: step(closure) needs the closure")
        if modes.recorder is not None:
            raise CompileError(
                "LBFGS looks at losses to decide what to do, and cannot be recorded: step outside, in eager mode"
            )
        (group,) = self.param_groups
        params = [p for p in group["params"] if p.requires_grad]
        kept = self.state.setdefault(params[0], {"step": 0, "func_evals": 0})
        evaluations = 0

        def evaluate() -> tuple[Tensor, Tensor]:
            nonlocal evaluations
            with enable_grad():
                loss = closure()
            evaluations += 1
            kept["func_evals"] += 1
            return loss, _flat([zeros(p.shape, p.dtype, p.device) if p.grad is None else p.grad for p in params])

        with no_grad():
            first, g = evaluate()
            f = float(first)
            for i in range(group["max_iter"]):
                if _largest(g) <= group["tolerance_grad"]:
                    break
                kept["step"] += 1
                d = _direction(kept, g, group["history_size"])
                slope = float(g @ d)
                if slope > -group["tolerance_change"]:
                    break
                t = group["lr"] * (min(1.0, 1 / float(abs(g).sum())) if kept["step"] == 1 else 1.0)
                x, before = _flat(params), f
                kept["gradient"] = g

                def at(t: float, x: Tensor = x, d: Tensor = d) -> _Point:
                    _put(params, x + d * t)
                    loss, slopes = evaluate()
                    return _Point(t, float(loss), float(slopes @ d), slopes)

                if group["line_search_fn"]:
                    shortest, most = group["tolerance_change"] / _largest(d), group["max_eval"] - evaluations + 1
                    found = _search(at, _Point(0.0, f, slope, g), t, shortest, most)
                    t, f, g = found.t, found.loss, found.gradient
                    _put(params, x + d * t)
                elif i + 1 < group["max_iter"]:
                    _, f, _, g = at(t)
                else:
                    _put(params, x + d * t)
                kept["direction"], kept["length"] = d, t
                still = (
                    _largest(d) * t <= group["tolerance_change"] or math.fabs(f - before) < group["tolerance_change"]
                )
                if still or evaluations >= group["max_eval"]:
                    break
        return first

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({**state_dict, "state": {}})
        for kept in state_dict["state"].values():
            params = [p for p in self.param_groups[0]["params"] if p.requires_grad]
            size = sum(p.size for p in params)
            there = lambda value: tensor(value).astype(accumulator(params[0].dtype)).to(params[0].device)  # noqa: B023, E731
            loaded: dict[str, Any] = {}
            for name, value in kept.items():
                vectors = value if isinstance(value, (list, tuple)) else [value]
                if not all(getattr(vector, "shape", (size,)) == (size,) for vector in vectors):
                    raise CheckpointError(f"{name!r} of LBFGS is not of {size:,} numbers, as its parameters are")
                if isinstance(value, (list, tuple)):
                    loaded[name] = [there(vector) for vector in value]
                else:
                    loaded[name] = there(value) if hasattr(value, "shape") else value
            self.state = {params[0]: loaded}


class _Point(NamedTuple):
    """What there is at x + t·d."""

    t: float
    loss: float
    slope: float
    gradient: Tensor


def _flat(tensors: list[Tensor]) -> Tensor:
    return concat([reshape(widened(one.detach()), (-1,)) for one in tensors])


def _put(params: list[Tensor], x: Tensor) -> None:
    start = 0
    for p in params:
        p.assign(reshape(x[start : start + p.size], p.shape))
        start += p.size


def _largest(x: Tensor) -> float:
    return float(max(abs(x)))


def _direction(kept: dict[str, Any], g: Tensor, history: int) -> Tensor:
    """-H·g, after the last step is remembered: algorithm 7.4, the two loops."""
    steps, changes = kept.setdefault("steps", []), kept.setdefault("changes", [])
    if "direction" in kept:
        s, y = kept["direction"] * kept["length"], g - kept["gradient"]
        if float(s @ y) > 1e-10:
            steps.append(s)
            changes.append(y)
            del steps[:-history], changes[:-history]
    q, parts = -g, []
    products = [float(s @ y) for s, y in zip(steps, changes, strict=True)]
    for s, y, product in zip(reversed(steps), reversed(changes), reversed(products), strict=True):
        part = float(s @ q) / product
        parts.append(part)
        q = q - y * part
    if steps:
        q = q * (products[-1] / float(changes[-1] @ changes[-1]))
    for s, y, product, part in zip(steps, changes, products, reversed(parts), strict=True):
        q = q + s * (part - float(y @ q) / product)
    return q


def _search(at: Callable[[float], _Point], start: _Point, t: float, shortest: float, most: int) -> _Point:
    """A point that fulfils the strong Wolfe conditions, or the best one found: algorithm 3.5, and 3.6 for the interval."""

    def too_high(point: _Point) -> bool:
        return not point.loss <= start.loss + ARMIJO * point.t * start.slope

    def flat(point: _Point) -> bool:
        return math.fabs(point.slope) <= -CURVATURE * start.slope

    low, high, near = start, None, False
    for tried in range(most):
        if high is None:
            new = at(t)
            if too_high(new) or (tried > 1 and new.loss >= low.loss):
                high = new
            elif flat(new):
                return new
            elif new.slope >= 0:
                low, high = new, low
            else:
                t, low = _lowest(low, new, new.t + 0.01 * (new.t - low.t), 10 * new.t), new
            if high is not None and high.loss < low.loss:
                low, high = high, low
            continue
        left, right = sorted((low.t, high.t))
        if right - left < shortest:
            break
        t, margin = _lowest(low, high, left, right), 0.1 * (right - left)
        # Where two trials in turn were next to an end, the second stays away from it.
        was_near, near = near, min(right - t, t - left) < margin
        if near and (was_near or not left < t < right):
            t, near = (right - margin if right - t < t - left else left + margin), False
        new = at(t)
        if too_high(new) or new.loss >= low.loss:
            high = new
            if high.loss < low.loss:
                low, high = high, low
        elif flat(new):
            return new
        else:
            if new.slope * (high.t - low.t) >= 0:
                high = low
            low = new
    return low


def _lowest(a: _Point, b: _Point, least: float, most: float) -> float:
    """Where the cubic through two points with their slopes is lowest, within bounds: (3.59)."""
    tilt = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    under = tilt * tilt - a.slope * b.slope
    if under >= 0:
        root = math.copysign(math.sqrt(under), b.t - a.t)
        divisor = b.slope - a.slope + 2 * root
        if divisor:
            found = b.t - (b.t - a.t) * (b.slope + root - tilt) / divisor
            if math.isfinite(found):
                return min(most, least if found < least else found)
    return (least + most) / 2
