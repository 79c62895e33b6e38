"""7. Second derivatives: the gradient is a graph itself.

In `06_table_of_operations.py` the rules compute with arrays, so a gradient forgets how it was made, as numbers in Python do.

New: the rules compute with Tensors, through the same `apply`. Nothing else changes, and the gradient has a memory: it can
be asked for its own gradient, and that one for its own. So `grad` returns gradients and stores none: a graph that is
walked several times must not carry the marks of the last walk.

Next: `08_module.py`. In the library: `tinygrad_ml/autograd/gradients.py`; the rules there are written like this too.
"""

import itertools

import numpy

clock = itertools.count()


class Tensor:
    """An array; the operation that made it, by name; and what that was given."""

    def __init__(self, value, op="", inputs=()):
        self.value, self.op, self.inputs, self.age = numpy.asarray(value, "float64"), op, inputs, next(clock)

    def __add__(self, other):
        return apply("add", self, other)

    def __mul__(self, other):
        return apply("mul", self, other)


# name: (value, rules made of Tensors)
TABLE = {
    "add": (numpy.add, (lambda g, a, b: g, lambda g, a, b: g)),
    "mul": (numpy.multiply, (lambda g, a, b: g * b, lambda g, a, b: g * a)),
    "neg": (numpy.negative, (lambda g, x: apply("neg", g),)),
    "sin": (numpy.sin, (lambda g, x: g * apply("cos", x),)),
    "cos": (numpy.cos, (lambda g, x: apply("neg", g * apply("sin", x)),)),
}


def apply(op, *inputs):
    """The one door: look the operation up, compute, remember."""
    return Tensor(TABLE[op][0](*[given.value for given in inputs]), op, inputs)


def grad(output, x):
    """∂output/∂x, as a Tensor that remembers how it was found."""
    found, waiting = {output}, [output]
    while waiting:
        fresh = {part for part in waiting.pop().inputs if part not in found}
        found |= fresh
        waiting += fresh
    pending = {output: Tensor(1.0)}
    for node in sorted(found - {x}, key=lambda node: -node.age):
        if node.inputs:
            g = pending.pop(node)
            for part, rule in zip(node.inputs, TABLE[node.op][1], strict=True):
                share = rule(g, *node.inputs)
                pending[part] = pending[part] + share if part in pending else share
    return pending.get(x, Tensor(0.0))


x = Tensor(2.0)
derivatives = [x * x * apply("sin", x)]
for _ in range(4):
    derivatives.append(grad(derivatives[-1], x))

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

z = tg.tensor(2.0, dtype="float64", requires_grad=True)
theirs = [z * z * tg.sin(z)]
for _ in range(4):
    theirs += tg.grad(theirs[-1], z, create_graph=True)
print("x² sin x at x = 2, and its first four derivatives")
print("ours  ", *[f"{d.value:10.6f}" for d in derivatives])
print("theirs", *[f"{d.item():10.6f}" for d in theirs])
assert numpy.allclose([d.value for d in derivatives], [d.item() for d in theirs])
