"""11. A recorded program: run once, write it down, and never ask Python again.

A training step does the same operations each time, on other numbers. Most of the time of a small one goes into
finding out again what they are. New over `10_picture.py`: call the function once with stand-ins, which compute nothing
and write down each operation as a line. The list of lines is the program. It is plain data, so it can be made shorter
before it runs: two lines that say the same are one, and a line that nobody reads is none.

That is what a compiler of networks is: a recorder, passes from list to list, and something that runs the list.

Next: `12_fused_loops.py` runs it faster. In the library: `tinygrad_ml/compile/program.py`, `tinygrad_ml/compile/passes/equal.py`.
"""

import numpy


class Recorder:
    """A stand-in: what is done to it becomes a line (operation, places of its inputs) of the program."""

    def __init__(self, lines, place):
        self.lines, self.place = lines, place

    def __add__(self, other):
        return self.written("add", other)

    def __mul__(self, other):
        return self.written("multiply", other)

    def tanh(self):
        """tanh x"""
        return self.written("tanh")

    def written(self, op, *others):
        """The stand-in for the result of a new line."""
        self.lines.append((op, (self.place, *[other.place for other in others])))
        return Recorder(self.lines, len(self.lines) - 1)


def record(function, count):
    """The lines of a function of `count` arrays, and the place of its result."""
    lines = [("input", (position,)) for position in range(count)]
    return lines, function(*[Recorder(lines, place) for place in range(count)]).place


def shared(lines, result):
    """Lines that say the same are one."""
    places, kept = [], {}
    for op, inputs in lines:
        line = (op, inputs if op == "input" else tuple(places[place] for place in inputs))
        places.append(kept.setdefault(line, len(kept)))
    return list(kept), places[result]


def run(lines, result, *arrays):
    """The value of a program."""
    values = []
    for op, inputs in lines:
        values.append(arrays[inputs[0]] if op == "input" else getattr(numpy, op)(*[values[i] for i in inputs]))
    return values[result]


def function(x, y):
    return (x * y).tanh() + (x * y).tanh() * y  # the product stands here twice, and its tanh


program = record(function, 2)
short = shared(*program)
print("\n".join(f"  {place} = {op}{inputs}" for place, (op, inputs) in enumerate(short[0])))
x, y = numpy.linspace(-1, 1, 5, dtype="float32"), numpy.linspace(2, 3, 5, dtype="float32")
ours = run(*short, x, y)

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

compiled = tg.compile(function)
theirs = compiled(tg.tensor(x), tg.tensor(y)).numpy()
print(f"recorded {len(program[0])} lines, of which {len(short[0])} are left")
print(f"ours   {ours.round(5)}")
print(f"theirs {theirs.round(5)}")
assert numpy.allclose(ours, theirs, atol=1e-6)
