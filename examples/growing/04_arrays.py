"""4. Arrays: one node for a thousand numbers.

A scalar costs an object and a few calls, and a network has millions of them. New over `03_topological_order.py`: the
value may be a whole array. NumPy computes on it at once, and the graph stays as small as the formula.

A slope is no longer one number: for y = A·x it would be a whole matrix of them. It is never written down. All that the
walk needs is what the slope *does* to a gradient that arrives, which is a function, here called a rule.

Next: `05_broadcasting.py`, for arrays that differ in shape. In the library: `tinygrad_ml/tensor/base.py`, and the rules
of the product in `tinygrad_ml/ops/matmul.py`.
"""

import itertools

import numpy

clock = itertools.count()


class Tensor:
    """An array, what it was made of, and for each of these a rule: gradient here -> gradient there."""

    def __init__(self, value, inputs=(), rules=()):
        self.value, self.inputs, self.rules = numpy.asarray(value, "float64"), inputs, rules
        self.age, self.grad = next(clock), None

    def __mul__(self, other):
        return Tensor(self.value * other.value, (self, other), (lambda g: g * other.value, lambda g: g * self.value))

    def __matmul__(self, other):
        rules = (lambda g: g @ other.value.T, lambda g: self.value.T @ g)
        return Tensor(self.value @ other.value, (self, other), rules)

    def sum(self):
        """Σ of all elements: each of them is handed the whole gradient."""
        return Tensor(self.value.sum(), (self,), (lambda g: numpy.full(self.value.shape, g),))

    def backward(self):
        """Set `grad` of everything that this number was made of."""
        found, waiting = {self}, [self]
        while waiting:
            fresh = {part for part in waiting.pop().inputs if part not in found}
            found |= fresh
            waiting += fresh
        self.grad = numpy.ones_like(self.value)
        for node in sorted(found, key=lambda node: -node.age):
            for part, rule in zip(node.inputs, node.rules, strict=True):
                share = rule(node.grad)
                part.grad = share if part.grad is None else part.grad + share


a, b = numpy.arange(6.0).reshape(2, 3), numpy.arange(12.0).reshape(3, 4)
weights, x = Tensor(a), Tensor(b)
y = weights @ x
(y * y).sum().backward()
print("the loss Σ (A·B)² has 8 numbers inside and a graph of 5 nodes")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

theirs = tg.tensor(a, requires_grad=True)
y = theirs @ tg.tensor(b)
(y * y).sum().backward()
print(f"ours   {weights.grad.tolist()}")
print(f"theirs {theirs.grad.numpy().tolist()}")
assert numpy.allclose(weights.grad, theirs.grad.numpy())
