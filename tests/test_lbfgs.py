"""Where L-BFGS looks for the length of a step, and when it stops. The points are PyTorch's (2.13.0)."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

LOSSES = {
    "bell": lambda x: -(-x * x).exp(),
    "far": lambda x: 0.001 * x * x - x,
    "hill": lambda x: -x * (1 - x) ** 2,
    "ledge": lambda x: 0.02 * (x - 3) ** 2 - (6 * (x - 1)).tanh(),
    "rise": lambda x: 1 / (1 + x * x) + 0.01 * x * x,
    "six": lambda x: x**6 - x * x,
    "slide": lambda x: (3 * x).sin() - x,
    "wall": lambda x: x.exp() - 3 * x,
    "wave": lambda x: (5 * x).sin() + x * x / 2,
}

# (loss, where it begins, learning rate, where the line search computes the loss, and where it ends)
SEARCHES = [
    ("bell", 2.0, 0.2, [1.985347489, 1.919337926, 1.556028547, -0.4436595383, -0.06951088943, 0.0003291970354], 0.0003291970354),
    ("far", 0.0, 5, [5, 50], 50),
    ("hill", 0.0, 1, [1, 1 / 3], 1 / 3),
    ("ledge", 0.0, 100, [12.01474593, 8.317763471, 7.198725394, 6.52668534, 5.874016806, 5.562728605], 5.562728605),
    ("rise", 0.1, 5, [1.070296049, 1.376736095, 7.123580724, 3.363294982], 3.363294982),
    ("six", 0.2, 3, [1.39424, 0.8080118455, 0.7379514177], 0.7379514177),
    ("slide", 0.5, 40, [32.0115358, 173.9710046, 144.4467131, 170.4638352, 172.9963146, 173.4080311], 173.4080311),
    ("wall", 4.0, 0.1, [3.9], 3.9),
    ("wave", -1.0, 300, [-126.4932782, -1.417213265, -13.92481976, -2.177870713, -1.49327901, -1.504750335], -1.504750335),
]  # fmt: skip


def searched(loss, start, **options):
    """Where one step of a line search computed the loss, and where it ended."""
    p, seen = nn.Parameter(np.array([start])), []

    def closure():
        optimizer.zero_grad()
        seen.append(p.item())
        value = LOSSES[loss](p).sum()
        value.backward()
        return value

    optimizer = optim.LBFGS([p], max_iter=1, line_search_fn="strong_wolfe", **options)
    optimizer.step(closure)
    return seen[1:], p.item()


@pytest.mark.parametrize("loss, start, lr, points, end", SEARCHES)
def test_a_line_search(loss, start, lr, points, end):
    found = searched(loss, start, lr=lr, max_eval=25)
    assert found == (pytest.approx(points, rel=1e-6), pytest.approx(end, rel=1e-6))


def test_a_line_search_ends_with_the_evaluations():
    assert searched("far", 0.0, lr=0.001, max_eval=3) == (pytest.approx([0.001, 0.01, 0.1]), pytest.approx(0.1))
    assert searched("far", 0.0, lr=0.001) == (pytest.approx([0.001]), pytest.approx(0.001))


def trace(slopes, losses, **options):
    """Where a step goes if the loss and its slope are these, one after the other, wherever it goes."""
    p, seen = nn.Parameter(np.zeros(1)), []

    def closure():
        p.grad = tg.tensor(np.array([slopes[len(seen)]]))
        seen.append(p.item())
        return tg.tensor(losses[len(seen) - 1], dtype="float64")

    optim.LBFGS([p], **options).step(closure)
    return seen, p.item()


def test_when_it_stops():
    falling = [4.0, 3.0, 2.0, 1.0, 0.5, 0.25, 0.125, 0.0625]
    assert len(trace(falling, falling, max_iter=6)[0]) == 6  # the last step is made, and its loss not computed
    assert len(trace(falling, falling, max_iter=6, max_eval=3)[0]) == 3
    assert len(trace(falling, falling, max_iter=9, max_eval=99, tolerance_grad=0.5)[0]) == 5
    assert len(trace(falling, falling, max_iter=9, max_eval=99, tolerance_grad=0.499)[0]) == 6
    assert trace([0.0], [1.0]) == ([0.0], 0.0)  # nothing falls there
    same = [1.0] * 8
    assert len(trace(falling, same, max_iter=6)[0]) == 2
    assert len(trace(falling, same, max_iter=6, tolerance_change=0)[0]) == 6


def test_the_first_step_is_no_longer_than_one():
    assert trace([0.5, 0.0], [2.0, 1.0], lr=0.1)[1] == pytest.approx(-0.05)
    assert trace([4.0, 0.0], [2.0, 1.0], lr=0.1)[1] == pytest.approx(-0.1)
    assert trace([4.0], [2.0], lr=0.1, max_iter=1)[1] == pytest.approx(-0.1)


def test_a_step_without_a_turn_of_the_slope_is_not_remembered():
    """s·y must be above 0: slopes that do not change tell nothing of the curvature."""
    seen, _ = trace([1.0, 1.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0], lr=0.5)
    assert seen == pytest.approx([0.0, -0.5, -1.0, -1.5])
    seen, _ = trace([1.0, 0.5, 0.25, 0.0], [3.0, 2.0, 1.0, 0.0], lr=0.5)
    assert seen == pytest.approx([0.0, -0.5, -0.75, -0.875])  # s/y = 1, then 1
