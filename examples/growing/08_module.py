"""8. A module: a function that has weights.

A network is a function of its input *and* of its weights, and the weights are many. Somebody has to keep them, and to
hand them to whoever improves them, without asking each layer for each of its attributes by name.

New over `07_second_derivatives.py`: a class that finds them by looking. What is a Parameter among its attributes is
a weight; what is a module has weights of its own. So to write a network is to store its parts and say how they are called.

How numbers remember is told in the files before, so a `Parameter` is here an array that a module is to find, and no more.

Next: `09_optimiser.py` improves the weights. In the library: `tinygrad_ml/nn/module.py`, `tinygrad_ml/nn/linear.py`.
"""

import numpy


class Parameter:
    """An array that training may change."""

    def __init__(self, value):
        self.value = value


class Module:
    """A function with weights. A subclass stores its parts, and says in `forward` what it computes."""

    def __call__(self, x):
        return self.forward(x)

    def named_parameters(self, prefix=""):
        """(name, Parameter) of every weight inside, in the order in which they were stored."""
        for name, part in vars(self).items():
            if isinstance(part, Parameter):
                yield prefix + name, part
            elif isinstance(part, Module):
                yield from part.named_parameters(f"{prefix}{name}.")


class Linear(Module):
    """y = x·Wᵀ + b, with a row of W for each output."""

    def __init__(self, inputs, outputs, random):
        bound = inputs**-0.5  # so that sums of many inputs are no larger than of few
        self.weight = Parameter(random.uniform(-bound, bound, (outputs, inputs)))
        self.bias = Parameter(random.uniform(-bound, bound, outputs))

    def forward(self, x):
        return x @ self.weight.value.T + self.bias.value


class Network(Module):
    """Two layers with a bend between them."""

    def __init__(self, random):
        self.hidden, self.output = Linear(3, 4, random), Linear(4, 2, random)

    def forward(self, x):
        return self.output(numpy.tanh(self.hidden(x)))


random = numpy.random.default_rng(0)
network, x = Network(random), random.normal(size=(5, 3))
y = network(x)
for name, weight in network.named_parameters():
    print(f"{name:14} {weight.value.shape}")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml import nn  # noqa: E402

theirs = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
for (_, mine), other in zip(network.named_parameters(), theirs.parameters(), strict=True):
    other.data = mine.value.astype("float32")
theirs_y = theirs(tg.tensor(x, dtype="float32")).numpy()
print(f"ours   {y[0].round(5)}")
print(f"theirs {theirs_y[0].round(5)}")
assert numpy.allclose(y, theirs_y, atol=1e-6)
