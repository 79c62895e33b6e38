"""Any curve is a constant plus a sum of sigmoids, or of ReLUs: the more of them, the closer.

    y = b + Σᵢ cᵢ · σ(bᵢ + wᵢ·x)        or with max(0, ·) in the place of the sigmoid σ

This is a network with one hidden layer, and the reason why one is enough to express everything: a piecewise-linear
curve is a sum of ramps, any curve is nearly piecewise-linear, and a sigmoid is a soft ramp (two ReLUs make a hard
one). The weights wᵢ, bᵢ, cᵢ are found by gradient descent. Read next: `forward_by_hand.py`.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from examples.lessons.common import COLOURS, Run, effect, main
from tinygrad_ml import nn, optim
from viz.training.style import FAINT, picture, styled

CORNERS = np.array([[-3.0, 0.0], [-1.5, 0.0], [-0.5, 2.0], [1.0, -1.0], [2.0, 1.0], [3.0, 1.0]])
CURVES = {
    "piecewise linear": lambda x: np.interp(x, *CORNERS.T),
    "curved": lambda x: np.sin(2 * x) + 0.3 * x,
}
SUMMANDS = {"sigmoid": nn.Sigmoid, "ReLU": nn.ReLU}


def sum_of(activation: type, count: int) -> nn.Sequential:
    """b + Σ cᵢ·g(bᵢ + wᵢ·x); at the start, the bends are spread over the interval, and face right and left in turn."""
    hidden, output = nn.Linear(1, count), nn.Linear(count, 1)
    steep = np.where(np.arange(count) % 2, -1, 1) * (4 if activation is nn.Sigmoid else 1)
    hidden.weight.assign(steep[:, None])
    hidden.bias.assign(-steep * np.linspace(-3, 3, count + 2)[1:-1])
    return nn.Sequential(hidden, activation(), output)


def fit(model: nn.Module, x: tg.Tensor, y: tg.Tensor, steps: int) -> float:
    """Fit by gradient descent; the mean squared error in the end."""
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()
    return loss.item()


@styled
def drawn(x: np.ndarray, fits: dict[str, tuple[np.ndarray, nn.Sequential]]) -> Figure:
    """For each fit: the curve, the sum, and its summands."""
    made = picture(9, 6.4)
    for axes, (name, (wanted, model)) in zip(made.subplots(2, 2).ravel(), fits.items(), strict=True):
        hidden, g, output = model
        with tg.no_grad():
            summands = g(hidden(tg.tensor(x[:, None]))).numpy() * output.weight.numpy()[0]
            total = summands.sum(axis=1) + output.bias.item()
        axes.plot(x, summands, color=FAINT, linewidth=1)
        axes.plot(x, wanted, color=COLOURS[0], linewidth=4, alpha=0.5, label="wanted")
        axes.plot(x, total, color=COLOURS[1], linestyle="--", label="sum")
        axes.plot([], [], color=FAINT, label="summands")
        axes.set_ylim(wanted.min() - 2, wanted.max() + 2)
        axes.set_title(name)
        axes.legend()
    return made


def lesson(run: Run) -> None:
    counts, steps = run.choose(
        tiny=((1, 2), 10), default=((1, 2, 4, 8, 16, 32), 1500), full=((1, 2, 4, 8, 16, 32), 10_000)
    )
    x = np.linspace(-3, 3, 121, dtype=np.float32)
    run.say(f"Settings: 121 points from -3 to 3, Adam with a learning rate from 0.01 down to 0, {steps} steps.")
    table, fits = [[n] for n in counts], {}
    for curve, function in CURVES.items():
        wanted = function(x).astype(np.float32)
        for name, activation in SUMMANDS.items():
            for row, count in zip(table, counts, strict=True):
                tg.manual_seed(run.seed)
                model = sum_of(activation, count)
                row.append(fit(model, tg.tensor(x[:, None]), tg.tensor(wanted[:, None]), steps))
            fits[f"{curve}, {count} {name}s"] = wanted, model
    run.table(["summands", *(f"{curve}: {name}s" for curve in CURVES for name in SUMMANDS)], table)
    first, *_, last = table
    run.expect(
        f"the mean squared error falls with the number of summands, to less than a hundredth at {last[0]}",
        effect("the error of one over it, where least", min(np.divide(first[1:], last[1:])), above=100),
    )
    run.picture(drawn(x, fits), "Grey: the summands. Their sum (dashed) lies on the curve (wide).")


if __name__ == "__main__":
    main(lesson)
