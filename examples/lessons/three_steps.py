"""Define a set of functions, judge a function, pick the best: tomorrow's count from the past days' counts.

The three steps of all machine learning, on a daily series (think of the views of a video channel, in thousands):

1. a set of functions: y = b + w·x, x being the day before; later y = b + Σ wⱼ·xⱼ over the past k days, and a network;
2. a judge: the mean squared error on three years of days;
3. a search: gradient descent. With two numbers to choose, the error surface can be drawn, and the path on it.

The series is made up, so that the script needs no file: a slow growth, a yearly wave, a weekly pattern that
is low at weekends, and noise,

    views(t) = (4 + t/730 + 0.6·sin(2πt/365)) · week[t mod 7] + noise,    noise ~ N(0, 0.3²).

A function that sees one day cannot know the weekday; one that sees seven can. Read next: `sums_of_sigmoids.py`.
"""

import numpy as np

import tinygrad_ml as tg
import viz
from examples.lessons.common import Run, effect, lines, main
from tinygrad_ml import nn, optim

WEEK = np.array([1.1, 1.15, 1.15, 1.1, 1.0, 0.7, 0.8])  # Monday to Sunday
YEAR = 365


def daily_views(days: int, seed: int) -> np.ndarray:
    t = np.arange(days)
    noise = np.random.default_rng(seed).normal(scale=0.3, size=days)
    return (4 + t / 730 + 0.6 * np.sin(2 * np.pi * t / YEAR)) * WEEK[t % 7] + noise


def past_days(series: np.ndarray, k: int) -> tuple[tg.Tensor, tg.Tensor]:
    """Rows of k days each, (N, k), and the day that follows on each row, (N, 1)."""
    x = np.lib.stride_tricks.sliding_window_view(series, k)[:-1]
    return tg.tensor(x.astype(np.float32)), tg.tensor(series[k:, None].astype(np.float32))


def descend(model: nn.Module, x: tg.Tensor, y: tg.Tensor, optimizer: optim.Optimizer, steps: int) -> list:
    """Fit the model; the parameters before the first step and after each."""
    path = [[p.numpy() for p in model.parameters()]]
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        path.append([p.numpy() for p in model.parameters()])
    return path


def error(model: nn.Module, x: tg.Tensor, y: tg.Tensor) -> float:
    """The typical error √MSE, in thousands of views."""
    with tg.no_grad():
        return nn.functional.mse_loss(model(x), y).item() ** 0.5


def lesson(run: Run) -> None:
    steps, resolution = run.choose(tiny=(10, 4), default=(3000, 41))
    series = daily_views(4 * YEAR, run.seed)
    train, test = series[: 3 * YEAR], series[3 * YEAR - 28 :]
    run.say(f"Settings: {3 * YEAR} days to learn from, {YEAR} later days to test on; {steps} steps for each function.")

    x, y = past_days(train, 1)
    line = nn.Linear(1, 1)
    line.weight.assign(0.0)
    line.bias.assign(0.0)
    path = descend(line, x, y, optim.SGD(line.parameters(), lr=0.03), steps)
    w, b = line.weight.item(), line.bias.item()
    few = path[:1] + [path[i] for i in np.unique(np.geomspace(1, steps, 60).astype(int))]
    run.picture(
        viz.surface(
            lambda: nn.functional.mse_loss(line(x), y), line.parameters(), few, span=(1.2, 6), resolution=resolution
        ),
        f"The error of y = b + w·x for each choice of w (across) and b (up), and the path of gradient descent from "
        f"(0, 0) to w = {w:.2f}, b = {b:.2f}: down the slope in a few steps, then slowly along the valley.",
        "_surface",
    )

    table, last_day = [], {}
    for k, hidden in ((1, 0), (7, 0), (28, 0), (28, 32)):
        tg.manual_seed(run.seed)
        x, y = past_days(train, k)
        x_test, y_test = past_days(test[28 - k :], k)
        mean, std = x.numpy().mean(), x.numpy().std()
        x, x_test = (x - mean) / std, (x_test - mean) / std
        layers = [nn.Linear(k, hidden), nn.ReLU(), nn.Linear(hidden, 1)] if hidden else [nn.Linear(k, 1)]
        model = nn.Sequential(*layers)
        descend(model, x, y, optim.Adam(model.parameters(), lr=0.01), steps)
        name = f"{k} days, network" if hidden else f"{k} day{'s'[: k > 1]}, linear"
        table.append([name, sum(p.size for p in model.parameters()), error(model, x, y), error(model, x_test, y_test)])
        with tg.no_grad():
            last_day[name] = model(x_test).numpy()[-28:, 0]
    run.table(["the function sees", "numbers to choose", "error in training", "error on later days"], table)
    run.say(
        "A function with more numbers to choose from fits the days of training better. The later days tell which of them "
        "has learnt the rule, and which the days themselves, by heart."
    )
    first, week, *_, network = [row[-1] for row in table]
    run.expect(
        "seeing a week is better than seeing a day: the error on later days falls",
        effect("error with a day over that with a week", first / week, above=1.4),
    )
    run.expect(
        "the network is best in training, and not on later days",
        effect(
            "error in training, the next best's over its", min(row[2] for row in table[:-1]) / table[-1][2], above=1
        ),
        effect("error on later days over that with a week", network / week, above=1),
    )
    shown = {
        "what happened": y_test.numpy()[-28:, 0],
        **{name: last_day[name] for name in ("1 day, linear", "7 days, linear")},
    }
    run.picture(
        lines(shown, "thousands of views", "day"),
        "The last four weeks, and what two of the functions said the day before: the one that sees a day does not see "
        "the weekend coming.",
    )


if __name__ == "__main__":
    main(lesson)
