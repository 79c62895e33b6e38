"""A recurrent network is a very deep one: over fifty steps its gradient dies or explodes, and an LSTM's need not.

A step is h ← tanh(W·h + U·x + b), the same in each. On its way back the gradient is multiplied by Wᵀ and by slopes of at most
1 at each step: with small weights nothing arrives of what came first, with large ones too much. The cell of an LSTM is
c ← f·c + i·g: on its way back the gradient is multiplied by f, which can stay near 1. Source: S. Hochreiter and
J. Schmidhuber, "Long Short-Term Memory" (1997). Read before: `sigmoid_or_relu.py`. Read next: `lstm_remembers.py`;
`tinygrad_ml/nn/cells.py`.
"""

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, effect, lines, main
from tinygrad_ml import nn

UNITS = 64
SCALES = {"RNN, weights 0.5": 0.5, "RNN, weights 1": 1.0, "RNN, weights 2": 2.0}


def slopes_of(states: list[tg.Tensor], loss: tg.Tensor) -> np.ndarray:
    """The norm of the gradient of each state, over that of the last."""
    norms = np.array([float((slope**2).sum()) ** 0.5 for slope in tg.grad(loss, states)])
    return norms / norms[-1]


def rnn(scale: float, steps: int, seed: int) -> np.ndarray:
    """Of an RNN whose W is normal with deviation scale/√units, for what it says at the end of random inputs."""
    tg.manual_seed(seed)
    W = tg.random.randn(UNITS, UNITS) * (scale / UNITS**0.5)
    U = tg.random.randn(UNITS, UNITS) * (0.1 / UNITS**0.5)
    h = tg.zeros((1, UNITS))
    h.requires_grad = True
    states = []
    for _ in range(steps):
        h = tg.tanh(h @ W + tg.random.randn(1, UNITS) @ U)
        states.append(h)
    return slopes_of(states, (h * tg.random.randn(1, UNITS)).sum())


def lstm(forget: float, steps: int, seed: int) -> np.ndarray:
    """Of the cells of an LSTM, with the bias of its forget gate."""
    tg.manual_seed(seed)
    layer = nn.LSTMCell(UNITS, UNITS)
    layer.bias_ih.assign(np.repeat([0.0, forget, 0.0, 0.0], UNITS).astype("float32"))  # input, forget, cell, output
    layer.bias_hh.assign(np.zeros(4 * UNITS, "float32"))
    h = c = tg.zeros((1, UNITS))
    states = []
    for _ in range(steps):
        h, c = layer(tg.random.randn(1, UNITS), (h, c))
        states.append(c)
    return slopes_of(states, (h * tg.random.randn(1, UNITS)).sum())


def lesson(run: Run) -> None:
    steps = run.choose(tiny=5, default=50)
    starts = run.seeds(run.choose(tiny=1, default=5))
    run.say(
        f"Settings: {steps} steps, {UNITS} units, random inputs and weights, {len(starts)} random starts; nothing is trained."
    )
    found = {name: np.array([rnn(scale, steps, seed) for seed in starts]) for name, scale in SCALES.items()}
    found["LSTM, forget bias 0"] = np.array([lstm(0, steps, seed) for seed in starts])
    found["LSTM, forget bias 4"] = np.array([lstm(4, steps, seed) for seed in starts])
    run.table(
        ["network", "gradient at the first step over that at the last"],
        [[name, float(np.median(norms[:, 0]))] for name, norms in found.items()],
    )
    orders = {name: np.log10(norms[:, 0]) for name, norms in found.items()}
    run.expect(
        "small weights let the gradient die, large ones let it explode",
        effect("orders of magnitude lost with weights 0.5", -orders["RNN, weights 0.5"], above=10),
        effect("orders of magnitude won with weights 2", orders["RNN, weights 2"], above=2),
    )
    run.expect(
        "the forget gate decides whether the gradient of a cell lives: half open it dies, wide open it does not",
        effect("orders of magnitude lost with bias 0", -orders["LSTM, forget bias 0"], above=6),
        effect("orders of magnitude kept of at most one, with bias 4", 1 + orders["LSTM, forget bias 4"]),
    )
    run.picture(
        lines(
            {name: np.median(norms, axis=0) for name, norms in found.items()},
            "gradient, over that of the last step",
            "step",
            log=True,
        ),
        "Where the gradient of the last step goes: read from right to left.",
    )


if __name__ == "__main__":
    main(lesson)
