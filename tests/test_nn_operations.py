"""Every row of the table of `nn`: its derivatives, its shape for symbols, compiled, and the numbers that PyTorch gave."""

import itertools
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nn_operations import TABLE

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, OptionError, RangeError, ShapeError, TinygradError

NUMBERS = json.loads((Path(__file__).parent / "nn_numbers.json").read_text(encoding="utf-8"))
ROWS = pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)


def first(y) -> tg.Tensor:
    return y[0] if isinstance(y, tuple) else y


@ROWS
def test_derivatives_of_two_orders(operation):
    tg.gradcheck(operation.function, operation.inputs, order=2)


@ROWS
def test_symbols_have_the_shape_and_dtype_of_numbers(operation):
    dtypes = ["float32" if x.dtype.kind == "f" else x.dtype for x in operation.inputs]
    symbol = first(operation.function(*[tg.symbol(x.shape, d) for x, d in zip(operation.inputs, dtypes, strict=True)]))
    number = first(operation.function(*[tg.tensor(x, d) for x, d in zip(operation.inputs, dtypes, strict=True)]))
    assert (
        symbol.symbolic and (symbol.shape, symbol.dtype) == (number.shape, number.dtype) and number.dtype == "float32"
    )


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
@ROWS
def test_integers_are_numbers_like_others(operation, dtype):
    """Nothing is cut off silently: the numbers are those of the same in float32, or there is an error."""
    given = [np.abs(np.round(x * 2)) if x.dtype.kind == "f" else x for x in operation.inputs]
    x = [tg.tensor(a.astype(dtype) if a.dtype.kind == "f" else a) for a in given]
    try:
        y = first(operation.function(*x)).numpy()
    except TinygradError:
        return
    expected = first(operation.function(*[tg.tensor(a, "float32" if a.dtype.kind == "f" else None) for a in given]))
    if dtype == "uint8" and y.dtype == "uint8":  # the cube behind what only moves numbers
        expected = expected % 256
    np.testing.assert_allclose(y, expected.numpy(), 1e-5, 1e-5)


@pytest.mark.host_only
@ROWS
def test_compiled_equals_eager(operation):
    def value_and_gradients(*x):
        y = first(operation.function(*x))
        return (y, *tg.grad((y * y).sum(), [part for part in x if part.requires_grad]))

    step = tg.compile(value_and_gradients)
    for factor in (1.0, 1.01):
        x = [
            tg.tensor(a * factor, requires_grad=True) if a.dtype.kind == "f" else tg.tensor(a) for a in operation.inputs
        ]
        for eager, compiled in zip(value_and_gradients(*x), step(*x), strict=True):
            scale = max(1.0, float(np.max(np.abs(eager.numpy()), initial=0)))
            np.testing.assert_allclose(compiled.numpy(), eager.numpy(), 1e-11, 1e-11 * scale)


def projections(value, gradients) -> list[float]:
    """Σ c·y of a function's value and of its gradients, for the gradient (1, 1, ...) of y² / 2: c = cos 1, cos 2, ..."""
    return [float((np.cos(np.arange(1, y.size + 1)) * y.ravel()).sum()) for y in (value, *gradients)]


@ROWS
def test_the_numbers_are_those_that_pytorch_gave(operation):
    """`python tests/compare/nn_numbers.py` has written them, with PyTorch 2.13.0 in float64."""
    x = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in operation.inputs]
    y = first(operation.function(*x))
    found = tg.grad((y * y).sum() * 0.5, [part for part in x if part.requires_grad], allow_unused=True)
    np.testing.assert_allclose(
        projections(y.numpy(), [g.numpy() for g in found]), NUMBERS[operation.name], rtol=1e-8, atol=1e-8
    )


X1, X2, X3 = tg.ones(2, 4, 6), tg.ones(2, 4, 6, 5), tg.ones(2, 4, 6, 5, 3)

WRONG = [
    (lambda nn: nn.functional.pad(X1, (1, 2, 3)), ShapeError, r"\(before, after\) for each of the last axes"),
    (lambda nn: nn.functional.pad(X1, (1.0, 2)), ShapeError, "needs integers"),
    (lambda nn: nn.functional.pad(X1, 1), ShapeError, "needs integers"),
    (lambda nn: nn.functional.pad(X1, (-4, -3)), ShapeError, "cuts off more elements"),
    (lambda nn: nn.functional.pad(X1, (1, 2), "edge"), OptionError, "'edge' is not one of 'constant', 'reflect'"),
    (lambda nn: nn.functional.pad(X1, (1, 2), "reflect", 1.0), OptionError, "value=1.0 is for mode='constant'"),
    (lambda nn: nn.functional.pad(X1, (6, 2), "reflect"), ShapeError, "at most 5 elements at each end .* not 6"),
    (lambda nn: nn.functional.pad(X1, (7, 2), "circular"), ShapeError, "at most 6 elements at each end .* not 7"),
    (lambda nn: nn.functional.pad(tg.ones(2, 0), (1, 0), "replicate"), ShapeError, "empty axis"),
    (lambda nn: nn.ZeroPad2d((1, 2)), OptionError, "ZeroPad2d: padding is an integer or 4 integers"),
    (lambda nn: nn.ReflectionPad2d(1)(X3), ShapeError, "2 spatial axes after the channels"),
    (lambda nn: nn.functional.pdist(X1), ShapeError, "rows of a matrix"),
    (lambda nn: nn.functional.cosine_similarity(X1, X2), ShapeError, "broadcast"),
    (lambda nn: nn.RMSNorm(4)(X1), ShapeError, r"rms_norm in module RMSNorm over the last axes \(4,\) does not fit"),
    (lambda nn: nn.LocalResponseNorm(0)(X1), OptionError, "size of 1 channel or more"),
    (lambda nn: nn.LocalResponseNorm(2)(tg.ones(2, 4)), ShapeError, "batch, channels"),
    (lambda nn: nn.InstanceNorm1d(4)(X2), ShapeError, r"\(batch, channels, length\) with 4 channels"),
    (lambda nn: nn.InstanceNorm1d(3)(X1), ShapeError, "3 channels"),
    (lambda nn: nn.InstanceNorm1d(4)(tg.ones(2, 4, 1)), ShapeError, "more than 1 element in space"),
    (lambda nn: nn.BatchNorm3d(4)(X2), ShapeError, "depth, height, width"),
    (lambda nn: nn.Bilinear(4, 5, 2)(tg.ones(3, 4), tg.ones(3, 4)), ShapeError, r"inputs \(..., 4\) and \(..., 5\)"),
    (lambda nn: nn.functional.pixel_shuffle(X2, 3), ShapeError, "divisible by 9"),
    (lambda nn: nn.functional.pixel_unshuffle(X2, 2), ShapeError, "height and width divisible by 2"),
    (lambda nn: nn.functional.channel_shuffle(X2, 3), ShapeError, "divisible into 3 groups"),
    (lambda nn: nn.functional.softplus(X1, 0), OptionError, "other than 0"),
    (lambda nn: nn.functional.softshrink(X1, -1), OptionError, "lambd of 0 or more"),
    (lambda nn: nn.RReLU(0.5, 0.1)(X1), OptionError, "lower <= upper"),
    (lambda nn: nn.functional.gumbel_softmax(X1, 0), OptionError, "tau > 0"),
    (lambda nn: nn.Softmax2d()(tg.ones(2, 4)), ShapeError, "height, width"),
    (lambda nn: nn.AlphaDropout(1.5), OptionError, "between 0 and 1"),
    (
        lambda nn: nn.Conv3d(4, 2, 2)(X2[0]),
        ShapeError,
        r"conv3d in module Conv3d needs an input \(batch, channels, depth",
    ),
    (lambda nn: nn.ConvTranspose1d(4, 2, 3, 2)(X1, output_size=20), OptionError, r"sizes from \(13,\) to \(14,\)"),
    (lambda nn: nn.ConvTranspose1d(4, 2, 3, padding_mode="reflect"), OptionError, "'zeros' only"),
    (lambda nn: nn.functional.adaptive_max_pool3d(X3, (2, 2)), OptionError, "each of 3 axes"),
    (lambda nn: nn.AvgPool2d(2, divisor_override=0)(X2), OptionError, "divides by nothing"),
    (lambda nn: nn.LPPool2d(0, 2)(X2), OptionError, "other than 0"),
    (lambda nn: nn.MaxUnpool2d(2)(X2, X2[0]), ShapeError, "an index for each element"),
    (lambda nn: nn.MaxUnpool1d(2)(X1, X1.astype("int64") + 11), RangeError, "indices from 0 to 11 .* from 12 to 12"),
    (lambda nn: nn.MaxUnpool1d(2)(X1, X1.astype("int64"), (14,)), OptionError, "may differ by less than the stride"),
    (lambda nn: nn.MaxUnpool1d(2)(X3, X3), ShapeError, r"\(batch, channels, length\)"),
    (lambda nn: nn.functional.interpolate(X2), OptionError, "either a size or a scale_factor"),
    (lambda nn: nn.functional.interpolate(X2, 3, 2.0), OptionError, "either a size or a scale_factor"),
    (
        lambda nn: nn.functional.interpolate(X2, (3, 4, 5)),
        OptionError,
        "size is a positive number, or one for each of 2",
    ),
    (lambda nn: nn.functional.interpolate(X2, 2.5), OptionError, "size is a positive number"),
    (lambda nn: nn.functional.interpolate(X2, scale_factor=0.1), OptionError, "leaves nothing"),
    (lambda nn: nn.functional.interpolate(X2, 3, mode="cubic"), OptionError, "'cubic' is not one of 'nearest'"),
    (lambda nn: nn.functional.interpolate(X2, 3, mode="linear"), ShapeError, r"\(batch, channels, length\)"),
    (lambda nn: nn.Upsample(3, mode="nearest")(tg.ones(2, 4)), ShapeError, "1 to 3 spatial axes"),
    (lambda nn: nn.Upsample(3, align_corners=True)(X2), OptionError, "align_corners is for 'linear'"),
    (lambda nn: nn.functional.interpolate(X2, 3, antialias=True), OptionError, "antialias is for 'bilinear'"),
    (lambda nn: nn.functional.interpolate(X2, 3, recompute_scale_factor=True), OptionError, "not for a size"),
    (lambda nn: nn.functional.interpolate(X2[:, :, :0], 3), ShapeError, "nothing to interpolate"),
    (lambda nn: nn.functional.grid_sample(X2, tg.ones(2, 3, 3, 3)), ShapeError, "grid_sample needs an input"),
    (lambda nn: nn.functional.grid_sample(X2, tg.ones(1, 3, 3, 2)), ShapeError, "grid_sample needs an input"),
    (lambda nn: nn.functional.grid_sample(X2, tg.ones(2, 3, 3, 2), "linear"), OptionError, "'nearest', 'bicubic'"),
    (
        lambda nn: nn.functional.grid_sample(X3, tg.ones(2, 3, 3, 3, 3), "bicubic"),
        OptionError,
        "'bilinear', 'nearest'$",
    ),
    (lambda nn: nn.functional.grid_sample(X2, tg.ones(2, 3, 3, 2), "nearest", "edge"), OptionError, "'reflection'"),
    (lambda nn: nn.functional.affine_grid(tg.ones(2, 2, 3), (2, 3, 4, 5, 6)), ShapeError, "affine_grid needs a size"),
    (lambda nn: nn.MarginRankingLoss()(X1, X1, tg.ones(2, 4)), ShapeError, "one shape"),
    (lambda nn: nn.CosineEmbeddingLoss()(X1, X1, tg.ones(2)), ShapeError, r"\(batch, features\) or \(features,\)"),
    (lambda nn: nn.CosineEmbeddingLoss()(X1[0], X1[0], tg.ones(4, 1)), ShapeError, "one shape"),
    (lambda nn: nn.TripletMarginLoss(margin=0), OptionError, "margin > 0"),
    (lambda nn: nn.TripletMarginLoss(reduction="all"), OptionError, "'all' is not one of"),
    (lambda nn: nn.MultiMarginLoss(p=3), OptionError, "p = 1 or 2"),
    (lambda nn: nn.MultiMarginLoss()(X1[0], [0, 1, 2]), ShapeError, r"class numbers \(batch,\)"),
    (lambda nn: nn.MultiMarginLoss()(X1[0], tg.ones(4)), DTypeError, "integer class numbers"),
    (lambda nn: nn.MultiMarginLoss()(X1[0], [0, 1, 2, 6]), RangeError, "label 6 is out of range"),
    (lambda nn: nn.MultiLabelMarginLoss()(X1[0], [[0, 6, -1, -1, -1, -1]] * 4), RangeError, "label 6 is out of range"),
    (lambda nn: nn.MultiLabelMarginLoss()(X1[0], [0, 1]), ShapeError, "class numbers of the same shape"),
    (lambda nn: nn.GaussianNLLLoss()(X1, X1, -X1), RangeError, "variances are 0 or more, but one is -1"),
    (lambda nn: nn.GaussianNLLLoss()(X1, X1, X1[0]), ShapeError, r"\(2, 4, 1\)"),
    (lambda nn: nn.GaussianNLLLoss(eps=0)(X1, X1, X1), OptionError, "eps > 0"),
    (lambda nn: nn.CTCLoss()(X2, [[1]], [1], [1]), ShapeError, r"\(time, batch, classes\)"),
    (lambda nn: nn.CTCLoss(9)(X1, [[1]] * 4, [1] * 4, [1] * 4), OptionError, "blank=9 is none of the 6 classes"),
    (
        lambda nn: nn.CTCLoss()(X1, [[1]] * 4, [1] * 3, [1] * 4),
        ShapeError,
        "input_lengths are integers, one for each of the 4",
    ),
    (lambda nn: nn.CTCLoss()(X1, [[1]] * 4, [1] * 4, [1.0] * 4), ShapeError, "target_lengths are integers"),
    (lambda nn: nn.CTCLoss()(X1, [[1]] * 4, [3] * 4, [1] * 4), RangeError, "input_lengths from 0 to 2"),
    (lambda nn: nn.CTCLoss()(X1, [[1]] * 4, [2] * 4, [1, 2, 1, 1]), RangeError, "target_lengths from 0 to 1"),
    (lambda nn: nn.CTCLoss()(X1, [1] * 5, [2] * 4, [1] * 4), ShapeError, "the sum of target_lengths, 4"),
    (lambda nn: nn.CTCLoss()(X1, [[1]] * 3, [2] * 4, [1] * 4), ShapeError, r"targets \(4, length\)"),
    (lambda nn: nn.CTCLoss()(X1, [[1.0]] * 4, [2] * 4, [1] * 4), DTypeError, "integer class numbers"),
    (lambda nn: nn.CTCLoss()(X1, [[1]] * 3 + [[6]], [2] * 4, [1] * 4), RangeError, "label 6 is out of range"),
    (lambda nn: nn.Unfold(3)(tg.ones(2, 4)), ShapeError, "unfold in module Unfold needs an input"),
    (lambda nn: nn.Unfold(7)(X2), ShapeError, "larger than the padded input"),
    (lambda nn: nn.Fold((4, 5), 2)(tg.ones(2, 8, 11)), ShapeError, r"\(batch, channels · 4, 12\)"),
    (lambda nn: nn.Fold((4, 5), 2, stride=0)(tg.ones(2, 8, 12)), OptionError, "stride"),
]


@pytest.mark.host_only  # of numbers on a GPU nothing is looked at
@pytest.mark.parametrize(("call", "kind", "words"), WRONG, ids=lambda part: part if isinstance(part, str) else "")
def test_what_does_not_fit(call, kind, words):
    with pytest.raises(kind, match=words):
        call(tg.nn)


def test_layers_say_what_they_are():
    for layer, said in (
        (tg.nn.ConstantPad1d(2, 0.5), "ConstantPad1d(padding=(2, 2), value=0.5)"),
        (tg.nn.ReflectionPad2d((1, 2, 3, 0)), "ReflectionPad2d((1, 2, 3, 0))"),
        (
            tg.nn.InstanceNorm1d(3),
            "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)",
        ),
        (tg.nn.RMSNorm(4), "RMSNorm((4,), eps=None, elementwise_affine=True)"),
        (tg.nn.MaxPool3d(2), "MaxPool3d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (tg.nn.PixelShuffle(2), "PixelShuffle(upscale_factor=2)"),
        (tg.nn.Upsample(scale_factor=2), "Upsample(scale_factor=2, mode='nearest')"),
        (tg.nn.Fold(4, 2), "Fold(output_size=4, kernel_size=2, dilation=1, padding=0, stride=1)"),
    ):
        assert repr(layer) == said
        assert repr(pickle.loads(pickle.dumps(layer))) == said
    assert tg.nn.functional.conv3d.__name__ == "conv3d" and "depth, height, width" in tg.nn.functional.conv3d.__doc__
    assert pickle.loads(pickle.dumps(tg.nn.functional.conv3d)) is tg.nn.functional.conv3d


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_numbers_that_are_large_for_their_dtype(dtype):
    x = tg.tensor(np.array([[300.0, -400.0]]), dtype)  # whose squares no float16 can hold
    assert np.allclose(tg.nn.functional.normalize(x).numpy(), [[0.6, -0.8]], atol=1e-3)
    assert (tg.nn.functional.normalize(x * 0).numpy() == 0).all()
    assert np.allclose(tg.nn.functional.rms_norm(x, 2).numpy(), x.numpy() / 353.55, atol=1e-3)
    y = tg.nn.functional.local_response_norm(x.reshape(1, 2, 1), 1, 1.0, 0.5).numpy().ravel()
    assert np.allclose(y, [1, -1], atol=1e-3) and y.dtype == dtype


def test_places_that_are_far_off_or_no_numbers():
    x, grid = tg.tensor([[[[1.0, 2.0, 3.0]]]]), tg.tensor([[[[math.inf, 0.0], [-1e30, 0.0], [math.nan, 0.0]]]])
    for mode in ("bilinear", "nearest", "bicubic"):
        y = tg.nn.functional.grid_sample(x, grid, mode, "border").numpy().ravel()
        assert list(y[:2]) == [3, 1] and np.isnan(y[2])
        y = tg.nn.functional.grid_sample(x, grid, mode).numpy().ravel()
        assert list(y[:2]) == [0, 0] and np.isnan(y[2])


@given(st.sampled_from(["nearest", "nearest-exact", "linear", "area"]), st.integers(1, 12), st.integers(1, 24))
def test_interpolation_keeps_what_is_constant_and_its_own_size(mode, n, out):
    x = tg.tensor(np.random.default_rng(n).standard_normal((1, 2, n)))
    assert np.allclose(tg.nn.functional.interpolate(x * 0 + 3, out, mode=mode).numpy(), np.full((1, 2, out), 3))
    assert np.allclose(tg.nn.functional.interpolate(x, n, mode=mode).numpy(), x.numpy())


def test_columns_folded_back_are_the_image_times_how_often_each_pixel_was_seen():
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 3, 5, 6)))
    options = {"kernel_size": (2, 3), "stride": (1, 2), "padding": 1}
    seen = tg.nn.functional.fold(tg.nn.functional.unfold(x, **options), (5, 6), **options)
    times = tg.nn.functional.fold(tg.nn.functional.unfold(x * 0 + 1, **options), (5, 6), **options)
    assert np.allclose(seen.numpy(), (x * times).numpy())


@given(st.lists(st.integers(0, 2), max_size=3), st.integers(0, 5), st.integers(0, 2))
def test_ctc_is_the_sum_over_all_paths_that_read_as_the_target(target, time, blank):
    target = [label for label in target if label != blank]
    p = np.random.default_rng(time).dirichlet(np.ones(3), (5, 1))
    total = 0.0
    for path in itertools.product(range(3), repeat=time):
        merged = [label for label, _ in itertools.groupby(path) if label != blank]
        total += np.prod([p[t, 0, label] for t, label in enumerate(path)]) if merged == target else 0.0
    padded = [target + [-7] * (4 - len(target))]  # what stands behind the end is not looked at
    log_p = tg.tensor(np.log(p), requires_grad=True)
    loss = tg.nn.functional.ctc_loss(log_p, padded, [time], [len(target)], blank, "sum")
    assert np.isclose(np.exp(-loss.item()), total)
    loss.backward()
    assert np.isfinite(log_p.grad.numpy()).all()  # of what cannot be it is 0


@pytest.mark.host_only
def test_lengths_and_targets_of_a_compiled_ctc_loss_are_arguments():
    def loss(log_p, targets, *lengths):
        return tg.nn.functional.ctc_loss(log_p, targets, *lengths, reduction="none")

    step, log_p = tg.compile(loss), tg.log_softmax(tg.tensor(np.random.default_rng(0).standard_normal((6, 2, 4))))
    for targets, times, counts in (([[1, 2], [3, 3]], [6, 4], [2, 2]), ([[2, 2], [1, 0]], [3, 6], [2, 1])):
        given = [tg.tensor(part) for part in (targets, times, counts)]
        assert np.allclose(step(log_p, *given).numpy(), loss(log_p, *given).numpy())
    with pytest.raises(RangeError, match="target_lengths from 0 to 2"):
        step(log_p, *given[:2], tg.tensor([3, 1]))
    with pytest.raises(RangeError, match="label 5 is out of range"):
        step(log_p, given[0] + 3, *given[1:])


def test_weights_and_targets_do_not_widen_a_loss():
    x = tg.tensor(np.full((3, 2), 0.5, "float32"))
    wide = np.full((3, 2), 0.7)
    for loss in (
        tg.nn.functional.binary_cross_entropy(x, wide, weight=wide),
        tg.nn.functional.binary_cross_entropy_with_logits(x, wide, weight=wide, pos_weight=wide),
        tg.nn.functional.multilabel_soft_margin_loss(x, wide, weight=wide),
        tg.nn.functional.gaussian_nll_loss(x, wide, wide),
        tg.nn.functional.multi_margin_loss(x, [0, 1, 1], weight=wide[0]),
    ):
        assert loss.dtype == "float32"
