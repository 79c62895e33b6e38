"""Wrong use of the engine gives one error: what was given, what was expected, what to do; and never a bare traceback.

Other files test the errors of their own subject; here is what all operations share.
"""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import errors, nn, optim
from tinygrad_ml.errors import (
    AnomalyError,
    AxisError,
    DeviceError,
    DTypeError,
    GradientError,
    OptionError,
    RangeError,
    ShapeError,
    TinygradError,
)
from tinygrad_ml.modes import scope


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ShapeError, ValueError),
        (DTypeError, TypeError),
        (DeviceError, RuntimeError),
        (GradientError, RuntimeError),
        (AnomalyError, FloatingPointError),
        (RangeError, IndexError),
        (OptionError, ValueError),
    ],
)
def test_an_error_is_the_builtin_that_one_would_catch(kind, builtin):
    assert issubclass(kind, builtin)
    assert issubclass(kind, TinygradError)


def test_errors_survive_a_process_boundary():
    with pytest.raises(ShapeError) as failure:
        tg.ones(2) + tg.ones(3)
    assert str(pickle.loads(pickle.dumps(failure.value))) == str(failure.value)


def test_every_error_is_documented():
    for name, kind in vars(errors).items():
        if isinstance(kind, type):
            assert kind.__doc__, name


# -- shapes --------------------------------------------------------------------------------------------


def test_operands_that_do_not_broadcast_are_named_with_the_axis():
    weight, x = tg.tensor(np.ones((3, 4), np.float32), name="weight"), tg.ones(3, 5)
    with pytest.raises(ShapeError) as failure:
        weight * x
    said = str(failure.value)
    for words in ("mul", "'weight'", "(3, 4)", "(3, 5)", "axis -1", "sizes 4 and 5", "equal, or 1", "float32"):
        assert words in said


def test_the_module_in_which_it_happened_is_named():
    with scope("", "Network"), scope("encoder", "Encoder"), pytest.raises(ShapeError, match=r"add in module encoder: "):
        tg.ones(2) + tg.ones(3)
    with scope("", "Network"), pytest.raises(ShapeError, match=r"add in module Network: "):
        tg.ones(2) + tg.ones(3)


def test_an_axis_that_is_not_there_is_an_index_error_and_a_value_error_as_numpys():
    for call in (lambda x: x.expand_dims(3), lambda x: x.sum(2), lambda x: x.flip(-3), lambda x: tg.stack([x], 3)):
        for kind in (AxisError, ShapeError, IndexError, ValueError):
            with pytest.raises(kind, match="is out of range for a tensor of [23] axes"):
                call(tg.ones(2, 3))


def test_the_error_carries_the_operation_and_its_inputs():
    a, b = tg.ones(2), tg.ones(3)
    with pytest.raises(ShapeError) as failure:
        a - b
    assert failure.value.operation.name == "sub"
    assert failure.value.inputs == (a, b)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x.sum(axis=2), "axis 2 is out of range for a tensor of 2 axes"),
        (lambda x: x.sum(axis=-3), "axis -3 is out of range"),
        (lambda x: x.sum(axis=(0, 0)), r"axis \(0, 0\) names an axis twice"),
        (lambda x: x.max(axis="rows"), "an axis is an integer, not 'rows'"),
        (lambda x: x.softmax(axis=5), "axis 5"),
        (lambda x: x.reshape(5), r"cannot reshape \(2, 3\) \(6 elements\) to \(5,\) \(5 elements\)"),
        (lambda x: x.reshape(-1, -1), "size of -1 cannot be found out"),
        (lambda x: x.reshape(-1, 4), "size of -1 cannot be found out"),
        (lambda x: x.reshape(-2, 3), r"shape \(-2, 3\) has a negative size"),
        (lambda x: x.permute_dims((0,)), r"axes \(0,\) is not an order of the 2 axes"),
        (lambda x: x.permute_dims((0, 0)), "not an order"),
        (lambda x: x.permute_dims(1), r"axes \(1,\) is not an order of the 2 axes"),
        (lambda x: tg.permute_dims(x, 5), "axis 5 is out of range for a tensor of 2 axes"),
        (lambda x: x.permute_dims(None), "an axis is an integer, not None"),
        (lambda x: x.transpose(1), "not an order of the 2 axes"),
        (lambda x: x.swapaxes(0, 2), "axis 2"),
        (lambda x: x.moveaxis((0, 1), 0), "as many destinations as sources"),
        (lambda x: x.squeeze(0), "cannot squeeze axis 0 .* its size is 2, not 1"),
        (lambda x: x.broadcast_to((3, 3)), r"broadcast.*\(2, 3\).*\(3, 3\)"),
        (lambda x: x.broadcast_to((3,)), r"cannot broadcast \(2, 3\) to \(3,\)"),
        (lambda x: tg.concat([x, tg.ones(2, 4)]), "concatenate.*all other axes must have equal sizes"),
        (lambda x: tg.concat([x, tg.ones(3)]), "concatenate"),
        (lambda x: tg.concat([x, tg.ones(2)], axis=1), "concatenate"),
        (lambda x: tg.concat([]), "at least one"),
        (lambda x: tg.concat([tg.tensor(1.0)]), "0-d.*stack"),
        (lambda x: tg.stack([x, tg.ones(3, 2)]), r"stack.*\(2, 3\).*\(3, 2\)"),
        (lambda x: tg.stack([]), "at least one"),
        (
            lambda x: x.split([1, 2]),
            r"means sizes here, as in PyTorch.*as positions, which NumPy.* the sizes \[1, 1, 0\]",
        ),
        (lambda x: x.pad(-1), "widths of 0 or more, not -1"),
        (lambda x: x.pad(((1, 1),) * 3), "pad.*2 axes"),
        (lambda x: x.cumulative_sum(), "pass axis="),
        (lambda x: x.tril().reshape(-1).tril(), "at least 2 axes"),
        (lambda x: x.roll(1, 2), "axis 2"),
        (lambda x: x.roll((1, 2), (0,)), r"a shift for each axis, as in .*not \(1, 2\) for \(0,\)"),
        (lambda x: x.roll((1, 2)), "a shift for each axis"),
        (lambda x: x.roll(1.5, 0), "a shift for each axis, .* not 1.5 for 0"),
        (lambda x: tg.tensordot(x, x, 5), r"over 5 axes of .*\(2, 3\).*: there are 0 to 2"),
        (lambda x: tg.tensordot(x, x, -1), "over -1 axes"),
        (lambda x: tg.tensordot(x, x, (1, 2, 3)), r"a pair \(axes of a, axes of b\), and not \(1, 2, 3\)"),
        (lambda x: tg.tensordot(x, x, "ab"), "tensordot's axes are a number, or a pair"),
        (lambda x: nn.functional.linear(x, x[0]), r"linear needs a weight of 2 axes, .*shape \(3,\)"),
        (lambda x: nn.functional.linear(x, tg.tensor(1.0)), r"linear needs a weight of 2 axes, .*shape \(\)"),
        (lambda x: nn.functional.embedding(tg.tensor([0]), x[0]), r"embedding needs a weight of 2 axes.*\(3,\)"),
        (lambda x: x.repeat([1, 2, 3], axis=0), r"repeat needs.*each of the 2 elements along axis 0"),
        (lambda x: x.tile((-1,)), "negative size"),
        (lambda x: x.diagonal(0, 1, 1), "diagonal|twice"),
        (lambda x: tg.zeros(-1), "negative|-1"),
        (lambda x: tg.full((2, -3), 1.0), "negative|-3"),
        (lambda x: tg.full((2,), np.ones(3)), r"full: a value of shape \(3,\) does not fit the shape \(2,\): give"),
        (lambda x: tg.full((3,), [[1, 2, 3]] * 2, dtype="int64"), r"\(2, 3\) does not fit the shape \(3,\)"),
        (lambda x: tg.broadcast_arrays(x, tg.ones(2)), "do not broadcast"),
        (lambda x: x.flatten(1, 0), "flatten"),
        (lambda x: x.expand_dims((0, 0)), "twice"),
        (lambda x: x.argmax(axis=(0, 1)), "argmax looks along one axis"),
    ],
)
def test_shapes_and_axes(call, words):
    for x in (tg.ones(2, 3), tg.symbol((2, 3))):
        with pytest.raises(ShapeError, match=words):
            call(x)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda x: x.pad(1, mode="mirror"), OptionError, "'mirror' is not one of 'constant', .*'reflect'"),
        (lambda x: tg.arange(0, 5, 0), OptionError, "step other than 0"),
        (lambda x: tg.linspace(0, 1, -1), OptionError, "num"),
        (lambda x: tg.zeros(2.5), ShapeError, "2.5"),
        (lambda x: tg.zeros("ab"), ShapeError, "ab"),
        (lambda x: x.reshape("ab"), ShapeError, "ab"),
        (lambda x: x.astype("float8"), DTypeError, "'float8' is not one of bool, float16"),
        (lambda x: x.sum(dtype="complex64"), DTypeError, "complex numbers are out of scope"),
        (lambda x: ~x, DTypeError, "compare first"),
        (lambda x: x & x, DTypeError, "compare first"),
        (lambda x: x.norm("nuc"), OptionError, "nuc"),
        (lambda x: -tg.ones(2, dtype="bool"), DTypeError, "neg"),
    ],
)
def test_options_and_dtypes(call, kind, words):
    with pytest.raises(kind, match=words):
        call(tg.ones(2, 3))


def test_what_looks_like_them_is_none():
    x = tg.tensor(np.arange(6.0).reshape(1, 2, 3))
    assert x.permute_dims(2, 0, 1).shape == tg.permute_dims(x, np.array([2, 0, 1])).shape == (3, 1, 2)
    assert tg.ones(3).permute_dims(0).shape == (3,) and tg.tensor(1.0).permute_dims(()).shape == ()
    assert x.roll((1, 2), (1, 2)).tolist() == np.roll(x.numpy(), (1, 2), (1, 2)).tolist()
    assert x.roll(np.int64(1)).tolist() == np.roll(x.numpy(), 1).tolist()
    for value in (np.arange(3), [[1], [2]], [[5]], tg.tensor([1, 2, 3]), np.float32(2)):
        filled = np.empty((2, 3))
        filled[...] = value.numpy() if isinstance(value, tg.Tensor) else value
        assert tg.full((2, 3), value).tolist() == filled.tolist()
    assert tg.tensordot(x, x, np.int64(3)).item() == 55 and tg.tensordot(x, x, 0).ndim == 6
    assert nn.Dropout(np.float32(0.5)).p == 0.5 and nn.Dropout(0).p == 0


@pytest.mark.parametrize("p", ["a", None, 2, -0.5, float("nan"), np.ones(2), tg.ones(2)])
@pytest.mark.parametrize(
    "call",
    [
        nn.Dropout,
        nn.AlphaDropout,
        lambda p: nn.functional.dropout(tg.ones(2), p),
        lambda p: nn.functional.dropout2d(tg.ones(1, 2, 3, 3), p, training=False),
        lambda p: nn.MultiheadAttention(4, 2, dropout=p),
        lambda p: nn.LSTM(4, 2, dropout=p),
    ],
)
def test_a_probability_of_dropout_is_a_number_between_0_and_1(call, p):
    with pytest.raises(OptionError, match="dropout: the probability p is a number between 0 and 1, and not"):
        call(p)


# -- gradients -----------------------------------------------------------------------------------------


def test_gradients_of_integers():
    with pytest.raises(
        GradientError, match=r"int64.* cannot require a gradient: only floating dtypes.*astype\('float32'\)"
    ):
        tg.tensor([1, 2], requires_grad=True)


def test_backward_twice_after_freeing():
    x = tg.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match=r"freed: backward\(\) has been called.*'mul'.*retain_graph=True"):
        y.backward()


def test_a_changed_array_is_named():
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="w")
    y = (w * w).sum()
    w.assign([0.0, 0.0])
    with pytest.raises(GradientError, match=r"'mul', tensor 'w' of shape \(2,\).*Change it after backward\(\)"):
        y.backward()


def test_the_type_of_what_is_differentiated():
    with pytest.raises(GradientError, match="3.0"):
        tg.grad(3.0, tg.tensor(1.0, requires_grad=True))
    with pytest.raises(GradientError, match="3.0"):
        tg.grad(tg.tensor(1.0, requires_grad=True) * 2, 3.0)


# -- nan -----------------------------------------------------------------------------------------------


def test_nan_in_the_forward_pass_is_stopped_where_it_arises():
    x = tg.tensor([-1.0, 1.0], name="x")
    with np.errstate(all="ignore"), tg.detect_anomaly(), scope("", "Net"), scope("head", "Head"):
        y = x * 2
        with pytest.raises(AnomalyError) as failure:
            tg.log(y)
    said = str(failure.value)
    for words in ("'log'", "in module head", "(2,)", "test_errors.py:"):
        assert words in said


def test_nan_in_the_backward_pass_names_the_operation_whose_gradient_it_was():
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    with tg.detect_anomaly(), scope("", "Net"), scope("root", "Root"):
        y = (tg.sqrt(x) * 0).sum()
    with tg.detect_anomaly(), pytest.raises(AnomalyError, match=r"'sqrt'.*in module root.*test_errors\.py:"):
        y.backward()


def test_nan_that_was_handed_in_is_no_anomaly():
    with tg.detect_anomaly():
        y = tg.tensor([float("nan")]) * 2
    assert np.isnan(y.item())


def test_outside_of_the_block_nothing_is_looked_at():
    with np.errstate(all="ignore"):
        assert np.isnan(tg.log(tg.tensor(-1.0)).item())


PARAMETER = tg.tensor([1.0], requires_grad=True)
NEWCOMERS = {
    "channels last": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3))(tg.ones(1, 9, 9, 3)),
        ShapeError,
        r"in module 0 of 9 channels.*permute_dims\(\(0, 3, 1, 2\)\)",
    ),
    "channels": (
        lambda: nn.Conv1d(3, 8, 3)(tg.ones(1, 4, 9)),
        ShapeError,
        r"second axis must be 4 / 1.*divisible by 1$",
    ),
    "a kernel": (lambda: nn.MaxPool2d(5)(tg.ones(1, 1, 3, 3)), ShapeError, "use a smaller one, or more padding"),
    "a row": (
        lambda: nn.Embedding(10, 2)(tg.tensor([11])),
        RangeError,
        "index 11 is out of (range: 10 rows|bounds .* size 10)",
    ),
    "places": (lambda: tg.ones(3).index_add(0, tg.tensor([3]), tg.ones(1)), RangeError, "index 3.*(3 rows|size 3)"),
    "a rate": (lambda: optim.SGD([PARAMETER], lr="0.1"), OptionError, "lr='0.1' is of type str, and must be a number"),
    "no parameters": (lambda: optim.SGD([], lr=0.1), OptionError, "nn.ModuleList"),
    "a negative size": (lambda: tg.random.rand(2, -1), ShapeError, r"shape \(2, -1\) has a negative size"),
    "a negative matrix": (lambda: tg.eye(-1), ShapeError, r"shape \(-1, -1\) has a negative size"),
    "too many": (lambda: tg.random.choice(3, 5, replace=False), RangeError, "choice of 5 from 3: with replace=True"),
    "too many rows": (lambda: tg.random.choice(tg.ones(2, 2), (3, 1), replace=False), RangeError, "choice of 3 from 2"),
    "of nothing": (lambda: tg.random.choice(0, 1), RangeError, "choice of 1 from 0$"),
    "letters behind": (
        lambda: tg.einsum(tg.ones(2, 2), tg.ones(2, 2), "ij,jk->ik"),
        OptionError,
        r"as in tg\.einsum\('ij,jk->ik', a, b\), and not with a Tensor",
    ),
    "no return": (lambda: nn.functional.mse_loss(tg.ones(3), None), DTypeError, "a return missing"),
    "rows": (lambda: tg.tensor([[1, 2], [3]]), DTypeError, "rows of one length"),
    **{
        f"seed {seed!r}": (
            lambda seed=seed: tg.manual_seed(seed),
            OptionError,
            "a seed is a non-negative integer, and not",
        )
        for seed in ("a", -1, 2.5, None, [1])
    },
}


@pytest.mark.parametrize("name", NEWCOMERS)
def test_what_newcomers_do_wrong_says_what_to_do(name):
    call, kind, words = NEWCOMERS[name]
    with pytest.raises(kind, match=words):
        call()


def test_a_name_that_is_mistyped_is_found_by_python():
    with pytest.raises(AttributeError) as caught:
        nn.Conv2D
    assert (caught.value.name, caught.value.obj) == ("Conv2D", nn)
