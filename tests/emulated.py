"""Compiled programs as CUDA kernels that run on the CPU: what the tests of generated kernels are made of."""

import numpy as np
from cuda_on_cpu import Guarded, Library

import tinygrad_ml as tg
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile.gpu.gathers import gathers
from tinygrad_ml.compile.gpu.kernels import has_form, has_launch, launches
from tinygrad_ml.compile.gpu.launch import Launch
from tinygrad_ml.compile.gpu.rows import REVISITED_ELEMENTS
from tinygrad_ml.compile.gpu.small import small_products
from tinygrad_ml.compile.guards.signature import Arguments
from tinygrad_ml.compile.schedule.fusion import fusion
from tinygrad_ml.compile.schedule.layout import form_of, view_function


class Emulated:
    """A recorded program, of which every kernel that has CUDA code runs as that, and every other one as in eager mode.

    function  of tensors
    arrays    to which it is applied; they lie in memory as they come
    """

    def __init__(self, function, *arrays: np.ndarray):
        tensors = [tg.tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
        expected = function(*tensors)
        self.expected = [y.detach().numpy() for y in (expected if isinstance(expected, tuple) else (expected,))]
        self.program = gathers(
            small_products(tg.compile(function)._record(Arguments(function, tuple(tensors), {})).program)
        )
        self.kernels = fusion(
            self.program, has_form, may_reduce=lambda instruction, is_reduced: True, few=REVISITED_ELEMENTS
        )
        self.given = {value: _array_of(value.source, arrays) for value in self.program.sources()}
        self.forms = dict(self.given)
        self.launched = {kernel: self._lay_out(kernel) for kernel in self.kernels}
        self.launches = [launch for launches in self.launched.values() for launch in launches or ()]
        self.source = "".join(launch.source for launch in self.launches)

    def _lay_out(self, kernel) -> list[Launch] | None:
        instruction = kernel.instructions[0]
        if kernel.kind == "single":
            take = view_function(instruction)
            try:
                if take is not None:
                    self.forms[instruction.output] = take(self.forms[instruction.inputs[0]])
                    return None
            except ValueError:  # a reshape for which numbers have to move
                pass
        for i in kernel.instructions:
            self.forms[i.output] = form_of(i.output.shape, i.output.dtype)
        return launches(kernel, self.forms) if kernel.kind == "loop" or has_launch(instruction) else None

    @property
    def eager(self) -> list[str]:
        """The operations that have no CUDA code and are no views."""
        left = [kernel for kernel, launches in self.launched.items() if launches is None]
        return [kernel.name for kernel in left if kernel.instructions[0].op.kind != "view"]

    def __call__(self, library: Library, backwards: bool = False) -> list[np.ndarray]:
        """The results."""
        guarded = {value: Guarded(array) for value, array in self.given.items()}
        memory = {value: guard.array for value, guard in guarded.items()}
        for kernel in self.kernels:
            if self.launched[kernel] is None:
                (instruction,) = kernel.instructions
                operands = [memory[value] for value in instruction.inputs]
                take = view_function(instruction)
                compute = take or (lambda *x, i=instruction: np.asarray(i.op.value(HOST, *x, **i.params), order="C"))
                memory[instruction.output] = compute(*operands)
                continue
            for value in kernel.outputs:
                guarded[value] = Guarded(self.forms[value], filled=False)
                memory[value] = guarded[value].array
            for launch in self.launched[kernel]:
                for value in launch.zeroed:
                    memory[value][...] = 0
                library(launch, memory, backwards)
        for guard in guarded.values():
            guard.check()
        return [memory[value] for value in self.program.results]


def _array_of(source, arrays) -> np.ndarray:
    if source.kind == "argument":
        return arrays[source.position]
    return np.asarray(source.array if source.kind == "constant" else source.tensor.numpy())
