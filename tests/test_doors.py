"""Every door by which numbers come in from outside keeps the digits of the dtype that was asked for."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader, transforms
from tinygrad_ml.errors import DTypeError, ShapeError

TENTH = 0.1  # which float64, float32 and float16 round differently
DTYPES = ("float64", "float32", "float16")


def _written(x, key, value):
    x = x * 1
    x[key] = value
    return x


def _trained(x, make, steps=1):
    """-θ after steps of an optimiser from 0, where the gradient is 1."""
    parameter = nn.Parameter(x * 0)
    optimizer = make([parameter])
    for _ in range(steps):
        parameter.grad = tg.ones_like(parameter)
        optimizer.step()
    return -parameter.detach()


# Functions of x, zeros of shape (2,) and of the dtype, whose every element shall be a tenth.
BESIDE = {
    "x + number": lambda x: x + TENTH,
    "number + x": lambda x: TENTH + x,
    "x + NumPy's scalar": lambda x: x + np.float64(TENTH),
    "x - list": lambda x: x - [-TENTH, -TENTH],
    "tuple * x": lambda x: (TENTH, TENTH) * (x + 1),
    "x ** number": lambda x: (x + 10) ** -1.0,
    "add": lambda x: tg.add(TENTH, x),
    "matmul": lambda x: (x + 1).reshape(2, 1) @ [TENTH],
    "maximum": lambda x: tg.maximum(x, TENTH),
    "where": lambda x: tg.where(x == 0, TENTH, x),
    "where of a list": lambda x: tg.where(x == 0, [TENTH, TENTH], x),
    "clip from below": lambda x: tg.clip(x, TENTH, None),
    "clip from above": lambda x: tg.clip(x + 1, -math.inf, TENTH),
    "hardtanh": lambda x: F.hardtanh(x + 1, -TENTH, TENTH),
    "leaky_relu": lambda x: -F.leaky_relu(x - 1, TENTH),
    "pad": lambda x: tg.pad(x[:0], 1, constant_values=TENTH),
    "full_like": lambda x: tg.full_like(x, TENTH),
    "concat": lambda x: tg.concat([x[:0], [TENTH, TENTH]]),
    "stack": lambda x: tg.stack([x[0] + TENTH, TENTH]),
    "scatter_add": lambda x: tg.scatter_add(x, [0, 1], [TENTH, TENTH]),
    "mse_loss": lambda x: F.l1_loss(x, [TENTH, TENTH], reduction="none"),
    "x[i] = number": lambda x: _written(x, slice(None), TENTH),
    "x[i] = list": lambda x: _written(x, slice(None), [TENTH, TENTH]),
    "x[indices] = number": lambda x: _written(x, [0, 1], TENTH),
    "in place": lambda x: _written(x, 0, x[0] + TENTH)[0] + tg.zeros_like(x),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("door", BESIDE)
def test_numbers_beside_a_tensor_have_its_digits(door, dtype):
    x = tg.zeros(2, dtype=dtype)
    y = BESIDE[door](x)
    assert y.dtype == dtype
    assert y.tolist() == [np.dtype(dtype).type(TENTH)] * 2


@pytest.mark.host_only
@pytest.mark.parametrize("door", BESIDE)
def test_numbers_of_a_compiled_function_have_its_digits(door):
    x = tg.zeros(2, dtype="float64")
    compiled = tg.compile(BESIDE[door])
    for _ in range(2):
        assert compiled(x).tolist() == [TENTH] * 2


def _assigned(dtype, value):
    return tg.zeros(2, dtype=dtype).assign(value)


def _replaced(dtype, value):
    x = tg.zeros(2, dtype=dtype)
    x.data = value
    return x


def _loaded(dtype, value):
    layer = nn.Linear(1, 2, dtype=dtype)
    layer.load_state_dict({"weight": np.full((2, 1), value), "bias": np.full(2, value)})
    return layer.bias.detach()


def _scheduled(x):
    def make(parameters):
        optimizer = optim.SGD(parameters, lr=1.0)
        optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: TENTH)
        return optimizer

    return _trained(x, make)


# Functions of a dtype that make tensors whose every element shall be a tenth.
NEW = {
    "tensor": lambda dtype: tg.tensor(TENTH, dtype=dtype),
    "tensor of a list": lambda dtype: tg.tensor([[TENTH], [TENTH]], dtype=dtype),
    "tensor of NumPy's scalar": lambda dtype: tg.tensor(np.float64(TENTH), dtype=dtype),
    "asarray": lambda dtype: tg.asarray((TENTH, TENTH), dtype=dtype),
    "full": lambda dtype: tg.full((2,), TENTH, dtype=dtype),
    "linspace": lambda dtype: tg.linspace(0, 1, 11, dtype=dtype)[1],
    "arange": lambda dtype: tg.arange(0, 1, TENTH, dtype=dtype)[1],
    "assign": lambda dtype: _assigned(dtype, TENTH),
    "assign of a list": lambda dtype: _assigned(dtype, [TENTH, TENTH]),
    "x.data =": lambda dtype: _replaced(dtype, [TENTH, TENTH]),
    "x[...] = of a 0-d tensor": lambda dtype: _written(tg.zeros((), dtype=dtype), ..., TENTH),
    "init.constant_": lambda dtype: nn.init.constant_(tg.zeros(2, dtype=dtype), TENTH),
    "random.normal": lambda dtype: tg.random.normal(TENTH, 0.0, (2,), dtype=dtype),
    "random.uniform": lambda dtype: tg.random.uniform(TENTH, TENTH, (2,), dtype=dtype),
    "init.normal_": lambda dtype: nn.init.normal_(tg.zeros(2, dtype=dtype), TENTH, 0.0),
    "load_state_dict": lambda dtype: _loaded(dtype, TENTH),
    "grad_outputs": lambda dtype: (lambda x: tg.grad(x * 1, x, [[TENTH, TENTH]])[0])(
        tg.ones(2, dtype=dtype, requires_grad=True)
    ),
    "SGD": lambda dtype: _trained(tg.zeros(2, dtype=dtype), lambda p: optim.SGD(p, lr=TENTH)),
    "SGD of one number": lambda dtype: _trained(tg.zeros((), dtype=dtype), lambda p: optim.SGD(p, lr=TENTH)),
    "a schedule": lambda dtype: _scheduled(tg.zeros(2, dtype=dtype)),
    "a loader": lambda dtype: next(iter(DataLoader([np.full(3, TENTH, dtype)] * 2, batch_size=2))),
    "Normalize": lambda dtype: tg.tensor(transforms.Normalize([TENTH], [1.0])(np.full((1, 1, 1, 1), 0.0, dtype))) * -1,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("door", NEW)
def test_what_is_made_in_a_dtype_has_its_digits(door, dtype):
    y = NEW[door](dtype)
    assert y.dtype == dtype
    assert set(y.reshape(-1).tolist()) == {np.dtype(dtype).type(TENTH).item()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (optim.Adam, {"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.3}),
        (optim.AdamW, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
        (optim.RMSprop, {"lr": 0.1, "alpha": 0.7, "eps": 0.3, "momentum": 0.1}),
        (optim.Adagrad, {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.1}),
    ],
)
def test_the_numbers_of_optimisers_have_the_digits_of_the_parameter(optimizer, options, dtype):
    """The loop over arrays, the update on tensors (of one number), and the compiled step are one formula's."""

    def train(x):
        return _trained(x, lambda p: optimizer(p, **options), steps=3)

    blocks = train(tg.zeros(3, dtype=dtype))
    assert blocks.dtype == dtype
    exact = train(tg.zeros((), dtype="float64")).item()
    np.testing.assert_allclose(blocks.numpy(), exact, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.NAdam])
def test_the_numbers_of_optimisers_survive_float16(optimizer):
    """ε and the squares of small gradients would be 0 there, and the update nan, or none."""
    half, single = (nn.Parameter(tg.full((2,), 0.5, dtype=dtype)) for dtype in ("float16", "float32"))
    make = [optimizer([parameter], lr=0.01) for parameter in (half, single)]
    for _ in range(3):
        for parameter, one in zip((half, single), make, strict=True):
            parameter.grad = tg.tensor([0.0, 1e-4], dtype=parameter.dtype)
            one.step()
    assert half.dtype == tg.float16
    np.testing.assert_allclose(half.numpy(), single.numpy(), rtol=2e-3)


@pytest.mark.host_only
def test_parameters_of_several_dtypes_are_updated_each_with_its_digits():
    def train(step):
        single, double = (nn.Parameter(tg.zeros(3, dtype=dtype)) for dtype in ("float32", "float64"))
        optimizer = optim.Adam([single, double], lr=TENTH)
        one = step(lambda: _step(optimizer, single, double))
        for _ in range(3):
            one()
        return double.numpy()

    def _step(optimizer, *parameters):
        optimizer.zero_grad()
        sum((p * 3 - 1).square().sum() for p in parameters).backward()
        optimizer.step()

    np.testing.assert_allclose(train(tg.compile), train(lambda step: step), rtol=1e-14)


def test_huge_numbers_stay_finite_where_the_dtype_holds_them():
    assert tg.tensor(1e300, dtype="float64").item() == 1e300
    assert tg.tensor([1e300], dtype="float64").tolist() == [1e300]
    assert (tg.ones(1, dtype="float64") * [1e300]).tolist() == [1e300]
    assert tg.tensor(2**63, dtype="uint64").item() == 2**63
    assert tg.full((1,), -0.0).numpy().tobytes() == np.float32(-0.0).tobytes()


def test_without_a_dtype_numbers_of_python_are_float32():
    for number in (TENTH, [TENTH], [np.float64(TENTH)]):
        assert tg.tensor(number).dtype == tg.float32
    # What NumPy made keeps its dtype, of no axes too; beside a tensor it is a number, and does not widen.
    assert tg.tensor(np.float64(TENTH)).item() == tg.tensor(np.array(TENTH)).item() == TENTH
    assert (np.float64(2.0) * tg.ones(2) + np.array(TENTH)).dtype == tg.float32
    assert tg.tensor(tg.tensor(TENTH, dtype="float64")).item() == TENTH
    assert tg.arange(np.float32(0), np.float32(1), np.float32(0.5)).tolist() == [0, 0.5]


@pytest.mark.host_only
@pytest.mark.parametrize(
    ("number", "dtype"), [(300, "uint8"), (-1, "uint16"), (math.nan, "int64"), (math.inf, "int8"), (2**40, "int32")]
)
def test_numbers_that_a_dtype_cannot_hold_are_refused(number, dtype):
    for place in (
        lambda: tg.tensor(number, dtype=dtype),
        lambda: tg.tensor([number], dtype=dtype),
        lambda: tg.full((2,), number, dtype=dtype),
        lambda: tg.full_like(tg.zeros(2, dtype=dtype), number),
        lambda: tg.zeros((), dtype=dtype).assign(number),
        lambda: tg.zeros(2, dtype=dtype).assign(number),
        lambda: _written(tg.zeros((), dtype=dtype), ..., number),
        lambda: _written(tg.zeros(2, dtype=dtype), 0, number),
    ):
        with pytest.raises(DTypeError, match=f"cannot be held by dtype {dtype}"):
            place()


@pytest.mark.host_only
def test_an_assignment_that_fails_says_whether_the_shape_or_the_dtype_is_wrong():
    with pytest.raises(DTypeError, match="cannot assign .* and dtype float32 to .* and dtype int64"):
        tg.zeros((), dtype="int64").assign(tg.tensor(math.nan))
    with pytest.raises(ShapeError, match=r"of shape \(2,\) .* of shape \(3,\)"):
        tg.zeros(3).assign([1.0, 2.0])


def test_integers_are_compared_with_numbers_that_they_could_not_hold():
    bytes_ = tg.tensor([0, 255], dtype="uint8")
    assert (bytes_ > -1).all()
    assert (np.int64(-1) < bytes_).all()
    assert tg.less(-1, bytes_).all()
    assert tg.not_equal(bytes_, 256).all()
    assert (bytes_ != 256).all()
    assert not (bytes_ == -100).any()
    assert (tg.tensor([0], dtype="int64") < 2**70).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint64"])
def test_labels_may_have_any_dtype_of_integers(dtype):
    logits, labels = tg.tensor([[1.0, 2.0, 3.0]] * 3), [0, 2, 1]
    given = tg.tensor(labels, dtype=dtype)
    assert F.cross_entropy(logits, given).item() == F.cross_entropy(logits, labels).item()
    assert F.nll_loss(logits, given).item() == F.nll_loss(logits, labels).item()
    assert (
        F.cross_entropy(logits, given, ignore_index=2).item() == F.cross_entropy(logits, labels, ignore_index=2).item()
    )
