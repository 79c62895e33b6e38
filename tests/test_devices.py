"""Devices as values and contexts; tensors of two devices side by side; nothing stale after a switch.

The second device is the stand-in of `strict.py`, which refuses to mix with NumPy arrays.
"""

import pathlib
import threading

import numpy as np
import pytest
import strict
from checks import assert_close

import tinygrad_ml as tg
from tinygrad_ml.errors import DeviceError

pytestmark = pytest.mark.host_only  # these make tensors on two devices themselves

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def other():
    """The second device."""
    return tg.device("strict")


# -- devices as values ---------------------------------------------------------------------------------


def test_names_of_devices():
    assert str(tg.device("cpu")) == "cpu"
    assert str(tg.device("gpu:1")) == "gpu:1"
    assert str(tg.device("gpu:0")) == "gpu"
    assert tg.device("gpu") == tg.device("gpu:0") == "gpu" != "gpu:1"
    assert len({tg.device("gpu"), tg.device("gpu:0")}) == 1
    assert repr(tg.device("cpu")) == "device('cpu')"
    assert tg.device(tg.device("gpu:2")).index == 2


@pytest.mark.parametrize("name", ["tpu", "gpu:x", "", "GPU", 3, None])
def test_what_is_no_device(name):
    with pytest.raises(DeviceError, match="is not a device; use one of 'cpu', 'gpu'"):
        tg.device(name)


def test_the_cpu_is_one_device():
    with pytest.raises(DeviceError, match="'cpu:1' does not exist"):
        tg.zeros(2, device="cpu:1")


def test_inside_a_devices_context_its_library_works_there(monkeypatch):
    """CuPy computes on its current device, which is the first of several until somebody says otherwise."""
    entered = []

    class Current:
        def __init__(self, index):
            self.index = index

        def __enter__(self):
            entered.append(self.index)

        def __exit__(self, *_):
            entered.append(f"left {self.index}")

    monkeypatch.setattr(strict.BACKEND, "current", Current)
    with tg.device("strict:1"), tg.device("strict"):
        pass
    assert entered == [1, 0, "left 0", "left 1"]


def test_pytorchs_name_for_the_gpu_is_explained():
    with pytest.raises(DeviceError, match=r"'cuda:0' is not a device \(the GPU is called 'gpu' here\)"):
        tg.zeros(2, device="cuda:0")


@pytest.mark.skipif(tg.gpu_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_one_clear_error():
    for use in (
        lambda: tg.zeros(2, device="gpu"),
        lambda: tg.ones(2).to("gpu"),
        lambda: tg.tensor([1.0], device="gpu:1"),
        lambda: tg.set_default_device("gpu"),
        lambda: tg.device("gpu").__enter__(),
        lambda: tg.random.rand(2, device="gpu"),
    ):
        with pytest.raises(DeviceError, match=r"'gpu' cannot be used: .*(pip install|driver|no GPU).*'cpu'"):
            use()
    assert tg.zeros(2).device == "cpu"


# -- where tensors are made ----------------------------------------------------------------------------


def test_a_context_says_where_new_tensors_go(other):
    with other as entered:
        assert entered == other
        x = tg.zeros(2)
        with tg.device("cpu"):
            assert tg.ones(2).device == "cpu"
        assert tg.tensor([1.0]).device == tg.arange(3).device == tg.random.rand(2).device == other
    assert x.device == other
    assert tg.zeros(2).device == "cpu"
    assert tg.zeros_like(x).device == tg.ones_like(x).device == other
    assert tg.zeros(2, device=other).device == other


def test_an_exception_leaves_the_context():
    with pytest.raises(KeyError), tg.device("strict"):
        raise KeyError
    assert tg.zeros(2).device == "cpu"


def test_contexts_are_per_thread_and_the_default_is_not():
    seen = []
    with tg.device("strict"):
        thread = threading.Thread(target=lambda: seen.append(tg.zeros(1).device))
        thread.start()
        thread.join()
    tg.set_default_device("strict")
    try:
        thread = threading.Thread(target=lambda: seen.append(tg.zeros(1).device))
        thread.start()
        thread.join()
    finally:
        tg.set_default_device("cpu")
    assert seen == ["cpu", "strict"]


# -- moving --------------------------------------------------------------------------------------------


def test_moving_there_and_back(other):
    x = tg.tensor([1.0, 2.0])
    there = x.to(other)
    assert there.device == "strict"
    assert type(there.data) is strict.StrictArray
    assert_close(there.to("cpu"), [1, 2])
    assert x.to("cpu") is x
    assert there.to("strict") is there
    assert tg.tensor(there).device == "strict"  # data keeps its place
    assert tg.tensor(there, device="cpu").device == "cpu"
    assert tg.as_tensor(there, device="cpu").device == "cpu"


def test_gradients_come_back_to_where_the_tensor_is(other):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (x.to(other) ** 3).sum()
    assert y.device == other
    y.backward()
    assert x.grad.device == "cpu"
    assert_close(x.grad, [3, 12])
    tg.gradcheck(lambda x: (x.to(other).sin() * 2).to("cpu") ** 2, np.array([0.5, 1.5]), order=3)


def test_shapes_of_moves_are_known_beforehand():
    x = tg.symbol((2, 3))
    assert x.to("strict").shape == (2, 3)


def test_zeros_of_flat_functions_are_where_the_input_is(other):
    x = tg.tensor([1.5], device=other, requires_grad=True)
    (g,) = tg.grad(x.floor().sum(), x)
    assert g.device == other
    x.floor().sum().backward()
    assert x.grad.device == other


# -- mixing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a @ b,
        lambda a, b: a == b,
        lambda a, b: tg.concat([a, b]),
        lambda a, b: tg.where(a > 0, a, b),
        lambda a, b: tg.maximum(a, b),
        lambda a, b: a + b.sum(keepdims=True),
    ],
)
def test_mixing_is_one_error_that_names_both(mix):
    here, there = tg.tensor([1.0, 2.0], name="here"), tg.tensor([1.0, 2.0], name="there", device="strict")
    for a, b in ((here, there), (there, here)):
        with pytest.raises(DeviceError, match=r"on two devices") as failure:
            mix(a, b)
        assert "is on cpu" in str(failure.value)
        assert "is on strict" in str(failure.value)
        assert ".to('" in str(failure.value)
    with pytest.raises(DeviceError, match=r"'here'.*is on cpu.*'there'.*is on strict"):
        here + there


def test_a_numpy_array_is_on_the_cpu(other):
    with pytest.raises(DeviceError, match="on two devices"):
        tg.ones(2, device=other) + np.ones(2)


def test_numbers_go_with_any_device(other):
    x = tg.ones(2, device=other)
    for y in (
        x * 2,
        2.0 - x,
        x * np.float64(2),
        np.float32(2) * x,
        x + np.array(1.0),
        tg.where(x > 0, x, 0.0),
        x.clip(0, 1),
        True * x,
    ):
        assert y.device == other
        assert y.dtype == tg.float32
    assert tg.where(True, x, 0.0).device == other
    x[0] = 7
    x[1] = np.float32(3)
    assert_close(x, [7, 3])
    assert x.device == other


def test_a_tensor_without_axes_is_a_tensor_and_no_number(other):
    x, scale = tg.ones(2, device=other), tg.tensor(2.0, requires_grad=True)
    for mix in (lambda: x * scale, lambda: scale * x, lambda: x + scale.exp(), lambda: tg.where(x > 0, scale, x)):
        with pytest.raises(DeviceError, match=r"on two devices.*\.to\('"):
            mix()


def test_indices_come_along(other):
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], device=other, requires_grad=True)
    assert_close(x[np.array([1, 0])], [[3, 4], [1, 2]])
    assert_close(x[[0], [1]], [2])
    assert_close(x[np.array([[True, False], [False, True]])], [1, 4])
    assert_close(x[tg.tensor([1], device=other)], [[3, 4]])
    assert_close(tg.take(x, [1, 1], axis=1), [[2, 2], [4, 4]])
    x[tg.tensor([0, 0])].sum().backward()
    assert_close(x.grad, [[2, 2], [0, 0]])
    assert x.grad.device == other


def test_a_gradient_from_another_device_is_refused(other):
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(DeviceError, match="device strict instead of cpu"):
        (x * 2).backward(tg.ones(2, device=other))


def test_assigning_moves_the_numbers(other):
    x, y = tg.zeros(2), tg.zeros(2, device=other)
    y.assign([1.0, 2.0])
    y.assign(np.float32([3, 4]))
    x.data = y.numpy()
    assert_close(x, [3, 4])
    with pytest.raises(DeviceError, match=r"assign.*on two devices"):
        x.assign(y)


# -- switching while things are running ----------------------------------------------------------------


def test_a_graph_is_walked_on_its_own_device_whatever_the_default_is_by_then():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (x.softmax() * x.std() + x[[0, 0]] + tg.tril(x * tg.ones(2, 2)).sum(0)).sum()
    with tg.device("strict"):
        z = tg.tensor([1.0, 2.0], requires_grad=True)
        y.backward()
        w = (z.softmax() * z.std() + z[[0, 0]] + tg.tril(z * tg.ones(2, 2)).sum(0)).sum()
    w.backward()
    assert x.grad.device == "cpu"
    assert z.grad.device == "strict"
    assert_close(z.grad, x.grad.numpy())


def test_functions_that_make_constants_make_them_beside_their_input(other):
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], device=other, requires_grad=True)
    made = [
        *(tg.tril(x), tg.triu(x), tg.one_hot(tg.tensor([0, 1], device=other)), tg.cumulative_sum(x, 0, True)),
        *(
            tg.pad(x, 1, constant_values=2.0),
            tg.pad(x, 1, "reflect"),
            tg.repeat(x, 2),
            tg.diagonal(x),
            x.sort(),
            x.topk(1)[0],
        ),
        *(tg.linalg.cholesky(x @ x.mT), x.norm(), x.std(), x.prod(0), x.logsumexp(0), x.argmax(0), x.max(axis=0)),
        tg.scatter_add(x, [[0, 0]], [[1.0, 2.0]]),
    ]
    assert {str(y.device) for y in made} == {"strict"}
    hessian = tg.hessian(lambda z: (z**3).sum(), x[0].detach())
    y, tangent = tg.jvp(lambda z: z**2, x[0].detach(), tg.ones(2, device=other))
    assert {str(z.device) for z in (hessian, y, tangent)} == {"strict"}


def test_a_training_step_never_looks_at_the_device():
    """Looking means waiting, and a wait in every step costs a GPU its speed."""
    with tg.device("strict"):
        x, labels = tg.random.rand(8, 5), tg.tensor([0, 1, 2, 0, 1, 2, 0, 1])
        weights = [tg.random.randn(5, 6, requires_grad=True), tg.random.randn(6, 3, requires_grad=True)]
        chosen = tg.one_hot(labels, 3)
        before = strict.host_looks
        for _ in range(3):
            logits = (x @ weights[0]).relu() @ weights[1]
            loss = -(logits.log_softmax() * chosen).sum(1).mean() + (weights[0].norm() + weights[1].std()) * 0.01
            loss = loss - logits.log_softmax()[tg.arange(8), labels].mean()
            for weight, g in zip(weights, tg.grad(loss, weights), strict=True):
                weight.assign(weight.detach() - 0.1 * g)
    assert strict.host_looks == before
