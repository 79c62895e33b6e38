"""12. Fused loops: through the memory once.

To run the list of `11_recorded_program.py` line by line means: read two arrays, write one, for every line. With large
arrays nothing is as slow as the way to memory and back. What is wanted of each element is only a little formula.

New: the lines become one formula, printed as source text, and a loop around it goes over the elements once. On a GPU that
text is CUDA, on a CPU a loop for LLVM; here it is Python, run on one block of the arrays at a time. A block is small
enough to stay in the cache from the first operation to the last. A program has written a program.

This is the last step. In the library: `tinygrad_ml/compile/schedule/fusion.py`, `tinygrad_ml/compile/schedule/scalar.py`; then
`tinygrad_ml/README.md` is the guide to all of it.
"""

import numpy

PROGRAM = [  # of tanh(x·y) + tanh(x·y)·y, as the file before has left it
    ("input", (0,)),
    ("input", (1,)),
    ("multiply", (0, 1)),
    ("tanh", (2,)),
    ("multiply", (3, 1)),
    ("add", (3, 4)),
]
FORMULA = {"multiply": "{} * {}", "add": "{} + {}", "tanh": "tanh({})"}
BLOCK_ELEMENTS = 4096


def source(lines):
    """The text of a function that computes the last line for the elements from `start` to `end`."""
    inputs = [f"v{place}" for place, (op, _) in enumerate(lines) if op == "input"]
    body = [f"{name} = {name}[start:end]" for name in inputs]
    for place, (op, given) in enumerate(lines):
        if op != "input":
            body.append(f"v{place} = " + FORMULA[op].format(*[f"v{part}" for part in given]))
    body.append(f"out[start:end] = v{len(lines) - 1}")
    return f"def kernel(start, end, out, {', '.join(inputs)}):\n    " + "\n    ".join(body)


def fused(text):
    """The function that runs the text of a kernel, block by block."""
    names = {"tanh": numpy.tanh}
    exec(text, names)

    def run(*arrays):
        out = numpy.empty_like(arrays[0])
        for start in range(0, out.size, BLOCK_ELEMENTS):
            names["kernel"](start, start + BLOCK_ELEMENTS, out, *arrays)
        return out

    return run


text = source(PROGRAM)
print(text)
x = numpy.linspace(-1, 1, 10_000, dtype="float32")
y = numpy.linspace(2, 3, 10_000, dtype="float32")
ours = fused(text)(x, y)

# -- and the library -------------------------------------------------------------------------------------

import tinygrad_ml as tg  # noqa: E402

compiled = tg.compile(lambda x, y: tg.tanh(x * y) + tg.tanh(x * y) * y)
theirs = compiled(tg.tensor(x), tg.tensor(y)).numpy()
print(f"ours   Σ = {ours.sum(dtype='float64'):.4f}, by 1 kernel")
print(f"theirs Σ = {theirs.sum(dtype='float64'):.4f}, by {len(compiled.explanation.kernels)} kernel")
assert numpy.allclose(ours, theirs, atol=1e-6)
