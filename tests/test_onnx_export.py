"""`tg.onnx.export`: what is written is what is computed, in ONNX Runtime, at every size; and who reads the file finds the network in it."""

import sys
from collections import Counter

import nn_operations
import numpy as np
import onnx
import operations
import pytest
from onnx_runs import NOT_IN_ONNX, check, here, narrow, same, session

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import CheckpointError, CompileError, DataError, DTypeError, OptionError, ShapeError
from tinygrad_ml.models import GPT, MODELS
from tinygrad_ml.onnx.export import exporting, model_file, table, writer
from tinygrad_ml.ops.elementwise import unary

F = nn.functional
SIZES = (1, 7, 100)
random = np.random.default_rng(5)


def numbers(shape, dtype="float32"):
    """Some numbers of a shape; of integers, small ones."""
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 5, shape).astype(dtype)


# -- every operation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [operations.TABLE, nn_operations.TABLE], ids=["functions", "nn"])
@pytest.mark.filterwarnings("ignore")
def test_each_operation_of_the_tables(table, tmp_path):
    wrong = []
    for row in table:
        arrays = [narrow(x) for x in row.inputs]
        try:
            graph = tg.onnx.export(row.function, [(x.shape, x.dtype) for x in arrays], tmp_path / "x.onnx")
        except OptionError as error:
            if not any(f"  {name}" in str(error) for name in NOT_IN_ONNX) and row.name != "x[i] = v":
                wrong.append((row.name, str(error)))
            continue
        found = session(tmp_path / "x.onnx").run(None, {p.name: x for p, x in zip(graph.inputs, arrays, strict=True)})
        expected = here(row.function, arrays)
        if not all(same(a, b, 2e-5) for a, b in zip(found, expected, strict=True)):
            wrong.append((row.name, found, expected))
    assert not wrong


# -- every layer -------------------------------------------------------------------------------------------------------

LAYERS = [
    (nn.Linear(4, 5), (2, 4), {"Gemm"}),
    (nn.Linear(4, 5), (2, 3, 4), {"MatMul", "Add"}),
    (nn.Linear(4, 5, bias=False), (2, 4), {"Gemm"}),
    (nn.Conv1d(4, 6, 3, stride=2, padding=1), (2, 4, 9), {"Conv"}),
    (nn.Conv2d(4, 6, 3, padding="same", groups=2), (2, 4, 8, 8), {"Conv"}),
    (nn.Conv3d(2, 3, 2, dilation=2), (2, 2, 4, 5, 6), {"Conv"}),
    (nn.ConvTranspose1d(4, 6, 3), (2, 4, 5), {"ConvTranspose"}),
    (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), (2, 4, 5, 5), {"ConvTranspose"}),
    (nn.ConvTranspose3d(2, 2, 2), (2, 2, 3, 3, 3), {"ConvTranspose"}),
    (nn.BatchNorm1d(4), (2, 4), {"BatchNormalization"}),
    (nn.BatchNorm2d(4, affine=False), (2, 4, 5, 5), {"BatchNormalization"}),
    (nn.BatchNorm3d(2), (2, 2, 3, 3, 3), {"BatchNormalization"}),
    (nn.LayerNorm(4), (2, 4), {"LayerNormalization"}),
    (nn.LayerNorm((3, 4), bias=False), (2, 3, 4), {"LayerNormalization"}),
    (nn.GroupNorm(2, 4), (2, 4, 5), {"ReduceMean"}),
    (nn.InstanceNorm2d(4, affine=True), (2, 4, 5, 5), {"InstanceNormalization"}),
    (nn.RMSNorm(4), (2, 4), {"ReduceMean"}),
    (nn.MaxPool1d(2), (2, 4, 7), {"MaxPool"}),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 4, 8, 8), {"MaxPool"}),
    (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 4, 8, 8), {"AveragePool"}),
    (nn.AdaptiveAvgPool2d(1), (2, 4, 8, 8), {"GlobalAveragePool"}),
    (nn.AdaptiveMaxPool2d((2, 3)), (2, 4, 8, 8), {"ReduceMax"}),
    (nn.Embedding(7, 4, padding_idx=2), ((2, 3), "int64"), {"Gather"}),
    (nn.Flatten(), (2, 3, 4), {"Reshape"}),
    (nn.Unflatten(1, (2, 2)), (2, 4), {"Reshape"}),
    (nn.Dropout(0.5), (2, 4), {"Identity"}),
    (nn.PReLU(4), (2, 4, 3), {"PRelu"}),
    (nn.Softmax(1), (2, 4), {"Softmax"}),
    (nn.LogSoftmax(1), (2, 4), {"LogSoftmax"}),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4, 5), {"MatMul"}),
    (nn.PixelShuffle(2), (2, 8, 3, 3), {"Transpose"}),
    (nn.RNNCell(4, 3), (2, 4), {"Gemm", "Tanh"}),
    (nn.LSTMCell(4, 3), (2, 4), {"Gemm", "Sigmoid"}),
    (nn.GRUCell(4, 3), (2, 4), {"Gemm", "Sigmoid"}),
    (nn.GLU(1), (2, 4), {"Sigmoid"}),
    (nn.Softmin(1), (2, 4), {"Softmax"}),
    (nn.Threshold(0.1, 20.0), (2, 4), {"Where"}),
    (nn.InstanceNorm1d(4), (2, 4, 5), {"InstanceNormalization"}),
    (nn.InstanceNorm3d(2), (2, 2, 3, 3, 3), {"InstanceNormalization"}),
    (nn.InstanceNorm2d(4, track_running_stats=True), (2, 4, 3, 3), {"BatchNormalization"}),
    (nn.CircularPad2d(1), (2, 4, 5, 5), {"Concat"}),
    (nn.CircularPad3d(1), (2, 1, 3, 3, 3), {"Concat"}),
    (nn.ConstantPad2d(1, 2.0), (2, 4, 5, 5), {"Pad"}),
    (nn.ConstantPad3d(1, 2.0), (2, 1, 3, 3, 3), {"Pad"}),
    (nn.ZeroPad1d(2), (2, 4, 5), {"Pad"}),
    (nn.ZeroPad3d(1), (2, 1, 3, 3, 3), {"Pad"}),
    (nn.ReflectionPad1d(2), (2, 4, 5), set()),
    (nn.ReflectionPad3d(1), (2, 1, 3, 3, 3), set()),
    (nn.ReplicationPad1d(2), (2, 4, 5), set()),
    (nn.ReplicationPad2d(1), (2, 4, 5, 5), set()),
    (nn.AdaptiveAvgPool1d(1), (2, 4, 5), {"GlobalAveragePool"}),
    (nn.AdaptiveAvgPool3d(2), (2, 1, 4, 5, 3), {"ReduceMean"}),
    (nn.AdaptiveMaxPool1d(3), (2, 4, 5), {"ReduceMax"}),
    (nn.AdaptiveMaxPool3d(2), (2, 1, 4, 5, 3), {"ReduceMax"}),
    (nn.AvgPool1d(3, 2, ceil_mode=True), (2, 4, 8), {"Div"}),
    (nn.MaxPool3d(2), (2, 1, 4, 5, 3), {"MaxPool"}),
    (nn.LPPool2d(2, 2), (2, 4, 6, 6), {"Pow"}),
    (nn.LPPool3d(1, 2), (2, 1, 4, 5, 3), set()),
    (nn.Bilinear(4, 4, 3), None, {"Einsum"}),
    (nn.EmbeddingBag(7, 4), ((2, 3), "int64"), {"Gather"}),
    *[(layer(), (2, 4, 3, 3, 3), {"Identity"}) for layer in (nn.AlphaDropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)],
    *[
        (getattr(nn, name)(), (2, 4, 3), set())
        for name in (
            "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign", "LogSigmoid",
            "Tanhshrink", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink", "Sigmoid", "Tanh", "Identity", "RReLU",
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize(
    "layer, given, operators", LAYERS, ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else ""
)
def test_each_layer_at_three_batch_sizes(layer, given, operators, tmp_path):
    if given is None:
        layer, given = (lambda x, both=layer: both(x, x * 2)), (2, 4)
    shape, dtype = given if isinstance(given[0], tuple) else (given, "float32")
    graph = tg.onnx.export(layer, (shape, dtype), tmp_path / "x.onnx", dynamic={0: "batch"})
    assert operators <= {node.operator for node in graph.nodes}
    assert graph.inputs[0].shape[0] == graph.outputs[0].shape[0] == "batch"
    if isinstance(layer, nn.Module):
        layer.eval()
    for n in SIZES:
        check(tmp_path / "x.onnx", layer, numbers((n, *shape[1:]), dtype))


SEQUENCES = [
    (nn.RNN(4, 3, nonlinearity="relu", batch_first=True), (2, 5, 4)),
    (nn.GRU(4, 3, bidirectional=True, batch_first=True), (2, 5, 4)),
    (nn.LSTM(4, 6, num_layers=2, bidirectional=True, batch_first=True), (2, 5, 4)),
    (nn.LSTM(4, 6, proj_size=2, batch_first=True), (2, 5, 4)),
    (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu"), 2), (2, 5, 8)),
]


@pytest.mark.parametrize("layer, shape", SEQUENCES, ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "")
def test_sequences_of_any_length(layer, shape, tmp_path):
    graph = tg.onnx.export(layer, shape, tmp_path / "x.onnx", dynamic={0: "batch", 1: "length"})
    operators = [node.operator for node in graph.nodes]
    if isinstance(layer, nn.RNN | nn.GRU | nn.LSTM):
        ways = layer.num_layers * (1 + layer.bidirectional)
        assert operators.count("Scan" if layer.proj_size else type(layer).__name__) == ways
    layer.eval()
    for n, length in ((1, 9), (7, 1), (100, 4)):
        check(tmp_path / "x.onnx", layer, numbers((n, length, shape[2])))


def test_a_transformer_with_an_encoder_and_a_decoder(tmp_path):
    layer = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    sizes = [{0: "batch", 1: "source"}, {0: "batch", 1: "target"}]
    tg.onnx.export(layer, [(2, 5, 8), (2, 3, 8)], tmp_path / "x.onnx", dynamic=sizes)
    layer.eval()
    for n, source, target in ((1, 4, 6), (7, 1, 1)):
        check(tmp_path / "x.onnx", layer, numbers((n, source, 8)), numbers((n, target, 8)))


LABELS = [
    ("cross_entropy", {}, "int64"), ("cross_entropy", {"label_smoothing": 0.1}, "int64"), ("nll_loss", {"reduction": "sum"}, "int64"),
    ("mse_loss", {}, "float32"), ("l1_loss", {"reduction": "none"}, "float32"), ("huber_loss", {}, "float32"),
    ("smooth_l1_loss", {}, "float32"), ("kl_div", {"reduction": "batchmean"}, "float32"),
    ("binary_cross_entropy_with_logits", {}, "float32"), ("multi_margin_loss", {}, "int64"), ("soft_margin_loss", {}, "float32"),
    ("poisson_nll_loss", {}, "float32"), ("hinge_embedding_loss", {}, "float32"), ("one_hot", {"num_classes": 5}, "int64"),
]  # fmt: skip


@pytest.mark.parametrize("name, options, dtype", LABELS, ids=lambda x: x if isinstance(x, str) else "")
def test_losses_of_labels_that_are_inputs(name, options, dtype, tmp_path):
    def function(x, labels):
        if name == "one_hot":
            return F.one_hot(labels, **options), x
        return getattr(F, name)(x, labels, **options)

    labels = ((3,), dtype) if dtype == "int64" else ((3, 5), dtype)
    tg.onnx.export(function, [(3, 5), labels], tmp_path / "x.onnx", dynamic={0: "batch"})
    for n in SIZES:
        check(tmp_path / "x.onnx", function, numbers((n, 5)), numbers((n, *labels[0][1:]), dtype))


INTEGERS = {
    "bits": lambda a, b: (a & b, a | b, a ^ b, ~a, a << abs(b), a >> abs(b)),
    "division": lambda a, b: (a // (b * 2 + 1), a % (b * 2 + 1), tg.fmod(a, b * 2 + 1), a / (b * 2 + 1), abs(a) ** 2),
    "comparisons": lambda a, b: (a < b, a <= b, a > b, a >= b, a == b, a != b, (a < b) & (a > 0), (a < b) ^ (a > 0), ~(a < b)),
    "order": lambda a, b: (tg.argsort(a + b, 1), tg.sort(a, axis=1, descending=True), a.argmax(1), a.argmin(), tg.topk(a, 2)[1]),
    "sums": lambda a, b: (a.sum(0), a.max(axis=1), a.cumulative_sum(0), (a > b).any(0), (a > b).all(), (a > b).sum(1), a.prod(1)),
    "places": lambda a, b: (a[:, ::-1], tg.where(a > b, a, b), tg.clip(a, -1, 2), tg.searchsorted(tg.arange(5), b), a[1:, None, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
def test_whole_numbers(name, tmp_path):
    function = INTEGERS[name]
    tg.onnx.export(function, [((3, 4), "int64")] * 2, tmp_path / "x.onnx", dynamic={0: "n"})
    for n in (2, 7, 100):
        check(tmp_path / "x.onnx", function, numbers((n, 4), "int64") - 2, numbers((n, 4), "int64") - 2)


def test_places_of_words(tmp_path):
    def function(x):
        turned = F.rotary_embedding(x)
        y = F.scaled_dot_product_attention(turned, turned, x, is_causal=True)
        return y, x + tg.asarray(np.arange(x.shape[1], dtype=np.float32)[:, None])

    tg.onnx.export(function, (2, 5, 8), tmp_path / "x.onnx", dynamic={0: "batch", 1: "length"})
    for n, length in ((1, 1), (7, 12), (2, 60)):
        check(tmp_path / "x.onnx", function, numbers((n, length, 8)), tolerance=2e-5)


def test_sizes_that_follow_from_others(tmp_path):
    def function(x):
        n, m = x.shape
        halves = tg.zeros((n // 2, 2 * m + 1)) + x[: n // 2, :1]
        return (
            halves,
            x.reshape((n * m,)) / (n * m - 1),
            x[: n - 1].mean(),
            tg.ones((min(n, 4), 1)) * n**0.5,
            x[(n + 1) // 2 :],
        )

    tg.onnx.export(function, (6, 5), tmp_path / "x.onnx", dynamic={0: "n", 1: "m"})
    for shape in ((2, 3), (9, 1), (50, 7)):
        check(tmp_path / "x.onnx", function, numbers(shape))


def test_places_that_are_counted_from_the_end(tmp_path):
    def function(x, i, j):
        return x[i, j], x[:, i], x[i, 1:, j], x[-1, i]

    tg.onnx.export(function, [(3, 4, 3), ((2,), "int64"), ((2,), "int64")], tmp_path / "x.onnx")
    check(tmp_path / "x.onnx", function, numbers((3, 4, 3)), np.array([-1, 2]), np.array([0, -3]))


def test_random_numbers_are_drawn_there(tmp_path):
    def function(x):
        return {
            "normal": tg.random.standard_normal(x.shape),
            "integers": tg.random.integers(2, 5, x.shape),
            "order": tg.random.permutation(x.shape[0]),
            "kept": F.dropout2d(x.reshape((-1, 1, 1, 1)), 0.25) > 0,
            "chosen": F.gumbel_softmax(x * 0, hard=True).sum(),
        }

    graph = tg.onnx.export(function, (10, 3), tmp_path / "x.onnx", dynamic={0: "n"})
    x = np.ones((1000, 3), np.float32)
    found = session(tmp_path / "x.onnx").run(None, {"x": x})
    found = dict(zip([port.name for port in graph.outputs], found, strict=True))
    assert abs(found["normal"].mean()) < 0.1 and abs(found["normal"].std() - 1) < 0.1
    assert set(found["integers"].reshape(-1)) == {2, 3, 4}
    assert sorted(found["order"]) == list(range(1000)) != list(found["order"])
    assert 0.7 < found["kept"].mean() < 0.8
    assert abs(found["chosen"] - 1000) < 1


def test_numbers_that_are_none(tmp_path):
    def function(x):
        return (
            tg.isnan(x),
            tg.isinf(x),
            tg.isfinite(x),
            tg.signbit(x),
            tg.copysign(x * 0 + 1, x),
            tg.nan_to_num(x),
            tg.sign(x),
        )

    tg.onnx.export(function, (3,), tmp_path / "x.onnx", dynamic={0: "n"})
    check(tmp_path / "x.onnx", function, np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3.0], np.float32))


def test_several_inputs_of_which_each_varies_by_itself(tmp_path):
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    sizes = [{0: "batch", 1: "queries"}, {0: "batch", 1: "keys"}, {0: "batch", 1: "keys"}]
    graph = tg.onnx.export(layer, [(2, 3, 8), (2, 5, 8), (2, 5, 8)], tmp_path / "x.onnx", dynamic=sizes)
    assert [port.name for port in graph.inputs] == ["query", "key", "value"]
    assert graph.outputs[1].shape == ("batch", "queries", "keys")
    for n, queries, keys in ((1, 2, 1), (7, 1, 9)):
        check(tmp_path / "x.onnx", layer, numbers((n, queries, 8)), numbers((n, keys, 8)), numbers((n, keys, 8)))


# -- networks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_networks_of_the_command_line(name, tmp_path):
    model = MODELS[name]()
    graph = tg.onnx.export(model, (100, 1, 28, 28), tmp_path / "x.onnx", dynamic={0: "batch"})
    assert set(graph.constants) >= set(model.state_dict())
    model.eval()
    for n in SIZES:
        check(tmp_path / "x.onnx", model, numbers((n, 1, 28, 28)))


def test_a_gpt_reads_windows_of_any_length(tmp_path):
    model = GPT(11, context=16, width=16, layers=2, heads=2)
    graph = tg.onnx.export(model, ((2, 16), "int64"), tmp_path / "x.onnx", dynamic={0: "batch", 1: "length"}, opset=20)
    assert {"LayerNormalization", "Softmax", "Gelu"} <= {node.operator for node in graph.nodes}
    model.eval()
    for n, length in ((1, 16), (7, 1), (100, 5)):
        check(tmp_path / "x.onnx", model, numbers((n, length), "int64"))


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21, 22, 23])
def test_every_opset(opset, tmp_path):
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.RMSNorm(16), nn.Mish(), nn.LogSoftmax(1)
    )  # fmt: skip
    graph = tg.onnx.export(model, (2, 2, 6, 6), tmp_path / "x.onnx", dynamic={0: "batch"}, opset=opset)
    used = {node.operator for node in graph.nodes}
    assert ("Gelu" in used, "GroupNormalization" in used, "RMSNormalization" in used) == (
        opset > 19,
        opset > 20,
        opset > 22,
    )
    check(tmp_path / "x.onnx", model, numbers((7, 2, 6, 6)))
    assert onnx.load(tmp_path / "x.onnx").opset_import[0].version == opset


# -- what is written ---------------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    def __init__(self):
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.norm = nn.LayerNorm(4)

    def forward(self, image):
        for layer in self.layers:
            image = F.gelu(layer(image))
        return {"code": self.norm(image), "norms": tg.norm(image, axis=1)}


class Whole(nn.Module):
    def __init__(self):
        self.encoder = Encoder()

    def forward(self, image):
        return self.encoder(image)


def test_modules_and_parameters_keep_their_names(tmp_path):
    model = Whole()
    graph = tg.onnx.export(model, (2, 4), tmp_path / "x.onnx")
    assert [port.name for port in (*graph.inputs, *graph.outputs)] == ["image", "code", "norms"]
    assert set(model.state_dict()) <= set(graph.constants)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(graph.constants[name], tensor.numpy())
    called = [node.called for node in graph.nodes]
    assert "/encoder/layers.0/Gemm" in called and "/encoder/layers.1/Gemm" in called
    assert "/encoder/gelu/Erf" in called and "/encoder/gelu/Erf_1" in called
    assert "/encoder/norm/LayerNormalization" in called
    assert len(set(called)) == len(called)
    (gemm,) = [node for node in onnx.load(tmp_path / "x.onnx").graph.node if node.name == "/encoder/layers.0/Gemm"]
    assert list(gemm.input) == ["image", "encoder.layers.0.weight", "encoder.layers.0.bias"]
    assert list(gemm.output) == ["/encoder/layers.0/Gemm_output_0"]
    assert gemm.metadata_props[0].value == "['', 'encoder', 'encoder.layers.0', 'Gemm']"


def test_names_may_be_given(tmp_path):
    graph = tg.onnx.export(
        Whole(), (2, 4), tmp_path / "x.onnx", input_names=["x"], output_names=["y", "z"], dynamic={"x": {0: "many"}}
    )
    assert [port.name for port in (*graph.inputs, *graph.outputs)] == ["x", "y", "z"]
    assert [port.shape for port in graph.outputs] == [("many", 4), ("many",)]


def test_equal_networks_make_equal_files(tmp_path):
    model = Whole()
    for name in "ab":
        tg.onnx.export(model, (2, 4), tmp_path / name, dynamic={0: "batch"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool"])
def test_numbers_keep_their_dtype(dtype, tmp_path):
    def function(x):
        return {"same": x[:, ::2], "equal": x == x, "sum": x.sum(0), "whole": x.astype("int64")}

    tg.onnx.export(function, ((3, 4), dtype), tmp_path / "x.onnx", dynamic={0: "n"})
    check(tmp_path / "x.onnx", function, numbers((5, 4), "int64").astype(dtype))


def test_nothing_is_computed_and_nothing_is_changed(tmp_path):
    model = nn.Sequential(nn.Linear(784, 100), nn.Dropout(0.5), nn.BatchNorm1d(100))
    before = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    model[1].eval()
    tg.manual_seed(3)
    expected = tg.random.random((2,)).numpy()
    tg.manual_seed(3)
    tg.onnx.export(model, (100_000_000, 784), tmp_path / "x.onnx", dynamic={0: "batch"})  # which would be 314 GB
    np.testing.assert_array_equal(tg.random.random((2,)).numpy(), expected)
    assert [module.training for module in model.modules()] == [True, True, False, True]
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])


def test_training_is_as_in_training(tmp_path):
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.5), nn.Dropout(0.25))
    graph = tg.onnx.export(model, (4, 3), tmp_path / "x.onnx", dynamic={0: "batch"}, training=True)
    assert "Dropout" in {node.operator for node in graph.nodes}
    x = numbers((1000, 3))
    names = [port.name for port in graph.outputs]
    found = dict(zip(names, session(tmp_path / "x.onnx").run(None, {graph.inputs[0].name: x}), strict=True))
    assert 0.2 < (found["output"] == 0).mean() < 0.3
    model(tg.tensor(x))
    assert same(found["0.running_mean.next"], model[0].running_mean.numpy())
    assert same(found["0.running_var.next"], model[0].running_var.numpy())


def test_a_loop_is_one_node_whatever_its_length(tmp_path):
    def carried(x, start):
        def round_(carry, x):
            a, b = carry
            return (a * 0.5 + x, b + a), (a.sum(), b * x)

        return tg.scan(round_, (start, start), x, reverse=True)

    graph = tg.onnx.export(
        carried, [(4, 2, 3), (2, 3)], tmp_path / "x.onnx", dynamic=[{0: "length", 1: "batch"}, {0: "batch"}]
    )
    assert [node.operator for node in graph.nodes].count("Scan") == 1
    for length, n in ((1, 1), (5, 7), (100, 2)):
        check(tmp_path / "x.onnx", carried, numbers((length, n, 3)), numbers((n, 3)))


# -- and back again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, given, sizes",
    [
        (MODELS["cnn"], (2, 1, 28, 28), {0: "batch"}),
        (lambda: GPT(11, context=16, width=16, layers=2, heads=2), ((2, 16), "int64"), {0: "batch", 1: "length"}),
        (lambda: nn.GRU(4, 3, bidirectional=True, batch_first=True), (2, 5, 4), {0: "batch", 1: "length"}),
        (
            lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.InstanceNorm2d(3), nn.PReLU()),
            (2, 2, 4, 4),
            {0: "batch"},
        ),
    ],
    ids=["cnn", "gpt", "gru", "images"],
)
def test_a_file_that_is_read_is_written_as_it_was(make, given, sizes, tmp_path):
    first = tg.onnx.export(make(), given, tmp_path / "a.onnx", dynamic=sizes)
    second = tg.onnx.export(tg.onnx.load(tmp_path / "a.onnx"), given, tmp_path / "b.onnx", dynamic=sizes)
    assert Counter(node.operator for node in first.nodes) == Counter(node.operator for node in second.nodes)
    for name, array in first.constants.items():
        if not name.startswith(("constant", "number")):
            np.testing.assert_array_equal(second.constants[name], array)


def test_a_file_that_is_read_keeps_its_inputs_and_outputs(tmp_path):
    tg.onnx.export(nn.Linear(4, 2), (3, 4), tmp_path / "a.onnx", input_names=["image"], output_names=["logits"])
    model = tg.onnx.load(tmp_path / "a.onnx")
    for options in ({}, {"opset": 21}):
        graph = tg.onnx.export(model, (3, 4), tmp_path / "b.onnx", **options)
        assert [port.name for port in (*graph.inputs, *graph.outputs)] == ["image", "logits"]
    graph = tg.onnx.export(model, (3, 4), tmp_path / "b.onnx", input_names=["x"], output_names=["y"])
    assert [port.name for port in (*graph.inputs, *graph.outputs)] == ["x", "y"]
    for inputs in ((3, 5), {"image": (3, 5)}):
        with pytest.raises(ShapeError, match=r"'image' of the model has the shape \(3, 4\)"):
            tg.onnx.export(model, inputs, tmp_path / "b.onnx")


def test_a_graph_is_shown_in_a_line(tmp_path):
    graph = tg.onnx.export(nn.Linear(4, 2), (3, 4), tmp_path / "a.onnx", dynamic={0: "batch"})
    shown = "<OnnxGraph main: input float32[batch, 4] -> output float32[batch, 2]; 1 nodes, 2 constants>"
    assert repr(graph) == shown
    graph = tg.onnx.export(lambda *x: sum(x), [(2,)] * 6, tmp_path / "b.onnx")
    assert "input.3 float32[2] and 2 more -> output float32[2]; 6 nodes" in repr(graph)


# -- functions, gradients, training ------------------------------------------------------------------------------------


def test_gradients_are_nodes_like_others(tmp_path):
    weight = tg.tensor(numbers((5, 4)), requires_grad=True)

    def slopes(x):
        y = F.cross_entropy(F.linear(tg.tanh(x), weight), x.argmax(1))
        return tg.grad(y, [x, weight])

    def curvature(x):
        (slope,) = tg.grad((x**3).sum(), x, create_graph=True)
        return tg.grad((slope * slope).sum(), x)

    def each(x):
        return tg.vmap(lambda row: tg.grad((row.sin() * row).sum(), row))(x)

    for function in (slopes, curvature, each):
        tg.onnx.export(function, tg.symbol((3, 4), requires_grad=True), tmp_path / "x.onnx", dynamic={0: "batch"})
        for n in SIZES:
            check(tmp_path / "x.onnx", lambda x, f=function: f(_needing(x)), numbers((n, 4)))


def _needing(x):
    x.requires_grad = True
    return x


def test_gradients_that_backward_leaves_are_outputs(tmp_path):
    model = nn.Linear(4, 2)

    def function(x):
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    graph = tg.onnx.export(function, (3, 4), tmp_path / "x.onnx", dynamic={0: "batch"})
    assert model.weight.grad is None
    x = numbers((7, 4))
    found = session(tmp_path / "x.onnx").run(None, {"x": x})
    loss = function(tg.tensor(x))
    expected = {"output": loss, "weight.grad": model.weight.grad, "bias.grad": model.bias.grad}
    assert {port.name for port in graph.outputs} == set(expected)
    for port, array in zip(graph.outputs, found, strict=True):
        assert same(array, expected[port.name].numpy())


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_training_step_runs_elsewhere(kind, tmp_path):
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 3),
    )
    options = {"lr": 0.1, "momentum": 0.9} if kind == "SGD" else {"lr": 0.01}
    optimizer = getattr(tg.optim, kind)(model.parameters(), **options)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    graph = tg.onnx.export(step, [(20, 2, 4, 4), ((20,), "int64")], tmp_path / "x.onnx", dynamic={0: "batch"})
    assert not optimizer.state
    names, ready = [port.name for port in graph.outputs], session(tmp_path / "x.onnx")
    known = {port.name for port in graph.inputs}
    state = {}
    for t, n in enumerate((7, 100, 2), 1):
        x, y = numbers((n, 2, 4, 4)), random.integers(0, 3, n)
        rates = optimizer.numbers(optimizer.param_groups[0], t)
        rates = {name: np.array(number, np.float32) for name, number in rates.items() if name in known}
        found = dict(zip(names, ready.run(None, {"x": x, "y": y, **state, **rates}), strict=True))
        assert same(found["output"], step(tg.tensor(x), tg.tensor(y)).numpy())
        for name, tensor in model.state_dict().items():
            assert same(found[f"{name}.next"], tensor.numpy(), 1e-4)
        state = {name.removesuffix(".next"): array for name, array in found.items() if name.endswith(".next")}


# -- mistakes ----------------------------------------------------------------------------------------------------------


def test_all_that_cannot_be_expressed_is_listed_at_once(tmp_path):
    class Odd(nn.Module):
        def forward(self, x):
            return tg.linalg.inv(x)

    class Net(nn.Module):
        def __init__(self):
            self.odd = Odd()

        def forward(self, x):
            return self.odd(x) + tg.linalg.svdvals(x)

    path = tmp_path / "x.onnx"
    path.write_bytes(b"before")
    with pytest.raises(OptionError, match=r"2 operations cannot be expressed.*\n  inv in odd: .*\n  svdvals: "):
        tg.onnx.export(Net(), (3, 3), path)
    assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


def test_an_operation_of_ones_own_has_no_row(tmp_path):
    own = unary("tanh", lambda xp, x: x + 1, "x + 1", "1", lambda g: g)
    with pytest.raises(OptionError, match="tanh: ONNX has no operator"):
        tg.onnx.export(lambda x: x._apply(own), (3,), tmp_path / "x.onnx")


def test_what_is_returned_as_it_came(tmp_path):
    weight = nn.Parameter(numbers((2, 2)))

    def function(x, unused):
        return x, x, weight, tg.zeros(3), x + weight.sum()

    graph = tg.onnx.export(function, [(3, 2), (4,)], tmp_path / "x.onnx", dynamic=[{0: "n"}, {0: "m"}])
    assert [port.shape for port in graph.inputs] == [("n", 2), ("m",)]
    check(tmp_path / "x.onnx", function, numbers((7, 2)), numbers((1,)))


def test_a_row_for_an_operation_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ROWS", dict(table.ROWS))
    monkeypatch.setattr(writer, "ROWS", table.ROWS)
    own = unary("shifted", lambda xp, x: x + 1, "x + 1", "1", lambda g: g)

    @table.row("shifted")
    def shifted(w, step):
        return w.node("Add", [w.name(step.inputs[0]), w.number_like(1, step.inputs[0])])

    tg.onnx.export(lambda x: x._apply(own) * 2, (3,), tmp_path / "x.onnx")
    check(tmp_path / "x.onnx", lambda x: x._apply(own) * 2, numbers((3,)))


def test_sizes_that_decide_what_is_done(tmp_path):
    with pytest.raises(OptionError, match="'length' cannot be a dynamic one.* operations become .*Python loops"):
        tg.onnx.export(
            lambda x: sum(x[i] * i for i in range(x.shape[0])), (4, 2), tmp_path / "x.onnx", dynamic={0: "length"}
        )
    with pytest.raises(OptionError, match="what it follows from was not found"):
        tg.onnx.export(lambda x: x * (hash(x.shape) % 1009), (4, 2), tmp_path / "x.onnx", dynamic={0: "n"})
    with pytest.raises(CompileError, match=r"float\(\)"):
        tg.onnx.export(lambda x: x * float(x.sum()), (4, 2), tmp_path / "x.onnx")


def test_mistakes_of_the_caller(tmp_path):
    model, path = nn.Linear(4, 2), tmp_path / "x.onnx"
    with pytest.raises(OptionError, match="opset=16"):
        tg.onnx.export(model, (2, 4), path, opset=16)
    with pytest.raises(OptionError, match="takes a module"):
        tg.onnx.export("model", (2, 4), path)
    with pytest.raises(OptionError, match="order is export"):
        tg.onnx.export(model, path, (2, 4))
    for inputs in (None, "x", {}, 3, [(2, "x")], (2, -1)):
        with pytest.raises(OptionError, match="shape"):
            tg.onnx.export(model, inputs, path)
    with pytest.raises(OptionError, match="names axis 2"):
        tg.onnx.export(model, (2, 4), path, dynamic={2: "batch"})
    with pytest.raises(OptionError, match="should name an axis"):
        tg.onnx.export(model, (2, 4), path, dynamic={0: 7})
    with pytest.raises(OptionError, match="names an input"):
        tg.onnx.export(model, (2, 4), path, dynamic={"y": {0: "batch"}})
    with pytest.raises(DTypeError) as caught:
        tg.onnx.export(nn.Embedding(5, 3), (2, 4), path)
    assert 'input float32; others than float32 are given as ((2, 3), "int64")' in caught.value.__notes__[0]
    for dynamic in (True, [0], {0}, {"input": 0}):
        with pytest.raises(OptionError, match="should name axes"):
            tg.onnx.export(model, (2, 4), path, dynamic=dynamic)
    with pytest.raises(OptionError, match=r"takes 1 inputs \(input\), and inputs= has 2"):
        tg.onnx.export(model, [(2, 4), (2, 4)], path)
    with pytest.raises(OptionError, match="returns no tensor"):
        tg.onnx.export(lambda x: 3.0, (2, 4), path)
    with pytest.raises(OptionError, match="the size 'n' is 2 in one input"):
        tg.onnx.export(lambda a, b: a.sum() + b.sum(), [(2,), (3,)], path, dynamic={0: "n"})
    with pytest.raises(OptionError, match="output_names"):
        tg.onnx.export(model, (2, 4), path, output_names=["a", "b"])
    with pytest.raises(OptionError, match="input_names"):
        tg.onnx.export(model, (2, 4), path, input_names=[])
    with pytest.raises(CheckpointError, match="folder"):
        tg.onnx.export(model, (2, 4), tmp_path / "none" / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_many_numbers_lie_in_a_second_file(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "LARGEST_FILE", 100)
    model = nn.Linear(400, 20)
    tg.onnx.export(model, (2, 400), tmp_path / "x.onnx", dynamic={0: "batch"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.onnx", "x.onnx.data"]
    assert (tmp_path / "x.onnx").stat().st_size < 5000
    check(tmp_path / "x.onnx", model, numbers((7, 400)))
    with pytest.raises(CheckpointError, match="could not be written"):
        tg.onnx.export(model, (2, 400), tmp_path / "none" / "x.onnx")


def test_without_onnx_an_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DataError, match=r'pip install "tinygrad_ml\[onnx\]"'):
        tg.onnx.export(nn.Linear(4, 2), (2, 4), tmp_path / "x.onnx")


@pytest.mark.parametrize("layer, given, _", LAYERS, ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "")
def test_the_newest_opset_passes_the_checker(layer, given, _, tmp_path):
    if given is None:
        layer, given = (lambda x, both=layer: both(x, x * 2)), (2, 4)
    given = given if isinstance(given[0], tuple) else (given, "float32")
    tg.onnx.export(layer, given, tmp_path / "x.onnx", dynamic={0: "batch"}, opset=model_file.newest_opset())


def test_the_usual_opset_is_one_that_many_know():
    assert exporting.OLDEST_OPSET <= exporting.USUAL_OPSET <= 18
