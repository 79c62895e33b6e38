"""Running exported files by onnxruntime, and holding what comes out against what was computed here."""

import numpy as np
import onnxruntime

import tinygrad_ml as tg
from tinygrad_ml.structure import leaves

NOT_IN_ONNX = {
    "inv", "cofactors", "cholesky", "solve", "eigh", "eigvalsh", "svd", "svdvals", "pinv", "qr", "complement", "erfinv",
}  # fmt: skip
"""Operations that ONNX has no operators for."""

onnxruntime.set_default_logger_severity(4)


def session(path):
    """A file, ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def here(function, arrays):
    """What is computed here, as arrays."""
    given = function(*map(tg.tensor, arrays))
    return [leaf.numpy() for leaf in leaves(given) if isinstance(leaf, tg.Tensor)]


def same(found, expected, tolerance=1e-5):
    """Whether arrays are equal to so many times their largest number."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    finite = expected[np.isfinite(expected)]
    largest = max(1.0, float(np.abs(finite.astype(np.float64)).max(initial=0)))
    return np.allclose(found, expected, rtol=tolerance, atol=tolerance * largest, equal_nan=True)


def check(path, function, *arrays, tolerance=1e-5):
    """Run a file, and compare all that it gives."""
    ready = session(path)
    names = [port.name for port in ready.get_inputs()]
    found = ready.run(None, dict(zip(names, arrays, strict=False)))
    expected = here(function, arrays)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert same(a, b, tolerance), (a, b)


def narrow(x):
    """float32 instead of float64, which ONNX Runtime lacks for many operators."""
    x = np.asarray(x)
    return x.astype(np.float32) if x.dtype.kind == "f" else x
