"""Every public name, option, method and config of what is offered, beside Keras's own.

What is not offered stands here with its reason, or tells it where it is looked up.
"""

import inspect

import pytest
from keras_twins import ours, quiet, theirs, torch

from tinygrad_ml.keras.absent import NotOfferedError
from tinygrad_ml.keras.arguments import options_of

pytestmark = quiet

ROOMS = ["layers", "models", "saving", "utils", "initializers", "regularizers", "constraints", "activations"]
ROOMS += ["callbacks", "losses", "metrics", "optimizers", "optimizers.schedules", "ops", "random", "config", "backend"]


def room(keras, path):
    for part in filter(None, path.split(".")):
        keras = getattr(keras, part)
    return keras


def public(thing):
    return [name for name in dir(thing) if not name.startswith("_")]


@pytest.mark.parametrize("path", ["", *ROOMS])
def test_every_name_is_here_or_says_why_not(path):
    here = room(ours, path)
    for name in set(public(room(theirs, path))) - {"src"}:
        try:
            getattr(here, name)
        except NotOfferedError as error:
            assert len(str(error).split(": ", 1)[1]) > 5


def pairs(path):
    """(name, Keras's class, ours) of the classes that both have."""
    there, here = room(theirs, path), room(ours, path)
    for name in public(there):
        if inspect.isclass(getattr(there, name)) and inspect.isclass(getattr(here, name, None)):
            yield name, getattr(there, name), getattr(here, name)


def signature(function):
    """{name: default} of what can be given by name; whether it takes more."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    return {p.name: p.default for p in named}, any(p.kind is p.VAR_KEYWORD for p in parameters)


NO_OPTIONS = {
    "lora_rank": "no low-rank training",
    "lora_alpha": "no low-rank training",
    "quantization_config": "layers compute in float32",
    "gptq_unpacked_column_size": "layers compute in float32",
    "synchronized": "one device",
    "renorm": "not offered",
    "renorm_clipping": "not offered",
    "renorm_momentum": "not offered",
    "input_tensor": "a symbol is used as it is",
    "ragged": "there are no ragged tensors",
}
OTHER_DEFAULTS = {
    **{
        (f"{name}{rank}D", "pool_size"): "that of MaxPooling"
        for name in ("AveragePooling", "AvgPool")
        for rank in (1, 2, 3)
    },
    ("ZeroPadding3D", "padding"): "1 is ((1, 1), (1, 1), (1, 1))",
    ("AdamW", "name"): "None is adamw",
}


def alike(found, default):
    """Whether two defaults are one; 2 is as good as (2, 2), and as 2.0."""
    if type(found) in (int, float) and type(default) in (int, float):
        return found == default
    if isinstance(default, tuple) and isinstance(found, int):
        default = default[0] if len(set(default)) == 1 else default
    return repr(found).lower() == repr(default).lower()


@pytest.mark.parametrize("path", ROOMS)
def test_constructors_have_the_same_options_in_the_same_order_with_the_same_defaults(path):
    for name, their_class, own_class in pairs(path):
        if name in ("CustomObjectScope", "LambdaCallback", "Model", "Sequential"):
            continue
        wanted, _ = signature(their_class.__init__)
        found = options_of(own_class)
        for option, default in wanted.items():
            if option in NO_OPTIONS and option not in found:
                continue
            assert option in found, (name, option)
            if (name, option) not in OTHER_DEFAULTS and option != "name":
                assert alike(found[option], default), (name, option)
        shared = [option for option in wanted if option in signature(own_class.__init__)[0]]
        assert [option for option in signature(own_class.__init__)[0] if option in wanted] == shared, name


def built(layer):
    layer.build((None, 3))
    return layer


def functional(keras):
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Dense(2)(x))


OBJECTS = {
    "Layer": lambda keras: built(keras.layers.Dense(2)),
    "Model": lambda keras: keras.Model(),
    "Sequential": lambda keras: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]),
    "Functional": functional,
    "Optimizer": lambda keras: keras.optimizers.SGD(),
    "Schedule": lambda keras: keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5),
    "Initializer": lambda keras: keras.initializers.HeNormal(),
    "Regularizer": lambda keras: keras.regularizers.L1L2(),
    "Constraint": lambda keras: keras.constraints.MaxNorm(),
    "InputSpec": lambda keras: keras.InputSpec(ndim=2),
}
_FLOAT32 = "layers compute in float32, and are not quantised"
_JAX = "it belongs to Keras's JAX: steps without state, and trees of it"
_VARIABLES = "a tensor is written by its own assign"
NOT_HERE = {
    **dict.fromkeys(
        [
            "autocast",
            "dtype_policy",
            "input_dtype",
            "quantization_mode",
            "quantize",
            "quantized_build",
            "quantized_call",
            "enable_lora",
            "lora_alpha",
            "lora_enabled",
            "lora_rank",
            "quantization_config",
            "variable_serialization_spec",
            "get_quantization_layer_structure",
        ],
        _FLOAT32,
    ),
    **dict.fromkeys(
        [
            "stateless_call",
            "stateless_apply",
            "stateless_compute_loss",
            "get_state_tree",
            "set_state_tree",
            "rematerialized_call",
            "supports_jit",
            "symbolic_call",
        ],
        _JAX,
    ),
    **dict.fromkeys(["assign", "assign_add", "assign_sub", "add_variable", "add_variable_from_reference"], _VARIABLES),
    **dict.fromkeys(["add_optimizer_variables", "update_step"], "a rule of one's own is an optim.Optimizer"),
    "add_metric": "metrics are given to compile, or kept as attributes",
    "metrics": "those of a model",
    "metrics_variables": "metrics have variables",
    "path": "tensors have names with paths",
    "call_signature_parameters": "inspect.signature(layer.call)",
    "make_train_function": "model.train_function is made as it is asked for",
    "make_test_function": "model.test_function",
    "make_predict_function": "model.predict_function",
    "steps_per_execution": "it changes nothing",
    "loss": "there once compiled",
}
OTHER_ARGUMENTS = {
    "mask": "that of a model's input comes with it",
    "training": "the phase that a layer is called in is told to those inside",
    "state": "of Keras's JAX",
    "max_shard_size": "weights are in one file",
    "var_list": "the first argument",
}


def missing(kind):
    """The public names that an object of Keras's has, and ours has not."""
    other, own = (OBJECTS[kind](keras) for keras in (theirs, ours))
    of_torch = {*dir(torch.nn.Module()), "torch_params"}  # from which Keras derives with this backend
    return {name for name in set(public(other)) - of_torch if not hasattr(type(own), name) and not hasattr(own, name)}


@pytest.mark.parametrize("kind", OBJECTS)
def test_every_method_is_here_or_stands_in_the_list(kind):
    assert missing(kind) <= NOT_HERE.keys()


def test_what_the_list_says_is_missing_is_missing():
    assert not NOT_HERE.keys() - set().union(*map(missing, OBJECTS))


@pytest.mark.parametrize("kind", OBJECTS)
def test_methods_take_the_same_arguments(kind):
    other, own = (type(OBJECTS[kind](keras)) for keras in (theirs, ours))
    for name in set(public(other)) - set(dir(torch.nn.Module)):
        method = getattr(other, name)
        if hasattr(own, name) and (inspect.isfunction(method) or inspect.ismethod(method)):
            _, takes_more = signature(getattr(own, name))
            wanted = signature(method)[0].keys() - inspect.signature(getattr(own, name)).parameters.keys()
            assert takes_more or wanted <= OTHER_ARGUMENTS.keys(), (name, wanted)


CONFIGS = [
    ("layers.Dense", {"units": 3, "activation": "relu", "kernel_regularizer": "l2", "bias_constraint": "non_neg"}),
    ("layers.Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "SAME", "groups": 2}),
    ("layers.Embedding", {"input_dim": 5, "output_dim": 2}),
    ("layers.Activation", {"activation": "swish"}),
    ("layers.MaxPooling2D", {}),
    ("layers.AveragePooling2D", {"pool_size": 3, "strides": (1, 2)}),
    ("layers.GlobalMaxPooling2D", {"keepdims": True}),
    ("layers.Flatten", {}),
    ("layers.Reshape", {"target_shape": [2, -1]}),
    ("layers.Permute", {"dims": [2, 1]}),
    ("layers.RepeatVector", {"n": 2}),
    ("layers.ZeroPadding2D", {"padding": (1, 2)}),
    ("layers.Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal"}),
    ("layers.Conv3D", {"filters": 4, "kernel_size": 3}),
    ("layers.MaxPooling1D", {}),
    ("layers.AveragePooling1D", {"pool_size": 3, "strides": 2}),
    ("layers.GlobalAveragePooling1D", {"keepdims": True}),
    ("layers.ZeroPadding1D", {"padding": (1, 2)}),
    ("layers.ZeroPadding3D", {"padding": 2}),
    ("layers.Cropping1D", {}),
    ("layers.Cropping2D", {"cropping": ((1, 0), (2, 1))}),
    ("layers.UpSampling1D", {"size": 3}),
    ("layers.UpSampling2D", {"interpolation": "bilinear"}),
    ("layers.Dropout", {"rate": 0.5, "noise_shape": (None, 1), "seed": 3}),
    *((f"layers.SpatialDropout{rank}D", {"rate": 0.5}) for rank in (1, 2, 3)),
    ("layers.GaussianNoise", {"stddev": 0.5}),
    ("layers.ActivityRegularization", {"l1": 0.1}),
    ("layers.BatchNormalization", {"axis": 1, "gamma_initializer": "zeros"}),
    ("layers.LayerNormalization", {"axis": [1, 2]}),
    ("layers.ReLU", {"max_value": 6}),
    ("layers.LeakyReLU", {}),
    ("layers.PReLU", {"shared_axes": [1, 2]}),
    ("layers.ELU", {}),
    ("layers.Softmax", {"axis": 1}),
    ("layers.Add", {}),
    ("layers.Concatenate", {"axis": 1}),
    ("layers.Identity", {}),
    ("layers.Rescaling", {"scale": 0.5}),
    ("layers.Normalization", {"mean": 0.5, "variance": 2.0}),
    ("layers.RandomTranslation", {"height_factor": 0.1, "width_factor": (-0.1, 0.2)}),
    ("layers.RandomRotation", {"factor": 0.1}),
    ("layers.RandomZoom", {"height_factor": 0.1}),
    ("layers.RandomContrast", {"factor": 0.1}),
    ("layers.RandomFlip", {"mode": "vertical"}),
    ("layers.Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1}),
    ("layers.DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "depthwise_regularizer": "l2"}),
    ("layers.SeparableConv2D", {"filters": 4, "kernel_size": 3, "pointwise_constraint": "non_neg"}),
    ("layers.ConvLSTM2D", {"filters": 4, "kernel_size": 3, "dropout": 0.1, "return_sequences": True}),
    ("layers.GroupNormalization", {"groups": 2, "beta_regularizer": "l1"}),
    ("layers.RMSNormalization", {"epsilon": 0.1}),
    ("layers.UnitNormalization", {"axis": (1, 2)}),
    ("layers.MelSpectrogram", {"num_mel_bins": 8, "max_freq": 4000.0}),
    ("layers.STFTSpectrogram", {"frame_length": 32, "window": "hamming"}),
    ("layers.AdaptiveMaxPooling2D", {"output_size": (2, 3)}),
    ("layers.Dot", {"axes": (1, 2), "normalize": True}),
    ("layers.AlphaDropout", {"rate": 0.5, "seed": 2}),
    ("layers.GaussianDropout", {"rate": 0.5}),
    ("layers.ReversibleEmbedding", {"input_dim": 5, "output_dim": 2, "tie_weights": False}),
    ("layers.GroupQueryAttention", {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": True}),
    ("layers.CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}),
    ("layers.Discretization", {"bin_boundaries": [0.0, 1.0]}),
    ("layers.Resizing", {"height": 3, "width": 4, "antialias": True}),
    ("layers.CenterCrop", {"height": 3, "width": 4}),
    ("layers.RandomCrop", {"height": 3, "width": 4, "seed": 1}),
    ("layers.RandomShear", {"x_factor": (0.0, 0.1), "y_factor": (0.1, 0.2)}),
    ("layers.RandomPerspective", {"factor": 0.2, "scale": 0.4}),
    ("layers.RandomElasticTransform", {"factor": 0.2, "scale": 0.4}),
    ("layers.RandomBrightness", {"factor": 0.1, "value_range": (0, 1)}),
    *(
        (f"layers.Random{name}", {"factor": 0.3})
        for name in ("Hue", "Saturation", "Sharpness", "ColorDegeneration", "Invert")
    ),
    ("layers.RandomColorJitter", {"hue_factor": 0.3}),
    ("layers.RandomPosterization", {"factor": 3}),
    ("layers.RandomGaussianBlur", {"kernel_size": (3, 3)}),
    ("layers.RandomErasing", {"fill_value": 3.0}),
    ("layers.Solarization", {"threshold_factor": 0.5}),
    ("layers.AutoContrast", {}),
    ("layers.Equalization", {"bins": 16}),
    ("layers.MixUp", {"alpha": 0.3}),
    ("layers.CutMix", {"factor": 0.3}),
    ("layers.RandAugment", {"num_ops": 3}),
    ("layers.AugMix", {"num_chains": 2}),
    ("layers.InputLayer", {"shape": (3, 2), "dtype": "int32"}),
    ("initializers.VarianceScaling", {"scale": 2.0, "seed": 1}),
    ("initializers.GlorotNormal", {}),
    ("initializers.TruncatedNormal", {"stddev": 0.1}),
    ("initializers.Orthogonal", {}),
    ("initializers.VarianceScaling", {"input_axes": [0], "output_axes": [1, 2]}),
    ("initializers.STFT", {"side": "imag", "window": "hamming"}),
    ("initializers.Constant", {"value": 2}),
    ("regularizers.L1L2", {"l1": 0.1}),
    ("regularizers.L1", {}),
    ("regularizers.OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
    ("constraints.MinMaxNorm", {"axis": 1}),
    ("losses.MeanSquaredError", {"reduction": "sum"}),
    ("losses.BinaryFocalCrossentropy", {"gamma": 1.0}),
    ("losses.CategoricalFocalCrossentropy", {"label_smoothing": 0.1}),
    ("losses.CategoricalGeneralizedCrossEntropy", {}),
    ("losses.Dice", {"axis": [1, 2]}),
    ("losses.Tversky", {"alpha": 0.25}),
    ("losses.Circle", {}),
    ("losses.CTC", {}),
    ("metrics.Mean", {}),
    ("metrics.BinaryAccuracy", {"threshold": 0.25}),
    ("metrics.TopKCategoricalAccuracy", {"k": 3}),
    ("metrics.FalseNegatives", {"thresholds": [0.25, 0.5]}),
    ("metrics.Precision", {}),
    ("metrics.Recall", {"top_k": 2, "class_id": 1}),
    ("metrics.AUC", {"curve": "PR"}),
    ("metrics.AUC", {"thresholds": [0.75, 0.25], "multi_label": True}),
    ("metrics.PrecisionAtRecall", {"recall": 0.5}),
    ("metrics.F1Score", {"average": "micro"}),
    ("metrics.FBetaScore", {"beta": 2.0, "threshold": 0.5}),
    ("metrics.R2Score", {"num_regressors": 2}),
    ("metrics.MeanSquaredError", {}),
    ("metrics.CategoricalCrossentropy", {"from_logits": True}),
    ("metrics.PearsonCorrelation", {"axis": 0}),
    ("metrics.IoU", {"num_classes": 3, "target_class_ids": [0, 2]}),
    ("metrics.BinaryIoU", {}),
    ("metrics.MeanIoU", {"num_classes": 3}),
    ("metrics.OneHotIoU", {"num_classes": 3, "target_class_ids": [1]}),
    ("metrics.OneHotMeanIoU", {"num_classes": 3, "ignore_class": 0}),
    ("optimizers.SGD", {"momentum": 0.9}),
    ("optimizers.AdamW", {"learning_rate": 0.1, "clipnorm": 1.0}),
    ("optimizers.RMSprop", {}),
    ("optimizers.Adagrad", {}),
    ("optimizers.Adadelta", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    ("optimizers.Adamax", {"gradient_accumulation_steps": 4}),
    ("optimizers.Nadam", {"loss_scale_factor": 2.0}),
    ("optimizers.Lamb", {}),
    ("optimizers.Lion", {}),
    ("optimizers.Adafactor", {"clip_threshold": 0.5}),
    ("optimizers.Ftrl", {"beta": 0.5}),
    ("optimizers.Muon", {"exclude_layers": ["head"]}),
    ("optimizers.ScheduleFreeAdamW", {"warmup_steps": 3}),
    ("optimizers.schedules.CosineDecayRestarts", {"initial_learning_rate": 1.0, "first_decay_steps": 2}),
    ("optimizers.schedules.ExponentialDecay", {"initial_learning_rate": 1.0, "decay_steps": 2, "decay_rate": 0.5}),
    ("optimizers.schedules.CosineDecay", {"initial_learning_rate": 1.0, "decay_steps": 2}),
    ("optimizers.schedules.PolynomialDecay", {"initial_learning_rate": 1.0, "decay_steps": 2}),
    ("optimizers.schedules.PiecewiseConstantDecay", {"boundaries": [1], "values": [1.0, 2.0]}),
]


def plain(config):
    """A config without what says nothing: dtypes, names, options that are off and not offered."""
    if isinstance(config, dict):
        left_out = {
            *NO_OPTIONS,
            "dtype",
            "name",
            "sparse",
            "optional",
            "rms_scaling",
            "renorm_momentum",
        }
        kept = {key: plain(value) for key, value in config.items() if key not in left_out}
        off = {"activity_regularizer": None, "trainable": True}
        return {key: value for key, value in kept.items() if key not in off or value is not off[key]}
    if isinstance(config, float):
        return float(f"{config:.6g}")
    return [plain(part) for part in config] if isinstance(config, (list, tuple)) else config


@pytest.mark.parametrize(("path", "options"), CONFIGS, ids=[path for path, _ in CONFIGS])
def test_configs_are_keras_and_are_read_by_both(path, options):
    other, own = room(theirs, path)(**options), room(ours, path)(**options)
    assert plain(own.get_config()) == plain(other.get_config())
    assert plain(type(own).from_config(other.get_config()).get_config()) == plain(other.get_config())
    written = [keras.saving.serialize_keras_object(one) for keras, one in ((theirs, other), (ours, own))]
    assert written[1]["class_name"] == written[0]["class_name"]
    assert written[1]["module"] == written[0]["module"] or "backend.torch" in written[0]["module"]
    assert type(ours.saving.deserialize_keras_object(written[0])) is type(own)
    if "SpatialDropout" not in path:  # whose constructor Keras keeps from taking `trainable`
        assert plain(type(other).from_config(own.get_config()).get_config()) == plain(other.get_config())
        assert type(theirs.saving.deserialize_keras_object(written[1])) is type(other)
