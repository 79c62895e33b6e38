"""The table of calls of `keras.ops` that are compared with Keras's: name, arguments, options, and what is looked at."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

words = str.split


class Row(NamedTuple):
    """A call. `seen` is what of the numbers is compared; `model` whether it is tried between layers."""

    id: str
    name: str
    args: tuple
    options: dict[str, Any]
    grad: bool
    model: bool
    dtypes: bool
    rtol: float
    atol: float
    seen: Callable


TABLE: list[Row] = []


def row(name, *args, grad=True, model=True, dtypes=True, rtol=1e-5, atol=2e-6, seen=lambda x: x, **options):
    """Enter a call of `keras.ops.<name>`."""
    count = sum(one.name == name for one in TABLE)
    TABLE.append(Row(f"{name} {count}", name, args, options, grad, model, dtypes, rtol, atol, seen))


_random = np.random.default_rng(7)


def normal(*shape):
    return _random.standard_normal(shape).astype("float32")


A, B = normal(3, 4), normal(3, 4)
A = np.where(np.abs(A - np.round(A * 2) / 2) < 0.05, A + 0.1, A).astype("float32")  # away from kinks
POSITIVE, UNIT = np.abs(A) + 0.5, A / 4
WHOLE = _random.integers(-9, 9, (3, 4)).astype("int32")
SMALL = _random.integers(1, 5, (3, 4)).astype("int32")
TRUTH = A > 0
VECTOR, OTHER = normal(5), normal(5)
CUBE = normal(2, 3, 4)
SQUARE = normal(2, 3, 3) + 3 * np.eye(3, dtype="float32")
DEFINITE = (SQUARE @ SQUARE.transpose(0, 2, 1) + np.eye(3)).astype("float32")
HOLES = np.where(np.abs(A) < 0.5, np.nan, A).astype("float32")
IMAGES = normal(2, 7, 6, 3)
COLOURS = _random.uniform(0, 1, (2, 7, 6, 3)).astype("float32")
SIGNAL = normal(2, 40)

# -- elementwise ---------------------------------------------------------------------------------------

for _name in words(
    """abs absolute arcsinh arctan cbrt ceil conj conjugate copy cos cosh deg2rad erf erfc exp exp2 expm1 fabs floor
    isfinite isinf isnan isneginf isposinf logical_not negative rad2deg real sign signbit sin sinc sinh square tan tanh
    trunc relu relu6 sigmoid hard_sigmoid sparse_sigmoid silu swish hard_silu hard_swish hard_tanh tanh_shrink log_sigmoid selu
    softplus softsign sparse_plus leaky_relu elu celu gelu hard_shrink soft_shrink squareplus round nan_to_num angle i0 ravel
    stop_gradient zeros_like ones_like"""
):
    row(_name, A, grad=_name != "stop_gradient", rtol=2e-5)
for _name in words("log log10 log1p log2 sqrt rsqrt reciprocal"):
    row(_name, POSITIVE)
for _name in words("arccos arcsin arctanh erfinv"):
    row(_name, UNIT)
row("arccosh", POSITIVE + 1)
for _name in words(
    """abs arctan cos exp sqrt square sign negative isfinite logical_not log1p tanh floor ceil exp2 fabs cbrt sinc trunc round
    real expm1 sinh deg2rad rad2deg absolute reciprocal isnan zeros_like ones_like copy"""
):
    row(_name, np.abs(WHOLE) + 1 if _name == "reciprocal" else WHOLE if _name != "sqrt" else SMALL)
for _name in words(
    "add subtract multiply divide true_divide maximum minimum arctan2 hypot logaddexp logaddexp2 fmax fmin"
):
    row(_name, A, B)
    row(_name, A, B[:1], model=False)
    row(_name, A, 2.5)
    row(_name, A, WHOLE)
    row(_name, WHOLE, SMALL)
for _name in words("equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor"):
    row(_name, SMALL, SMALL[::-1].copy())
    row(_name, A, 0.5)
for _name in words("mod floor_divide fmod"):
    row(_name, A, POSITIVE, grad=_name != "floor_divide")
    row(_name, WHOLE, SMALL)
row("power", POSITIVE, B)
row("power", A, 2)
row("power", SMALL, 2)
row("ldexp", A, SMALL)
row("heaviside", np.round(A), B, grad=False)
row("nextafter", A, B, grad=False)
row("divide_no_nan", A, np.round(B))
for _name in words("gcd lcm"):
    row(_name, WHOLE, SMALL)
for _name in words("bitwise_and bitwise_or bitwise_xor bitwise_left_shift left_shift bitwise_right_shift right_shift"):
    row(_name, np.abs(WHOLE), SMALL)
row("bitwise_invert", WHOLE)
row("bitwise_not", WHOLE)
row("nan_to_num", HOLES, nan=2.0)
row("clip", A, -0.5, 0.7)
row("clip", WHOLE, -3, 3)
row("round", A * 10, 1)
row("where", TRUTH, A, B)
row("where", TRUTH, A, 0.0)
row("where", TRUTH, WHOLE, 1)
row("isclose", A, A + 1e-7)
row("isclose", HOLES, HOLES.copy(), equal_nan=True)
row("allclose", A, A + 1e-7, dtypes=False)
row("cast", A, "int32")
row("cast", WHOLE, "float32")
row("cast", WHOLE, "bool")
row("saturate_cast", A * 300, "uint8", grad=False)
row("saturate_cast", WHOLE * 100, "int8")
row("threshold", A, 0.3, 2.0)
row("gelu", A, approximate=False)
row("glu", A)
row("glu", CUBE[:, :2], axis=1)
for _axis in (-1, 1, None):
    row("softmax", CUBE, axis=_axis, model=_axis is not None)
    row("log_softmax", CUBE, axis=_axis, model=_axis is not None)
row("softmax", CUBE, axis=(1, 2))

# -- reductions ----------------------------------------------------------------------------------------

for _options in ({}, {"axis": 1}, {"axis": (0, 2), "keepdims": True}, {"axis": -1, "keepdims": True}):
    for _name in words("sum mean var std max min amax amin prod logsumexp any all ptp median nansum nanprod"):
        row(_name, CUBE, grad=_name not in ("any", "all"), **_options)
    for _name in words("nanmean nanvar nanstd nanmax nanmin nanmedian"):
        row(
            _name,
            HOLES if "axis" not in _options else np.stack([HOLES, HOLES[::-1]]),
            grad="median" not in _name and not _options,
            **_options,
        )
for _name in words(
    "sum mean var std max min prod any all ptp median average cumsum cumprod argmax argmin nansum nanmean nanprod"
):
    row(_name, WHOLE)
    if _name not in ("var", "std", "ptp", "median", "nansum", "nanmean", "nanprod", "max", "min"):
        row(_name, TRUTH)
for _options in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}):
    for _name in words("argmax argmin nanargmax nanargmin"):
        row(_name, CUBE, **_options)
row("nanargmax", np.where(np.isnan(HOLES), HOLES, A), axis=0)
row("max", CUBE, axis=1, initial=0.3)
row("min", CUBE, initial=-0.3)
row("count_nonzero", WHOLE)
row("count_nonzero", WHOLE, axis=1)
row("average", CUBE, axis=1)
row("average", A, axis=1, weights=np.array([0.1, 0.2, 0.3, 0.5], "float32"), model=False)
row("moments", CUBE, axes=(0, 2), rtol=1e-4)
row("moments", CUBE, axes=[1], keepdims=True, rtol=1e-4)
for _name in words("cumsum cumprod nancumsum nancumprod"):
    row(_name, CUBE)
    row(_name, CUBE, axis=1)
row("cumsum", WHOLE, axis=1, dtype="float32")
for _name in words("diff trapezoid"):
    row(_name, CUBE)
    row(_name, CUBE, axis=1)
row("diff", WHOLE, n=2)
row("trapezoid", A, x=np.sort(B), model=False)
for _q in (0.3, np.array([0.1, 0.8], "float32")):
    for _method in words("linear lower higher nearest midpoint"):
        row("quantile", CUBE, _q, axis=1, method=_method, model=False, grad=isinstance(_q, float))
        row("nanquantile", HOLES, _q, axis=1, method=_method, model=False, grad=False)
row("quantile", CUBE, 0.3, axis=(1, 2), keepdims=True)
row("percentile", CUBE, 30, axis=1)
row("nanpercentile", HOLES, 30, axis=1, grad=False)
row("bincount", SMALL[0], model=False)
row("bincount", SMALL[0], weights=A[0], minlength=7, model=False, grad=False)
row("bincount", SMALL, minlength=5, model=False)
row("histogram", VECTOR, bins=5, range=(-1, 2), model=False, grad=False)
row("digitize", A, np.array([-0.5, 0.1, 0.9], "float32"), model=False)
row("corrcoef", A, rtol=1e-4)

# -- shapes and pieces ---------------------------------------------------------------------------------

row("reshape", CUBE, (-1, 12))
row("reshape", CUBE, (-1, 2, 6))
row("transpose", CUBE)
row("transpose", CUBE, (0, 2, 1))
row("swapaxes", CUBE, 1, 2)
row("moveaxis", CUBE, 1, -1)
row("expand_dims", CUBE, 1)
row("expand_dims", CUBE, (1, 3))
row("squeeze", CUBE[:, :1])
row("squeeze", CUBE[:, :1], 1)
row("broadcast_to", CUBE[:, :1], (2, 3, 4), model=False)
row("concatenate", [A, B], axis=1)
row("concatenate", [A, WHOLE], axis=-1)
row("stack", [A, B], axis=1)
row("stack", [A, B])
row("append", A, B, axis=1)
row("append", A, B)
row("hstack", [A, B])
row("vstack", [A, B])
row("dstack", [A, B])
row("hstack", [VECTOR, OTHER])
row("vstack", [VECTOR, OTHER])
row("dstack", [VECTOR, OTHER], model=False)
row("split", CUBE, 2, axis=2)
row("split", CUBE, [1, 3], axis=-1)
row("array_split", CUBE, 3, axis=2)
row("hsplit", CUBE, 3)
row("vsplit", CUBE, 2, model=False)
row("dsplit", CUBE, 2)
row("unstack", CUBE, axis=1)
for _name in words("flip fliplr flipud"):
    row(_name, CUBE)
row("flip", CUBE, axis=(1, 2))
row("roll", CUBE, 2, axis=1)
row("roll", CUBE, 2)
for _k in (-1, 0, 1, 2, 3):
    row("rot90", CUBE, k=_k, model=False)
    row("rot90", CUBE, k=_k, axes=(1, 2))
row("repeat", CUBE, 2, axis=1)
row("repeat", CUBE, 3)
row("tile", CUBE, 2)
row("tile", CUBE, (1, 2, 3))
row("pad", CUBE, ((0, 0), (1, 2), (0, 1)))
row("pad", CUBE, ((0, 0), (1, 2), (0, 1)), constant_values=2.0)
row("pad", CUBE, ((0, 0), (1, 2), (1, 1)), mode="reflect")
row("pad", CUBE, ((0, 0), (1, 1), (1, 0)), mode="symmetric")
for _k in (-1, 0, 2):
    row("diag", A, k=_k, model=False)
    row("diag", VECTOR, k=_k, model=False)
    row("diagflat", A, k=_k, model=False)
    row("diagonal", CUBE, offset=_k, axis1=1, axis2=2)
    row("tril", CUBE, k=_k)
    row("triu", CUBE, k=_k)
    row("trace", CUBE, offset=_k, axis1=1, axis2=2)
row("rearrange", IMAGES, "b h (w p) c -> b (p h) w c", p=2)
row("rearrange", IMAGES, "b h w c -> b (h w c)")

# -- creation ------------------------------------------------------------------------------------------

for _name in words("zeros ones empty"):
    row(_name, (2, 3), seen=np.zeros_like if _name == "empty" else lambda x: x)
    row(_name, (2,), dtype="int32", seen=np.zeros_like if _name == "empty" else lambda x: x)
row("empty_like", A, seen=np.zeros_like, grad=False, model=False)
row("full", (2, 3), 1.5)
row("full", (2, 3), 7)
row("full_like", A, 2)
row("array", [[1, 2], [3, 4]])
row("array", [1.5, 2])
row("convert_to_tensor", [True, False])
row("convert_to_tensor", 3)
row("arange", 5)
row("arange", 1, 4, 0.5)
row("arange", 2, 10, 3, dtype="int64")
row("eye", 3)
row("eye", 3, 4, k=1, dtype="int32")
row("identity", 3)
row("tri", 3)
row("tri", 3, 4, k=1)
row("linspace", 0, 1, 7)
row("linspace", 0.0, 5.0, 4, endpoint=False, retstep=True, dtypes=False)
row("linspace", A[0], B[0], 5, grad=False, model=False)
row("logspace", 0.0, 2.0, 5)
row("logspace", 0, 3, 4, endpoint=False, base=2)
row("geomspace", 1.0, 100.0, 5, rtol=1e-4)
row("meshgrid", VECTOR, OTHER[:3], model=False)
row("meshgrid", VECTOR, OTHER[:3], indexing="ij", model=False)
row("vander", VECTOR, model=False, grad=False)
row("vander", VECTOR, 3, increasing=True, model=False, grad=False)
for _name in words("bartlett blackman hamming hanning"):
    row(_name, 7)
    row(_name, 1)
row("kaiser", 7, 5.0)

# -- selecting -----------------------------------------------------------------------------------------

PLACES = np.array([[0, 2, 1, 2], [1, 0, 0, 3], [3, 3, 1, 0]], "int32")
row("get_item", CUBE, (slice(None), 1))
row("get_item", CUBE, (Ellipsis, slice(0, 3, 2)))
row("get_item", CUBE, (slice(None), None, -1))
row("take", CUBE, np.array([0, 2, 2], "int32"), axis=1, model=False)
row("take", CUBE, [[0, 2], [1, 1]], axis=1)
row("take", CUBE, 3)
row("take_along_axis", A, PLACES, axis=1)
row("take_along_axis", A, PLACES, model=False)
row("sort", CUBE)
row("sort", CUBE, axis=1)
row("argsort", CUBE)
row("argsort", CUBE, axis=1)
row("argpartition", A, 2, seen=lambda x: np.sort(x, -1))
row("top_k", A, 2, dtypes=False)
row("in_top_k", np.array([0, 3, 1], "int32"), A, 2)
row("searchsorted", np.sort(VECTOR), A, model=False)
row("searchsorted", np.sort(VECTOR), np.sort(VECTOR), side="right", model=False)
row("isin", WHOLE, SMALL, model=False)
row("isin", WHOLE, [1, 2, 3], invert=True)
row("select", [TRUTH, WHOLE > 0], [A, B], default=9.0)
row("unravel_index", np.array([3, 7, 11], "int32"), (3, 4))
row("unique", WHOLE, model=False)
row("unique", SMALL, return_inverse=True, return_counts=True, model=False, dtypes=False)
row("one_hot", SMALL, 5)
row("one_hot", np.minimum(WHOLE, 3), 4, axis=1)
row("one_hot", SMALL[0], 5, dtype="int32")
row("multi_hot", SMALL, 5)
row("scatter", np.array([[0, 1], [2, 3], [0, 1]], "int32"), VECTOR[:3], (3, 4), model=False)
row("scatter", np.array([[0], [2]], "int32"), A[:2], (3, 4), model=False)
for _reduction in (None, "add", "max", "min", "mul"):
    row(
        "scatter_update",
        A,
        np.array([[0, 1], [2, 3], [1, 1]]),
        VECTOR[:3],
        reduction=_reduction,
        model=False,
        grad=_reduction in (None, "add"),
    )
    row("scatter_update", A, np.array([[0], [2]]), B[:2], reduction=_reduction, model=False, grad=False)
row("slice", CUBE, (0, 1, 1), (2, 2, 3), model=False)
row("slice_update", CUBE, (0, 1, 1), normal(1, 2, 3), model=False)
row("segment_sum", A, np.array([0, 2, 0]), model=False)
row("segment_sum", A, np.array([0, 2, -1]), num_segments=4, model=False)
for _name in words("segment_max segment_min segment_prod"):
    row(_name, A, np.array([0, 2, 0]), num_segments=4, model=False)

# -- products and matrices -----------------------------------------------------------------------------

row("matmul", A, B.T.copy(), model=False)
row("matmul", CUBE, B.T.copy(), model=False)
row("matmul", WHOLE, SMALL.T.copy(), model=False)
row("dot", A, B.T.copy(), model=False)
row("dot", VECTOR, OTHER, model=False)
row("dot", A, 2.0)
row("inner", A, B, model=False)
row("outer", VECTOR, OTHER, model=False)
row("vdot", VECTOR, OTHER, model=False)
row("kron", A, B[:2, :2].copy(), model=False)
row("tensordot", CUBE, normal(3, 4, 5), axes=2, model=False)
row("tensordot", CUBE, A, axes=((1, 2), (0, 1)), model=False)
row("einsum", "ij,kj->ik", A, B, model=False)
row("einsum", "bij->bji", CUBE)
row("cross", normal(2, 3), normal(2, 3))
for _mode in words("valid same full"):
    row("correlate", VECTOR, OTHER[:3], mode=_mode, model=False)
row("correlate", OTHER[:3], VECTOR, model=False)
for _name in words("det inv slogdet linalg.det"):
    row(_name, SQUARE, rtol=1e-4, atol=1e-5)
row("logdet", DEFINITE, rtol=1e-4)
row("cholesky", DEFINITE, rtol=1e-4, grad=False)
row("cholesky", DEFINITE, upper=True, rtol=1e-4, grad=False)
row("cholesky_inverse", np.linalg.cholesky(DEFINITE), rtol=1e-3, atol=1e-4, grad=False)
row("eigh", DEFINITE, rtol=1e-3, atol=1e-4, grad=False, seen=np.abs)
row("qr", CUBE, rtol=1e-3, atol=1e-4, grad=False, seen=np.abs)
row("svd", CUBE, rtol=1e-3, atol=1e-4, grad=False, seen=np.abs, full_matrices=False)
row("svd", CUBE, rtol=1e-3, atol=1e-4, compute_uv=False)
row("solve", SQUARE, CUBE, rtol=1e-3, atol=1e-5)
for _lower in (False, True):
    row("solve_triangular", SQUARE, CUBE, lower=_lower, rtol=1e-3, atol=1e-5)
row("lstsq", A.T.copy(), B.T.copy(), rtol=1e-3, atol=1e-4, model=False, grad=False)
row("pinv", CUBE, rtol=1e-3, atol=1e-4, grad=False)
row("matrix_rank", CUBE, dtypes=False)
for _options in ({}, {"axis": 1}, {"ord": 1, "axis": -1}, {"ord": np.inf, "axis": 1, "keepdims": True}):
    row("norm", CUBE, **_options)
row("norm", CUBE, ord="fro", axis=(1, 2))
row("cdist", CUBE, normal(2, 5, 4), rtol=1e-4)
row("psnr", COLOURS, COLOURS[::-1].copy(), 1.0)

# -- signals -------------------------------------------------------------------------------------------

row("extract_sequences", SIGNAL, 8, 3)
for _name in words("fft fft2 ifft2"):
    row(_name, (CUBE, CUBE[::-1].copy()), rtol=1e-4, atol=1e-5)
for _n in (None, 3, 6):
    row("rfft", CUBE, fft_length=_n, rtol=1e-4, atol=1e-5)
    row("irfft", (CUBE, CUBE[::-1].copy()), fft_length=_n, rtol=1e-4, atol=1e-5)
for _options in ({}, {"window": "hamming"}, {"center": False}, {"window": None}):
    row("stft", SIGNAL, 8, 3, 10, rtol=1e-3, atol=1e-5, **_options)
row("istft", (normal(2, 9, 5), normal(2, 9, 5)), 8, 2, 8, rtol=1e-3, atol=1e-4)
row("istft", (normal(2, 9, 5), normal(2, 9, 5)), 8, 2, 8, window="hamming", length=14, rtol=1e-3, atol=1e-4)

# -- networks ------------------------------------------------------------------------------------------

KERNEL = normal(3, 2, 3, 4) * 0.3
for _options in (
    {},
    {"strides": 2, "padding": "same"},
    {"padding": "same", "dilation_rate": 2},
    {"strides": (1, 2), "data_format": "channels_first"},
):
    _images = IMAGES.transpose(0, 3, 1, 2).copy() if "data_format" in _options else IMAGES
    row("conv", _images, KERNEL, model=False, rtol=1e-4, atol=1e-5, **_options)
    row("depthwise_conv", _images, normal(3, 2, 3, 2), model=False, rtol=1e-4, atol=1e-5, **_options)
row("conv", normal(2, 9, 3), normal(3, 3, 4), padding="same", strides=2, model=False, rtol=1e-4, atol=1e-5)
row("conv", normal(2, 5, 4, 3, 2), normal(2, 2, 2, 2, 3), model=False, rtol=1e-4, atol=1e-5)
row("conv", normal(2, 9, 6), normal(3, 3, 4), model=False, rtol=1e-4, atol=1e-5)
row("separable_conv", IMAGES, normal(3, 2, 3, 2), normal(1, 1, 6, 4), model=False, rtol=1e-4, atol=1e-5)
for _options in (
    {},
    {"strides": 2},
    {"strides": 2, "padding": "same"},
    {"strides": 3, "padding": "same"},
    {"padding": "same", "dilation_rate": 2},
    {"strides": 4},
    {"strides": 2, "padding": "same", "output_padding": 1},
    {"strides": 2, "output_padding": 1},
):
    row("conv_transpose", IMAGES, normal(3, 2, 4, 3), model=False, rtol=1e-4, atol=1e-5, **_options)
for _options in (
    {"pool_size": 2},
    {"pool_size": (3, 2), "strides": 1},
    {"pool_size": 2, "data_format": "channels_first"},
):
    row("max_pool", IMAGES, **_options)
    row("average_pool", IMAGES, **_options)
row("max_pool", normal(2, 9, 3), 2)
row("average_pool", IMAGES[:, :6], 2, strides=2, padding="same")
row("adaptive_average_pool", IMAGES, (3, 2))
row("adaptive_max_pool", IMAGES, 3)
row("unfold", IMAGES.transpose(0, 3, 1, 2).copy(), 2)
row("fold", normal(2, 12, 30), (7, 6), 2)
row("depth_to_space", normal(2, 3, 4, 8), 2)
row("depth_to_space", normal(2, 8, 3, 4), 2, data_format="channels_first")
row("space_to_depth", normal(2, 6, 4, 3), 2)
row("space_to_depth", normal(2, 3, 6, 4), 2, data_format="channels_first")
row("normalize", CUBE)
row("normalize", CUBE, axis=1, order=1)
row("batch_normalization", CUBE, normal(4), np.abs(normal(4)) + 0.1, -1, normal(4), normal(4), model=False)
row("batch_normalization", CUBE, normal(3), np.abs(normal(3)) + 0.1, 1, model=False)
row("layer_normalization", CUBE, rtol=1e-4)
row("layer_normalization", CUBE, normal(4), normal(4), model=False, rtol=1e-4)
row("rms_normalization", CUBE, rtol=1e-4)
row("rms_normalization", CUBE, normal(4), model=False, rtol=1e-4)
SHARES = (np.abs(CUBE) / np.abs(CUBE).sum(-1, keepdims=True)).astype("float32")
for _logits in (False, True):
    row("binary_crossentropy", TRUTH.astype("float32"), np.abs(UNIT), from_logits=_logits, grad=False)
    row("categorical_crossentropy", SHARES[::-1].copy(), SHARES, from_logits=_logits)
    row("sparse_categorical_crossentropy", np.array([[0, 1, 3], [2, 2, 0]]), SHARES, from_logits=_logits)
row(
    "ctc_loss",
    np.array([[1, 2, 2], [3, 1, 0]]),
    normal(2, 8, 5),
    np.array([3, 2]),
    np.array([8, 6]),
    rtol=1e-4,
    model=False,
)
row("ctc_decode", normal(2, 8, 5), np.array([8, 6], "int32"), model=False, grad=False)
row(
    "ctc_decode",
    normal(2, 8, 5),
    np.array([8, 6], "int32"),
    merge_repeated=False,
    mask_index=2,
    model=False,
    grad=False,
)
HEADS = [normal(2, 5, 4, 3) for _ in range(3)]
row("dot_product_attention", *HEADS, rtol=1e-4)
row("dot_product_attention", *HEADS, is_causal=True, scale=0.4, rtol=1e-4)
row("dot_product_attention", *HEADS, mask=normal(2, 1, 5, 5) > -1, rtol=1e-4, model=False)
row("dot_product_attention", *HEADS, bias=normal(2, 4, 5, 5), rtol=1e-4, model=False)
row("dot_product_attention", HEADS[0], HEADS[1][:, :, :2].copy(), HEADS[2][:, :, :2].copy(), rtol=1e-4)

# -- images --------------------------------------------------------------------------------------------

for _interpolation in words("nearest bilinear bicubic"):
    row("image.resize", IMAGES, (5, 9), interpolation=_interpolation, rtol=1e-4, atol=1e-5)
row("image.resize", IMAGES, (3, 4), antialias=True, rtol=1e-4, atol=1e-5)
row("image.resize", IMAGES, (4, 8), crop_to_aspect_ratio=True, rtol=1e-4, atol=1e-5)
row("image.resize", IMAGES, (4, 8), pad_to_aspect_ratio=True, fill_value=1.0, rtol=1e-4, atol=1e-5)
row("image.resize", (COLOURS * 255).astype("uint8"), (5, 9), atol=1)
row("image.resize", IMAGES[0], (5, 9), model=False, rtol=1e-4, atol=1e-5)
row("image.crop_images", IMAGES, 1, 2, target_height=4, target_width=3)
row("image.crop_images", IMAGES, 1, 2, 1, 0)
row("image.pad_images", IMAGES, 1, 2, target_height=10, target_width=11)
row("image.extract_patches", IMAGES, 3)
row("image.extract_patches", IMAGES, (3, 2), strides=1, padding="same")
row("image.extract_patches_3d", normal(2, 4, 4, 4, 2), 2)
for _name in words("rgb_to_grayscale rgb_to_hsv hsv_to_rgb"):
    row(f"image.{_name}", COLOURS, rtol=1e-4, atol=1e-5)
row("image.gaussian_blur", IMAGES, (3, 3), (1.0, 1.5), data_format="channels_last", rtol=1e-4, atol=1e-5)
row("image.sobel_edges", IMAGES, data_format="channels_last", rtol=1e-4, atol=1e-5)
row("image.ssim", COLOURS, COLOURS[::-1].copy(), filter_size=5, rtol=1e-4)
for _fill in words("constant nearest wrap mirror reflect"):
    for _order in (0, 1):
        row(
            "image.map_coordinates", A, [normal(6) * 3, normal(6) * 4], _order, _fill, model=False, rtol=1e-4, atol=1e-5
        )
TURN = np.array([0.9, 0.3, -0.5, -0.2, 1.1, 0.7, 0, 0], "float32")
for _interpolation in words("nearest bilinear"):
    row(
        "image.affine_transform",
        IMAGES,
        np.stack([TURN, TURN * 0.9]),
        _interpolation,
        "reflect",
        model=False,
        grad=False,
        rtol=1e-4,
        atol=1e-5,
    )
row(
    "image.affine_transform",
    IMAGES,
    np.stack([TURN, TURN * 0.9]),
    fill_value=2.0,
    model=False,
    grad=False,
    rtol=1e-4,
    atol=1e-5,
)
CORNERS = np.array([[0, 0], [5, 0], [0, 6], [5, 6]], "float32")
row(
    "image.perspective_transform",
    IMAGES,
    CORNERS,
    CORNERS + normal(4, 2) * 0.5,
    model=False,
    grad=False,
    rtol=1e-3,
    atol=1e-4,
)
for _method in words("linear cubic lanczos3"):
    row(
        "image.scale_and_translate",
        IMAGES,
        (2, 9, 5, 3),
        np.array([1.3, 0.8], "float32"),
        np.array([0.4, -0.3], "float32"),
        (1, 2),
        _method,
        model=False,
        grad=False,
        rtol=1e-3,
        atol=1e-4,
    )

TESTED_ELSEWHERE = {
    *words("imag isreal nonzero sparsemax"),
    *words("associative_scan cond custom_gradient fori_loop map scan switch vectorize vectorized_map while_loop jvp"),
    *words("convert_to_numpy dtype is_tensor ndim shape size image.elastic_transform"),
}
"""In `tests/test_keras_operations.py`: they take functions, give no tensors, or are wrong in Keras on PyTorch."""
