"""3. Topological order: every node is visited once, when all of its slope has arrived.

The walk of `02_chain_rule.py` goes every way by itself. In y = x + x, y = y + y, y = y + y, ... the ways double at each
line: after 50 lines there are 2⁵⁰, about 10¹⁵. It also calls itself, and Python allows a thousand calls inside each other.

New: each scalar gets a number when it is made. An operation is always younger than what it was given, so to take the
youngest first is to meet each node after everything that uses it. The slopes that arrive are added up while it waits.

Next: `04_arrays.py`. In the library: `topological` in `tinygrad_ml/graph/node.py`.
"""

import itertools

clock = itertools.count()


class Scalar:
    """A number, what it was made of, how fast it grows with each of these, and when it was made."""

    def __init__(self, value, inputs=(), slopes=()):
        self.value, self.inputs, self.slopes = value, inputs, slopes
        self.age, self.grad = next(clock), 0.0

    def __add__(self, other):
        return Scalar(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Scalar(self.value * other.value, (self, other), (other.value, self.value))

    def backward(self):
        """Add to `grad` of everything that this was made of how fast this grows with it."""
        found, waiting = {self}, [self]
        while waiting:  # a list of what is left to do, in place of calls inside of calls
            fresh = {part for part in waiting.pop().inputs if part not in found}
            found |= fresh
            waiting += fresh
        self.grad = 1.0
        for node in sorted(found, key=lambda node: -node.age):
            for part, slope in zip(node.inputs, node.slopes, strict=True):
                part.grad += node.grad * slope


x = Scalar(1.0)
y = x
for _ in range(50):
    y = y + y
y.backward()
print(f"doubled 50 times, y grows {x.grad:.0f} times as fast as x; {2**50} ways, 51 visits")

long = end = Scalar(2.0)
one = Scalar(1.0)
for _ in range(5000):
    end = end * one
end.backward()
print(f"and a chain of 5000 products brings back {long.grad:g}, with no call inside a call")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

start = theirs = tg.tensor(1.0, requires_grad=True)
for _ in range(50):
    theirs = theirs + theirs
theirs.backward()
print(f"ours   {x.grad:.0f}")
print(f"theirs {start.grad.item():.0f}")
assert x.grad == start.grad.item()
