"""Layers given Keras's weights give Keras's outputs, gradients and state; initializers Keras's distributions."""

import numpy as np
import pytest
from keras_twins import agree, numbers, ours, quiet, theirs, torch

import tinygrad_ml as tg

pytestmark = quiet

LAYERS = [
    ("Dense", {"units": 3, "activation": "tanh"}, (5, 4)),
    ("Dense", {"units": 3, "use_bias": False}, (5, 2, 4)),
    ("Activation", {"activation": "gelu"}, (5, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": (2, 4), "padding": "same", "strides": (3, 2)}, (2, 8, 9, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2, "activation": "relu"}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (2, 3, 7, 6)),
    ("MaxPooling2D", {}, (2, 7, 6, 2)),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 7, 6, 2)),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2}, (2, 7, 6, 2)),
    ("AveragePooling2D", {"pool_size": 2, "strides": 2, "padding": "same"}, (2, 7, 7, 2)),
    ("GlobalAveragePooling2D", {}, (2, 7, 6, 2)),
    ("GlobalMaxPooling2D", {}, (2, 7, 6, 2)),
    ("Flatten", {}, (2, 3, 4)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3, 4, 5)),
    ("Reshape", {"target_shape": (2, -1)}, (2, 3, 4)),
    ("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    ("BatchNormalization", {}, (6, 4)),
    ("BatchNormalization", {"momentum": 0.9, "epsilon": 1e-2, "scale": False}, (2, 3, 3, 4)),
    ("BatchNormalization", {"axis": 1}, (2, 3, 4, 5)),
    ("LayerNormalization", {}, (5, 4)),
    ("LayerNormalization", {"axis": [1, 2]}, (5, 4, 3)),
    ("LayerNormalization", {"axis": (3, 1), "center": False}, (5, 4, 2, 3)),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, (5, 4)),
    ("LeakyReLU", {}, (5, 4)),
    ("PReLU", {"alpha_initializer": "ones"}, (5, 4)),
    ("PReLU", {"shared_axes": [1, 2]}, (2, 3, 3, 4)),
    ("ELU", {"alpha": 0.7}, (5, 4)),
    ("Softmax", {}, (5, 4)),
    ("Rescaling", {"scale": 0.1, "offset": 2.0}, (5, 4)),
    ("Normalization", {"mean": 0.5, "variance": 2.0}, (5, 4)),
    ("ZeroPadding2D", {"padding": ((1, 0), (2, 1))}, (2, 3, 4, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (2, 7, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 4, "padding": "same", "strides": 2}, (2, 7, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, "groups": 2}, (2, 7, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "causal", "strides": 2, "activation": "relu"}, (2, 7, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first", "use_bias": False}, (2, 3, 7)),
    ("Conv3D", {"filters": 3, "kernel_size": 2, "padding": "same", "strides": 2}, (2, 3, 4, 5, 2)),
    ("MaxPooling1D", {}, (2, 7, 2)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 8, 2)),
    ("MaxPooling1D", {"data_format": "channels_first"}, (2, 3, 8)),
    ("MaxPooling3D", {}, (2, 4, 5, 4, 2)),
    ("AveragePooling1D", {"pool_size": 3}, (2, 7, 2)),
    ("AveragePooling1D", {"pool_size": 2, "padding": "same"}, (2, 7, 2)),
    ("AveragePooling3D", {"pool_size": 2}, (2, 4, 5, 4, 2)),
    ("GlobalMaxPooling1D", {}, (2, 7, 2)),
    ("GlobalMaxPooling3D", {"keepdims": True}, (2, 3, 4, 3, 2)),
    ("GlobalAveragePooling1D", {"keepdims": True}, (2, 7, 2)),
    ("GlobalAveragePooling1D", {"data_format": "channels_first"}, (2, 3, 7)),
    ("GlobalAveragePooling3D", {}, (2, 3, 4, 3, 2)),
    ("ZeroPadding1D", {"padding": (1, 3)}, (2, 3, 2)),
    ("ZeroPadding1D", {"padding": 2, "data_format": "channels_first"}, (2, 3, 4)),
    ("ZeroPadding3D", {"padding": (1, 0, 2)}, (2, 3, 2, 2, 2)),
    ("Cropping1D", {}, (2, 5, 2)),
    ("Cropping1D", {"cropping": (0, 2)}, (2, 5, 2)),
    ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, (2, 4, 5, 2)),
    ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("Cropping3D", {"cropping": (1, 0, 1)}, (2, 4, 3, 3, 2)),
    ("UpSampling1D", {"size": 3}, (2, 3, 2)),
    ("UpSampling2D", {"size": (2, 3)}, (2, 3, 4, 2)),
    ("UpSampling2D", {"interpolation": "bilinear"}, (2, 3, 4, 2)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bicubic"}, (2, 3, 4, 2)),
    ("UpSampling2D", {"size": (3, 2), "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("UpSampling3D", {}, (2, 2, 3, 2, 2)),
    *(
        (f"Conv{len(size)}DTranspose", {"filters": 3, **options}, (2, *size, 2))
        for size in ((5,), (4, 5), (2, 3, 4))
        for options in (
            {"kernel_size": 3},
            {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "tanh"},
            {"kernel_size": 2, "strides": 3, "padding": "same"},
            {"kernel_size": 2, "strides": 3, "use_bias": False},
            {"kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1},
            {"kernel_size": 3, "strides": 2, "output_padding": 0},
            {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
        )
    ),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (2, 3), "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, (2, 7, 3)),
    ("DepthwiseConv1D", {"kernel_size": 2, "padding": "same", "strides": 2, "use_bias": False}, (2, 7, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "depth_multiplier": 3}, (2, 5, 6, 2)),
    ("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first"}, (2, 3, 5, 6)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "activation": "relu", "depth_multiplier": 2}, (2, 7, 3)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 7, 6, 3)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": (2, 3), "data_format": "channels_first"}, (2, 3, 7, 6)),
    ("GroupNormalization", {"groups": 2}, (2, 3, 4, 6)),
    ("GroupNormalization", {"groups": -1, "axis": 1, "epsilon": 0.01}, (2, 3, 4, 5)),
    ("GroupNormalization", {"groups": 3, "axis": 2, "scale": False}, (2, 4, 6, 3)),
    ("RMSNormalization", {}, (5, 4)),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, (5, 4, 3)),
    ("UnitNormalization", {}, (5, 4)),
    ("UnitNormalization", {"axis": (1, 2)}, (5, 4, 3)),
    *(
        (f"Adaptive{kind}Pooling{len(size)}D", {"output_size": to}, (2, *size, 2))
        for kind in ("Average", "Max")
        for size, to in (((7,), 3), ((7, 5), (3, 2)), ((4, 5, 3), (2, 2, 3)))
    ),
    ("AdaptiveAveragePooling2D", {"output_size": 2, "data_format": "channels_first"}, (2, 3, 5, 6)),
    *(
        ("STFTSpectrogram", {"mode": mode, "frame_length": 8, "scaling": scaling, "padding": padding}, (2, 30, 2))
        for mode, scaling, padding in (
            ("log", "density", "valid"),
            ("magnitude", "spectrum", "same"),
            ("psd", None, "valid"),
            ("real", None, "same"),
            ("imag", "density", "valid"),
            ("angle", "density", "same"),
            ("stft", "spectrum", "valid"),
        )
    ),
    *(
        (
            "STFTSpectrogram",
            {"frame_length": 6, "frame_step": 4, "expand_dims": expand, "data_format": place, "periodic": True},
            (2, 3, 30) if place == "channels_first" else (2, 30, 3),
        )
        for expand in (False, True)
        for place in ("channels_first", "channels_last")
    ),
    ("ConvLSTM1D", {"filters": 2, "kernel_size": 3}, (2, 3, 6, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": (2, 3), "return_sequences": True}, (2, 3, 4, 5, 2)),
    (
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": 3, "padding": "same", "strides": 2, "go_backwards": True},
        (2, 3, 5, 4, 2),
    ),
    (
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first"},
        (2, 3, 2, 5, 4),
    ),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": 2, "use_bias": False, "padding": "same"}, (2, 3, 3, 4, 2, 2)),
    ("AlphaDropout", {"rate": 0.0}, (3, 4)),
    ("GaussianDropout", {"rate": 0.0}, (3, 4)),
]


@pytest.mark.parametrize(("name", "options", "shape"), LAYERS, ids=lambda value: str(value))
@pytest.mark.parametrize("training", [False, True])
def test_output_gradients_and_state(name, options, shape, training):
    their_layer, own = (getattr(room.layers, name)(**options) for room in (theirs, ours))
    x = numbers(*shape)
    their_layer.build(shape)
    own(x)
    own.set_weights([weight + 0.1 * numbers(*weight.shape, seed=1) ** 2 for weight in their_layer.get_weights()])
    their_layer.set_weights(own.get_weights())
    their_x, own_x = torch.tensor(x, requires_grad=True), tg.tensor(x, requires_grad=True)
    extra = {"training": training} if name == "BatchNormalization" else {}
    expected, found = their_layer(their_x, **extra), own(own_x, training=training)
    agree(found, expected)
    direction = numbers(*found.shape, seed=2)
    (found * direction).sum().backward()
    (expected * torch.tensor(direction)).sum().backward()
    agree(own_x.grad, their_x.grad, atol=1e-5)
    assert len(own.trainable_weights) == len(their_layer.trainable_weights)
    for mine, other in zip(own.trainable_weights, their_layer.trainable_weights, strict=True):
        agree(mine.grad, other.value.grad, atol=1e-5)
    for mine, other in zip(own.get_weights(), their_layer.get_weights(), strict=True):
        agree(mine, other)
    assert tuple(own.compute_output_shape((None, *shape[1:]))) == tuple(
        their_layer.compute_output_shape((None, *shape[1:]))
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "sequence_length": 24,
            "window": "hamming",
            "mag_exp": 1.0,
            "top_db": 10.0,
            "ref_power": 2.0,
            "max_freq": 7000.0,
        },
        {"power_to_db": False, "window": None},
    ],
    ids=lambda options: str(len(options)),
)
def test_sound_in_bands(options):
    """Keras rounds its bands to float32, ours are rounded when they are there."""
    options = {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 5, **options}
    their_layer, own = (room.layers.MelSpectrogram(**options) for room in (theirs, ours))
    x = numbers(2, 64)
    their_x, own_x = torch.tensor(x, requires_grad=True), tg.tensor(x, requires_grad=True)
    expected, found = their_layer(their_x), own(own_x)
    agree(found, expected, 1e-4, 1e-4)
    direction = numbers(*found.shape, seed=2)
    (found * direction).sum().backward()
    (expected * torch.tensor(direction)).sum().backward()
    agree(own_x.grad, their_x.grad, 1e-3, 1e-3)
    assert tuple(own.compute_output_shape((None, 64))) == tuple(their_layer.compute_output_shape((None, 64)))
    agree(own(x[0]), their_layer(torch.tensor(x[0])), 1e-4, 1e-4)


@pytest.mark.parametrize("name", ["Add", "Subtract", "Average", "Multiply", "Maximum", "Minimum", "Concatenate"])
def test_merging(name):
    parts = [numbers(3, 4, seed=seed) for seed in range(2)]
    agree(getattr(ours.layers, name)()(parts), getattr(theirs.layers, name)()([torch.tensor(part) for part in parts]))


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((3, 4), (3, 4)), -1),
        (((3, 4, 2), (3, 4)), 1),
        (((3, 4), (3, 2, 4)), (1, 2)),
        (((3, 4, 2), (3, 2, 5)), (2, 1)),
        (((3, 4, 2), (3, 4, 5)), (1, 1)),
        (((3, 2, 4, 5), (3, 6, 4)), (2, -1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(shapes, axes, normalize):
    parts = [numbers(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    found = ours.layers.Dot(axes, normalize)([tg.tensor(part) for part in parts])
    agree(found, theirs.layers.Dot(axes, normalize)([torch.tensor(part) for part in parts]))
    agree(ours.layers.dot(parts, axes=axes, normalize=normalize), found.numpy())
    symbols = [ours.Input(shape[1:]) for shape in shapes]
    assert ours.layers.Dot(axes)(symbols).shape[1:] == found.shape[1:]


@pytest.mark.parametrize(
    "inner", [("Dense", {"units": 3}, (5, 4)), ("Conv2D", {"filters": 3, "kernel_size": 2}, (2, 4, 4, 2))]
)
def test_spectral_normalization(inner):
    name, options, shape = inner
    pair = [
        room.layers.SpectralNormalization(getattr(room.layers, name)(**options), power_iterations=2)
        for room in (theirs, ours)
    ]
    x = numbers(*shape)
    for layer in pair:
        layer.build(shape)
    pair[1].set_weights(pair[0].get_weights())
    for training in (True, True, False):
        agree(pair[1](x, training=training), pair[0](torch.tensor(x), training=training), atol=1e-5)
    for mine, other in zip(pair[1].get_weights(), pair[0].get_weights(), strict=True):
        agree(mine, other, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"tie_weights": False, "logit_soft_cap": 0.5}])
def test_reversible_embedding(options):
    rows, x = np.array([[0, 2], [1, 1]]), numbers(2, 3, 4)
    their_layer, own = (room.layers.ReversibleEmbedding(3, 4, **options) for room in (theirs, ours))
    for layer in (their_layer, own):
        layer.build((2, 2))
    own.set_weights(their_layer.get_weights())
    agree(own(rows), their_layer(torch.tensor(rows)))
    agree(own(x, reverse=True), their_layer(torch.tensor(x), reverse=True))
    assert (
        ours.layers.ReversibleEmbedding(3, 4, mask_zero=True)(rows)._keras_mask.numpy().tolist() == (rows != 0).tolist()
    )


def test_embedding():
    rows = np.array([[0, 2], [1, 1]])
    their_layer, own = (room.layers.Embedding(3, 4) for room in (theirs, ours))
    own(rows)
    their_layer.build((2, 2))
    own.set_weights(their_layer.get_weights())
    found, expected = own(rows), their_layer(torch.tensor(rows))
    agree(found, expected)
    (found**2).sum().backward()
    (expected**2).sum().backward()
    agree(own.embeddings.grad, their_layer.embeddings.value.grad)


def test_adapted_normalization():
    data = numbers(50, 4) * 3 + 1
    layers = [room.layers.Normalization() for room in (theirs, ours)]
    for layer in layers:
        layer.adapt(data)
    agree(layers[1](data), layers[0](torch.tensor(data)), atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "relu", "sigmoid", "tanh", "softmax", "log_softmax", "elu", "selu", "celu", "gelu", "silu", "softplus", "softsign",
        "exponential", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6", "mish", "linear", "log_sigmoid", "tanh_shrink",
        "glu", "hard_shrink", "hard_tanh", "soft_shrink", "sparse_plus", "sparse_sigmoid", "squareplus",
    ],
)  # fmt: skip
def test_activations(name):
    x = numbers(6, 4) * 3
    if name == "leaky_relu":
        agree(ours.activations.get(name)(x, 0.2), theirs.activations.get(name)(torch.tensor(x), 0.2))
    else:
        agree(ours.activations.get(name)(x), theirs.activations.get(name)(torch.tensor(x)))


@pytest.mark.parametrize("shape", [(200, 300), (3, 3, 40, 60)], ids=["dense", "conv"])
@pytest.mark.parametrize(
    "name",
    [
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "random_uniform",
        "random_normal", "truncated_normal", "zeros", "ones",
    ],
)  # fmt: skip
def test_distributions(name, shape):
    ours.utils.set_random_seed(0)
    found, expected = (np.asarray(room.initializers.get(name)(shape)) for room in (ours, theirs))
    assert found.dtype == expected.dtype
    spread = max(expected.std(), 1e-9)
    assert abs(found.mean() - expected.mean()) < 0.05 * spread
    assert abs(found.std() / spread - expected.std() / spread) < 0.03
    if name not in ("random_normal",):
        assert abs(np.abs(found).max() - np.abs(expected).max()) < 0.02 * max(np.abs(expected).max(), 1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"side": "imag", "window": "hamming", "periodic": True, "scaling": "spectrum"},
        {"window": "blackman", "scaling": None},
        {"window": "bartlett", "periodic": True},
        {"window": None},
    ],
    ids=str,
)
def test_kernels_of_fourier_transforms(options):
    own, other = (room.initializers.STFT(**options)((8, 1, 5)) for room in (ours, theirs))
    agree(own, other)


def test_fans_of_axes_that_are_told():
    for axes in ({"input_axes": [0], "output_axes": [1, 2]}, {"input_axes": [2, 1], "output_axes": [0]}):
        own, other = (room.initializers.VarianceScaling(seed=1, **axes)((20, 30, 10)) for room in (ours, theirs))
        assert np.std(np.asarray(own)) == pytest.approx(np.std(np.asarray(other)), rel=0.05)


def test_regularizers_and_constraints():
    w = numbers(4, 3)
    for name, options in (("L1", {"l1": 0.3}), ("L2", {"l2": 0.3}), ("L1L2", {"l1": 0.1, "l2": 0.2})):
        agree(
            getattr(ours.regularizers, name)(**options)(w),
            getattr(theirs.regularizers, name)(**options)(torch.tensor(w)),
        )
    for mode in ("rows", "columns"):
        penalties = [room.regularizers.OrthogonalRegularizer(0.5, mode) for room in (ours, theirs)]
        agree(penalties[0](w), penalties[1](torch.tensor(w)))
    for name in ("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"):
        agree(getattr(ours.constraints, name)()(w * 2), getattr(theirs.constraints, name)()(torch.tensor(w * 2)))


def test_activity_regularizer_is_divided_by_the_batch():
    x, w = numbers(5, 4), numbers(4, 3, seed=1)
    penalties = []
    for room, given in ((ours, x), (theirs, torch.tensor(x))):
        layer = room.layers.Dense(3, use_bias=False, activity_regularizer="l2", kernel_regularizer="l1")
        layer.build((None, 4))
        layer.built = True
        layer.set_weights([w])
        layer(given)
        penalties.append(sum(float(loss) for loss in layer.losses))
    assert penalties[0] == pytest.approx(penalties[1], rel=1e-5)
