"""Matrix products by cuBLASLt, called without CuPy, which refuses to call it while a graph is captured.

`products` says which calls a product of arrays takes, by shapes and strides alone: rows of a matrix lie one
after the other, or its columns do (a transposed view), and neither is copied. cuBLAS itself thinks in columns;
a matrix by rows is its transpose by columns, and dᵀ = bᵀ·aᵀ, so the operands change places.

`Lt` makes the calls. All that it is given (stream, workspace, algorithm) comes with each call, and it allocates nothing:
so a call can be captured. The numbers below are those of cublasLt.h, cublas_api.h and library_types.h, by their names
there; a test compares them with the headers.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from functools import cached_property
from typing import Any, NamedTuple

import numpy

from ...errors import DeviceError
from ...machine.axes import merged

CUDA_R_32F, CUDA_R_64F, CUDA_R_16F = 0, 1, 2
CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_64F = 68, 70
CUBLAS_COMPUTE_32F_FAST_16F, CUBLAS_COMPUTE_32F_FAST_TF32 = 74, 77
CUBLAS_OP_N, CUBLAS_OP_T = 0, 1
CUBLAS_STATUS_SUCCESS = 0
CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 5, 6
CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB = 3, 4
CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1
CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 5, 6
CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 7, 8

PRECISIONS = {
    "float32": CUBLAS_COMPUTE_32F,
    "tf32": CUBLAS_COMPUTE_32F_FAST_TF32,
    "float16": CUBLAS_COMPUTE_32F_FAST_16F,
}
"""What products of float32 may be computed with; sums are float32 with each."""

DATA = {"float16": CUDA_R_16F, "float32": CUDA_R_32F, "float64": CUDA_R_64F}
"""The dtypes of which there are products."""

WORKSPACE_BYTES = 32 << 20
"""Bytes that a product may use besides, as NVIDIA recommends for its data centre GPUs since Hopper."""

ALIGNED = 256
"""Bytes: a better alignment makes no difference."""


class Matrix(NamedTuple):
    """How an operand lies.

    transposed  whether columns lie one after the other, instead of rows
    step        elements from one row to the next; of a transposed one, from one column to the next
    stride      elements from one matrix of a batch to the next; 0 if all are the same
    offset      bytes from where the array begins to the first matrix
    """

    transposed: bool
    step: int
    stride: int
    offset: int


class BlasProduct(NamedTuple):
    """One call: `batch` products of (m, k) and (k, n) matrices."""

    dtype: str
    m: int
    n: int
    k: int
    batch: int
    a: Matrix
    b: Matrix
    out: Matrix


def products(a: numpy.ndarray, b: numpy.ndarray, out: numpy.ndarray) -> list[BlasProduct]:
    """The calls that compute out = a·b, by shapes and strides; batches are broadcast.

    Of a matrix either rows or columns must be contiguous (see `fits`), and of `out` the rows. None where
    `out` is empty, or a sum of nothing.
    """
    if not out.size or not a.shape[-1]:
        return []
    m, n, k = *out.shape[-2:], a.shape[-1]
    batch = out.shape[:-2]
    arrays = [numpy.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b, out)]
    laid, itemsize = [lies for array in arrays if (lies := _lies(array))], out.itemsize
    sizes, steps = merged(batch, [array.strides[:-2] for array in arrays])
    *outer, (count, strides) = zip(sizes, zip(*steps, strict=True), strict=True) if sizes else [(1, (0, 0, 0))]
    calls = []
    for place in numpy.ndindex(*(extent for extent, _ in outer)):
        offsets = [sum(i * steps[which] for i, (_, steps) in zip(place, outer, strict=True)) for which in range(3)]
        left, right, result = (
            Matrix(transposed, step, stride // itemsize, offset)
            for (transposed, step), stride, offset in zip(laid, strides, offsets, strict=True)
        )
        calls.append(_as_one(BlasProduct(str(out.dtype), m, n, k, count, left, right, result)))
    return calls


def fits(x: numpy.ndarray) -> bool:
    """Whether `products` takes the array as it lies."""
    return _lies(x) is not None and all(stride >= 0 and stride % x.itemsize == 0 for stride in x.strides)


def _lies(x: numpy.ndarray) -> tuple[bool, int] | None:
    """(transposed, step) of the matrices in an array; None if neither rows nor columns are contiguous."""
    (rows, columns), (down, right) = x.shape[-2:], x.strides[-2:]
    for transposed, extent, length, step, within in (
        (False, rows, columns, down, right),
        (True, columns, rows, right, down),
    ):
        if (length <= 1 or within == x.itemsize) and (extent <= 1 or step >= length * x.itemsize):
            return transposed, step // x.itemsize if extent > 1 else max(length, 1)
    return None


def _as_one(call: BlasProduct) -> BlasProduct:
    """A batch with one and the same b is a single product, if the rows of all a lie one below the other."""
    a, b, out = call.a, call.b, call.out
    below = not a.transposed and a.stride == call.m * a.step and out.stride == call.m * out.step
    if call.batch == 1 or b.stride or not below:
        return call
    return call._replace(m=call.m * call.batch, batch=1, a=a._replace(stride=0), out=out._replace(stride=0))


def alignment(address: int) -> int:
    """The largest power of two that divides an address, as far as it matters."""
    return math.gcd(address, ALIGNED)


class _Heuristic(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t"""

    _fields_ = (
        ("algo", ctypes.c_uint64 * 8),
        ("workspaceSize", ctypes.c_size_t),
        ("state", ctypes.c_int),
        ("wavesCount", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    )


_POINTER, _INT, _SIZE = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
_SIGNATURES = {
    "Create": (_POINTER,),
    "MatmulDescCreate": (_POINTER, _INT, _INT),
    "MatmulDescDestroy": (_POINTER,),
    "MatmulDescSetAttribute": (_POINTER, _INT, _POINTER, _SIZE),
    "MatrixLayoutCreate": (_POINTER, _INT, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int64),
    "MatrixLayoutDestroy": (_POINTER,),
    "MatrixLayoutSetAttribute": (_POINTER, _INT, _POINTER, _SIZE),
    "MatmulPreferenceCreate": (_POINTER,),
    "MatmulPreferenceDestroy": (_POINTER,),
    "MatmulPreferenceSetAttribute": (_POINTER, _INT, _POINTER, _SIZE),
    "MatmulAlgoGetHeuristic": (*(_POINTER,) * 7, _INT, _POINTER, _POINTER),
    "Matmul": (*(_POINTER,) * 14, _SIZE, _POINTER),
}
"""The functions of the library that are called, without `cublasLt` before their names."""


class Lt:
    """The library, and a handle of its own on the current device."""

    def __init__(self, library: ctypes.CDLL | None = None):
        self._library = _library() if library is None else library
        for name, arguments in _SIGNATURES.items():
            getattr(self._library, f"cublasLt{name}").argtypes = arguments
        self._library.cublasLtGetStatusName.restype = ctypes.c_char_p

    @cached_property
    def handle(self) -> ctypes.c_void_p:
        """The handle."""
        handle = ctypes.c_void_p()
        self.call("Create", ctypes.byref(handle))
        return handle

    def plan(self, call: BlasProduct, precision: str, alignments: tuple[int, int, int]) -> BlasPlan:
        """How the library will do it: what it thinks is fastest for operands a, b, out at addresses so aligned."""
        return BlasPlan(self, call, precision, alignments)

    def run(self, plan: BlasPlan, a: int, b: int, out: int, workspace: int, stream: int) -> None:
        """out = a·b, of matrices at these addresses, when the stream comes to it."""
        operands = (b, plan.b, a, plan.a, plan.beta, out, plan.out, out, plan.out)
        place = ctypes.byref(plan.algorithm), workspace, plan.workspace, stream
        self.call("Matmul", self.handle, plan.operation, plan.alpha, *operands, *place)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library; a `DeviceError` if it reports one."""
        status = getattr(self._library, f"cublasLt{name}")(*arguments)
        if status != CUBLAS_STATUS_SUCCESS:
            what = self._library.cublasLtGetStatusName(status).decode()
            raise DeviceError(f"cublasLt{name} failed: {what}")

    def made(self, what: str, owner: Any, *arguments: Any) -> ctypes.c_void_p:
        """A new object of the library, destroyed together with `owner`."""
        pointer = ctypes.c_void_p()
        self.call(f"{what}Create", ctypes.byref(pointer), *arguments)
        weakref.finalize(owner, getattr(self._library, f"cublasLt{what}Destroy"), pointer)
        return pointer

    def set(self, what: str, pointer: ctypes.c_void_p, attribute: int, value: Any) -> None:
        """Set an attribute of an object of the library to a number of a C type."""
        self.call(f"{what}SetAttribute", pointer, attribute, ctypes.byref(value), ctypes.sizeof(value))


class BlasPlan:
    """What the library has to be told of a product: its descriptions of matrices, and the algorithm.

    workspace  bytes that the algorithm needs besides
    """

    def __init__(self, lt: Lt, call: BlasProduct, precision: str, alignments: tuple[int, int, int]):
        self._lt, self.product = lt, call
        double = call.dtype == "float64"
        compute = CUBLAS_COMPUTE_64F if double else CUBLAS_COMPUTE_32F
        if call.dtype == "float32":
            compute = PRECISIONS[precision]
        scalar = ctypes.c_double if double else ctypes.c_float
        self._scalars = scalar(1), scalar(0)
        self.alpha, self.beta = map(ctypes.byref, self._scalars)
        self.operation = lt.made("MatmulDesc", self, compute, CUDA_R_64F if double else CUDA_R_32F)
        for attribute, matrix in ((CUBLASLT_MATMUL_DESC_TRANSA, call.b), (CUBLASLT_MATMUL_DESC_TRANSB, call.a)):
            transposed = ctypes.c_int32(CUBLAS_OP_T if matrix.transposed else CUBLAS_OP_N)
            lt.set("MatmulDesc", self.operation, attribute, transposed)
        self.a = self._layout(call.a, call.m, call.k)
        self.b = self._layout(call.b, call.k, call.n)
        self.out = self._layout(call.out, call.m, call.n)
        self.algorithm, self.workspace = self._choice(alignments)

    def _layout(self, matrix: Matrix, rows: int, columns: int) -> ctypes.c_void_p:
        # A matrix by rows is, by columns, its transpose.
        extents = (rows, columns) if matrix.transposed else (columns, rows)
        layout = self._lt.made("MatrixLayout", self, DATA[self.product.dtype], *extents, matrix.step)
        if self.product.batch > 1:
            count, stride = ctypes.c_int32(self.product.batch), ctypes.c_int64(matrix.stride)
            self._lt.set("MatrixLayout", layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count)
            self._lt.set("MatrixLayout", layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride)
        return layout

    def _choice(self, alignments: tuple[int, int, int]) -> tuple[ctypes.Array, int]:
        """The library's best algorithm, and the bytes that it needs besides."""
        preference = self._lt.made("MatmulPreference", self)
        a, b, out = alignments
        for attribute, value in (
            (CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, ctypes.c_uint64(WORKSPACE_BYTES)),
            (CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, ctypes.c_uint32(b)),
            (CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, ctypes.c_uint32(a)),
            (CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, ctypes.c_uint32(out)),
            (CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, ctypes.c_uint32(out)),
        ):
            self._lt.set("MatmulPreference", preference, attribute, value)
        heuristic, count = _Heuristic(), ctypes.c_int()
        layouts = self.operation, self.b, self.a, self.out, self.out
        results = ctypes.byref(heuristic), ctypes.byref(count)
        self._lt.call("MatmulAlgoGetHeuristic", self._lt.handle, *layouts, preference, 1, *results)
        if not count.value or heuristic.state != CUBLAS_STATUS_SUCCESS:
            raise DeviceError(f"cuBLAS has no algorithm for {self.product}")
        return heuristic.algo, heuristic.workspaceSize


def _library() -> ctypes.CDLL:
    # Which CuPy needs too. To pyright, where it is not installed, `cuda` is the file of that name here.
    from cuda import pathfinder  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

    try:
        return ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublasLt").abs_path)
    except RuntimeError as error:
        raise DeviceError(f"matrix products on the GPU need cuBLAS, which CuPy needs too: {error}") from error
