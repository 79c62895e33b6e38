"""Rprop: only the sign of a slope counts."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..functional import abs, maximum, minimum, sign
from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, require


class Rprop(Optimizer):
    """θ ← θ - s · sign(g): each number has a step size s of its own, which grows while the slope keeps its sign.

        s ← s·η⁺ where the slope has the sign that it had, s·η⁻ where it has the other; from s_min to s_max

    Where the sign has changed, no step is made, and the slope counts as 0 the next time. For the slope of all data:
    that of a batch changes its sign by chance.

    lr          s at the start
    etas        (η⁻, η⁺)
    step_sizes  (s_min, s_max)
    maximize    climb instead of descending

    Source: M. Riedmiller, H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning" (1993).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        maximize: bool = False,
    ):
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, etas=lambda etas: 0 < etas[0] < 1 < etas[1])

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"prev": 0, "step_size": group["lr"]}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        (down, up), (least, most) = group["etas"], group["step_sizes"]
        return {"down": down, "up": up, "least": least, "most": most}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        before, size = state
        same = sign(g) * sign(before)
        turned = maximum(-same, 0)
        size = size * (maximum(same, 0) * n.up + turned * n.down + (1 - abs(same)))
        size = minimum(maximum(size, n.least), n.most)
        g = sign(g) * (1 - turned)
        return p - g * size, g, size
