"""What an LSTM has read once it can say fifty steps later; a plain recurrent network has forgotten it.

The first letter of a sequence is one of four, the others are noise; at the end the network is to say which the first one was.
Chance is right in a quarter of the cases. The forget gate of the LSTM starts with a bias of 4, so that at first nothing is
forgotten: with a bias of 0 it would be half of everything in each step. Read before: `rnn_unrolled.py`. Read next:
`attention_by_hand.py`; `tinygrad_ml/nn/recurrent.py`.
"""

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, effect, lines, main
from tinygrad_ml import nn, optim
from tinygrad_ml.nn.functional import cross_entropy

LETTERS, NOISE, UNITS, BATCH = 4, 4, 32, 64


class Reader(nn.Module):
    """Letters (batch, steps) to logits of the first one (batch, 4): a recurrent layer, and what it knows at the end."""

    def __init__(self, kind: str):
        self.letters = nn.Embedding(LETTERS + NOISE, UNITS)
        self.layer = getattr(nn, kind)(UNITS, UNITS, batch_first=True)
        self.says = nn.Linear(UNITS, LETTERS)
        if kind == "LSTM":
            bias = self.layer.bias_ih_l0.numpy().copy()
            bias[UNITS : 2 * UNITS] = 4.0  # gates in the order input, forget, cell, output
            self.layer.bias_ih_l0.assign(bias)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        read, _ = self.layer(self.letters(x))
        return self.says(read[:, -1])


def sequences(steps: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = draw.integers(LETTERS, LETTERS + NOISE, size=(BATCH, steps))
    x[:, 0] = draw.integers(LETTERS, size=BATCH)
    return x, x[:, 0]


def learnt(kind: str, steps: int, updates: int, seed: int) -> list[float]:
    """Which part of each batch of new sequences it gets right."""
    tg.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = Reader(kind)
    optimizer = optim.Adam(model.parameters(), lr=0.005)

    @tg.compile
    def step(x, y):
        logits = model(x)
        optimizer.zero_grad()
        cross_entropy(logits, y).backward()
        optimizer.step()
        return (logits.argmax(axis=1) == y).astype("float32").mean()

    return [step(*map(tg.tensor, sequences(steps, draw))).item() for _ in range(updates)]


def lesson(run: Run) -> None:
    steps, updates = run.choose(tiny=(4, 3), default=(50, 400))
    starts = run.seeds(run.choose(tiny=1, default=3))
    run.say(f"Settings: {steps} steps, {UNITS} units, {updates} batches of {BATCH}, Adam, {len(starts)} random starts.")
    rows, found, curves = [], {}, {}
    for kind in ("RNN", "LSTM"):
        right = np.array([learnt(kind, steps, updates, seed) for seed in starts])
        found[kind] = right[:, -20:].mean(axis=1)
        rows.append([kind, float(np.median(found[kind]))])
        width = min(20, updates)
        curves[kind] = np.convolve(np.median(right, axis=0), np.ones(width) / width, "valid")
    run.table(["network", "right, of the last 20 batches"], rows)
    run.expect(
        f"the LSTM says after {steps} steps what came first, the RNN guesses",
        effect("right by the LSTM", found["LSTM"], above=0.9),
        effect("wrong by the RNN", 1 - found["RNN"], above=0.5),
    )
    run.picture(lines(curves, "right, mean of 20 batches", "batch"), "One of them learns to remember.")


if __name__ == "__main__":
    main(lesson)
