"""One seed rules every random number, on every device."""

import numpy as np
import pytest
from checks import assert_close

import tinygrad_ml as tg
from tinygrad_ml.errors import DeviceError, DTypeError, OptionError
from tinygrad_ml.random import streams

R = tg.random


def draw(device=None) -> list[np.ndarray]:
    """Some of everything that can be drawn."""
    drawn = [
        *(R.random((2, 3), device=device), R.uniform(-1, 1, 4, device=device), R.standard_normal(3, device=device)),
        *(R.normal(5, 2, (2,), device=device), R.rand(2, 2, device=device), R.randn(5, device=device)),
        *(R.integers(10, size=6, device=device), R.bernoulli(0.5, (8,), device=device)),
        *(R.permutation(9, device=device), R.choice(9, size=4, device=device)),
    ]
    return [x.numpy() for x in drawn]


def same(first: list, second: list) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("where", ["cpu", "strict"])
def test_the_same_seed_gives_the_same_numbers_on_each_device(where):
    tg.manual_seed(3)
    first = draw(where)
    assert not same(first, draw(where))
    tg.manual_seed(3)
    assert same(first, draw(where))
    tg.manual_seed(4)
    assert not same(first, draw(where))


def test_drawing_on_one_device_does_not_disturb_another():
    tg.manual_seed(3)
    undisturbed = R.random(4, device="cpu").numpy()
    tg.manual_seed(3)
    R.random(100, device="strict")
    assert np.array_equal(R.random(4, device="cpu").numpy(), undisturbed)


def test_permutations_are_the_same_wherever_they_are_used():
    tg.manual_seed(3)
    here = R.permutation(20, device="cpu").numpy()
    tg.manual_seed(3)
    there = R.permutation(20, device="strict").numpy()
    assert np.array_equal(here, there)


def test_numpys_own_stream_is_left_alone():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    tg.manual_seed(5)
    draw()
    assert np.random.rand() == expected


def test_a_state_can_be_kept_and_continued():
    tg.manual_seed(7)
    R.random(5, device="cpu")
    state = R.get_state()
    first = R.random(5, device="cpu").numpy()
    R.set_state(state)
    assert np.array_equal(R.random(5, device="cpu").numpy(), first)


def test_seeds_for_others_come_from_the_seed():
    tg.manual_seed(7)
    first = [streams.draw_seed() for _ in range(3)]
    tg.manual_seed(7)
    assert [streams.draw_seed() for _ in range(3)] == first
    assert len(set(first)) == 3


# -- what is drawn -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_shapes_dtypes_and_devices(dtype, device):
    for x in (
        R.random((2, 3), dtype),
        R.uniform(0, 1, (2, 3), dtype),
        R.normal(0, 1, (2, 3), dtype),
        R.rand(2, 3, dtype=dtype),
        R.randn(2, 3, dtype=dtype),
    ):
        assert (x.shape, x.dtype, x.device) == ((2, 3), dtype, device)
        assert x.is_leaf
    assert R.random().shape == R.random(()).shape == ()
    assert R.random(3).shape == R.random(np.int64(3)).shape == (3,)
    assert R.random((0, 2)).shape == (0, 2)
    assert R.randn(2, requires_grad=True).requires_grad
    assert R.integers(5).dtype == R.permutation(3).dtype == tg.int64


def test_distributions():
    many = 20_000
    x = R.uniform(2, 4, many).numpy()
    assert 2 <= x.min() < 2.01 < 3.99 < x.max() < 4
    x = R.normal(3, 2, many).numpy()
    assert x.mean() == pytest.approx(3, abs=0.1)
    assert x.std() == pytest.approx(2, abs=0.1)
    x = R.integers(2, 5, many).numpy()
    assert set(x.tolist()) == {2, 3, 4}
    x = R.bernoulli(0.3, many)
    assert set(x.tolist()) == {0.0, 1.0}
    assert x.mean().item() == pytest.approx(0.3, abs=0.02)
    assert R.bernoulli(0.0, 5).sum().item() == 0
    assert R.bernoulli(1.0, 5).sum().item() == 5


def test_permutations_and_choices():
    assert sorted(R.permutation(7).tolist()) == list(range(7))
    rows = R.permutation(tg.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    assert sorted(rows.tolist()) == [[1, 1], [2, 2], [3, 3]]
    assert sorted(R.choice(5, 5, replace=False).tolist()) == list(range(5))
    picked = R.choice(tg.tensor([10.0, 20.0]), size=(2, 3))
    assert picked.shape == (2, 3)
    assert set(picked.reshape(-1).tolist()) <= {10.0, 20.0}


def test_rows_keep_their_gradient_when_shuffled():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (R.permutation(x) * 2).sum().backward()
    assert_close(x.grad, [2, 2, 2])


def test_impossible_options():
    with pytest.raises(OptionError, match="between 0 and 1, not at 1.5"):
        R.bernoulli(1.5)
    with pytest.raises(OptionError, match="low < high, not 3 and 3"):
        R.integers(3, 3)
    with pytest.raises(OptionError, match="floating dtype, not int64"):
        R.random(3, dtype="int64")
    with pytest.raises(DTypeError, match="is not one of"):
        R.random(3, dtype="float99")
    with pytest.raises(DeviceError, match="is not a device"):
        R.random(3, device="tpu")


def test_uniform_numbers_of_float16_stay_below_1():
    drawn = tg.random.random(20_000, dtype="float16").numpy()
    assert drawn.dtype == np.float16
    assert drawn.max() == 1 - 2**-11
    assert drawn.min() < 2**-10
    assert abs(drawn.mean(dtype=np.float64) - 0.5) < 0.01
