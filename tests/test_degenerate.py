"""Sizes of 0, tensors of no axes, infinities, and numbers at the end of what a dtype holds."""

import math

import numpy as np
import pytest
from checks import assert_close, leaf

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError

INF = math.inf


def slope(function, *numbers, dtype="float64", order=1):
    """The derivative of `function`, elementwise, at numbers."""
    x = leaf([float(number) for number in numbers], dtype)
    y = function(x)
    for _ in range(order):
        (y,) = tg.grad(y, x, tg.ones_like(y), create_graph=True)
    return y.tolist()


# -- infinities ----------------------------------------------------------------------------------------


def test_the_larger_of_two_gets_the_gradient_whatever_the_other_is():
    for larger in (lambda x: tg.maximum(x, 0.0), lambda x: tg.maximum(0.0, x)):
        assert slope(larger, -INF, -1, 0, 1, INF) == [0, 0, 0.5, 1, 1]
    assert slope(lambda x: tg.minimum(x, 0.0), -INF, -1, 0, 1, INF) == [1, 1, 0.5, 0, 0]
    a, b = leaf([INF, -INF, INF]), leaf([-INF, -INF, 1.0])
    to_a, to_b = tg.grad(tg.maximum(a, b), [a, b], tg.ones_like(a))
    assert to_a.tolist() == [1, 0.5, 1]
    assert to_b.tolist() == [0, 0.5, 0]


@pytest.mark.parametrize(
    ("function", "slopes"),
    [
        (F.elu, [0, 1]),
        (F.relu6, [0, 0]),
        (F.hardsigmoid, [0, 0]),
        (F.softplus, [0, 1]),
        (F.logsigmoid, [1, 0]),
        (F.leaky_relu, [0.01, 1]),
        (tg.sigmoid, [0, 0]),
        (tg.tanh, [0, 0]),
        (tg.atan, [0, 0]),
        (tg.erf, [0, 0]),
    ],
)
def test_slopes_at_infinity(function, slopes):
    assert slope(function, -INF, INF) == slopes


# -- digits --------------------------------------------------------------------------------------------

SMALL = math.exp(-37)  # 1 - SMALL rounds to 1 in float64


@pytest.mark.parametrize(
    ("function", "at", "order", "expected"),
    [
        (tg.softplus, 37, 2, SMALL),
        (tg.softplus, -37, 2, SMALL),
        (tg.softplus, 37, 3, -SMALL),
        (F.logsigmoid, -37, 2, -SMALL),
        (F.logsigmoid, 37, 2, -SMALL),
        (lambda x: F.binary_cross_entropy_with_logits(x, tg.zeros_like(x), reduction="sum"), 37, 2, SMALL),
        (F.elu, -37, 1, SMALL),
        (F.elu, -37, 2, SMALL),
        (F.selu, -37, 3, SMALL * 1.0507009873554805 * 1.6732632423543772),
        (F.celu, -37, 2, SMALL),
        (tg.expm1, -37, 1, SMALL),
        (tg.softplus, 0, 2, 0.25),
        (tg.softplus, 0, 4, -0.125),
        (tg.softplus, 5, 3, -0.006559067766322563),
    ],
)
def test_derivatives_keep_the_digits_that_a_formula_can_keep(function, at, order, expected):
    assert slope(function, at, order=order) == [pytest.approx(expected, rel=1e-13, abs=0)]


@pytest.mark.parametrize(("function", "root"), [(tg.asin, True), (tg.acos, True), (tg.atanh, False), (tg.acosh, True)])
def test_slopes_beside_a_pole_keep_their_digits(function, root):
    at = 1.0001 if function is tg.acosh else -0.9999
    at = float(np.float32(at))
    exact = abs((1 - at) * (1 + at))
    (found,) = slope(function, at, dtype="float32")
    assert abs(found) == pytest.approx(1 / math.sqrt(exact) if root else 1 / exact, rel=3e-7)


def test_slopes_of_elu_in_float32_are_right_far_from_0():
    assert slope(F.elu, -12.0, dtype="float32") == [pytest.approx(math.exp(-12), rel=1e-6, abs=0)]


# -- float16 -------------------------------------------------------------------------------------------


def _float16(*shape, scale=1.0, shift=0.0):
    return np.float16(np.random.default_rng(0).standard_normal(shape) * scale + shift)


@pytest.mark.parametrize(
    "norm",
    [
        lambda x: F.layer_norm(x, (6, 5)),
        lambda x: F.group_norm(x, 2),
        lambda x: F.batch_norm(x, training=True),
        F.instance_norm,
        lambda x: F.rms_norm(x, (5,), eps=1e-6),
    ],
)
def test_norms_of_float16_neither_overflow_nor_vanish(norm):
    """Squares of numbers beyond 256 are infinite in float16, and those below 2⁻¹² are 0."""
    for scale, shift in ((4000, 0), (2e-3, 0), (1, 1000)):
        numbers = _float16(4, 4, 6, 5, scale=scale, shift=shift)
        x, exact = leaf(numbers), leaf(numbers, "float64")
        y, expected = norm(x), norm(exact)
        assert y.dtype == tg.float16
        assert_close(y, expected.numpy(), rtol=2e-3, atol=2e-3)
        weights = _float16(*y.shape)
        to_x = tg.grad((y * weights).sum(), x)[0]
        assert to_x.dtype == tg.float16
        of_exact = tg.grad((expected * weights.astype(np.float64)).sum(), exact)[0].numpy()
        assert_close(to_x, of_exact, rtol=1e-2, atol=1e-2 * np.abs(of_exact).max() + 6e-8)


def test_running_moments_of_float16_are_finite():
    mean, var = tg.zeros(4, dtype="float16"), tg.ones(4, dtype="float16")
    F.batch_norm(tg.tensor(_float16(8, 4, scale=200)), mean, var, training=True, momentum=1.0)
    assert np.isfinite(var.numpy()).all()
    assert var.numpy().min() > 1e4


def test_attention_is_scaled_before_its_product_can_overflow():
    q = tg.full((1, 4, 64), 32.0, dtype="float16")
    assert_close(F.scaled_dot_product_attention(q, q, q), np.full((1, 4, 64), 32.0))


def test_means_of_losses_count_more_samples_than_float16_can():
    many = 70_000
    logits, labels = tg.zeros((many, 2), dtype="float16"), np.zeros(many, int)
    for loss in (
        F.cross_entropy(logits, labels),
        F.cross_entropy(logits, tg.full((many, 2), 0.5, dtype="float16")),
        F.nll_loss(tg.full((many, 2), -math.log(2), dtype="float16"), labels, weight=[2.0, 1.0]),
        F.binary_cross_entropy_with_logits(logits, tg.zeros_like(logits)),
    ):
        assert loss.dtype == tg.float16
        assert_close(loss, math.log(2), rtol=1e-3)
    t = tg.full((many, 2), 0.5, dtype="float16")
    assert_close(F.kl_div(tg.full((many, 2), -1.0, dtype="float16"), t, "batchmean"), 1 - math.log(2), rtol=2e-3)


def test_means_of_windows_may_be_sums_beyond_float16():
    x = tg.full((1, 1, 4, 4), 60000.0, dtype="float16")
    for options in ({}, {"padding": 1, "count_include_pad": False}, {"ceil_mode": True}):
        assert_close(F.avg_pool2d(x, 3, 2, **options)[0, 0, 0, 0], 60000)


# What adds up many numbers of float16, of which a vector of 5000 is given: ones, and then of 200.
ADDING = {
    "vecdot": lambda x: tg.vecdot(x, x) / 2,
    "tensordot": lambda x: tg.tensordot(x / 200, x, 1),
    "einsum": lambda x: tg.einsum("i,i->", x / 200, x),
    "linear": lambda x: F.linear(x[None] / 200, x[None]),
    "trace": lambda x: tg.linalg.trace(x[:70, None] * x[:70].reshape(1, -1) / 200),
    "pairwise_distance": lambda x: F.pairwise_distance(x[None], x[None] * 0),
    "cosine_similarity": lambda x: F.cosine_similarity(x[None], x[None] / 100),
    "normalize": lambda x: F.normalize(x[None]),
    "matrix_norm": lambda x: tg.linalg.matrix_norm(x.reshape(50, 100)),
    "norm of order 3": lambda x: tg.norm(x, 3),
    "std": lambda x: tg.std(x * 100 / 200),
    "softmax": tg.softmax,
    "mse_loss": lambda x: F.mse_loss(x, x * 0),
    "huber_loss": lambda x: F.huber_loss(x, x * 0),
    "gaussian_nll_loss": lambda x: F.gaussian_nll_loss(x, x * 0, x * 0 + 1),
    "triplet_margin_loss": lambda x: F.triplet_margin_loss(x[None], x[None] * 0, x[None]),
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x[None, None], 1),
    "lp_pool1d": lambda x: F.lp_pool1d(x[None, None], 2, 5000),
}


@pytest.mark.parametrize("name", ADDING)
@pytest.mark.parametrize("size", [1, 200])
def test_what_adds_up_float16_has_the_digits_of_float32(name, size):
    x = np.full(5000, size, np.float16)
    y, exact = (ADDING[name](tg.tensor(x, dtype=dtype)) for dtype in ("float16", "float32"))
    assert y.dtype == tg.float16
    with np.errstate(over="ignore"):  # a result too large for float16 is infinite there
        assert_close(y, exact.numpy().astype(np.float16), rtol=4e-3, atol=1e-3)


# -- nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
def test_a_batch_of_nothing_leaves_running_moments_alone(shape):
    layer = nn.BatchNorm1d(3)
    y = layer(tg.zeros(*shape))
    assert y.shape == shape
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]
    y.sum().backward()
    assert layer.weight.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.group_norm(x, 2),
        lambda x: F.layer_norm(x, (4, 3)),
        F.instance_norm,
        tg.softmax,
        lambda x: tg.softmax(x, 0),
        lambda x: tg.log_softmax(x, 0),
        lambda x: F.max_pool1d(x, 2),
        lambda x: F.conv1d(x, tg.ones(2, 4, 3)),
        lambda x: F.conv_transpose1d(x, tg.ones(4, 2, 3)),
        lambda x: F.linear(x, tg.ones(2, 3)),
        lambda x: F.scaled_dot_product_attention(x, x, x),
        F.gelu,
        lambda x: F.glu(x, 1),
    ],
)
def test_a_batch_of_nothing_goes_through_layers(function):
    x = leaf(np.zeros((0, 4, 3), np.float32))
    y = function(x)
    assert y.shape[0] == 0
    assert tg.grad(y.sum(), x)[0].shape == x.shape


def test_softmax_of_no_classes_is_nothing():
    assert tg.softmax(tg.zeros(2, 0), 1).shape == tg.log_softmax(tg.zeros(2, 0), 1).shape == (2, 0)
    value = F.scaled_dot_product_attention(tg.ones(1, 3, 2), tg.ones(1, 0, 2), tg.ones(1, 0, 5))
    assert_close(value, np.zeros((1, 3, 5)))


def test_norms_of_negative_order_are_0_where_an_element_is():
    x = leaf([[3.0, 0.0, 4.0], [1.0, 2.0, 2.0]])
    y = x.norm(-1, axis=1)
    assert_close(y, [0, 0.5])
    assert_close(tg.grad(y.sum(), x)[0], [[0, 0, 0], [0.25, 1 / 16, 1 / 16]])
    with pytest.raises(ShapeError, match="norm of order -2 .* empty"):
        tg.zeros(2, 0).norm(-2, axis=1)


# -- no axes -------------------------------------------------------------------------------------------


def test_a_0d_tensor_goes_through_prelu():
    x, a = leaf(-2.0), leaf([0.5])
    y = F.prelu(x, a)
    assert_close(y, -1.0)
    to_x, to_a = tg.grad(y, [x, a])
    assert_close(to_x, 0.5)
    assert_close(to_a, [-2.0])
    assert nn.PReLU()(tg.tensor(-4.0)).item() == -1


def test_a_0d_tensor_is_written_to():
    for key in (..., (), None, True):
        x = tg.tensor(1.0)
        before = x.data
        x[key] = 2.0
        assert x.item() == 2
        assert before == 1  # a tensor is a value
    x = leaf(3.0) * 1
    v = leaf(2.0)
    x[...] = v * v
    assert tg.grad(x, v)[0].item() == 4


# -- what cannot be seen, and what lies behind the last window -------------------------------------------


@pytest.mark.parametrize("kind", ["truths", "numbers", "truths of all heads"])
def test_what_may_look_at_nothing_gets_0_and_gives_no_gradient(kind):
    allowed = np.array([[True, False, True], [False, False, False]])
    mask = allowed if kind != "numbers" else np.where(allowed, np.float32(0), -np.float32(INF))
    if kind == "truths of all heads":
        mask = np.stack([allowed, ~allowed])[:, None]
    random = np.random.default_rng(0)
    q, k, v = (leaf(random.standard_normal((2, 4, n, 5)), "float32") for n in (2, 3, 3))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    hidden = np.broadcast_to((mask if mask.dtype == bool else mask == 0).any(-1) == 0, (2, 4, 2))
    assert hidden.any()
    assert (y.numpy()[hidden] == 0).all()
    assert np.isfinite(y.numpy()).all()
    found = tg.grad((y * y).sum(), [q, k, v], create_graph=True)
    assert (found[0].numpy()[hidden] == 0).all()
    second = tg.grad(sum((g * g).sum() for g in found), [q, k, v])
    assert all(np.isfinite(g.numpy()).all() for g in (*found, *second))


def test_what_is_seen_is_not_changed_by_masks():
    random = np.random.default_rng(0)
    q, k, v = (tg.tensor(random.standard_normal((1, 3, 4))) for _ in range(3))
    plain = F.scaled_dot_product_attention(q, k, v)
    assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=np.ones((3, 3), bool)), plain.numpy())
    assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=np.zeros((3, 3))), plain.numpy())
    half = tg.ones(1, 3, 4, dtype="float16")
    assert F.scaled_dot_product_attention(half, half, half, attn_mask=np.eye(3, dtype=bool)).dtype == tg.float16


@pytest.mark.parametrize(("stride", "dilation", "extra"), [(1, 3, 1), (1, 3, 2), (2, 3, 2), (2, 1, 1), (3, 1, 2)])
def test_transposed_convolutions_may_be_padded_by_less_than_stride_or_dilation(stride, dilation, extra):
    def function(x, w, b):
        return F.conv_transpose1d(x, w, b, stride=stride, dilation=dilation, output_padding=extra, padding=1) ** 2

    random = np.random.default_rng(0)
    x, w, b = (random.standard_normal(shape) for shape in ((2, 4, 5), (4, 3, 3), (3,)))
    tg.gradcheck(function, (x, w, b), order=2)
    y = function(*map(tg.tensor, (x, w, b)))
    assert y.shape == (2, 3, 4 * stride - 2 + 2 * dilation + extra + 1)
    with pytest.raises(OptionError, match=r"output_padding \(3,\) must be smaller than the stride"):
        F.conv_transpose1d(tg.tensor(x), tg.tensor(w), stride=stride, dilation=dilation, output_padding=3)
