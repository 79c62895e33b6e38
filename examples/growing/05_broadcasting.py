"""5. Broadcasting: what was stretched on the way there is summed on the way back.

A batch of outputs, 4 rows of 3, plus one bias of 3: NumPy shows the bias 4 times. Each of the 4 copies gets a gradient,
and all of them are the same 3 numbers, so the bias's gradient is the sum over the rows. It is the old rule "where ways
meet, their answers add up", and has nothing to do with adding or multiplying.

New over `04_arrays.py`: so it stands in one place, `fit`, which the walk calls for every share. No rule ever thinks of it.

Next: `06_table_of_operations.py`. In the library: `fit` in `tinygrad_ml/graph/chain_rule.py`.
"""

import itertools

import numpy

clock = itertools.count()


def fit(share, shape):
    """`share` summed over the axes along which an array of `shape` was stretched."""
    share = share.sum(tuple(range(share.ndim - len(shape))))  # axes that were put in front
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 != share.shape[axis])
    return share.sum(stretched, keepdims=True)


class Tensor:
    """An array, what it was made of, and for each of these a rule: gradient here -> gradient there."""

    def __init__(self, value, inputs=(), rules=()):
        self.value, self.inputs, self.rules = numpy.asarray(value, "float64"), inputs, rules
        self.age, self.grad = next(clock), None

    def __add__(self, other):
        return Tensor(self.value + other.value, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        return Tensor(self.value * other.value, (self, other), (lambda g: g * other.value, lambda g: g * self.value))

    def sum(self):
        """Σ of all elements."""
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
                share = fit(rule(node.grad), part.value.shape)
                part.grad = share if part.grad is None else part.grad + share


rows, columns = numpy.arange(12.0).reshape(4, 3), numpy.ones((4, 1))
bias, scale = Tensor([1.0, 2.0, 3.0]), Tensor(columns)
((Tensor(rows) + bias) * scale * bias).sum().backward()
print(f"shapes of the gradients: bias {bias.grad.shape}, scale {scale.grad.shape}")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

b, s = (tg.tensor(leaf.value, requires_grad=True) for leaf in (bias, scale))
((tg.tensor(rows) + b) * s * b).sum().backward()
print(f"ours   {bias.grad.tolist()} and {scale.grad.ravel().tolist()}")
print(f"theirs {b.grad.numpy().tolist()} and {s.grad.numpy().ravel().tolist()}")
assert numpy.allclose(bias.grad, b.grad.numpy()) and numpy.allclose(scale.grad, s.grad.numpy())
