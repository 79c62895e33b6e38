"""A third writer: a machine of which the library knows nothing, in one class, beside the two that it has.

It prints plain Python, a line for each operation on one number, and leaves all else to NumPy. Nothing of `compile/` is
changed for it but the row of `ENGINES` that says what runs programs on a device.
"""

import math

import numpy as np
import pytest
from test_compile_training import CASES, Training

import tinygrad_ml as tg
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile import engines
from tinygrad_ml.compile.eager import value_of
from tinygrad_ml.compile.program import GATHER
from tinygrad_ml.compile.schedule.executable import Executable
from tinygrad_ml.compile.schedule.scalar import NotPrinted, Printer, Term, beside

pytestmark = [pytest.mark.host_only, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
FUNCTIONS = ("exp", "log", "sqrt", "tanh")


class Python(Printer):
    """An operation on one number, as Python on NumPy's scalars, which round to their dtype."""

    def literal(self, number, dtype):
        return f"{dtype}({number!r})".replace("inf", "math.inf").replace("nan", "math.nan")

    def arithmetic(self, text, dtype):
        return Term(text, dtype, False)

    def converted(self, term, dtype):
        return Term(f"{dtype}({term.text})", dtype)

    def choice(self, condition, a, b):
        return f"({a.text} if {condition.text} else {b.text})"

    def either(self, sign, a, b):
        return f"{beside(a)} {sign} {beside(b)}"

    def negated(self, truth):
        return f"not {beside(truth)}"

    def call(self, function, arguments, dtype):
        if function not in FUNCTIONS or dtype.kind != "f":
            raise NotPrinted
        return f"{function}({', '.join(argument.text for argument in arguments)})"


class PlainPython(Executable):
    """A program as functions of Python, each of which goes through all elements of a kernel's domain."""

    def has_form(self, instruction):
        try:
            return instruction.op is not GATHER and bool(Python(instruction, instruction.op.inputs).text())
        except NotPrinted:
            return False

    def write(self, layout, arrays):
        self._arrays, self.eager = arrays, []
        words = {"math": math, "bool": np.bool_} | {name: getattr(np, name) for name in FUNCTIONS}
        words |= {name: getattr(np, name) for name in ("float32", "float64", "int64", "int32", "uint8")}
        texts = {kernel: self._written(kernel, n) for n, kernel in enumerate(self.kernels) if kernel.kind == "loop"}
        self.text = "\n".join(texts.values())
        exec(self.text, words)
        self._functions = {kernel: words[text[4 : text.index("(")]] for kernel, text in texts.items()}

    def _written(self, kernel, number):
        given = ", ".join(f"a{value.number}" for value in (*kernel.inputs(), *kernel.outputs))
        lines = [f"def kernel_{number}({given}):", f"    for i in range({math.prod(kernel.shape)}):"]
        lines += [f"        v{value.number} = a{value.number}[i]" for value in kernel.inputs()]
        for i in kernel.instructions:
            text = Python(i, [f"v{value.number}" for value in i.inputs]).text()
            lines.append(f"        v{i.output.number} = {text}  # {i!r}")
        return "\n".join([*lines, *(f"        a{value.number}[i] = v{value.number}" for value in kernel.outputs), ""])

    def run(self, arguments):
        memory = self._arrays | self.numbers | {v: np.asarray(self.lies(v, arguments)) for v in self.moving}
        for kernel in self.kernels:
            if kernel in self._functions:
                memory |= {value: np.empty(value.shape, value.dtype) for value in kernel.outputs}
                given = (np.broadcast_to(memory[value], kernel.shape).flat for value in kernel.inputs())
                self._functions[kernel](*given, *(memory[value].reshape(-1) for value in kernel.outputs))
            else:
                (i,) = kernel.instructions
                memory[i.output] = np.array(value_of(i, HOST, *(memory[value] for value in i.inputs)))
        for target, value in self.program.writes:
            memory[target][...] = memory[value]
        return tuple(memory[value] for value in self.program.results)


@pytest.fixture(autouse=True)
def third(monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "cpu", engines.Engine(PlainPython, lambda index, products: None))


@pytest.mark.parametrize("name", ["momentum", "Adam", "convolution"])
def test_it_trains_as_eager_mode_does(name):
    eager, compiled = Training(*CASES[name]), Training(*CASES[name], compiled=True)
    np.testing.assert_allclose(compiled.run(3), eager.run(3), 1e-5)
    for a, b in zip(eager.model.parameters(), compiled.model.parameters(), strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), 1e-4, 1e-6)


def test_its_kernels_are_fused_and_its_source_is_shown():
    step = tg.compile(lambda x: (x * 2 - 1).exp() + x)
    assert step(tg.tensor([0.5, 1.0])).tolist() == pytest.approx([1.5, math.e + 1])
    assert [kernel.name for kernel in step.explanation.kernels] == ["mul sub exp add"]
    assert "= exp(" in step.source
    assert "mul sub exp add" in str(step.explain())


def test_it_looks_up_state_that_lies_elsewhere():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    step = tg.compile(lambda x: x * w)
    assert step(tg.ones(2)).tolist() == [1, 2]
    w.data = np.array([3, 4], np.float32)
    assert step(tg.ones(2)).tolist() == [3, 4]
