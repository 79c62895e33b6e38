"""1. A scalar that remembers how it was made.

Python forgets: after y = x * x + x, the 12 in y does not know that it came from a 3. A number that is to be
differentiated has to know. So here is a number with a memory: its value, the operation that made it, and what that
operation was given. Together they are a graph, and everything in the files that follow reads it.

Next: `02_chain_rule.py` walks the memory back. In the library: `tinygrad_ml/graph/node.py`.
"""


class Scalar:
    """A number, the symbol that made it, and the scalars that were given to it."""

    def __init__(self, value, symbol="", inputs=()):
        self.value, self.symbol, self.inputs = value, symbol, inputs

    def __add__(self, other):
        return Scalar(self.value + other.value, "+", (self, other))

    def __mul__(self, other):
        return Scalar(self.value * other.value, "*", (self, other))

    def told(self):
        """The formula that made this number."""
        if not self.inputs:
            return f"{self.value:g}"
        left, right = self.inputs
        return f"({left.told()} {self.symbol} {right.told()})"


x = Scalar(3.0)
y = x * x + x
print(f"{y.told()} = {y.value:g}")

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

theirs = tg.tensor(3.0, requires_grad=True)
theirs = theirs * theirs + theirs
print(f"ours   {y.value:g}, made by {y.symbol} of {len(y.inputs)} inputs")
print(f"theirs {theirs.item():g}, made by {theirs.node.op.name} of {len(theirs.node.inputs)} inputs")
assert y.value == theirs.item()
