"""Numbers that a gradient needs cannot be overwritten unnoticed, whoever writes, and through whichever name."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import GradientError

pytestmark = pytest.mark.host_only  # on a GPU only announced writes are noticed


def leaf():
    return tg.tensor([1.0, 2.0], requires_grad=True, name="weights")


def test_a_write_through_data_that_was_asked_for_after_the_operation_is_an_error_that_names_the_tensor():
    x = leaf()
    y = (x * x).sum()
    x.data[0] = 5
    with pytest.raises(GradientError, match="'weights' .* changed in place after 'mul'"):
        y.backward()


def test_asking_for_data_again_does_not_hide_the_write():
    x = leaf()
    y = (x * x).sum()
    x.data[0] = 5
    _ = x.data
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_a_write_through_data_that_was_asked_for_before_the_operation():
    x = leaf()
    memory = x.data
    y = (x * x).sum()
    memory[0] = 5
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_a_write_before_the_operation_is_no_fault():
    x = leaf()
    x.data[0] = 5
    y = (x * x).sum()
    y.backward()
    assert x.grad.tolist() == [10, 4]


def test_a_write_to_the_memory_behind_a_view():
    x = leaf()
    view = x[:1]
    y = (view * view).sum()
    x.data[0] = 7
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_a_write_that_no_gradient_minds():
    x = leaf()
    y = x.exp().sum()  # whose gradient needs the result, not x
    x.data[0] = 9
    y.backward()
    assert np.allclose(x.grad.numpy(), np.exp([1, 2]))


def test_a_users_own_array_may_be_reused_between_forward_and_backward():
    buffer = np.array([1, 2], np.float32)
    x = leaf()
    y = (x * buffer).sum()
    buffer[:] = 0
    y.backward()
    assert x.grad.tolist() == [1, 2]


def test_assign_is_noticed_and_training_by_data_is_not_an_error():
    x = leaf()
    y = (x * x).sum()
    x.assign([3.0, 4.0])
    with pytest.raises(GradientError, match="'weights'"):
        y.backward()
    for _ in range(3):
        loss = (x * x).sum()
        loss.backward()
        x.data -= 0.25 * x.grad.data
        x.grad = None
    assert np.allclose(x.numpy(), np.array([3, 4]) / 8)
