"""What only a real GPU can show. On machines without one these are skipped; `run.py` says more."""

import agreement
import numpy as np
import operations
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import DeviceError, GradientError

pytestmark = pytest.mark.skipif(not tg.gpu_available(), reason="no GPU")


@pytest.fixture(autouse=True)
def _on_the_gpu():
    with tg.device("gpu"):
        yield


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_cpu_and_gpu_agree(operation):
    difference = agreement.of_operation(operation, "gpu")
    assert difference.small, difference


def test_training_is_the_same():
    np.testing.assert_allclose(agreement.losses("gpu"), agreement.losses("cpu"), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_compiled_equals_eager(operation):
    if operation.name != "boolean mask":  # whose shape is not known beforehand
        difference = agreement.of_compiled(operation, "gpu")
        assert difference.small, difference


@pytest.mark.parametrize("case", agreement.COMPARED)
def test_a_compiled_step_trains_as_an_eager_one_and_is_one_graph(case):
    steps = agreement.of_training(case, "gpu")
    assert steps.small, steps
    assert steps.nodes < 60


def test_precisions_of_compiled_products():
    errors = agreement.of_products("gpu")
    assert errors["float32"] < agreement.EXACT, errors
    assert max(errors.values()) < 0.1, errors  # before there were tensor cores for it, TF32 is float32


def test_repeated_steps():
    assert agreement.of_repeated("gpu") <= agreement.TOLERANCE


@pytest.mark.parametrize("by_tiles", [False, True])
def test_steps_of_a_small_network_are_one_kernel_with_the_same_bits_each_time(by_tiles):
    steps = agreement.of_whole_steps("gpu", repeats=20, by_tiles=by_tiles)
    assert steps.small, steps


def test_a_compiled_step_is_in_order_with_the_callers_stream():
    import cupy

    step = tg.compile(lambda x: (x @ x).sum(axis=0))
    with cupy.cuda.Stream(non_blocking=True):
        for n in range(1, 20):
            x = tg.full((300, 300), n)
            y = step(x) * 2
            x.assign(0.0)
            np.testing.assert_allclose(y.numpy(), 180_000 * n * n, 1e-6)


def test_what_a_graph_points_to_is_kept():
    import gc

    step = tg.compile(lambda x: (tg.random.rand(300, 300) * 0 + x * 2).sum(axis=1))
    step(tg.ones(300, 300))
    gc.collect()
    others = [tg.full((300, 300), float("nan")) for _ in range(20)]
    assert (step(tg.ones(300, 300)).numpy() == 600).all()
    del others


def test_arrays_are_cupys_and_results_without_axes_stay_on_the_device():
    import cupy

    x = tg.ones(3, requires_grad=True)
    y = (x * 2).sum()
    assert isinstance(y.data, cupy.ndarray)
    assert y.shape == ()
    y.backward()
    assert isinstance(x.grad.data, cupy.ndarray)


def test_operators_with_cupy_arrays_give_tensors_both_ways_round():
    import cupy

    x, array = tg.ones(3), cupy.arange(3, dtype="float32")
    for y in (x + array, array + x, array * x, x - array, array @ x, array < x, np.float32(2) * x):
        assert type(y) is tg.Tensor
        assert y.device == "gpu"


def test_the_same_seed_gives_the_same_numbers():
    tg.manual_seed(5)
    first = [tg.random.rand(10).numpy(), tg.random.randn(10).numpy(), tg.random.integers(9, size=10).numpy()]
    tg.manual_seed(5)
    again = [tg.random.rand(10).numpy(), tg.random.randn(10).numpy(), tg.random.integers(9, size=10).numpy()]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mixing_devices_is_one_error():
    with pytest.raises(DeviceError, match=r"two devices.*gpu.*cpu"):
        tg.ones(3) + tg.ones(3, device="cpu")
    with pytest.raises(DeviceError, match="does not exist"):
        tg.zeros(3, device="gpu:99")


def test_an_announced_write_is_noticed():
    x = tg.ones(3, requires_grad=True)
    y = (x * x).sum()
    x.assign([2.0, 2.0, 2.0])
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_integers_are_scattered():
    for dtype in ("int64", "int32", "int8", "uint8"):
        counted = tg.scatter_add(tg.zeros(3, dtype=dtype), [0, 2, 2], tg.ones(3, dtype=dtype))
        assert counted.tolist() == [1, 0, 2]


def test_memory_is_given_back():
    import cupy

    pool = cupy.get_default_memory_pool()

    def step():
        w = tg.random.randn(200, 200, requires_grad=True)
        (w @ w).tanh().sum().backward()

    step()
    before = pool.used_bytes()
    for _ in range(5):
        step()
    assert pool.used_bytes() == before
