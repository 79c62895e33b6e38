"""6. A table of operations: a row each, and the engine is finished.

So far each operation is a method that computes, makes a node, and builds its rules. Only the middle one is the same for
all, so it moves into one function, `apply`, through which everything passes. What is left of an operation are facts:
what it computes, and for each input how the gradient goes back. New over `05_broadcasting.py`: these facts are rows of
a table.

A function that the engine does not know is now one line. (To keep the page short, all arrays have one shape here.)

Next: `07_second_derivatives.py`. In the library: the table in `tinygrad_ml/ops/elementwise.py`, and the door,
`tinygrad_ml/tensor/applying.py`.
"""

import itertools

import numpy

clock = itertools.count()

# name: (value, a rule for each input: of the gradient g, the output y and all inputs)
TABLE = {
    "add": (numpy.add, (lambda g, y, a, b: g, lambda g, y, a, b: g)),
    "mul": (numpy.multiply, (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)),
    "exp": (numpy.exp, (lambda g, y, x: g * y,)),
    "log": (numpy.log, (lambda g, y, x: g / x,)),
    "tanh": (numpy.tanh, (lambda g, y, x: g * (1 - y * y),)),
}


class Tensor:
    """An array; the operation that made it, by name; and what that was given."""

    def __init__(self, value, op="", inputs=()):
        self.value, self.op, self.inputs = numpy.asarray(value, "float64"), op, inputs
        self.age, self.grad = next(clock), None

    def __add__(self, other):
        return apply("add", self, other)

    def __mul__(self, other):
        return apply("mul", self, other)

    def backward(self):
        """Set `grad` of everything that this was made of."""
        found, waiting = {self}, [self]
        while waiting:
            fresh = {part for part in waiting.pop().inputs if part not in found}
            found |= fresh
            waiting += fresh
        self.grad = numpy.ones_like(self.value)
        for node in sorted(found, key=lambda node: -node.age):
            if node.inputs:
                _, rules = TABLE[node.op]
                for part, rule in zip(node.inputs, rules, strict=True):
                    share = rule(node.grad, node.value, *[given.value for given in node.inputs])
                    part.grad = share if part.grad is None else part.grad + share


def apply(op, *inputs):
    """The one door: look the operation up, compute, remember."""
    value, _ = TABLE[op]
    return Tensor(value(*[given.value for given in inputs]), op, inputs)


numbers = [0.5, 1.0, 2.0]
x = Tensor(numbers)
y = apply("tanh", x) * apply("exp", x) + apply("log", x)
y.backward()

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

theirs = tg.tensor(numbers, dtype="float64", requires_grad=True)
(tg.tanh(theirs) * tg.exp(theirs) + tg.log(theirs)).sum().backward()
print("the slope of tanh x · exp x + log x, from five rows")
print(f"ours   {x.grad.round(12).tolist()}")
print(f"theirs {theirs.grad.numpy().round(12).tolist()}")
assert numpy.allclose(x.grad, theirs.grad.numpy())
