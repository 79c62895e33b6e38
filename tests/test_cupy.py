"""Real CuPy arrays without memory behind them: dispatch, layout and views, tested where there is no GPU.

An `UnownedMemory` gives CuPy a pointer that leads nowhere. Such arrays have a shape, strides and
views, and can do all that asks nothing of the device.
"""

import inspect

import numpy as np
import pytest
import strict

import tinygrad_ml as tg
from tinygrad_ml import backend
from tinygrad_ml.errors import DeviceError, GradientError, ShapeError, TinygradError

cupy = pytest.importorskip("cupy")
pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(tg.gpu_available(), reason="a real GPU would follow the pointer; tests/gpu tests that one"),
]


def array(*shape, dtype="float32"):
    memory = cupy.cuda.UnownedMemory(0x10000, 1 << 20, None, 0)
    return cupy.ndarray(shape, dtype, cupy.cuda.MemoryPointer(memory, 0))


def leaf(*shape):
    x = tg.as_tensor(array(*shape))
    x.requires_grad = True
    return x


# -- the switch ----------------------------------------------------------------------------------------


def test_without_a_driver_the_library_works_and_says_what_is_missing():
    assert not tg.gpu_available()
    assert tg.ones(2).device == "cpu"
    for use in (lambda: tg.zeros(2, device="gpu"), lambda: tg.ones(2).to("gpu"), lambda: tg.set_default_device("gpu")):
        with pytest.raises(DeviceError, match=r"'gpu' cannot be used: CuPy .* finds no usable NVIDIA driver"):
            use()


def test_the_backend_of_an_array_is_found_from_its_type():
    assert backend.of(array(2)).kind == "gpu"
    assert backend.of(array(2)) is backend.of(array(3))
    assert backend.of(array(2)).exp is cupy.exp
    assert backend.of(array(2)).linalg.inv is cupy.linalg.inv


def test_devices_of_arrays():
    x = tg.as_tensor(array(2, 3))
    assert x.device == tg.device("gpu") == "gpu:0"
    assert backend.Device.of(array(2)).kind == "gpu"
    assert x.to("gpu") is x
    assert "on gpu" in x._described()


def test_the_owner_of_memory_is_found_through_views():
    whole = array(3, 4)
    for view in (
        whole[1:],
        whole.T,
        whole[None, ..., ::-1],
        whole.reshape(12)[2:5],
        cupy.broadcast_to(whole, (2, 3, 4)),
    ):
        assert backend.owner(view) is whole
    assert backend.owner(whole) is whole


def test_a_tensor_shares_the_array_that_was_handed_in():
    given = array(2, 3)
    x = tg.as_tensor(given)
    assert x.data is given
    assert (x.shape, x.dtype, x.ndim, x.size) == ((2, 3), tg.float32, 2, 6)
    assert x.is_leaf


# -- layout --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "shape", "strides"),
    [
        (lambda x: x.reshape(4, 3), (4, 3), (12, 4)),
        (lambda x: x.T, (4, 3), (4, 16)),
        (lambda x: x.permute_dims((1, 0)), (4, 3), (4, 16)),
        (lambda x: x[1:, ::2], (2, 2), (16, 8)),
        (lambda x: x[..., None, 0], (3, 1), (16, 0)),
        (lambda x: x[::-1], (3, 4), (-16, 4)),
        (lambda x: x.broadcast_to((2, 3, 4)), (2, 3, 4), (0, 16, 4)),
        (lambda x: x.expand_dims(1), (3, 1, 4), (16, 16, 4)),
        (lambda x: x.flip(1), (3, 4), (16, -4)),
        (lambda x: tg.split(x, 2, axis=1)[1], (3, 2), (16, 4)),
    ],
)
def test_movements_are_views_and_are_recorded(move, shape, strides):
    x = leaf(3, 4)
    y = move(x)
    assert isinstance(y.data, cupy.ndarray)
    assert y.shape == shape
    assert all(n == 1 or ours == expected for n, ours, expected in zip(shape, y.data.strides, strides, strict=True))
    assert backend.owner(y.data) is x.data
    assert y.device == "gpu"
    assert y.requires_grad
    assert y.node.device == "gpu"


def test_windows_of_a_convolution_copy_nothing():
    from tinygrad_ml.functional.windows import windows
    from tinygrad_ml.tensor import apply

    x = leaf(1, 1, 5, 5)
    y = apply(windows, (x,), {"kernel": (3, 3), "stride": (2, 2), "dilation": (1, 1)})
    assert y.shape == (1, 1, 2, 2, 3, 3)
    assert y.data.strides[2:] == (40, 8, 20, 4)
    assert y.data.data.mem is x.data.data.mem


# -- mixing and errors ---------------------------------------------------------------------------------


def test_mixing_with_the_cpu_is_an_error_that_names_both():
    x, y = leaf(2), tg.ones(2)
    for mix in (lambda: x + y, lambda: y + x, lambda: x * np.ones(2, np.float32), lambda: tg.concat([x, y])):
        with pytest.raises(DeviceError, match=r"two devices.*on (gpu|cpu).*on (cpu|gpu).*\.to\("):
            mix()


def test_shapes_are_checked_before_the_device_is_asked():
    with pytest.raises(ShapeError, match=r"add.*\(2,\) and \(3,\).*on gpu"):
        leaf(2) + leaf(3)
    with pytest.raises(GradientError, match="3 elements"):
        leaf(3).backward()


def test_what_the_device_refuses_is_reported_with_the_operation():
    for compute in (lambda: leaf(2) + leaf(2), lambda: leaf(2).exp(), lambda: leaf(2) * 2):
        with pytest.raises(TinygradError, match=r"(add|exp|mul) of a tensor of shape \(2,\).*driver"):
            compute()


@pytest.mark.parametrize("combine", [lambda a, x: a + x, lambda a, x: a * x, lambda a, x: a @ x, lambda a, x: a < x])
def test_cupys_operators_leave_the_work_to_the_tensor(combine):
    with pytest.raises(
        TinygradError, match=r"(add|mul|matmul|greater) of a tensor"
    ):  # of ours, and not CuPy's own error
        combine(array(2, 2), leaf(2, 2))


# -- what the engine asks of CuPy ----------------------------------------------------------------------


def test_cupy_has_every_function_of_the_stand_in():
    missing = [name for name in (*strict.FUNCTIONS, *strict.CREATION) if not callable(getattr(cupy, name, None))]
    missing += [name for name in strict.FFT if not callable(getattr(cupy.fft, name, None))]
    missing += [name for name in strict.LINALG if not callable(getattr(cupy.linalg, name, None))]
    assert not missing
    assert callable(cupy.lib.stride_tricks.as_strided)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("sum", {"axis": (0,), "dtype": np.float32, "keepdims": True}),
        ("max", {"axis": (0,), "keepdims": True}),
        ("any", {"axis": (0,), "keepdims": True}),
        ("argmax", {"axis": 0, "keepdims": True}),
        ("cumsum", {"axis": 0, "dtype": np.float64}),
        ("argsort", {"axis": 0, "kind": "stable"}),
        ("flip", {"axis": 0}),
        ("searchsorted", {"side": "left"}),
        ("unique", {"return_index": True, "return_inverse": True, "return_counts": True, "equal_nan": False}),
        ("concatenate", {"axis": 0}),
        ("zeros", {"dtype": "float32"}),
        ("full", {"dtype": "float32"}),
    ],
)
def test_cupy_takes_the_arguments_that_the_engine_gives(function, arguments):
    accepted = inspect.signature(getattr(cupy, function)).parameters
    assert set(arguments) <= set(accepted)


def test_scatter_add_of_dtypes_that_cuda_cannot_add_atomically(monkeypatch):
    gpu = backend.of(array(1))
    seen = []

    def atomic(target, index, values):
        seen.append(target.dtype.name)
        np.add.at(target, index, values)

    monkeypatch.setattr(gpu, "_scatter_add", atomic)
    for dtype in ("float16", "float32", "float64", "int8", "int32", "int64", "uint64", "uint8", "bool"):
        target, values = np.zeros(3, dtype), np.array([-1, 2, -3] if dtype[0] in "fi" else [1, 2, 3]).astype(dtype)
        expected = target.copy()
        np.add.at(expected, [0, 0, 2], values)
        gpu.scatter_add(target, np.array([0, 0, 2]), values)
        np.testing.assert_array_equal(target, expected)
    assert set(seen) <= {"float16", "float32", "float64", "int32", "uint32", "uint64"}  # those of CUDA's atomicAdd
