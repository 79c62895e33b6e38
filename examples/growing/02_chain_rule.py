"""2. The chain rule: the memory is walked back, and slopes are multiplied on the way.

New over `01_scalar.py`: an operation remembers its local slopes too, one for each of its inputs. A sum grows as fast as
either of its parts, so both are 1. A product a·b grows b times as fast as a, and a times as fast as b.

Whoever wants to know how y grows with x asks y, which passes the question on: slope so far, times local slope. Where
two ways lead to the same x, their answers add up. This is all of differentiation; what follows makes it fast and wide.

Next: `03_topological_order.py`, because this walk is slow. In the library: `tinygrad_ml/graph/chain_rule.py`.
"""


class Scalar:
    """A number, what it was made of, and how fast it grows with each of these."""

    def __init__(self, value, inputs=(), slopes=()):
        self.value, self.inputs, self.slopes = value, inputs, slopes
        self.grad = 0.0

    def __add__(self, other):
        return Scalar(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Scalar(self.value * other.value, (self, other), (other.value, self.value))

    def backward(self, arriving=1.0):
        """Add to `grad`, here and in all that this was made of, what one way of arriving contributes."""
        self.grad += arriving
        for part, slope in zip(self.inputs, self.slopes, strict=True):
            part.backward(arriving * slope)


x = Scalar(3.0)
y = x * x + x
y.backward()
print(f"y = x·x + x at x = 3: three ways lead from y to x, and bring 3 + 3 + 1 = {x.grad:g}")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

theirs = tg.tensor(3.0, requires_grad=True)
(theirs * theirs + theirs).backward()
print(f"ours   {x.grad:g}")
print(f"theirs {theirs.grad.item():g}")
assert x.grad == theirs.grad.item()
