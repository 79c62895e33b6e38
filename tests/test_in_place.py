"""Writing in place: no gradient is ever computed from numbers that changed, and no tensor changes another."""

import numpy as np
import pytest
from checks import assert_close, leaf
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import GradientError, ShapeError

# -- an array that changes between forward and backward ------------------------------------------------


def test_assign_after_use_is_an_error_that_names_tensor_and_operation():
    weight, x = leaf([1.0, 2.0], name="weight"), leaf([3.0, 4.0])
    y = (weight * x).sum()
    weight.assign([9.0, 9.0])
    with pytest.raises(GradientError, match=r"(?s)'mul'.*'weight'.*changed in place"):
        y.backward()


def test_grad_and_higher_derivatives_notice_too():
    x = leaf([1.0, 2.0])
    y = (x**3).sum()
    (first,) = tg.grad(y, x, create_graph=True)
    x.assign([5.0, 5.0])
    with pytest.raises(GradientError, match="changed in place"):
        tg.grad(y, x)
    with pytest.raises(GradientError, match="changed in place"):
        tg.grad(first.sum(), x)


def test_an_output_that_the_rule_needs_is_watched_as_well():
    x = leaf([1.0, 2.0])
    e = x.exp()
    y = e.sum()
    e.detach().assign([0.0, 0.0])
    with pytest.raises(GradientError, match="the output of 'exp'"):
        y.backward()


def test_an_array_that_no_gradient_needs_may_change():
    weight, x = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = (weight + x).sum()
    weight.assign([9.0, 9.0])
    y.backward()
    assert_close(x.grad, [1, 1])


def test_a_graph_made_after_the_change_is_sound():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    x.assign([3.0, 4.0])
    x.grad = None
    (x * x).sum().backward()
    assert_close(x.grad, [6, 8])


@pytest.mark.host_only
@pytest.mark.parametrize(
    "write", [lambda x: x.data.__setitem__(0, 9.0), lambda x: x.data.fill(9.0), lambda x: x.data.sort()]
)
def test_a_write_through_data_is_noticed(write):
    x = leaf([3.0, 2.0])
    y = (x * x).sum()
    write(x)
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_a_new_array_given_as_data_is_noticed():
    x = leaf([3.0, 2.0])
    y = (x * x).sum()
    x.data = np.float32([1.0, 1.0])
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


@pytest.mark.host_only
def test_a_write_before_the_use_is_no_fault():
    x = leaf([1.0, 2.0])
    memory = x.data
    memory[:] = [3.0, 4.0]
    (x * x).sum().backward()
    assert_close(x.grad, [6, 8])


@pytest.mark.host_only
def test_writing_in_every_step_through_an_array_taken_once():
    x = leaf([1.0, 2.0])
    memory = x.data
    for _ in range(3):
        x.grad = None
        (x * x).sum().backward()
        memory -= 0.25 * x.grad.numpy()
    assert_close(x, [0.125, 0.25])


@pytest.mark.host_only
def test_a_view_taken_as_data_is_covered():
    x = leaf([1.0, 2.0, 3.0])
    y = (x[1:] ** 2 + x[:2] ** 2).sum()
    x.detach()[1:].data[0] = 9.0
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_assigning_to_a_view_of_what_was_saved_is_noticed():
    x = leaf([1.0, 2.0, 3.0])
    y = (x * x).sum()
    x.detach()[1:].assign([9.0, 9.0])
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


@pytest.mark.host_only
@pytest.mark.parametrize(
    "combine",
    [lambda x, a: x * a, lambda x, a: a * x, lambda x, a: tg.as_tensor(a) * x, lambda x, a: tg.multiply(a, x)],
)
def test_a_users_own_array_may_change_after_it_was_used(combine):
    x, array = leaf([1.0, 2.0]), np.float32([3, 4])
    y = combine(x, array).sum()
    array[:] = 0
    y.backward()
    assert_close(x.grad, [3, 4])


@pytest.mark.host_only
def test_an_index_array_may_change_after_it_was_used():
    x, places = leaf([1.0, 2.0, 3.0]), np.array([0, 0, 2])
    y = x[places].sum()
    places[:] = 1
    y.backward()
    assert_close(x.grad, [2, 0, 1])


def test_an_update_outside_of_the_graph_trains():
    x = leaf([4.0])
    for _ in range(3):
        (x * x).sum().backward()
        with tg.no_grad():
            x -= 0.25 * x.grad
        x.grad = None
    assert_close(x, [0.5])
    assert x.is_leaf and x.requires_grad


# -- gradients do not share memory ---------------------------------------------------------------------


def test_the_same_gradient_for_two_inputs_is_two_arrays():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).sum().backward()
    a.grad.assign([7.0, 7.0])
    assert_close(b.grad, [1, 1])


def test_accumulation_into_one_does_not_change_the_other():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = a + b
    y.backward(tg.tensor([1.0, 1.0]))
    (a * 5).sum().backward()
    assert_close(a.grad, [6, 6])
    assert_close(b.grad, [1, 1])


def test_the_gradient_given_by_the_user_is_not_the_one_stored():
    a = leaf([1.0, 2.0])
    seed = tg.tensor([1.0, 1.0])
    (a + 0).backward(seed)
    a.grad.assign([7.0, 7.0])
    assert_close(seed, [1, 1])


def test_a_broadcast_gradient_can_be_written_to():
    a = tg.ones(3, 4, requires_grad=True)
    a.sum().backward()
    a.grad.assign(np.arange(12).reshape(3, 4))
    assert_close(a.grad, np.arange(12).reshape(3, 4))


def test_a_gradient_that_was_read_earlier_is_not_changed_by_accumulation():
    a = leaf([1.0, 2.0])
    (a * 2).sum().backward()
    earlier = a.grad
    (a * 3).sum().backward()
    assert_close(earlier, [2, 2])
    assert_close(a.grad, [5, 5])


def test_tensor_copies_and_detach_shares():
    array = np.float32([1, 2])
    x = tg.tensor(array)
    array[0] = 9
    assert_close(x, [1, 2])
    shared = x.detach()
    shared.assign([5.0, 6.0])
    assert_close(x, [5, 6])


# -- +=, -=, *=, /=, **= and x[i] = v inside of a graph ------------------------------------------------


@given(st.sampled_from(["+=", "-=", "*=", "/=", "**="]))
def test_operators_that_assign_have_the_gradient_of_the_plain_operator(symbol):
    def assigned(x, y):
        names = {"x": x * 1, "y": y}
        exec(f"x {symbol} y", names)
        return names["x"] ** 2

    tg.gradcheck(assigned, [np.array([1.5, 2.0]), np.array([0.7, 3.0])])


def test_operators_that_assign_leave_other_tensors_alone():
    x = tg.tensor([1.0, 2.0, 3.0])
    same, view = x.detach(), x[1:]
    x += 10
    x[0] = 0
    assert_close(x, [0, 12, 13])
    assert_close(same, [1, 2, 3])
    assert_close(view, [2, 3])


def test_they_do_not_change_what_earlier_operations_used():
    x = leaf([2.0, 3.0])
    y = x * 1
    z = y * y
    y *= 100
    z.sum().backward()
    assert_close(x.grad, [4, 6])


def test_a_retained_gradient_is_that_of_what_the_tensor_is_now():
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    h *= 3
    (h * h).sum().backward()
    assert_close(h.grad, [12, 24])
    assert_close(x.grad, [72, 144])


def test_writing_into_places_takes_their_gradient_from_the_old_and_gives_it_to_the_new():
    x, v = leaf([1.0, 2.0, 3.0]), leaf([10.0])
    y = x * 1
    y[1:] = v  # broadcast
    (y * tg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert_close(x.grad, [1, 0, 0])
    assert_close(v.grad, [5])


def test_where_an_index_names_a_place_twice_the_last_value_wins_and_gets_the_gradient():
    v = leaf([1.0, 2.0, 3.0])
    y = tg.zeros(2)
    y[[0, 0, 1]] = v
    assert_close(y, [2, 3])
    y.sum().backward()
    assert_close(v.grad, [0, 1, 1])


def test_writing_into_a_graph_with_a_mask_and_with_numbers():
    x = leaf([-1.0, 2.0, -3.0])
    y = x * 2
    y[y < 0] = 0
    assert_close(y, [0, 4, 0])
    y.sum().backward()
    assert_close(x.grad, [0, 2, 0])


def test_writing_keeps_shape_and_dtype():
    x = tg.zeros(2, 3)
    x[0] = np.float64([1, 2, 3])
    x += np.float64([1, 2, 3])
    assert x.dtype == tg.float32
    with pytest.raises(ShapeError, match="cannot write"):
        x[0] = tg.ones(2)
    with pytest.raises(ShapeError, match="would change"):
        x += tg.ones(4, 2, 3)


def test_a_leaf_that_requires_a_gradient_is_not_written_to_by_accident():
    x = leaf([1.0, 2.0])
    for write in (lambda: x.__iadd__(1), lambda: x.__setitem__(0, 1.0)):
        with pytest.raises(GradientError, match="no_grad"):
            write()
    with tg.no_grad():
        x += 1
        x[0] = 7
    assert_close(x, [7, 3])
    assert x.is_leaf and x.requires_grad


def test_assign_broadcasts_casts_and_refuses_what_does_not_fit():
    x = tg.zeros(2, 3)
    x.assign(np.float64([1, 2, 3]))
    assert_close(x, [[1, 2, 3], [1, 2, 3]])
    assert x.dtype == tg.float32
    with pytest.raises(ShapeError, match="cannot assign"):
        x.assign([1.0, 2.0])
    with pytest.raises(GradientError, match="part of one"):
        (leaf([1.0]) * 2).assign([1.0])


def test_assign_to_one_number_shown_many_times():
    x = tg.broadcast_to(tg.tensor([1.0]), (3,))
    x.assign([1.0, 2.0, 3.0])
    assert_close(x, [1, 2, 3])


def test_two_gradients_with_a_graph_are_two_tensors():
    a, b, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), tg.tensor([1.0, 1.0])
    (a + b).backward(seed, create_graph=True)
    a.grad += 5
    assert_close(b.grad, [1, 1])
    assert_close(seed, [1, 1])
    first, second = tg.grad(a * b + a, [a, b], seed)
    first += 5
    assert_close(second, [1, 2])


def test_the_results_of_grad_do_not_share_memory():
    a, b, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), tg.tensor([1.0, 1.0])
    for_a, for_b = tg.grad(a + b, [a, b], seed)
    for_a.assign([7.0, 7.0])
    assert_close(for_b, [1, 1])
    assert_close(seed, [1, 1])
