"""Layers, activations, losses and initial weights are PyTorch's: names, values, gradients, distributions."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import nn
from tinygrad_ml.kernels import attention

torch = pytest.importorskip("torch")
torch.manual_seed(0)
TF = torch.nn.functional

ARITHMETIC = {"rtol": 1e-9, "atol": 1e-11}  # all in float64


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def labels(*shape, below):
    return np.random.default_rng(1).integers(0, below, shape)


def check(ours, theirs, inputs, more_ours=(), more_theirs=(), tolerance=ARITHMETIC):
    """Values and gradients of two functions, with respect to the floating inputs and the further tensors."""
    mine = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    other = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    y, z = ours(*mine), theirs(*other)
    assert y.shape == tuple(z.shape)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), **tolerance)
    weight = numbers(*y.shape, seed=2)
    (y * weight).sum().backward()
    (z * torch.tensor(weight)).sum().backward()
    mine, other = [*mine, *more_ours], [*other, *more_theirs]
    for a, b in zip(mine, other, strict=True):
        if a.requires_grad and b.grad is not None:
            expected = b.grad.numpy()
            known = ~np.isnan(expected)  # PyTorch's KLDivLoss has gradient nan in a target of 0
            np.testing.assert_allclose(a.grad.numpy()[known], expected[known], **tolerance)
            assert np.isfinite(a.grad.numpy()).all()


LAYERS = [
    ("Linear", (5, 3), {}, (4, 5)),
    ("Linear", (5, 3), {"bias": False}, (2, 4, 5)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1}, (2, 4, 9)),
    ("Conv1d", (4, 6, 3), {"padding": "same", "dilation": 2, "padding_mode": "circular"}, (4, 9)),
    ("Conv2d", (2, 4, 3), {}, (3, 2, 7, 6)),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2), "groups": 2}, (2, 4, 7, 8)),
    ("Conv2d", (2, 4, 3), {"padding": 1, "padding_mode": "reflect", "bias": False}, (2, 5, 6)),
    ("Conv2d", (2, 4, 3), {"padding": (2, 1), "padding_mode": "replicate"}, (1, 2, 5, 6)),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 4, 5)),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "groups": 2, "dilation": 2, "padding": 1}, (2, 4, 5, 4)),
    ("Conv3d", (2, 4, 2), {"padding": (1, 0, 1), "stride": (1, 2, 1), "groups": 2}, (2, 2, 3, 4, 5)),
    ("Conv3d", (2, 3, (1, 2, 3)), {"padding": 1, "padding_mode": "replicate"}, (2, 3, 4, 5)),
    ("ConvTranspose3d", (2, 4, 3), {"stride": 2, "padding": 1, "output_padding": (1, 0, 1)}, (2, 2, 3, 2, 2)),
    ("InstanceNorm1d", (4,), {"affine": True}, (3, 4, 5)),
    ("InstanceNorm2d", (4,), {"eps": 0.1}, (4, 3, 5)),
    ("InstanceNorm3d", (2,), {"affine": True, "track_running_stats": True}, (2, 2, 2, 3, 2)),
    ("RMSNorm", (6,), {}, (2, 3, 6)),
    ("RMSNorm", ((3, 6),), {"elementwise_affine": False, "eps": 0.1}, (2, 3, 6)),
    ("MaxPool1d", (3,), {}, (2, 3, 10)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, (2, 3, 8, 9)),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 3), "dilation": (1, 2), "ceil_mode": True}, (3, 8, 9)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1}, (2, 3, 10)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (2, 3, 8, 9)),
    ("AvgPool2d", (3,), {"stride": 2, "ceil_mode": True}, (2, 3, 8, 8)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 3, 10)),
    ("AdaptiveAvgPool2d", ((3, None),), {}, (2, 3, 8, 9)),
    ("AdaptiveMaxPool1d", (4,), {}, (2, 3, 10)),
    ("AdaptiveMaxPool2d", (3,), {}, (2, 3, 8, 9)),
    ("LayerNorm", (6,), {}, (2, 3, 6)),
    ("LayerNorm", ((3, 6),), {"bias": False, "eps": 0.1}, (2, 3, 6)),
    ("LayerNorm", (6,), {"elementwise_affine": False}, (3, 6)),
    ("GroupNorm", (2, 6), {}, (3, 6, 4)),
    ("GroupNorm", (3, 6), {"affine": False}, (3, 6)),
    ("PReLU", (), {}, (3, 4)),
    ("PReLU", (4,), {}, (3, 4, 5)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Flatten", (0, 1), {}, (2, 3, 4)),
    ("Unflatten", (1, (2, 3)), {}, (4, 6, 2)),
    ("Identity", (), {}, (2, 3)),
    *((name, (), {}, (3, 5)) for name in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish")),
    *((name, (), {}, (3, 5)) for name in ("Sigmoid", "LogSigmoid", "Tanh", "Softplus", "Softsign", "Tanhshrink")),
    *((name, (), {}, (3, 5)) for name in ("Hardtanh", "Hardsigmoid", "Hardswish")),
    ("LeakyReLU", (0.3,), {}, (3, 5)),
    ("ELU", (0.5,), {}, (3, 5)),
    ("CELU", (0.5,), {}, (3, 5)),
    ("GELU", ("tanh",), {}, (3, 5)),
    ("Softplus", (2.0,), {}, (3, 5)),
    ("Hardtanh", (-0.5, 0.2), {}, (3, 5)),
    *((name, (1,), {}, (3, 5, 2)) for name in ("Softmax", "LogSoftmax", "Softmin")),
    ("GLU", (1,), {}, (3, 6, 2)),
]


@pytest.mark.parametrize("name, arguments, options, shape", LAYERS)
def test_layers(name, arguments, options, shape):
    ours = getattr(nn, name)(*arguments, **options).astype("float64")
    theirs = getattr(torch.nn, name)(*arguments, **options).double()
    for p in ours.parameters():
        p.assign(numbers(*p.shape, seed=3))
    theirs.load_state_dict({path: torch.tensor(tensor.numpy()) for path, tensor in ours.state_dict().items()})
    x = numbers(*shape) * 3
    # PyTorch divides by 6 in float32 here, whatever the dtype.
    tolerance = {"rtol": 1e-7} if name == "Hardsigmoid" else ARITHMETIC
    check(ours, theirs, [x], list(ours.parameters()), list(theirs.parameters()), tolerance)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("BatchNorm1d", (6, 4)),
        ("BatchNorm1d", (3, 4, 5)),
        ("BatchNorm2d", (3, 4, 2, 5)),
        ("BatchNorm3d", (3, 4, 2, 3, 2)),
        ("InstanceNorm1d", (3, 4, 5)),
        ("InstanceNorm2d", (2, 4, 2, 3)),
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"affine": True, "track_running_stats": True},
        {"momentum": None},
        {"momentum": 0.3, "eps": 0.01, "affine": False},
        {"track_running_stats": False},
    ],
)
def test_layers_with_running_statistics(name, shape, options):
    ours = getattr(nn, name)(4, **options).astype("float64")
    theirs = getattr(torch.nn, name)(4, **options).double()
    for step in range(3):
        check(ours, theirs, [numbers(*shape, seed=step) + step], list(ours.parameters()), list(theirs.parameters()))
        state = theirs.state_dict()
        assert list(state) == list(ours.state_dict())
        for path, tensor in ours.state_dict().items():
            np.testing.assert_allclose(tensor.numpy(), state[path].numpy(), **ARITHMETIC)
    ours.eval(), theirs.eval()
    check(ours, theirs, [numbers(*shape)])


def test_bilinear():
    ours, theirs = nn.Bilinear(5, 3, 2).astype("float64"), torch.nn.Bilinear(5, 3, 2).double()
    theirs.load_state_dict({path: torch.tensor(tensor.numpy()) for path, tensor in ours.state_dict().items()})
    inputs = [numbers(2, 4, 5), numbers(2, 4, 3)]
    check(ours, theirs, inputs, list(ours.parameters()), list(theirs.parameters()))


@pytest.mark.parametrize("size", [(9, 7), (10, 8), (2, 4, 9, 8)])
def test_a_transposed_convolution_of_a_wanted_size(size):
    options = {"stride": 2, "padding": 1, "groups": 2}
    ours = nn.ConvTranspose2d(4, 4, 3, **options).astype("float64")
    theirs = torch.nn.ConvTranspose2d(4, 4, 3, **options).double()
    theirs.load_state_dict({path: torch.tensor(tensor.numpy()) for path, tensor in ours.state_dict().items()})
    check(lambda x: ours(x, output_size=size), lambda x: theirs(x, output_size=size), [numbers(2, 4, 5, 4)])


@pytest.mark.parametrize("name", ["RReLU", "AlphaDropout", "FeatureAlphaDropout", "Dropout3d"])
def test_random_layers(name):
    x = np.ones((200, 20, 5, 5, 2), "float32") * (-0.7 if name == "RReLU" else 0.7)
    ours, theirs = getattr(nn, name)()(tg.tensor(x)).numpy(), getattr(torch.nn, name)()(torch.tensor(x)).numpy()
    assert np.array_equal(
        np.unique((ours == ours[:, :, :1, :1, :1]).mean((2, 3, 4)) == 1),
        np.unique((theirs == theirs[:, :, :1, :1, :1]).mean((2, 3, 4)) == 1),
    )
    for q in (0.02, 0.25, 0.75, 0.98):
        assert abs(np.quantile(ours, q) - np.quantile(theirs, q)) < 0.01
    assert abs(ours.mean() - theirs.mean()) < 0.1
    ours, theirs = getattr(nn, name)().eval()(tg.tensor(x)), getattr(torch.nn, name)().eval()(torch.tensor(x))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_gumbel_softmax_picks_classes_as_often():
    logits = np.log(np.tile([0.1, 0.2, 0.7], (20000, 1)))
    ours = F.gumbel_softmax(tg.tensor(logits), tau=0.5, hard=True).numpy()
    assert set(np.unique(ours)) == {0, 1}
    np.testing.assert_allclose(ours.mean(0), [0.1, 0.2, 0.7], atol=0.015)
    soft, theirs = (
        F.gumbel_softmax(tg.tensor(logits), 0.5).numpy(),
        TF.gumbel_softmax(torch.tensor(logits), 0.5).numpy(),
    )
    np.testing.assert_allclose(soft.mean(0), theirs.mean(0), atol=0.015)
    np.testing.assert_allclose(soft.std(axis=0), theirs.std(0), atol=0.015)


def test_one_hot():
    classes = labels(3, 4, below=5)
    for options in ({}, {"num_classes": 7}):
        ours, theirs = F.one_hot(tg.tensor(classes), **options), TF.one_hot(torch.tensor(classes), **options)
        assert ours.dtype == "int64" and np.array_equal(ours.numpy(), theirs.numpy())


POOLINGS = [
    ("max_pool1d", (2, 3, 10), (3, 2, 1), {}),
    ("max_pool2d", (2, 3, 8, 9), (3, 2, 1), {"ceil_mode": True}),
    ("max_pool2d", (3, 8, 9), ((3, 2), (2, 3), (1, 0), (1, 2)), {}),
    ("max_pool3d", (2, 4, 5, 6), (3, 2, 1), {}),
    ("adaptive_max_pool1d", (3, 10), (4,), {}),
    ("adaptive_max_pool2d", (2, 3, 8, 9), ((3, None),), {}),
    ("adaptive_max_pool3d", (2, 3, 4, 6, 5), (3,), {}),
]


@pytest.mark.parametrize("numbers_of", [numbers, lambda *s: np.round(numbers(*s)), lambda *s: np.full(s, -np.inf)])
@pytest.mark.parametrize("name, shape, arguments, options", POOLINGS)
def test_where_the_largest_elements_are(name, shape, arguments, options, numbers_of):
    x = numbers_of(*shape)  # rounded, several are the largest, and the first one counts
    y, where = getattr(F, name)(tg.tensor(x), *arguments, return_indices=True, **options)
    z, there = getattr(TF, name)(torch.tensor(x), *arguments, return_indices=True, **options)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(where.numpy(), there.numpy())
    assert where.dtype == "int64"


def test_unpooling_of_windows_that_overlap():
    x = numbers(2, 3, 6, 7)
    y, where = F.max_pool2d(tg.tensor(x), 3, 1, 1, return_indices=True)
    z, there = TF.max_pool2d(torch.tensor(x), 3, 1, 1, return_indices=True)
    ours, theirs = F.max_unpool2d(y, where, 3, 1, 1), TF.max_unpool2d(z, there, 3, 1, 1)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), **ARITHMETIC)


def test_embedding():
    ours, theirs = (
        nn.Embedding(7, 3, padding_idx=-2).astype("float64"),
        torch.nn.Embedding(7, 3, padding_idx=-2).double(),
    )
    assert (ours.weight.numpy()[5] == 0).all()
    ours.weight.assign(theirs.weight.detach().numpy())
    check(ours, theirs, [labels(4, 5, below=7)], [ours.weight], [theirs.weight])
    assert (ours.weight.grad.numpy()[5] == 0).all()


X, T = numbers(6, 4) * 3, numbers(6, 4, seed=5)
P = 1 / (1 + np.exp(-X))
Q = np.abs(T) / np.abs(T).sum(1, keepdims=True)
W = np.array([0.5, 1.0, 2.0, 0.2])
IMAGE, PIXELS = numbers(2, 4, 3, 5), labels(2, 3, 5, below=4)
CLASSES = labels(6, below=4)

LOSSES = [
    ("MSELoss", {}, X, T),
    ("L1Loss", {}, X, T),
    ("SmoothL1Loss", {"beta": 0.7}, X, T),
    ("SmoothL1Loss", {"beta": 0.0}, X, T),
    ("HuberLoss", {"delta": 0.7}, X, T),
    ("BCELoss", {}, P, (T > 0) * 1.0),
    ("BCELoss", {"weight": W}, P, Q),
    ("BCEWithLogitsLoss", {}, X, (T > 0) * 1.0),
    ("BCEWithLogitsLoss", {"weight": W, "pos_weight": W * 3}, X * 50, Q),
    ("KLDivLoss", {}, X, Q * (Q > 0.2)),
    ("KLDivLoss", {"log_target": True}, X, T),
    ("NLLLoss", {}, X, CLASSES),
    ("NLLLoss", {"weight": W, "ignore_index": 2}, IMAGE, PIXELS),
    ("CrossEntropyLoss", {}, X, CLASSES),
    ("CrossEntropyLoss", {}, X * 300, CLASSES),
    ("CrossEntropyLoss", {}, X[0], CLASSES[0]),
    ("CrossEntropyLoss", {"weight": W}, X, CLASSES),
    ("CrossEntropyLoss", {"ignore_index": 1, "label_smoothing": 0.2}, X, CLASSES),
    ("CrossEntropyLoss", {"weight": W, "ignore_index": 1, "label_smoothing": 0.2}, IMAGE, PIXELS),
    ("CrossEntropyLoss", {}, X, Q),
    ("CrossEntropyLoss", {"weight": W, "label_smoothing": 0.3}, X, Q),
    ("CrossEntropyLoss", {}, IMAGE, np.abs(IMAGE)),
]


REDUCED = [(*loss, reduction) for loss in LOSSES for reduction in ("mean", "sum", "none")]
REDUCED += [(*loss, "batchmean") for loss in LOSSES if loss[0] == "KLDivLoss"]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name, options, x, target, reduction", REDUCED)
def test_losses(name, options, x, target, reduction):
    weights = {option: torch.tensor(value) for option, value in options.items() if isinstance(value, np.ndarray)}
    ours = getattr(nn, name)(reduction=reduction, **options)
    theirs = getattr(torch.nn, name)(reduction=reduction, **{**options, **weights})
    check(ours, theirs, [x, np.asarray(target)])


def test_variances_near_zero_and_logits_far_out():
    near = np.array([[1e-9, 0.0, 0.5, 1e-4]] * 6)
    check(nn.GaussianNLLLoss(eps=1e-3), torch.nn.GaussianNLLLoss(eps=1e-3), [X, T, near])
    sign = np.sign(T)
    check(
        lambda x: F.soft_margin_loss(x, tg.tensor(sign)), lambda x: TF.soft_margin_loss(x, torch.tensor(sign)), [X * 10]
    )


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}, {"attn_mask": numbers(5, 5) > -0.5}])
def test_attention(options):
    theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    q, k, v = (numbers(2, 3, 5, 4, seed=seed) for seed in range(3))
    check(
        lambda *qkv: F.scaled_dot_product_attention(*qkv, **options),
        lambda *qkv: TF.scaled_dot_product_attention(*qkv, **theirs),
        [q, k, v],
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [130, 1000])
def test_attention_over_many_places(length, causal, monkeypatch):
    monkeypatch.setattr(attention, "FEWEST_PLAIN_PAIRS", 1)
    check(
        lambda *qkv: F.scaled_dot_product_attention(*qkv, is_causal=causal),
        lambda *qkv: TF.scaled_dot_product_attention(*qkv, is_causal=causal),
        [numbers(2, 4, length, 32, seed=seed) for seed in range(3)],
    )


INITIAL = ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_"]


@pytest.mark.parametrize("name", [*INITIAL, "uniform_", "normal_", "eye_", "ones_", "zeros_"])
def test_initial_distributions(name):
    shape = (60, 80) if name == "eye_" else (60, 40, 3)
    ours = getattr(nn.init, name)(tg.zeros(shape)).numpy()
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape)).numpy()
    _same_distribution(ours, theirs)


LINEAR_LAYERS = [
    ("Linear", (300, 200)),
    ("Conv1d", (30, 40, 5)),
    ("Conv2d", (20, 40, (3, 5))),
    ("ConvTranspose2d", (20, 40, 5)),
    ("Conv3d", (10, 20, (3, 2, 4))),
    ("Bilinear", (20, 10, 30)),
    ("Embedding", (100, 50)),
]


@pytest.mark.parametrize("name, arguments", LINEAR_LAYERS)
def test_layers_start_as_pytorchs(name, arguments):
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    for (path, p), (same_path, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert path == same_path and p.shape == tuple(q.shape)
        _same_distribution(p.numpy(), q.detach().numpy())


def _same_distribution(a, b):
    """Mean, deviation and quantiles agree within several standard errors."""
    assert a.shape == b.shape and a.dtype == b.dtype
    scale = max(b.std(), 1e-6)
    error = 4 * scale * math.sqrt(2 / a.size)
    assert abs(a.mean() - b.mean()) < error
    assert abs(a.std() - b.std()) < error
    for q in (0.01, 0.25, 0.75, 0.99):
        assert abs(np.quantile(a, q) - np.quantile(b, q)) < 3 * error


def test_gains():
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert math.isclose(nn.init.calculate_gain(name), torch.nn.init.calculate_gain(name))
    assert math.isclose(nn.init.calculate_gain("leaky_relu", 0.3), torch.nn.init.calculate_gain("leaky_relu", 0.3))
