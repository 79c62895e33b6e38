"""Every operation, exported at one size and run by ONNX Runtime at others; and models of Keras."""

import nn_operations
import numpy as np
import operations
import pytest
from onnx_runs import NOT_IN_ONNX, here, narrow, same, session

import tinygrad_ml as tg
from tinygrad_ml.errors import OptionError

NOT_AT_ALL_SIZES = (
    "prod", "prod over axis 0, kept", "cumulative_prod along 0", "cumulative_logsumexp along 0", "roll, flattened", "fft",
    "pdist 1.0", "pdist 2.0", "pdist 3.0", "all of svd", "qr",
)  # fmt: skip
"""What does something else at other sizes: a tree of products has as many levels, a Fourier transform another matrix."""


def resized(x, before, now):
    """The first axis in another size, if it has the size of the others' first axes."""
    return np.concatenate([x] * (now // before + 1))[:now] if x.ndim and x.shape[0] == before else x


def works(function, arrays):
    try:
        here(function, arrays)
    except (tg.errors.TinygradError, IndexError, ValueError):
        return False
    return True


@pytest.mark.parametrize("table", [operations.TABLE, nn_operations.TABLE], ids=["functions", "nn"])
@pytest.mark.filterwarnings("ignore")
def test_each_operation_at_other_sizes(table, tmp_path):
    wrong, right = [], 0
    for row in table:
        arrays = [narrow(x) for x in row.inputs]
        if not arrays or not arrays[0].ndim:
            continue
        n = arrays[0].shape[0]
        sizes = [size for size in (1, 7, 20) if works(row.function, [resized(x, n, size) for x in arrays])]
        if len(sizes) < 2:
            continue  # its numbers are for one size
        axes = [{0: "n"} if x.ndim and x.shape[0] == n else {} for x in arrays]
        try:
            graph = tg.onnx.export(
                row.function, [(x.shape, x.dtype) for x in arrays], tmp_path / "x.onnx", dynamic=axes
            )
        except OptionError as error:
            if row.name not in NOT_AT_ALL_SIZES and not any(name in str(error) for name in NOT_IN_ONNX):
                wrong.append((row.name, str(error)))
            continue
        ready = session(tmp_path / "x.onnx")
        for size in sizes:
            now = [resized(x, n, size) for x in arrays]
            found = ready.run(None, {p.name: x for p, x in zip(graph.inputs, now, strict=True)})
            if not all(same(a, b, 2e-5) for a, b in zip(found, here(row.function, now), strict=True)):
                wrong.append((row.name, size))
        right += 1
    assert not wrong
    assert right > 150
