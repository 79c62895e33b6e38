"""Convolution and pooling against plain loops over positions, and what does not fit."""

import itertools
import math

import numpy as np
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.functional import windows
from tinygrad_ml.functional.convolution import convolution, convolution_transpose
from tinygrad_ml.functional.pooling import adaptive_pool, avg_pool, max_pool
from tinygrad_ml.tensor import apply

random = np.random.default_rng(0)


def by_loops(x, w, bias, stride, pairs, dilation, groups):
    """The definition of `convolution`, written as it is read."""
    dims = w.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *pairs])
    spans = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    counts = [(n - span) // s + 1 for n, span, s in zip(x.shape[2:], spans, stride, strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *counts))
    inputs, outputs = w.shape[1], w.shape[0] // groups
    for place in itertools.product(*map(range, counts)):
        window = tuple(
            slice(p * s, p * s + span, d) for p, s, span, d in zip(place, stride, spans, dilation, strict=True)
        )
        seen = x[(slice(None), slice(None), *window)]
        for o in range(w.shape[0]):
            group = o // outputs
            part = seen[:, group * inputs : (group + 1) * inputs]
            y[(slice(None), o, *place)] = (part * w[o]).sum(axis=tuple(range(1, dims + 2)))
    return y + bias.reshape(1, -1, *[1] * dims)


@st.composite
def convolutions(draw):
    """Inputs of 1 to 3 spatial axes, and strides that do not divide, dilation, groups, uneven padding."""
    dims = draw(st.integers(1, 3))
    several = lambda low, high: tuple(draw(st.lists(st.integers(low, high), min_size=dims, max_size=dims)))  # noqa: E731
    kernel, stride, dilation, groups = several(1, 3), several(1, 3), several(1, 2), draw(st.integers(1, 2))
    pairs = [tuple(pair) for pair in zip(several(0, 2), several(0, 2), strict=True)]
    space = [
        draw(st.integers(max(1, d * (k - 1) + 1 - sum(pair)), 6))
        for k, d, pair in zip(kernel, dilation, pairs, strict=True)
    ]
    inputs, outputs = draw(st.integers(1, 2)) * groups, draw(st.integers(1, 2)) * groups
    x = random.standard_normal((draw(st.integers(1, 2)), inputs, *space))
    w = random.standard_normal((outputs, inputs // groups, *kernel))
    return x, w, random.standard_normal(outputs), stride, pairs, dilation, groups


@given(convolutions())
def test_convolution_is_its_definition(case):
    x, w, bias, stride, pairs, dilation, groups = case
    y = convolution(tg.tensor(x), tg.tensor(w), tg.tensor(bias), stride, pairs, dilation, groups)
    assert_close(y, by_loops(*case), rtol=1e-9, atol=1e-9)


@given(convolutions())
def test_the_transpose_is_the_transpose(case):
    """⟨conv(x), y⟩ = ⟨x, conv_transpose(y)⟩, wherever the windows reach."""
    x, w, _, stride, pairs, dilation, groups = case
    y = convolution(tg.tensor(x), tg.tensor(w), None, stride, pairs, dilation, groups)
    other = random.standard_normal(y.shape)
    leaf = tg.tensor(x, requires_grad=True)
    convolution(leaf, tg.tensor(w), None, stride, pairs, dilation, groups).backward(tg.tensor(other))
    extra = tuple(
        n - ((m - 1) * s - sum(pair) + d * (k - 1) + 1)
        for n, m, s, pair, d, k in zip(x.shape[2:], y.shape[2:], stride, pairs, dilation, w.shape[2:], strict=True)
    )
    back = convolution_transpose(tg.tensor(other), tg.tensor(w), None, stride, pairs, extra, dilation, groups)
    assert_close(back, leaf.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_padding_by_name():
    x, w = tg.tensor(random.standard_normal((1, 2, 5, 6))), tg.tensor(random.standard_normal((3, 2, 3, 4)))
    assert convolution(x, w, padding="same").shape == (1, 3, 5, 6)
    assert convolution(x, w, padding="same", dilation=(1, 2)).shape == (1, 3, 5, 6)
    assert convolution(x, w, padding="valid").shape == (1, 3, 3, 3)
    uneven = convolution(x, w, padding=((1, 1), (1, 2)))
    assert_close(convolution(x, w, padding="same"), uneven.numpy())


def pooled_by_loops(x, kernel, stride, padding, ceil_mode, reduce, outside):
    """Each window reduced on its own. Windows begin inside of the input or its padding in front."""
    n = [
        math.ceil((size + 2 * padding - kernel) / stride) if ceil_mode else (size + 2 * padding - kernel) // stride
        for size in x.shape[2:]
    ]
    counts = [c + 1 - (ceil_mode and c * stride >= size + padding) for c, size in zip(n, x.shape[2:], strict=True)]
    wide = np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * 2], constant_values=outside)
    y = np.zeros((*x.shape[:2], *counts))
    for i, j in itertools.product(*map(range, counts)):
        window = wide[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        y[:, :, i, j] = reduce(window)
    return y


poolings = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.booleans(), st.integers(3, 6), st.integers(3, 6)
).filter(lambda case: case[2] <= case[0] // 2)


@given(poolings)
def test_max_pooling_is_its_definition_also_of_negative_numbers(case):
    kernel, stride, padding, ceil_mode, height, width = case
    x = -np.abs(random.standard_normal((2, 2, height, width))) - 1
    expected = pooled_by_loops(x, kernel, stride, padding, ceil_mode, lambda window: window.max((2, 3)), -np.inf)
    y = max_pool(tg.tensor(x), kernel, stride, padding, ceil_mode=ceil_mode)
    assert_close(y, expected)
    assert y.numpy().max() < 0  # padding never wins


@given(poolings)
def test_average_pooling_with_and_without_the_padding(case):
    kernel, stride, padding, ceil_mode, height, width = case
    x = random.standard_normal((2, 2, height, width))
    without = pooled_by_loops(x, kernel, stride, padding, ceil_mode, lambda window: np.nanmean(window, (2, 3)), np.nan)
    assert_close(avg_pool(tg.tensor(x), kernel, stride, padding, ceil_mode, count_include_pad=False), without)
    with_zeros = pooled_by_loops(x, kernel, stride, padding, ceil_mode, lambda window: window.mean((2, 3)), 0)
    assert_close(avg_pool(tg.tensor(x), kernel, stride, padding, ceil_mode), with_zeros)


def test_overlapping_windows_add_their_gradients():
    x = tg.tensor(np.float32([[[1, 3, 2]]]), requires_grad=True)
    max_pool(x, 2, 1).sum().backward()
    assert_close(x.grad, [[[0, 2, 0]]])


def test_ties_in_a_window_share_the_gradient():
    x = tg.ones(1, 1, 2, 2, requires_grad=True)
    max_pool(x, 2).sum().backward()
    assert_close(x.grad, np.full((1, 1, 2, 2), 0.25))


@given(st.integers(1, 7), st.integers(1, 7))
def test_adaptive_pooling_cuts_any_size(n, out):
    x = random.standard_normal((1, 2, n))
    cuts = [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
    expected = np.stack([x[..., start:stop].mean(-1) for start, stop in cuts], -1)
    assert_close(adaptive_pool(tg.tensor(x), out, tg.mean), expected)


def test_adaptive_pooling_keeps_axes_that_are_none():
    assert adaptive_pool(tg.ones(1, 2, 5, 6), (None, 3), tg.max).shape == (1, 2, 5, 3)


def test_a_batch_of_nothing():
    assert convolution(tg.zeros(0, 2, 5), tg.ones(3, 2, 3)).shape == (0, 3, 3)
    assert max_pool(tg.zeros(0, 2, 4, 4), 2).shape == (0, 2, 2, 2)


def test_shapes_are_known_beforehand():
    x, w = tg.symbol((8, 3, 32, 32)), tg.symbol((16, 3, 5, 5))
    assert convolution(x, w, stride=2, padding=2).shape == (8, 16, 16, 16)
    assert max_pool(x, 3, 2, 1).shape == (8, 3, 16, 16)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: convolution(tg.ones(1, 1, 3), tg.ones(1, 1, 4)),
            ShapeError,
            r"kernel \(4,\) is larger than the padded input \(3,\)",
        ),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), dilation=2), ShapeError, r"dilated to \(5,\)"),
        (lambda: convolution(tg.ones(1, 3, 4), tg.ones(1, 2, 3)), ShapeError, "3 channels.*second axis must be 3 / 1"),
        (lambda: convolution(tg.ones(1, 3, 4), tg.ones(2, 1, 3), groups=2), ShapeError, r"2 group\(s\)"),
        (lambda: convolution(tg.ones(1, 3, 4), tg.ones(2, 3, 3), groups=0), ShapeError, r"0 group\(s\)"),
        (lambda: convolution(tg.ones(3, 4), tg.ones(2, 3, 3)), ShapeError, r"\(batch, channels, \*space\)"),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), stride=0), OptionError, "stride"),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), dilation=0), OptionError, "dilation"),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), stride=(1, 2)), OptionError, "stride must be"),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), padding=-1), OptionError, "padding must be"),
        (
            lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), padding="same", stride=2),
            OptionError,
            "needs stride 1",
        ),
        (lambda: convolution(tg.ones(1, 1, 4), tg.ones(1, 1, 3), padding="some"), OptionError, "'same', 'valid'"),
        (
            lambda: convolution(tg.ones(1, 1, 4), tg.ones(2, 1, 3), tg.ones(3)),
            ShapeError,
            r"bias.*\(3,\).*2 output channels",
        ),
        (lambda: convolution_transpose(tg.ones(1, 3, 4), tg.ones(2, 1, 3)), ShapeError, "convolution_transpose needs"),
        (lambda: max_pool(tg.ones(1, 1, 4), 2, padding=2), OptionError, "more than half"),
        (lambda: max_pool(tg.ones(1, 1, 2), 3), ShapeError, "larger than the padded input"),
        (lambda: max_pool(tg.ones(1, 1, 4), 0), OptionError, "kernel_size"),
        (lambda: avg_pool(tg.ones(1, 1, 4), 2, stride=0), OptionError, "stride"),
        (lambda: adaptive_pool(tg.ones(1, 1, 4), 0, tg.mean), OptionError, "output_size"),
        (lambda: adaptive_pool(tg.ones(1, 1, 4), (2, 2), tg.mean), OptionError, "output_size"),
    ],
)
def test_what_does_not_fit(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.host_only
@pytest.mark.parametrize(
    ("shape", "kernel", "dilation"),
    [
        ((33, 16, 10, 12), (3, 3), (1, 1)),
        ((5, 3, 40, 31), (5, 2), (2, 3)),
        ((64, 40, 30), (7,), (1,)),
        ((6, 9, 8, 7, 6), (2, 3, 2), (1, 1, 2)),
        ((40, 40, 40), (3, 3), (1, 1)),
        ((70, 60), (4, 4), (1, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_many_windows_are_added_up_in_runs_to_the_same_bits(shape, kernel, dilation, dtype, monkeypatch):
    lead = shape[: len(shape) - len(kernel)]
    counts = [n - d * (k - 1) for n, k, d in zip(shape[len(lead) :], kernel, dilation, strict=True)]
    laid = np.random.default_rng(0).standard_normal((*lead, *kernel, *counts)).astype(dtype)
    windows_axes = range(len(lead) + len(kernel), laid.ndim)
    x = tg.tensor(laid.transpose((*range(len(lead)), *windows_axes, *range(len(lead), len(lead) + len(kernel)))))
    options = {"shape": shape, "kernel": kernel, "stride": (1,) * len(kernel), "dilation": dilation}
    folded = []
    for worth in (1, x.size + 1):
        monkeypatch.setattr(windows, "WORTH_RUNS", worth)
        folded.append(apply(windows.fold, (x,), options).numpy())
    assert folded[0].dtype == dtype and folded[0].tobytes() == folded[1].tobytes()
