"""Layers, losses and initial weights: what they promise beside PyTorch's numbers, which are in tests/compare."""

import inspect
import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import strict

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import nn
from tinygrad_ml.errors import DTypeError, OptionError, RangeError, ShapeError


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def batch_norm(x, weight, bias):
    return F.batch_norm(x, None, None, weight, bias, training=True)


SMOOTH = {
    "batch_norm": (batch_norm, [(5, 3), (3,), (3,)]),
    "batch_norm of images": (batch_norm, [(2, 3, 2, 2), (3,), (3,)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, 4, w, b), [(3, 4), (4,), (4,)]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [(2, 4, 3), (4,), (4,)]),
    "linear": (F.linear, [(3, 4), (2, 4), (2,)]),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [(2, 2, 5, 4), (3, 2, 3, 2), (3,)]),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), [(2, 2, 3, 4), (2, 3, 3, 2)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, [1, 0, 2], label_smoothing=0.1), [(3, 4)]),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, [(3, 4), (3, 4)]),
    "mse_loss": (F.mse_loss, [(3, 4), (3, 4)]),
    "gelu": (F.gelu, [(3, 4)]),
    "gelu, tanh": (lambda x: F.gelu(x, "tanh"), [(3, 4)]),
    "silu": (F.silu, [(3, 4)]),
    "mish": (F.mish, [(3, 4)]),
    "softplus": (lambda x: F.softplus(x, 3.0), [(3, 4)]),
    "logsigmoid": (F.logsigmoid, [(3, 4)]),
    "attention": (F.scaled_dot_product_attention, [(2, 3, 4), (2, 5, 4), (2, 5, 2)]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_right_to_third_order(name):
    function, shapes = SMOOTH[name]
    assert tg.gradcheck(function, [tg.tensor(numbers(*shape, seed=i)) for i, shape in enumerate(shapes)], order=3)


# -- everything works on symbols --------------------------------------------------------------------------


LAYERS = {
    "Linear": (lambda: nn.Linear(4, 3), (2, 4)),
    "Conv1d": (lambda: nn.Conv1d(2, 4, 3, padding="same", padding_mode="reflect"), (2, 2, 9)),
    "Conv2d": (lambda: nn.Conv2d(2, 4, 3, stride=2, groups=2), (2, 2, 9, 8)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 4, 3, stride=2), (2, 2, 5, 4)),
    "Conv3d": (lambda: nn.Conv3d(2, 4, 3, padding=1), (2, 2, 4, 3, 5)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 4, 3, stride=2), (2, 2, 4, 3, 5)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(2, affine=True, track_running_stats=True), (2, 2, 4, 3)),
    "RMSNorm": (lambda: nn.RMSNorm(4), (2, 4)),
    "AlphaDropout": (lambda: nn.AlphaDropout(), (2, 4)),
    "RReLU": (lambda: nn.RReLU(), (2, 4)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2, padding=1), (2, 3, 8, 8)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, ceil_mode=True), (2, 3, 8, 8)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(3), (2, 3, 8, 8)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), (2, 3, 4, 4)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3, momentum=None), (4, 3)),
    "LayerNorm": (lambda: nn.LayerNorm(4), (2, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (2, 4, 3)),
    "Dropout": (lambda: nn.Dropout(), (2, 4)),
    "Flatten": (lambda: nn.Flatten(), (2, 4, 3)),
    "PReLU": (lambda: nn.PReLU(4), (2, 4)),
    "GELU": (lambda: nn.GELU(), (2, 4)),
    "Softmax": (lambda: nn.Softmax(1), (2, 4)),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_give_shapes_for_symbols(name, training):
    make, shape = LAYERS[name]
    layer = make().train(training)
    state = {path: tensor.numpy() for path, tensor in layer.state_dict().items()}
    expected = layer(tg.ones(shape)).shape
    layer.load_state_dict(state)
    with tg.device("symbol"):
        weightless = make().train(training)
    for module in (layer, weightless):
        y = module(tg.symbol(shape))
        assert y.symbolic and y.shape == expected and y.dtype == "float32"
    for path, tensor in layer.state_dict().items():  # running statistics too are as they were
        assert np.array_equal(tensor.numpy(), state[path])


def test_losses_and_look_ups_give_shapes_for_symbols():
    logits, classes = tg.symbol((5, 3), requires_grad=True), tg.symbol((5,), "int64")
    assert F.cross_entropy(logits, classes, label_smoothing=0.1).shape == ()
    assert F.nll_loss(logits, classes, reduction="none").shape == (5,)
    assert F.mse_loss(logits, tg.symbol((5, 3))).shape == ()
    assert F.binary_cross_entropy_with_logits(logits, tg.symbol((5, 3))).shape == ()
    with tg.device("symbol"):
        assert nn.Embedding(10, 4, padding_idx=0)(tg.symbol((2, 3), "int64")).shape == (2, 3, 4)
    with pytest.raises(ShapeError, match="linear in module Linear expects 4 features"):
        nn.Linear(4, 2)(tg.symbol((2, 5)))


# -- what layers promise ------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_scales_what_is_kept():
    layer = nn.Dropout(0.25)
    y = layer(tg.ones(200, 200)).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.01
    assert np.array_equal(layer.eval()(tg.ones(3)).numpy(), np.ones(3))
    assert not F.dropout(tg.ones(5), 1.0).numpy().any()
    channels = nn.Dropout2d()(tg.ones(50, 8, 4, 4)).numpy()
    assert ((channels == 0).all((2, 3)) | (channels == 2).all((2, 3))).all() and 0 < (channels == 0).mean() < 1
    for p in (-0.1, 1.1):
        with pytest.raises(OptionError, match="between 0 and 1"):
            nn.Dropout(p)


def test_dropout_passes_the_gradient_where_it_passed_the_value():
    x = tg.ones(100, requires_grad=True)
    y = F.dropout(x, 0.5)
    y.sum().backward()
    assert np.array_equal(x.grad.numpy(), y.numpy())


def test_batch_norm_normalises_with_the_batch_or_with_what_it_has_seen():
    layer = nn.BatchNorm1d(2)
    x = numbers(50, 2).astype("float32") * [3, 5] + [1, -2]
    y = layer(tg.tensor(x.astype("float32"))).numpy()
    assert np.allclose(y.mean(0), 0, atol=1e-5) and np.allclose(y.std(axis=0), 1, atol=1e-3)
    assert np.allclose(layer.running_mean.numpy(), 0.1 * x.mean(0), rtol=1e-4)
    assert np.allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.var(0, ddof=1), rtol=1e-4)
    assert layer.num_batches_tracked.item() == 1
    before = layer.running_mean.numpy()
    layer.eval()
    layer(tg.tensor(x.astype("float32")) + 100)
    assert np.array_equal(layer.running_mean.numpy(), before)
    layer.reset_running_stats()
    assert not layer.running_mean.numpy().any() and layer.num_batches_tracked.item() == 0


def test_the_running_statistics_are_outside_of_the_graph():
    layer = nn.BatchNorm1d(3)
    y = layer(tg.tensor(numbers(4, 3), requires_grad=True))
    assert not layer.running_mean.requires_grad and layer.running_mean.is_leaf
    layer(tg.ones(2, 3))  # overwrites them; the first graph does not need them
    (y * y).sum().backward()


def test_training_after_use_does_not_change_the_gradient_of_the_use():
    layer = nn.BatchNorm1d(3).eval()
    x = tg.tensor(numbers(4, 3), requires_grad=True)
    y = layer(x)
    layer.train()(tg.ones(2, 3))
    y.sum().backward()
    assert np.allclose(x.grad.numpy(), 1 / math.sqrt(1 + 1e-5))


def test_batch_norm_refuses_a_single_value_per_channel():
    with pytest.raises(ShapeError, match="more than 1 value per channel"):
        nn.Sequential(nn.BatchNorm1d(3))(tg.ones(1, 3))
    assert nn.BatchNorm2d(3)(tg.ones(1, 3, 2, 1)).shape == (1, 3, 2, 1)
    assert nn.BatchNorm1d(3).eval()(tg.ones(1, 3)).shape == (1, 3)
    with pytest.raises(ShapeError, match="3 channels"):
        nn.BatchNorm1d(3)(tg.ones(2, 4))
    with pytest.raises(ShapeError, match="batch, channels, height, width"):
        nn.BatchNorm2d(3)(tg.ones(2, 3))


def test_embedding_refuses_numbers_without_a_row():
    table = nn.Embedding(5, 2)
    for wrong in (5, -1):
        with pytest.raises(RangeError, match=f"{wrong} is out of range"):
            table(tg.tensor([0, wrong], device="cpu"))
    with pytest.raises(DTypeError, match="integers"):
        table(tg.ones(2))


def test_convolution_says_what_input_it_needs():
    with pytest.raises(ShapeError, match=r"conv2d in module Conv2d needs an input \(batch, channels, height, width\)"):
        nn.Conv2d(1, 2, 3)(tg.ones(5, 5))
    with pytest.raises(OptionError, match="divisible by groups=2"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(OptionError, match="padding_mode='wrap' is not one of 'zeros'"):
        nn.Conv2d(3, 4, 3, padding_mode="wrap")


ACTIVATIONS = [row for row in vars(nn).values() if isinstance(row, type) and issubclass(row, nn.activation.Activation)]


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.__name__)
def test_a_row_of_activations_has_the_options_and_defaults_of_its_function(row):
    words = {"LogSigmoid": "logsigmoid", "LogSoftmax": "log_softmax", "LeakyReLU": "leaky_relu"}
    function = getattr(F, words.get(row.__name__, row.__name__.lower()))
    defaults = {name: p.default for name, p in [*inspect.signature(function).parameters.items()][1:]}
    own = {name: p.default for name, p in inspect.signature(row).parameters.items() if name != "inplace"}
    assert own == {name: default for name, default in defaults.items() if name != "training"}
    values = [i / 7 if default is inspect.Parameter.empty else default for i, default in enumerate(own.values())]
    layer = row(*values)
    again = pickle.loads(pickle.dumps(layer))
    assert type(again) is row and repr(again) == repr(layer) and "inplace" not in repr(layer)
    assert [getattr(again, name) for name in own] == values
    x = tg.tensor(numbers(2, 4))
    np.testing.assert_array_equal(again.eval()(x).numpy(), function(x, *values).numpy())


def test_rows_of_activations_show_themselves_as_in_pytorch():
    shown = (nn.ReLU(inplace=True), nn.LeakyReLU(0.3), nn.Hardshrink(0.2), nn.GELU("tanh"), nn.Softmax(dim=1))
    assert list(map(repr, shown)) == [
        "ReLU()",
        "LeakyReLU(negative_slope=0.3)",
        "Hardshrink(0.2)",
        "GELU(approximate='tanh')",
        "Softmax(dim=1)",
    ]


@pytest.mark.parametrize("size", [1000.0, -1000.0])
@pytest.mark.parametrize("name", ["elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "logsigmoid", "sigmoid"])
def test_activations_and_their_gradients_are_finite_far_out(name, size):
    x = tg.tensor([size], requires_grad=True)
    getattr(F, name)(x).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_losses_are_right_far_out():
    x = tg.tensor([1000.0, -1000.0], requires_grad=True)
    assert F.binary_cross_entropy_with_logits(x, tg.tensor([1.0, 0.0])).item() == 0
    assert F.binary_cross_entropy_with_logits(x, tg.tensor([0.0, 1.0])).item() == 1000
    assert F.cross_entropy(x, 0).item() == 0 and F.cross_entropy(x, 1).item() == 2000
    p = tg.tensor([0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, tg.tensor([1.0, 1.0]))
    loss.backward()
    assert loss.item() == 50 and np.isfinite(p.grad.numpy()).all()


# -- wrong use -------------------------------------------------------------------------------------------------


@pytest.mark.host_only
def test_labels_that_do_not_fit():
    x = tg.tensor(numbers(4, 3).astype("float32"))
    for wrong in (3, -1):
        with pytest.raises(RangeError, match=f"cross_entropy: label {wrong} is out of range: 3 classes"):
            F.cross_entropy(x, [0, 1, wrong, 2])
    with pytest.raises(ShapeError, match=r"need targets of shape \(4,\)"):
        F.cross_entropy(x, [0, 1])
    with pytest.raises(DTypeError, match="Class numbers must be integers"):
        F.cross_entropy(x, tg.ones(4))
    with pytest.raises(ShapeError, match=r"weights of 3 classes"):
        F.cross_entropy(x, [0, 1, 2, 0], weight=tg.ones(2))


def test_options_that_do_not_exist():
    with pytest.raises(OptionError, match="reduction='avg' is not one of 'mean', 'sum', 'none'"):
        nn.MSELoss(reduction="avg")
    with pytest.raises(OptionError, match="label_smoothing"):
        F.cross_entropy(tg.ones(2, 2), [0, 1], label_smoothing=2)
    with pytest.raises(OptionError, match="'none' or 'tanh'"):
        nn.GELU("fast")(tg.ones(1))
    with pytest.raises(OptionError, match="along which axis"):
        F.softmax(tg.ones(2, 2, 2))
    with pytest.raises(OptionError, match="'swish' is not one of"):
        nn.init.calculate_gain("swish")


def test_a_target_of_another_shape_is_an_error_and_not_broadcast():
    with pytest.raises(ShapeError, match=r"one shape, but got \(4, 1\) and \(4,\)"):
        nn.MSELoss()(tg.ones(4, 1), tg.ones(4))


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits"])
def test_targets_in_float64_do_not_widen_a_float32_loss(name):
    x = tg.tensor(np.full((3, 2), 0.5, "float32"), requires_grad=True)
    loss = getattr(F, name)(x, np.random.default_rng(0).random((3, 2)))
    loss.backward()
    assert loss.dtype == x.grad.dtype == "float32"


def test_class_weights_are_saved_with_the_loss():
    loss = nn.CrossEntropyLoss(weight=np.array([1.0, 2.0], "float32"))
    assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())


def test_parameters_in_lists_and_dictionaries():
    class Net(nn.Module):
        def __init__(self):
            self.weights = nn.ParameterList([tg.ones(2, 3), nn.Parameter(tg.ones(3))])
            self.scales = nn.ParameterDict({"a": np.ones(2, "float32")})

        def forward(self, x):
            return (x @ self.weights[0] + self.weights[1]).sum() * self.scales["a"].sum()

    net = Net()
    net.weights.append(tg.zeros(1)).extend([tg.zeros(4)])
    net.scales["b"] = tg.zeros(5)
    assert list(net.state_dict()) == ["weights.0", "weights.1", "weights.2", "weights.3", "scales.a", "scales.b"]
    assert [p.name for p in net.parameters()] == list(net.state_dict()) and len(net.weights) == 4
    assert [p.shape for p in net.weights[1:3]] == [(3,), (1,)] and "b" in net.scales
    net(tg.ones(4, 2)).backward()
    assert net.weights[0].grad.shape == (2, 3) and net.weights[2].grad is None
    net.weights[3] = tg.ones(7)
    del net.scales["b"]
    assert net.weights[3].shape == (7,) and net.scales.keys() == ["a"]
    assert list(pickle.loads(pickle.dumps(net.weights)))[3].shape == (7,)
    with pytest.raises(RangeError, match="no parameter 4 in a ParameterList of 4"):
        net.weights[4]
    with pytest.raises(OptionError, match="'keys' cannot name a part"):
        net.scales["keys"] = tg.ones(1)


def test_the_page_of_nn_names_every_file_and_layer():
    layers = {name for name in dir(nn) if isinstance(getattr(nn, name), type)}
    said = nn.__doc__
    for name in layers:
        family = re.sub(r"[123]d$", "", name)
        assert re.search(rf"\b({family} d|{name})\b", said), name
    for file in re.findall(r"`(\w+\.py)`", said):
        assert (Path(nn.__file__).parent / file).exists(), file


# -- initial weights -----------------------------------------------------------------------------------------------


def test_one_seed_gives_one_network():
    def network():
        tg.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 3), nn.Conv2d(1, 2, 3), nn.Embedding(3, 2)).state_dict()

    for a, b in zip(network().values(), network().values(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    with tg.device("strict"):
        there = network()
    for a, b in zip(network().values(), there.values(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    before = tg.random.get_state()
    with tg.device("symbol"):
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Embedding(3, 2, padding_idx=0))
    assert tg.random.get_state() == before  # a network without memory draws nothing


def test_initial_weights_keep_to_their_bounds():
    w = tg.zeros(30, 20, dtype="float64")
    assert nn.init.trunc_normal_(w, std=3, a=-1, b=2) is w
    assert w.numpy().min() >= -1 and w.numpy().max() <= 2 and w.dtype == "float64"
    q = nn.init.orthogonal_(w, gain=2).numpy() / 2
    assert np.allclose(q.T @ q, np.eye(20), atol=1e-12)
    q = nn.init.orthogonal_(tg.zeros(4, 3, 5)).numpy().reshape(4, 15)
    assert np.allclose(q @ q.T, np.eye(4), atol=1e-5)
    bound = math.sqrt(6 / 50)
    assert np.abs(nn.init.xavier_uniform_(w).numpy()).max() <= bound
    assert abs(nn.Linear(100, 4).weight.numpy()).max() <= 0.1
    with pytest.raises(ShapeError, match="2 axes"):
        nn.init.xavier_normal_(tg.zeros(3))
    with pytest.raises(OptionError, match="'fan_avg' is not"):
        nn.init.kaiming_normal_(w, mode="fan_avg")


# -- devices ----------------------------------------------------------------------------------------------------------


def small_network():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(4 * 3 * 3, 5),
        nn.LayerNorm(5),
    )


def test_a_training_step_never_waits_for_the_device():
    with tg.device("strict"):
        model = small_network()
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        schedule = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
        x, labels = tg.tensor(numbers(6, 1, 6, 6).astype("float32")), tg.tensor(np.array([0, 1, 2, 3, 4, 0]))
        for _ in range(3):
            before = strict.host_looks
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            assert strict.host_looks == before
        assert np.isfinite(loss.item())


def test_a_network_moves_with_its_gradients_and_its_optimiser():
    model = small_network().to("cpu")
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, labels = (
        tg.tensor(numbers(6, 1, 6, 6).astype("float32"), device="cpu"),
        tg.tensor([0, 1, 2, 3, 4, 0], device="cpu"),
    )
    parameters, state = list(model.parameters()), model.state_dict()
    F.cross_entropy(model(x), labels).backward()
    optimizer.step()
    model.to("strict")
    assert list(model.parameters()) == parameters
    for tensor in (*parameters, *model.buffers(), *(p.grad for p in parameters)):
        assert tensor.device == "strict"
    optimizer.step()
    F.cross_entropy(model(x.to("strict")), labels.to("strict")).backward()
    optimizer.step()
    assert all(kept["momentum_buffer"].device == "strict" for kept in optimizer.state.values())
    assert all(tensor.device == "cpu" for tensor in state.values())
    model.load_state_dict(state)  # saved there, loaded here, and nothing has moved
    assert parameters[0].device == "strict" and np.array_equal(parameters[0].numpy(), state["0.weight"].numpy())


def test_bags_of_an_embedding_bag():
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    bag = nn.EmbeddingBag.from_pretrained(table, mode="max", padding_idx=5)
    assert list(bag.state_dict()) == ["weight"] and not bag.weight.requires_grad and bag.padding_idx == 5
    assert bag(tg.tensor([[0, 2], [5, 1], [5, 5]])).tolist() == [[4, 5], [2, 3], [0, 0]]
    assert bag(tg.tensor([0, 2, 5]), tg.tensor([0, 0, 2])).tolist() == [[0, 0], [4, 5], [0, 0]]
    assert repr(bag) == "EmbeddingBag(6, 2, padding_idx=5, mode='max')"
    assert nn.EmbeddingBag(5, 2, padding_idx=-1).weight.numpy()[4].tolist() == [0, 0]


def test_a_pretrained_embedding_shares_its_rows():
    rows = tg.ones(3, 2)
    layer = nn.Embedding.from_pretrained(rows, freeze=False)
    layer.weight.assign(5)
    assert layer.weight.requires_grad and rows.tolist() == [[5, 5]] * 3
    with pytest.raises(ShapeError, match="rows \\(num_embeddings, embedding_dim\\)"):
        nn.Embedding.from_pretrained(tg.ones(3))


@pytest.mark.host_only  # elsewhere a look at the numbers would have to wait, and is not taken
@pytest.mark.parametrize(
    ("error", "message", "wrong"),
    [
        (OptionError, "mode is one of 'mean', 'sum', 'max', not 'avg'", lambda: nn.EmbeddingBag(3, 2, mode="avg")),
        (OptionError, "with mode='sum' only", lambda: nn.EmbeddingBag(3, 2)([[0]], per_sample_weights=[[1.0]])),
        (ShapeError, "shape of the input", lambda: nn.EmbeddingBag(3, 2, mode="sum")([[0]], per_sample_weights=[1.0])),
        (ShapeError, r"\(total,\) with offsets, but got .* without offsets", lambda: nn.EmbeddingBag(3, 2)([0, 1])),
        (DTypeError, "needs integers", lambda: nn.EmbeddingBag(3, 2)([[0.5]])),
        (RangeError, "ascend from 0 to at most 2", lambda: nn.EmbeddingBag(3, 2)([0, 1], [0, 3])),
        (RangeError, "ascend from 0", lambda: nn.EmbeddingBag(3, 2)([0, 1], [1])),
        (RangeError, "3", lambda: nn.EmbeddingBag(3, 2)([[3]])),
    ],
)
def test_what_an_embedding_bag_refuses(error, message, wrong):
    with pytest.raises(error, match=message):
        wrong()
