"""10. A picture: the graph is data, so anybody can read it.

`backward` was the first reader of the graph. New over `09_optimiser.py`: a second reader, which computes nothing. It
writes the graph in DOT, the language of Graphviz: a line for each box and a line for each arrow. Give what this prints
to `dot -Tsvg`, or to any viewer of DOT.

That the same graph serves both is why the picture cannot lie: nobody has drawn it by hand.

Next: `11_recorded_program.py`, the third reader. In the library: `viz/draw.py`, and `viz/README.md`.
"""


class Scalar:
    """A number, the symbol that made it, and the scalars that were given to it."""

    def __init__(self, value, name="", inputs=()):
        self.value, self.name, self.inputs = value, name, inputs

    def __add__(self, other):
        return Scalar(self.value + other.value, "+", (self, other))

    def __mul__(self, other):
        return Scalar(self.value * other.value, "×", (self, other))


def ordered(output):
    """Everything that output was made of, each after what it was given: a list of things to do, and no recursion."""
    done, waiting = {}, [output]
    while waiting:
        node = waiting[-1]
        missing = [part for part in node.inputs if part not in done]
        if missing:
            waiting += missing
        else:
            done.setdefault(waiting.pop(), len(done))
    return done


def dot(output):
    """The graph of a number as text that Graphviz draws."""
    numbers = ordered(output)
    boxes = [f'  n{number} [label="{node.name} = {node.value:g}"]' for node, number in numbers.items()]
    arrows = [f"  n{numbers[part]} -> n{number}" for node, number in numbers.items() for part in node.inputs]
    return "\n".join(["digraph {", "  rankdir=LR; node [shape=box, style=rounded]", *boxes, *arrows, "}"])


a, b, c = Scalar(2.0, "a"), Scalar(-3.0, "b"), Scalar(10.0, "c")
s = a * b + c
text = dot(s * s)
print(text)

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml.graph import topological  # noqa: E402

x, y, z = (tg.tensor(part.value, requires_grad=True, name=part.name) for part in (a, b, c))
s = x * y + z
nodes = topological([(s * s).node])
theirs = len(nodes), sum(len(node.inputs) for node in nodes)
print(f"ours   {text.count('label')} boxes, {text.count('->')} arrows")
print(f"theirs {theirs[0]} boxes, {theirs[1]} arrows; viz.draw(s * s) draws them")
assert theirs == (text.count("label"), text.count("->"))
