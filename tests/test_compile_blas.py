"""Matrix products without CuPy: which calls they take, and what cuBLAS is told, on a cuBLAS of the CPU."""

import ctypes
import functools
import os
import pathlib
import re
import site

import fake_cublas
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ml.compile.gpu import blas
from tinygrad_ml.errors import DeviceError

pytestmark = pytest.mark.host_only

LIES = {
    "by rows": lambda x: np.ascontiguousarray(x),
    "by columns": lambda x: np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2),
    "a part": lambda x: np.concatenate([x, x], -1)[..., : x.shape[-1]],
    "some rows": lambda x: np.repeat(x, 2, axis=-2)[..., ::2, :],
    "batch inside": lambda x: np.ascontiguousarray(np.moveaxis(x, -2, 0)).transpose(*range(1, x.ndim - 1), 0, -1),
}


def multiplied(a, b, out, precision="float32"):
    """out = a·b, as the GPU would be asked to do it."""
    lt = blas.Lt(fake_cublas.Library())
    calls = blas.products(a, b, out)
    for call in calls:
        addresses = [x.ctypes.data + m.offset for x, m in zip((a, b, out), (call.a, call.b, call.out), strict=True)]
        plan = lt.plan(call, precision, tuple(map(blas.alignment, addresses)))
        lt.run(plan, *addresses, 1, 0)
    return calls


@given(
    st.sampled_from(list(LIES)),
    st.sampled_from(list(LIES)),
    st.sampled_from([((), ()), ((3,), ()), ((), (3,)), ((2, 3), (2, 3)), ((2, 1), (3,)), ((1, 4), (2, 1)), ((0,), ())]),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from(["float16", "float32", "float64"]),
)
def test_products_of_all_layouts(a_lies, b_lies, batches, extents, dtype):
    m, n, k = extents
    random = np.random.default_rng(0)
    a = LIES[a_lies](random.standard_normal((*batches[0], m, k)).astype(dtype))
    b = LIES[b_lies](random.standard_normal((*batches[1], k, n)).astype(dtype))
    expected = np.matmul(a.astype("float64"), b.astype("float64"))
    out = np.full(expected.shape, np.nan, dtype)
    if not (blas.fits(a) and blas.fits(b)):
        return
    if not out.size:
        assert blas.products(a, b, out) == []
        return
    multiplied(a, b, out)
    np.testing.assert_allclose(
        out, expected, *{"float16": (2e-3, 2e-3), "float32": (1e-5, 1e-5)}.get(dtype, (1e-12,) * 2)
    )


@pytest.mark.parametrize("lies", LIES)
def test_nothing_takes_no_call(lies):
    for a, b in (((0, 3, 2), (2, 4)), ((3, 2), (0, 2, 4)), ((5, 3, 0), (5, 0, 4)), ((0, 2), (2, 4))):
        a, b = LIES[lies](np.zeros(a, np.float32)), LIES[lies](np.zeros(b, np.float32))
        assert blas.products(a, b, np.empty(np.matmul(a, b).shape, np.float32)) == []


def test_what_has_to_be_copied_first():
    x = np.zeros((2, 6, 8), np.float32)
    for good in (x, x.swapaxes(1, 2), x[:, 1:4, 2:5], x[:, ::2], x[:, :1, ::1], x[:1, :, :1], x.transpose(1, 0, 2)):
        assert blas.fits(good)
    for bad in (
        x[:, :, ::2],
        x[:, ::-1],
        np.broadcast_to(x[:, :1], x.shape),
        np.broadcast_to(x[:, :, :1], x.shape),
        x.T,
    ):
        assert not blas.fits(bad)


def test_one_weight_for_a_batch_is_one_product():
    x, weight = np.ones((5, 3, 4), np.float32), np.ones((6, 4), np.float32)
    out = np.zeros((5, 3, 6), np.float32)
    (call,) = multiplied(x, weight.T, out)
    assert (call.batch, call.m, call.n, call.k) == (1, 15, 6, 4)
    np.testing.assert_array_equal(out, 4)
    convolution = np.ones((7, 3, 4), np.float32), np.ones((2, 3), np.float32)  # the weight comes first there
    (call,) = multiplied(convolution[1], convolution[0], np.zeros((7, 2, 4), np.float32))
    assert (call.batch, call.a.stride) == (7, 0)


def test_precisions():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((50, 400), np.float32), random.standard_normal((400, 60), np.float32)
    exact, out = a.astype(float) @ b, np.zeros((50, 60), np.float32)
    errors = {}
    for precision in blas.PRECISIONS:
        multiplied(a, b, out, precision)
        errors[precision] = abs(out - exact).max()
    assert errors["float32"] < 1e-4 < errors["tf32"] < 0.1 > errors["float16"] > 1e-4
    for dtype in ("float16", "float64"):  # it is about float32 only
        results = [np.zeros((50, 60), dtype) for _ in blas.PRECISIONS]
        for precision, result in zip(blas.PRECISIONS, results, strict=True):
            multiplied(a.astype(dtype), b.astype(dtype), result, precision)
        assert all((result == results[0]).all() for result in results)


def test_what_the_library_reports_is_an_error():
    library = fake_cublas.Library()
    library.cublasLtMatmul = lambda *_: 15
    library.cublasLtGetStatusName = lambda status: b"CUBLAS_STATUS_NOT_SUPPORTED"
    lt = blas.Lt(library)
    x = np.ones((2, 2), np.float32)
    (call,) = blas.products(x, x, x)
    plan = lt.plan(call, "float32", (4, 4, 4))
    with pytest.raises(DeviceError, match="cublasLtMatmul failed: CUBLAS_STATUS_NOT_SUPPORTED"):
        lt.run(plan, 8, 8, 8, 8, 0)


# -- the real library, where it is ----------------------------------------------------------------------


@functools.cache
def of_nvidia(pattern: str) -> list[pathlib.Path]:
    """Files of CUDA on this machine: from pip's packages, or from a toolkit."""
    roots = [pathlib.Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))]
    roots += [pathlib.Path(folder, "nvidia") for folder in site.getsitepackages()]
    return [path for root in roots for path in root.glob(pattern)]


def in_header(name: str) -> dict[str, int]:
    """The constants of an enumeration's header."""
    found = [*of_nvidia(f"include/{name}"), *of_nvidia(f"*/include/{name}")]
    if not found:
        pytest.skip(f"no {name} on this machine")
    return {word: int(number) for word, number in re.findall(r"\b(CU\w+)\s*=\s*(\d+)\b", found[0].read_text())}


def test_the_constants_are_those_of_the_headers():
    known = in_header("cublasLt.h") | in_header("cublas_api.h") | in_header("library_types.h")
    ours = {name: value for name, value in vars(blas).items() if name.startswith("CU")}
    assert len(ours) > 15
    assert ours == {name: known[name] for name in ours}


def test_the_heuristic_is_as_large_as_in_the_header():
    header = [*of_nvidia("include/cublasLt.h"), *of_nvidia("*/include/cublasLt.h")]
    if not header:
        pytest.skip("no cublasLt.h on this machine")
    text = header[0].read_text()
    assert re.search(r"uint64_t data\[8\];\s*} cublasLtMatmulAlgo_t;", text)
    members = re.search(r"typedef struct \{([^}]*)} cublasLtMatmulHeuristicResult_t;", text)[1]
    members = re.findall(r"^\s*(\w+) (\w+)", re.sub(r"/\*.*?\*/", "", members, flags=re.DOTALL), re.MULTILINE)
    assert members == [
        *(("cublasLtMatmulAlgo_t", "algo"), ("size_t", "workspaceSize"), ("cublasStatus_t", "state")),
        *(("float", "wavesCount"), ("int", "reserved")),
    ]
    assert [name for name, _ in blas._Heuristic._fields_] == [name for _, name in members]
    assert ctypes.sizeof(blas._Heuristic) == 64 + 8 + 4 + 4 + 16


def test_the_real_library_takes_our_descriptions():
    """It checks attributes and their sizes without a GPU, and gives them back."""
    found = [*of_nvidia("lib*/libcublasLt.so*"), *of_nvidia("*/lib*/libcublasLt.so*")]
    if not found:
        pytest.skip("no cuBLAS on this machine")
    library = ctypes.CDLL(str(found[0]))
    lt = blas.Lt(library)
    a, b = np.zeros((5, 3, 4), np.float32), np.zeros((5, 6, 4), np.float32).swapaxes(1, 2)
    (call,) = blas.products(a, b, np.zeros((5, 3, 6), np.float32))
    plan = blas.BlasPlan(lt, call, "tf32")

    def read(what, pointer, attribute, kind):
        function = getattr(library, f"cublasLt{what}GetAttribute")
        function.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
        value, written = kind(), ctypes.c_size_t()
        size = ctypes.sizeof(value)
        assert not function(pointer, attribute, ctypes.byref(value), size, ctypes.byref(written))
        assert written.value == size
        return value.value

    compute_type, scale_type, rows, columns, step = 0, 1, 2, 3, 4
    operation = [read("MatmulDesc", plan.operation, n, ctypes.c_int32) for n in (compute_type, scale_type, 3, 4)]
    assert operation == [blas.CUBLAS_COMPUTE_32F_FAST_TF32, blas.CUDA_R_32F, blas.CUBLAS_OP_T, blas.CUBLAS_OP_N]
    for layout, described in ((plan.b, (4, 6, 4)), (plan.a, (4, 3, 4)), (plan.out, (6, 3, 6))):
        assert tuple(read("MatrixLayout", layout, n, ctypes.c_int64) for n in (rows, columns, step)) == described
        assert read("MatrixLayout", layout, blas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, ctypes.c_int32) == 5
    strides = [read("MatrixLayout", layout, 6, ctypes.c_int64) for layout in (plan.b, plan.a, plan.out)]
    assert strides == [24, 12, 18]
    preference = lt.made("MatmulPreference", plan)
    for attribute in (5, 6, 7, 8):
        lt.set("MatmulPreference", preference, attribute, ctypes.c_uint32(16))
    lt.set("MatmulPreference", preference, 1, ctypes.c_uint64(1024))
