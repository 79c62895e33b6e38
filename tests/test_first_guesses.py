"""What somebody types first, coming from NumPy or PyTorch: it works, or the error says what to type."""

import os

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.errors import (
    CheckpointError,
    DeviceError,
    DTypeError,
    GradientError,
    OptionError,
    RangeError,
    ShapeError,
    TinygradError,
)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("view", "reshape"),
        ("unsqueeze", "expand_dims"),
        ("cpu", "to\\('cpu'\\)"),
        ("requires_grad_", "requires_grad = True"),
    ],
)
def test_names_of_other_libraries_are_translated(typed, said):
    with pytest.raises(AttributeError, match=f"no attribute '{typed}'; here it is .*{said}"):
        getattr(tg.ones(2), typed)
    assert not hasattr(tg.ones(2), "no_such_thing")


def test_a_shape_may_be_given_as_a_tuple():
    assert tg.random.randn((2, 3)).shape == tg.random.rand(2, 3).shape == (2, 3)


def test_a_list_of_tensors_with_gradients_is_not_cut_from_its_graph_unnoticed():
    x = tg.tensor(1.0, requires_grad=True)
    with pytest.raises(GradientError, match="tg.stack"):
        tg.tensor([x, x * 2])
    assert tg.tensor([x.detach(), 2.0]).tolist() == [1, 2]


def test_a_gradient_is_a_tensor_of_the_right_shape_or_none():
    x = tg.ones(3, requires_grad=True)
    with pytest.raises(ShapeError, match=r"shape \(1,\) was given to a tensor of shape \(3,\)"):
        x.grad = tg.ones(1)
    with pytest.raises(DTypeError, match="a tensor or None, not 0"):
        x.grad = 0
    x.grad = None


def test_a_parameter_does_not_get_lost():
    layer = nn.Linear(2, 2)
    with pytest.raises(DTypeError, match="'weight' of Linear is a parameter and cannot become a ndarray"):
        layer.weight = np.ones((2, 2))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_model_is_no_list_of_parameters():
    with pytest.raises(OptionError, match=r"pass model.parameters\(\), not the Linear"):
        optim.SGD(nn.Linear(2, 2), lr=0.1)


def test_a_dtype_is_no_device():
    with pytest.raises(DeviceError, match="for a dtype there is astype"):
        tg.ones(2).to(tg.float64)


def test_a_hessian_is_of_one_number():
    with pytest.raises(GradientError, match="a Hessian is of a function to one number, but f returned .*reduce it"):
        tg.hessian(lambda x: x * x, tg.ones(2))


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    x = tg.tensor(np.diag([1.0, 2.0, 0.0]), requires_grad=True)
    tg.linalg.det(x).backward()
    assert np.allclose(x.grad.numpy(), np.diag([0.0, 0.0, 2.0]))


def test_the_angle_of_the_origin_has_gradient_0():
    a, b = tg.tensor(0.0, requires_grad=True), tg.tensor(0.0, requires_grad=True)
    assert [g.item() for g in tg.grad(tg.atan2(a, b), (a, b))] == [0, 0]


def test_cross_entropy_of_what_is_surely_wrong_still_learns():
    p = tg.tensor([0.0, 1.0], requires_grad=True)
    loss = nn.functional.binary_cross_entropy(p, tg.tensor([1.0, 0.0]))
    assert loss.item() == 100
    loss.backward()
    assert p.grad[0].item() < -1e5 and p.grad[1].item() > 1e5


@pytest.mark.host_only
def test_a_probability_lies_between_0_and_1():
    with pytest.raises(RangeError, match="from 0.5 to 1.5; for logits there is binary_cross_entropy_with_logits"):
        nn.functional.binary_cross_entropy(tg.tensor([0.5, 1.5]), tg.ones(2))


@pytest.mark.host_only
def test_saving_writes_through_a_link_and_over_files_only(tmp_path):
    (tmp_path / "target").write_text("old")
    os.symlink(tmp_path / "target", tmp_path / "link")
    tg.save(tmp_path / "link", {"epoch": 1})
    assert (tmp_path / "link").is_symlink() and tg.load(tmp_path / "target") == {"epoch": 1}
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not a file, and is left as it is"):
        tg.save(tmp_path / "pipe", {})


@pytest.mark.host_only
def test_integers_are_not_divided_by_0():
    with pytest.raises(TinygradError, match="integers cannot be divided by 0; floats can"):
        tg.tensor([1, 2]) // tg.tensor([1, 0])
    with pytest.raises(TinygradError, match="integers cannot be divided by 0"):
        tg.tensor(1) % 0
    assert (tg.tensor([1.0]) // 0).tolist() == [float("inf")]
