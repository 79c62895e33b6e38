"""cuBLASLt on the CPU, as far as `tg.compile` calls it: by columns, as its documentation says, on the memory itself.

It is called as the library is, with pointers to numbers and handles of its own, and answers as that does. So what is
wrong in a description of a matrix, or in the order of the operands, gives a wrong product.
"""

import ctypes

import numpy as np

from tinygrad_ml.compile.gpu import blas

TYPES = {blas.CUDA_R_16F: np.float16, blas.CUDA_R_32F: np.float32, blas.CUDA_R_64F: np.float64}


class View:
    """Some memory, as NumPy looks at it. Keeps what owns it."""

    def __init__(self, address, shape, dtype, strides=None, owner=None):
        self.owner = owner
        described = {"data": (address, False), "shape": tuple(shape), "strides": strides, "version": 3}
        self.__array_interface__ = described | {"typestr": np.dtype(dtype).str}


def view(address, shape, dtype, strides=None, owner=None) -> np.ndarray:
    return np.asarray(View(address, shape, dtype, strides, owner))


def rounded(x: np.ndarray, compute: int) -> np.ndarray:
    """What is made of operands before they are multiplied."""
    if compute == blas.CUBLAS_COMPUTE_32F_FAST_16F:
        return x.astype(np.float16).astype(np.float32)
    if compute == blas.CUBLAS_COMPUTE_32F_FAST_TF32:
        return ((x.view(np.int32) + 0x1000) & ~0x1FFF).view(np.float32)
    return x.astype(np.float32) if x.dtype == np.float16 else x


class Library:
    """In the place of `ctypes.CDLL("libcublasLt.so")`. `later(call)` is given what the device does."""

    def __init__(self, later=lambda call: call()):
        self._later = later
        self._objects: dict[int, dict] = {}
        for name in blas._SIGNATURES:
            setattr(self, f"cublasLt{name}", self._function(name))
        self.cublasLtGetStatusName = self._function("GetStatusName")

    def _function(self, name):
        def function(*arguments):
            if name in blas._SIGNATURES:
                assert len(arguments) == len(blas._SIGNATURES[name]), name
            return getattr(self, f"_{name}", None)(*arguments) or 0

        if name.endswith("Create"):
            return lambda pointer, *arguments: self._make(pointer, *arguments)
        if name.endswith("Destroy"):
            return lambda pointer: self._objects.pop(pointer.value) and 0
        if name.endswith("SetAttribute"):
            return lambda *arguments: self._set(*arguments)
        return function

    def _make(self, pointer, *arguments):
        number = max(self._objects, default=1000) + 1
        self._objects[number] = {"made of": arguments}
        pointer._obj.value = number
        return 0

    def _set(self, pointer, attribute, value, nbytes):
        assert ctypes.sizeof(value._obj) == nbytes
        self._objects[pointer.value][attribute] = value._obj.value
        return 0

    def _MatmulAlgoGetHeuristic(self, handle, operation, a, b, c, d, preference, wanted, results, count):
        asked = self._objects[preference.value]
        alignments = [asked[attribute] for attribute in (5, 6, 7, 8)]
        results._obj.algo[:4] = alignments
        results._obj.workspaceSize = 1024
        count._obj.value = 1
        return 0

    def _Matmul(
        self, handle, operation, alpha, a, a_is, b, b_is, beta, c, c_is, d, d_is, algorithm, work, nbytes, stream
    ):
        assert (alpha._obj.value, beta._obj.value, c, c_is) == (1, 0, d, d_is)
        assert work
        assert nbytes == 1024
        for address, aligned in zip((a, b, c, d), algorithm._obj[:4], strict=True):
            assert address % aligned == 0
        described = self._objects[operation.value]
        compute, scale = described["made of"]
        x, y, target = self._matrices(a, a_is), self._matrices(b, b_is), self._matrices(d, d_is)
        assert TYPES[scale] == (np.float64 if target.dtype == np.float64 else np.float32)
        if described[blas.CUBLASLT_MATMUL_DESC_TRANSA] == blas.CUBLAS_OP_T:
            x = x.swapaxes(1, 2)
        if described[blas.CUBLASLT_MATMUL_DESC_TRANSB] == blas.CUBLAS_OP_T:
            y = y.swapaxes(1, 2)
        assert x.shape[0] == y.shape[0] == target.shape[0]

        def multiply():
            with np.errstate(all="ignore"):
                target[...] = np.matmul(*(rounded(np.ascontiguousarray(z), compute) for z in (x, y)))

        self._later(multiply)

    def _matrices(self, address, layout):
        """A batch of matrices that lie by columns."""
        described = self._objects[layout.value]
        kind, rows, columns, step = described["made of"]
        assert step >= rows > 0 < columns
        itemsize = np.dtype(TYPES[kind]).itemsize
        count = described.get(blas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 1)
        stride = described.get(blas.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 0)
        strides = (stride * itemsize, itemsize, step * itemsize)
        return view(address, (count, rows, columns), TYPES[kind], strides)
