"""Losses and metrics of the Keras face, with what they are given, as two kinds of test want it: `test_keras_numbers.py` has
their numbers, which Keras gave once, and `compare/test_keras_shapes.py` meets Keras itself in all ranks.
"""

import numpy as np

N, K, T = 3, 4, 2  # samples, classes, steps
SHAPES = [(N,), (N, 1), (N, K), (N, T), (N, T, 1), (N, T, K)]
WEIGHTS = [None, (), (1,), *SHAPES]
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None]

LOSSES = [
    ("MeanSquaredError", {}, "real", "real"),
    ("MeanAbsoluteError", {}, "real", "real"),
    ("MeanAbsolutePercentageError", {}, "real", "real"),
    ("MeanSquaredLogarithmicError", {}, "share", "share"),
    ("Huber", {"delta": 0.7}, "real", "real"),
    ("LogCosh", {}, "real", "real"),
    ("Hinge", {}, "bits", "real"),
    ("SquaredHinge", {}, "bits", "real"),
    ("CategoricalHinge", {}, "bits", "real"),
    ("KLDivergence", {}, "share", "share"),
    ("Poisson", {}, "bits", "share"),
    ("CosineSimilarity", {}, "real", "real"),
    ("BinaryCrossentropy", {}, "bits", "share"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits", "real"),
    ("CategoricalCrossentropy", {}, "bits", "share"),
    ("CategoricalCrossentropy", {"from_logits": True}, "bits", "real"),
    ("SparseCategoricalCrossentropy", {}, "label", "share"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, "label", "real"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "label", "share"),
]
METRICS = [
    ("Accuracy", {}, "bits", "bits"),
    ("BinaryAccuracy", {}, "bits", "share"),
    ("CategoricalAccuracy", {}, "real", "real"),
    ("SparseCategoricalAccuracy", {}, "label", "real"),
    ("TopKCategoricalAccuracy", {"k": 2}, "real", "real"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "label", "real"),
    ("RootMeanSquaredError", {}, "real", "real"),
    ("LogCoshError", {}, "real", "real"),
    ("Precision", {}, "bits", "share"),
    ("Precision", {"thresholds": [0.3, 0.6]}, "bits", "share"),
    ("Precision", {"class_id": 0}, "bits", "share"),
    ("Recall", {}, "bits", "share"),
    ("Recall", {"top_k": 1}, "bits", "share"),
    *(loss for loss in LOSSES if loss[0] not in ("Huber", "LogCosh")),
]


def data(kind, shape, rng):
    if kind == "label":
        return rng.integers(0, 2, shape)
    if kind == "bits":
        return rng.integers(0, 2, shape).astype("float32")
    return (rng.standard_normal(shape) if kind == "real" else rng.uniform(0.05, 0.95, shape)).astype("float32")


def fit_together(name, t, p):
    """Whether targets and predictions of these shapes are about the same samples."""
    if name.startswith("Sparse"):
        return t in (p[:-1], (*p[:-1], 1))
    if name in ("CategoricalAccuracy", "TopKCategoricalAccuracy"):
        return t == p
    return t == p or sorted((t, p), key=len)[0] + (1,) == sorted((t, p), key=len)[1]


def ids(cases):
    return ["-".join((name, *options)) for name, options, *_ in cases]


ALIKE = [
    ((N,), (N, 1), (N,)),
    ((N, 1), (N,), (N, 1)),
    ((N, K), (N, K), None),
    ((N, K), (N, K), (N,)),
    ((N, T, K), (N, T, K), (N, T)),
]
OF_CLASSES = [((N, 1), (N, K), None), ((N,), (N, K), (N,)), ((N, T, 1), (N, T, K), None), ((N, T), (N, T, K), (N, T))]


def given(name, targets, predictions):
    """Targets, predictions and weights, of the ranks that the commonest programs have."""
    rng = np.random.default_rng(1)
    for t, p, w in OF_CLASSES if name.startswith("Sparse") else ALIKE:
        if fit_together(name, t, p):
            weights = None if w is None else rng.uniform(0, 2, w).astype("float32")
            yield data(targets, t, rng), data(predictions, p, rng), weights


def numbers_of_losses(room, value_and_gradient):
    """{loss: its numbers}, `value_and_gradient(f, p)` being the number f(p) and its gradient, as arrays."""
    found = {}
    for (name, options, targets, predictions), label in zip(LOSSES, ids(LOSSES), strict=True):
        found[label] = []
        for t, p, w in given(name, targets, predictions):
            for reduction in REDUCTIONS[:1] if w is None else REDUCTIONS[:4]:
                loss = getattr(room.losses, name)(reduction=reduction, **options)
                value, slope = value_and_gradient(loss, t, p, w)
                found[label] += [
                    float(value),
                    float((slope * np.cos(np.arange(slope.size)).reshape(slope.shape)).sum()),
                ]
    return found


def numbers_of_metrics(room, as_array, convert):
    """{metric: its numbers, each of two batches of other sizes}."""
    found = {}
    for (name, options, targets, predictions), label in zip(METRICS, ids(METRICS), strict=True):
        found[label] = []
        for t, p, w in given(name, targets, predictions):
            if t.ndim != p.ndim and not name.startswith(("Sparse", *ALIGNED)):
                continue
            metric = getattr(room.metrics, name)(**options)
            for part in (slice(0, 2), slice(2, None)):
                if not (name in ("Precision", "Recall") and w is not None and w.shape[-1] == 1):
                    metric.update_state(*(None if a is None else convert(a[part]) for a in (t, p, w)))
            found[label] += np.ravel(as_array(metric.result())).astype(float).tolist()
    return found


ALIGNED = ("MeanS", "MeanA", "Root", "LogCosh", "Cosine", "Accuracy", "BinaryAccuracy", "Precision", "Recall")
"""Metrics of Keras that align (batch,) and (batch, 1); others make a table of them, or refuse."""


# -- layers of sequences: (layer, options, shapes of what it is called on, what is given by name) --------------------------

STEPS = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)
_X, _PAIR = ((3, 5, 4),), ((3, 5, 4), (3, 5, 4))
SEQUENCES = [
    *(
        (name, options, _X, given)
        for name in ("SimpleRNN", "LSTM", "GRU")
        for options, given in (
            ({"units": 3}, {}),
            ({"units": 3, "return_sequences": True, "go_backwards": True}, {"mask": STEPS}),
            ({"units": 3, "return_state": True}, {"mask": STEPS}),
        )
    ),
    ("LSTM", {"units": 3, "activation": "softsign", "recurrent_activation": "hard_sigmoid", "use_bias": False}, _X, {}),
    ("GRU", {"units": 3, "reset_after": False, "return_sequences": True}, _X, {"mask": STEPS}),
    ("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, _X, {}),
    ("Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2}, _X, {}),
    ("Conv3D", {"filters": 2, "kernel_size": 2}, ((2, 3, 4, 3, 2),), {}),
    ("MaxPooling1D", {"pool_size": 2, "padding": "same"}, _X, {}),
    ("AveragePooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, _X, {}),
    ("GlobalAveragePooling1D", {}, _X, {"mask": STEPS}),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, ((2, 3, 4, 2),), {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "value_dim": 2}, _PAIR, {"use_causal_mask": True}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": 5, "use_gate": True}, _PAIR, {}),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"}, _X, {}),
]


IMAGES = [
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "padding": "same"}, _X, {}),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1}, ((2, 3, 4, 2),), {}),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same"}, ((2, 3, 4, 2),), {}),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}, ((1, 2, 3, 2, 2),), {}),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, _X, {}),
    ("DepthwiseConv2D", {"kernel_size": 2, "padding": "same", "strides": 2}, ((2, 3, 4, 2),), {}),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2}, _X, {}),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "depth_multiplier": 2}, ((2, 3, 4, 2),), {}),
    ("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "return_sequences": True}, ((3, 5, 4, 2),), {"mask": STEPS}),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}, ((2, 3, 4, 3, 2),), {}),
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}, _PAIR, {}),
    ("GroupNormalization", {"groups": 2, "axis": 2}, _X, {}),
    ("RMSNormalization", {}, _X, {}),
    ("UnitNormalization", {"axis": (1, 2)}, _X, {}),
    ("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, ((2, 5, 4, 2),), {}),
    ("AdaptiveMaxPooling1D", {"output_size": 3}, _X, {}),
]


def wave(shape, step):
    """Numbers between -1 and 1, the same each time."""
    return np.sin(step * np.arange(1, np.prod(shape) + 1)).reshape(shape).astype("float32")


def numbers_of_layers(room, run, cases):
    """Of each layer, with weights that are waves: the outputs, and the gradient of the first input, each summed with waves.

    `run(layer, inputs, given)` calls a layer for these two, as arrays; `given` is what is given by name.
    """
    found = {}
    for number, (name, options, shapes, given) in enumerate(cases):
        layer = getattr(room.layers, name)(**options)
        inputs = [wave(shape, 0.7 + i) for i, shape in enumerate(shapes)]
        run(layer, inputs, given)
        layer.set_weights([0.5 * wave(w.shape, 1.3 + i) for i, w in enumerate(layer.get_weights())])
        outputs, slope = run(layer, inputs, given)
        sums = [float((one * wave(one.shape, 0.9)).sum()) for one in [*outputs, slope]]
        found[f"{number} {name}"] = sums
    return found
