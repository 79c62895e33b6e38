"""The table of functions and layers of `nn` without state: a row is one expression, which PyTorch understands too.

`test_nn_operations.py` checks every row numerically, on symbols, compiled, and against numbers that PyTorch gave;
`compare/test_ops_torch.py` against PyTorch itself. A new function gets a row here; layers with parameters are in
`compare/test_nn_torch.py`.
"""

from collections.abc import Callable

import numpy as np
from operations import Operation

import tinygrad_ml as tg

TABLE: list[Operation] = []


def row(name: str, call: Callable, *inputs: np.ndarray) -> None:
    """`call(nn, *tensors)`, `nn` being ours or PyTorch's."""
    TABLE.append(Operation(name, lambda *x: call(tg.nn, *x), inputs, lambda torch, *x: call(torch.nn, *x)))


_random = np.random.default_rng(21)
numbers = _random.standard_normal
ROWS = numbers((5, 4))
SEQUENCES = numbers((2, 4, 7))
IMAGES = numbers((2, 4, 5, 6))
VOLUMES = numbers((1, 2, 4, 3, 5))

# -- padding -------------------------------------------------------------------------------------------

row("pad", lambda nn, x: nn.functional.pad(x, (1, 2)) ** 3, ROWS)
row("pad by a number, and cut", lambda nn, x: nn.functional.pad(x, (2, -1, -2, 3), value=1.5) ** 3, IMAGES)
row("pad of volumes", lambda nn, x: nn.functional.pad(x, (1, 0, 0, 2, 1, 1)) ** 3, VOLUMES)
for _mode in ("reflect", "replicate", "circular"):
    row(f"pad {_mode}", lambda nn, x, m=_mode: nn.functional.pad(x, (3, 1), m) ** 3, SEQUENCES)
    row(f"pad {_mode}, and cut", lambda nn, x, m=_mode: nn.functional.pad(x, (3, -1, -1, 2), m) ** 3, IMAGES)
    row(f"pad {_mode} of volumes", lambda nn, x, m=_mode: nn.functional.pad(x, (2, 0, 1, 2, 0, 1), m) ** 3, VOLUMES)
row("ConstantPad1d", lambda nn, x: nn.ConstantPad1d((2, 1), 0.5)(x) ** 3, SEQUENCES)
row("ZeroPad2d", lambda nn, x: nn.ZeroPad2d(1)(x) ** 3, IMAGES[0])
row("ReflectionPad2d", lambda nn, x: nn.ReflectionPad2d((1, 2, 3, 0))(x) ** 3, IMAGES)
row("ReplicationPad3d", lambda nn, x: nn.ReplicationPad3d(1)(x) ** 3, VOLUMES)
row("CircularPad1d", lambda nn, x: nn.CircularPad1d((3, 2))(x) ** 3, SEQUENCES[0])

# -- distances, and what only scales -------------------------------------------------------------------

for _p in (1.0, 2.0, 3.0):
    row(f"normalize {_p}", lambda nn, x, p=_p: nn.functional.normalize(x, p, -1), ROWS)
    row(f"pairwise_distance {_p}", lambda nn, a, b, p=_p: nn.functional.pairwise_distance(a, b, p), ROWS, ROWS[0] + 0.3)
    row(f"pdist {_p}", lambda nn, x, p=_p: nn.functional.pdist(x, p), ROWS)
row("normalize over channels", lambda nn, x: nn.functional.normalize(x), IMAGES)
row("cosine_similarity", lambda nn, a, b: nn.functional.cosine_similarity(a, b), ROWS, ROWS[::-1] + 1)
row("cosine_similarity, broadcast", lambda nn, a, b: nn.CosineSimilarity(0)(a, b), ROWS, ROWS[:, :1] + 1)
row("PairwiseDistance", lambda nn, a, b: nn.PairwiseDistance(keepdim=True)(a, b), ROWS, ROWS[::-1] + 1)
row("rms_norm", lambda nn, x, w: nn.functional.rms_norm(x, (4,), w, 0.01), ROWS, ROWS[0])
row("rms_norm over two axes", lambda nn, x: nn.functional.rms_norm(x, (5, 6)), IMAGES)
row("local_response_norm", lambda nn, x: nn.LocalResponseNorm(3, 0.7, 0.6, 1.5)(x), IMAGES)
row("local_response_norm, even", lambda nn, x: nn.functional.local_response_norm(x, 2, 2.0), SEQUENCES)
row("instance_norm", lambda nn, x, w, b: nn.functional.instance_norm(x, weight=w, bias=b), IMAGES, ROWS[0], ROWS[1])
row(
    "bilinear",
    lambda nn, a, b, w, c: nn.functional.bilinear(a, b, w, c),
    ROWS,
    ROWS[:, :3],
    numbers((2, 4, 3)),
    ROWS[0, :2],
)

# -- moving numbers ------------------------------------------------------------------------------------

row("pixel_shuffle", lambda nn, x: nn.functional.pixel_shuffle(x, 2) ** 3, IMAGES)
row("pixel_unshuffle", lambda nn, x: nn.PixelUnshuffle(3)(x[..., :3, :]) ** 3, IMAGES)
row("channel_shuffle", lambda nn, x: nn.ChannelShuffle(2)(x) ** 3, SEQUENCES)

row("unfold", lambda nn, x: nn.functional.unfold(x, (2, 3), (2, 1), (1, 0), (1, 2)) ** 3, IMAGES)
row("unfold without a batch", lambda nn, x: nn.Unfold(2)(x) ** 3, IMAGES[0])
row("fold", lambda nn, x: nn.functional.fold(x, (5, 6), (2, 3), (2, 1), (1, 0), (1, 2)) ** 3, numbers((2, 12, 10)))
row("fold without a batch", lambda nn, x: nn.Fold((3, 4), 2)(x) ** 3, numbers((8, 6)))


def places(numbers, like):
    """Whole numbers as a tensor of the library of another one."""
    return tg.tensor(numbers) if isinstance(like, tg.Tensor) else like.new_tensor(numbers).long()


BAGS = np.array([[0, 2, 2], [4, 1, 0], [2, 2, 2], [3, 4, 1]])
TOGETHER, OFFSETS = BAGS.reshape(-1), np.array([0, 4, 4, 5])
for _mode in ("mean", "sum", "max"):
    for _padding in (None, 2):
        _words = f"embedding_bag {_mode}{'' if _padding is None else ', padding'}"
        row(
            _words,
            lambda nn, w, m=_mode, p=_padding: (
                nn.functional.embedding_bag(places(BAGS, w), w, mode=m, padding_idx=p) ** 3
            ),
            ROWS,
        )
        row(
            f"{_words}, offsets",
            lambda nn, w, m=_mode, p=_padding: (
                nn.functional.embedding_bag(places(TOGETHER, w), w, places(OFFSETS, w), mode=m, padding_idx=p) ** 3
            ),
            ROWS,
        )
row(
    "embedding_bag of weights",
    lambda nn, w, f: (
        nn.functional.embedding_bag(
            places(TOGETHER, w),
            w,
            places([*OFFSETS, 12], w),
            mode="sum",
            per_sample_weights=f,
            include_last_offset=True,
        )
        ** 3
    ),
    ROWS,
    np.linspace(-1.0, 1.5, 12),
)

# -- interpolation and sampling ------------------------------------------------------------------------

for _mode, _x, _size in (
    ("linear", SEQUENCES, (11,)),
    ("bilinear", IMAGES, (3, 11)),
    ("bicubic", IMAGES, (3, 11)),
    ("trilinear", VOLUMES, (3, 5, 4)),
):
    for _aligned in (False, True):
        row(
            f"interpolate {_mode}, aligned {_aligned}",
            lambda nn, x, m=_mode, a=_aligned, s=_size: nn.functional.interpolate(x, s, mode=m, align_corners=a) ** 3,
            _x,
        )
    row(
        f"interpolate {_mode} by a factor",
        lambda nn, x, m=_mode: nn.Upsample(scale_factor=1.7, mode=m)(x) ** 3,
        _x,
    )
for _mode in ("nearest", "nearest-exact", "area"):
    for _x, _size in ((SEQUENCES, (11,)), (IMAGES, (3, 18)), (VOLUMES, (3, 9, 4))):
        row(
            f"interpolate {_mode} to {_size}",
            lambda nn, x, m=_mode, s=_size: nn.functional.interpolate(x, s, mode=m) ** 3,
            _x,
        )
row(
    "interpolate nearest-exact where float32 decides",
    lambda nn, x: nn.Upsample((1, 23), mode="nearest-exact")(x),
    numbers((1, 1, 1, 14)),
)
row(
    "interpolate linear by a factor to the same size",
    lambda nn, x: nn.Upsample(scale_factor=1.1, mode="linear")(x),
    SEQUENCES,
)
row("interpolate, two factors", lambda nn, x: nn.functional.interpolate(x, scale_factor=(2, 0.7)) ** 3, IMAGES)
row(
    "interpolate, recomputed",
    lambda nn, x: nn.functional.interpolate(x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True) ** 3,
    IMAGES,
)
for _mode in ("bilinear", "bicubic"):
    for _size in ((2, 3), (4, 9)):
        row(
            f"interpolate {_mode} to {_size} without aliases",
            lambda nn, x, m=_mode, s=_size: nn.functional.interpolate(x, s, mode=m, antialias=True) ** 3,
            IMAGES,
        )
row("UpsamplingNearest2d", lambda nn, x: nn.UpsamplingNearest2d(scale_factor=2)(x) ** 3, IMAGES)
row("UpsamplingBilinear2d", lambda nn, x: nn.UpsamplingBilinear2d((7, 4))(x) ** 3, IMAGES)

GRID, GRID_3D = numbers((2, 3, 4, 2)), numbers((1, 2, 3, 2, 3))
for _aligned in (False, True):
    for _padding in ("zeros", "border", "reflection"):
        for _mode in ("bilinear", "nearest", "bicubic"):
            row(
                f"grid_sample {_mode}, {_padding}, aligned {_aligned}",
                lambda nn, x, grid, options=(_mode, _padding, _aligned): (
                    nn.functional.grid_sample(x, grid, *options) ** 3
                ),
                IMAGES,
                GRID,
            )
    for _mode, _padding in (("bilinear", "zeros"), ("bilinear", "reflection"), ("nearest", "border")):
        row(
            f"grid_sample of volumes {_mode}, {_padding}, aligned {_aligned}",
            lambda nn, x, grid, options=(_mode, _padding, _aligned): nn.functional.grid_sample(x, grid, *options) ** 3,
            VOLUMES,
            GRID_3D,
        )
    row(
        f"affine_grid, aligned {_aligned}",
        lambda nn, theta, a=_aligned: nn.functional.affine_grid(theta, (2, 3, 4, 1 + a), a) ** 3,
        numbers((2, 2, 3)),
    )
row(
    "affine_grid of volumes",
    lambda nn, theta: nn.functional.affine_grid(theta, (1, 3, 4, 2, 3), False) ** 3,
    numbers((1, 3, 4)),
)

# -- activations ---------------------------------------------------------------------------------------

row("softplus, threshold", lambda nn, x: nn.functional.softplus(x, 2.0, 1.5), ROWS)
row("threshold", lambda nn, x: nn.functional.threshold(x, 0.3, 2.0) ** 3, ROWS)
row("hardshrink", lambda nn, x: nn.Hardshrink()(x) ** 3, ROWS)
row("softshrink", lambda nn, x: nn.Softshrink(0.3)(x) ** 3, ROWS)
row("rrelu", lambda nn, x: nn.functional.rrelu(x) ** 3, ROWS)
row("Softmax2d", lambda nn, x: nn.Softmax2d()(x), IMAGES)

# -- pooling -------------------------------------------------------------------------------------------

row("max_pool3d", lambda nn, x: nn.functional.max_pool3d(x, 2, 1, 1) ** 3, VOLUMES)
row("avg_pool3d", lambda nn, x: nn.functional.avg_pool3d(x, (2, 3, 2), 1, (1, 0, 1)) ** 3, VOLUMES)
row("adaptive_avg_pool3d", lambda nn, x: nn.functional.adaptive_avg_pool3d(x, (3, None, 2)) ** 3, VOLUMES)
row("adaptive_max_pool3d", lambda nn, x: nn.functional.adaptive_max_pool3d(x, 2) ** 3, VOLUMES[0])

for _options in ({"divisor_override": 5}, {"ceil_mode": True, "count_include_pad": False, "divisor_override": 2}):
    row(
        f"avg_pool2d {_options}",
        lambda nn, x, o=_options: nn.functional.avg_pool2d(x, 3, 2, 1, **o) ** 3,
        IMAGES,
    )
row("AvgPool3d by a number", lambda nn, x: nn.AvgPool3d(2, 1, divisor_override=3)(x) ** 3, VOLUMES)
row("lp_pool1d", lambda nn, x: nn.LPPool1d(3, 2, 1)(x * x + 0.1), SEQUENCES)
row("lp_pool2d", lambda nn, x: nn.functional.lp_pool2d(x, 2.0, (2, 3), ceil_mode=True), IMAGES)
row(
    "max_unpool1d",
    lambda nn, x: nn.functional.max_unpool1d(*nn.functional.max_pool1d(x, 2, return_indices=True), 2) ** 3,
    SEQUENCES,
)
row(
    "max_unpool2d",
    lambda nn, x: nn.MaxUnpool2d(2)(*nn.MaxPool2d(2, return_indices=True)(x), output_size=(5, 6)) ** 3,
    IMAGES[0],
)
row(
    "max_unpool3d",
    lambda nn, x: (
        nn.functional.max_unpool3d(
            *nn.functional.max_pool3d(x, (2, 1, 2), 2, 0, return_indices=True), (2, 1, 2), 2, output_size=(4, 3, 5)
        )
        ** 3
    ),
    VOLUMES,
)

# -- losses --------------------------------------------------------------------------------------------

SIGNS = np.where(numbers(5) > 0, 1.0, -1.0)
SIGNS_OF_ROWS = np.where(numbers((5, 4)) > 0, 1.0, -1.0)
CLASSES = _random.integers(0, 4, 5)
SETS = np.array([[3, 0, -1, 1], [0, 1, 2, 3], [2, 2, -1, -1], [-1, 0, 0, 0], [1, -1, -1, -1]])
WEIGHTS = np.array([0.5, 1.0, 2.0, 0.2])
OTHER, THIRD = numbers((5, 4)), numbers((5, 4))


def loss_row(name: str, call: Callable, *inputs: np.ndarray) -> None:
    """The loss of each element, and its mean. (The sum is one for all of them.)"""
    for reduction in ("none", "mean"):
        row(f"{name}, {reduction}", lambda nn, *x, r=reduction: call(nn, *x, reduction=r), *inputs)


def constant(numbers: np.ndarray, like):
    """Numbers as a tensor of the library of another one."""
    return tg.tensor(numbers) if isinstance(like, tg.Tensor) else like.new_tensor(numbers)


loss_row(
    "MarginRankingLoss",
    lambda nn, a, b, **r: nn.MarginRankingLoss(0.3, **r)(a, b, constant(SIGNS_OF_ROWS, a)),
    OTHER,
    THIRD,
)
loss_row(
    "HingeEmbeddingLoss",
    lambda nn, x, **r: nn.HingeEmbeddingLoss(0.7, **r)(x, constant(SIGNS_OF_ROWS, x)),
    ROWS,
)
loss_row(
    "CosineEmbeddingLoss",
    lambda nn, a, b, **r: nn.CosineEmbeddingLoss(0.1, **r)(a, b, constant(SIGNS, a)),
    OTHER,
    THIRD,
)
for _options in ({}, {"p": 3, "swap": True, "margin": 2.0}):
    loss_row(
        f"TripletMarginLoss {_options}",
        lambda nn, a, b, c, o=_options, **r: nn.TripletMarginLoss(**o, **r)(a, b, c),
        ROWS,
        OTHER,
        THIRD,
    )
loss_row(
    "TripletMarginWithDistanceLoss",
    lambda nn, a, b, c, **r: nn.TripletMarginWithDistanceLoss(
        distance_function=lambda x, y: 1 - nn.functional.cosine_similarity(x, y), swap=True, **r
    )(a, b, c),
    ROWS,
    OTHER,
    THIRD,
)
row("a sum", lambda nn, x: nn.SoftMarginLoss(reduction="sum")(x, constant(SIGNS_OF_ROWS, x)), ROWS)
loss_row("SoftMarginLoss", lambda nn, x, **r: nn.SoftMarginLoss(**r)(x * 9, constant(SIGNS_OF_ROWS, x)), ROWS)
for _weight in (None, WEIGHTS):
    _words = "" if _weight is None else ", weighted"
    loss_row(
        f"MultiLabelSoftMarginLoss{_words}",
        lambda nn, x, w=_weight, **r: nn.functional.multilabel_soft_margin_loss(
            x, constant(SIGNS_OF_ROWS / 2 + 0.5, x), None if w is None else constant(w, x), **r
        ),
        ROWS,
    )
    for _p in (1, 2):
        loss_row(
            f"MultiMarginLoss {_p}{_words}",
            lambda nn, x, t, p=_p, w=_weight, **r: nn.functional.multi_margin_loss(
                x, t, p, 0.7, None if w is None else constant(w, x), **r
            ),
            ROWS,
            CLASSES,
        )
loss_row("MultiLabelMarginLoss", lambda nn, x, t, **r: nn.MultiLabelMarginLoss(**r)(x, t), ROWS, SETS)
row("MultiLabelMarginLoss of one", lambda nn, x, t: nn.MultiLabelMarginLoss()(x, t), ROWS[0], SETS[0])
for _full in (False, True):
    for _shape in ((5, 4), (5,)):
        loss_row(
            f"GaussianNLLLoss {_full} {_shape}",
            lambda nn, x, t, v, f=_full, **r: nn.GaussianNLLLoss(full=f, eps=1e-3, **r)(x, t, v * v),
            ROWS,
            OTHER,
            np.abs(numbers(_shape)) + 0.3,
        )
    loss_row(
        f"PoissonNLLLoss {_full}",
        lambda nn, x, t, f=_full, **r: nn.PoissonNLLLoss(full=f, **r)(x, t * t * 3),
        ROWS,
        OTHER,
    )
loss_row(
    "PoissonNLLLoss of counts",
    lambda nn, x, t, **r: nn.PoissonNLLLoss(False, **r)(x * x, t * t),
    ROWS,
    OTHER,
)

SPEECH, LABELS = numbers((9, 3, 4)) * 2, np.array([[1, 1, 3, 2], [2, 0, 0, 0], [3, 1, 1, 0]])
for _name, _labels, _lengths, _counts in (
    ("padded", LABELS, (9, 5, 7), (4, 1, 3)),
    ("one after the other", np.array([1, 1, 3, 2, 3, 1, 1]), (9, 9, 9), (4, 0, 3)),
):
    loss_row(
        f"CTCLoss, {_name}",
        lambda nn, x, t, n=_lengths, m=_counts, **r: nn.CTCLoss(**r)(nn.LogSoftmax(2)(x), t, n, m),
        SPEECH,
        _labels,
    )
row(
    "CTCLoss, another blank",
    lambda nn, x, t: nn.CTCLoss(3)(nn.LogSoftmax(2)(x), t % 3, (9, 5, 7), (4, 1, 2)),
    SPEECH,
    LABELS,
)
row(
    "CTCLoss of what cannot be",
    lambda nn, x, t: nn.CTCLoss(zero_infinity=True, reduction="sum")(nn.LogSoftmax(2)(x), t, (9, 1, 3), (4, 1, 3)),
    SPEECH,
    LABELS,
)
row(
    "CTCLoss without a batch",
    lambda nn, x, t: nn.CTCLoss()(nn.LogSoftmax(1)(x), t[:3], (8,), (3,)),
    SPEECH[:, 0],
    LABELS[0],
)

# -- losses of numbers, shares and classes --------------------------------------------------------------

SHARES = np.abs(numbers((5, 4))) + 0.1
SHARES /= SHARES.sum(-1, keepdims=True)

for _name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
    _options = {"SmoothL1Loss": {"beta": 0.6}, "HuberLoss": {"delta": 0.6}}.get(_name, {})
    loss_row(_name, lambda nn, x, t, n=_name, o=_options, **r: getattr(nn, n)(**o, **r)(x, t), ROWS, OTHER)
loss_row("BCELoss", lambda nn, x, **r: nn.BCELoss(**r)(x, constant(SIGNS_OF_ROWS / 2 + 0.5, x)), SHARES)
loss_row(
    "BCEWithLogitsLoss",
    lambda nn, x, **r: nn.BCEWithLogitsLoss(constant(WEIGHTS, x), pos_weight=constant(WEIGHTS + 1, x), **r)(
        x, constant(SHARES, x)
    ),
    ROWS,
)
for _reduction in ("none", "batchmean"):  # PyTorch has a warning for "mean"
    row(
        f"KLDivLoss, {_reduction}",
        lambda nn, x, r=_reduction: nn.KLDivLoss(reduction=r)(nn.LogSoftmax(-1)(x), constant(SHARES, x)),
        ROWS,
    )
for _words, _options in (("", {}), (" without class 3", {"ignore_index": 3})):
    for _weight in (None, WEIGHTS):
        _more = _words if _weight is None else f"{_words}, weighted"
        loss_row(
            f"NLLLoss{_more}",
            lambda nn, x, t, o=_options, w=_weight, **r: nn.NLLLoss(None if w is None else constant(w, x), **o, **r)(
                x, t
            ),
            ROWS,
            CLASSES,
        )
        loss_row(
            f"CrossEntropyLoss{_more}",
            lambda nn, x, t, o=_options, w=_weight, **r: nn.CrossEntropyLoss(
                None if w is None else constant(w, x), label_smoothing=0.1, **o, **r
            )(x, t),
            ROWS,
            CLASSES,
        )
loss_row("CrossEntropyLoss of shares", lambda nn, x, **r: nn.CrossEntropyLoss(**r)(x, constant(SHARES, x)), ROWS)
