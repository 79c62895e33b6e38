"""9. An optimiser: what to do with a gradient.

A gradient says which way is up. To go a little the other way, again and again, is training. How far is a matter of
opinion, and an optimiser is such an opinion, with a memory: momentum keeps rolling, Adam takes steps of about equal
length in every direction, however steep it is there.

New over `08_module.py`: state that outlives a step. An update is a function of numbers: weight, gradient and memory in,
weight and memory out. It knows no graph, so here the gradient is written by hand, and nothing of the engine is needed.

Next: `10_picture.py`. In the library: `tinygrad_ml/optim/sgd.py`, `tinygrad_ml/optim/adam.py`.
"""

import numpy


class Momentum:
    """v ← μ·v + g,  w ← w - η·v"""

    def __init__(self, rate, momentum):
        self.rate, self.momentum, self.velocity = rate, momentum, 0.0

    def step(self, w, g):
        """The weights after a step, of which g is the gradient."""
        self.velocity = self.momentum * self.velocity + g
        return w - self.rate * self.velocity


class Adam:
    """m ← β₁·m + (1-β₁)·g,  v ← β₂·v + (1-β₂)·g²,  w ← w - η·m̂/(√v̂ + ε): Kingma and Ba (2015)."""

    def __init__(self, rate, decay=(0.9, 0.999), tiny=1e-8):
        self.rate, self.decay, self.tiny = rate, decay, tiny
        self.mean, self.square, self.count = 0.0, 0.0, 0

    def step(self, w, g):
        """The weights after a step, of which g is the gradient."""
        first, second = self.decay
        self.count += 1
        self.mean = first * self.mean + (1 - first) * g
        self.square = second * self.square + (1 - second) * g * g
        mean = self.mean / (1 - first**self.count)  # both began at 0, and are too small at first
        square = self.square / (1 - second**self.count)
        return w - self.rate * mean / (numpy.sqrt(square) + self.tiny)


steep = numpy.array([1.0, 30.0])  # the loss Σ ½·k·w² is a valley: 30 times as steep across as along
start = numpy.array([2.0, 1.0])


def descend(optimiser, steps=40):
    """Where the optimiser has got to."""
    w = start
    for _ in range(steps):
        w = optimiser.step(w, steep * w)
    return w


ours = {"momentum": descend(Momentum(0.02, 0.8)), "Adam": descend(Adam(0.1))}

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml import optim  # noqa: E402

k = tg.tensor(steep)
for name, make in {"momentum": optim.SGD, "Adam": optim.Adam}.items():
    w = tg.tensor(start, requires_grad=True)
    optimizer = make([w], lr=0.02, momentum=0.8) if make is optim.SGD else make([w], lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        (k * w * w * 0.5).sum().backward()
        optimizer.step()
    print(f"{name}: from {start.tolist()}, where 0 and 0 is best, 40 steps lead to")
    print(f"ours   {ours[name].round(8).tolist()}")
    print(f"theirs {w.numpy().round(8).tolist()}")
    assert numpy.allclose(ours[name], w.numpy(), atol=1e-7)
