"""Long rows: the way back through a convolution of stride 1, adding whole images instead of short rows.

The gradient of the input is a matrix product, whose result, the columns, is added up where the windows
came from (`fold`). Row by row these are additions of a few numbers each. If the rows of the gradient
that arrives are filled up with zeros to the length of the input's rows, then so are those of the
columns, and row after row the numbers lie at the same distances as in the input: for each place in
the kernel one addition does a whole image. The product gets a little larger, the additions much fewer.

The zeros change no sum, as long as the weights are finite.
"""

from __future__ import annotations

from ...ops import index, matmul, movement
from ..program import Call, Instruction, Program, Value

SHORT = 48
"""From this length of a row on, nothing is gained."""


def fold_rows_into(total, columns, kernel, dilation, positions):
    """Add columns (batch, channels · kernel, rows · width), of rows as long as the image's, to images of zeros."""
    batch, channels, height, width = total.shape
    rows, extent = positions
    length = (rows - 1) * width + extent
    images = total.reshape((batch, channels, height * width))
    columns = columns.reshape((batch, channels, *kernel, rows * width))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            start = i * dilation[0] * width + j * dilation[1]
            images[:, :, start : start + length] += columns[:, :, i, j, :length]
    return total


FOLD_ROWS = Call("fold_rows", lambda xp, x, shape, **params: fold_rows_into(xp.zeros(shape, x.dtype), x, **params))


def long_rows(program: Program) -> Program:
    """With the columns of convolutions of stride 1 in long rows, where rows are short."""
    producers, uses = program.producers(), program.uses()
    number = max((instruction.output.number for instruction in program.instructions), default=0)
    made: list[Instruction] = []

    def new(op, inputs: tuple[Value, ...], shape: tuple[int, ...], /, **params) -> Value:
        nonlocal number
        number += 1
        output = Value(number, shape, inputs[0].dtype)
        made.append(Instruction(op, inputs, params, output))
        return output

    for instruction in program.instructions:
        product = _product(instruction, producers, uses)
        if product is None:
            made.append(instruction)
            continue
        weight, slope = product.inputs
        params, output = instruction.params, instruction.output
        rows, extent = instruction.inputs[0].shape[2:4]
        batch, channels, width = output.shape[0], slope.shape[1], output.shape[3]
        images = new(movement.reshape, (slope,), (batch, channels, rows, extent), shape=(batch, channels, rows, extent))
        place = (slice(None), slice(None), slice(None), slice(0, extent))
        wide = (batch, channels, rows, width)
        padded = new(index.scatter_add, (images,), wide, index=place, shape=wide)
        flat = (batch, channels, rows * width)
        long = new(movement.reshape, (padded,), flat, shape=flat)
        columns = new(matmul.matmul, (weight, long), (batch, weight.shape[0], rows * width))
        given = {"kernel": params["kernel"], "dilation": params["dilation"], "positions": (rows, extent)}
        made.append(Instruction(FOLD_ROWS, (columns,), {"shape": output.shape, **given}, output))
    return program.with_instructions(made)


def _product(instruction: Instruction, producers, uses) -> Instruction | None:
    """The matrix product whose columns the instruction folds, if rows can be made long."""
    if instruction.op.name != "fold" or len(instruction.output.shape) != 4 or set(instruction.params["stride"]) != {1}:
        return None
    steps = [instruction]
    for name in ("permute_dims", "reshape", "matmul"):
        value = steps[-1].inputs[0]
        step = producers.get(value)
        if step is None or step.op.name != name or uses[value] != 1:
            return None
        steps.append(step)
    _, permuted, _, product = steps
    weight, slope = product.inputs
    short = instruction.inputs[0].shape[3] < SHORT and len(instruction.params["kernel"]) == 2
    plain = len(weight.shape) == 2 and len(slope.shape) == 3 and permuted.params["axes"] == (0, 1, 4, 5, 2, 3)
    return product if short and plain else None
