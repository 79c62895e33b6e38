"""Rows of ONNX's table that networks are made of, where its own suite does not look: gradients, old versions, training, devices."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.nn import functional as F
from tinygrad_ml.onnx import load

pytest.importorskip("onnx")

from tests.onnx_nodes import RNG, Known, given, numbers, one, run


def apart(*shape):
    """Numbers none of which is near another, or near 0: small steps do not change which is the largest."""
    flat = np.linspace(-2.003, 1.995, int(np.prod(shape)))
    return RNG.permutation(flat).reshape(shape)


IMAGE, SEQUENCE = apart(2, 4, 5, 6), apart(2, 4, 7)
STEPS = numbers(4, 2, 3, low=-1)


def recurrent(gates, ways=1, hidden=2, peepholes=False):
    """X, W, R, B, no lengths, and initial states."""
    values = {
        "x": STEPS,
        "w": numbers(ways, gates * hidden, 3, low=-1, high=1),
        "r": numbers(ways, gates * hidden, hidden, low=-1, high=1),
        "b": numbers(ways, 2 * gates * hidden, low=-1, high=1),
        "l": None,
        "h": numbers(ways, 2, hidden, low=-1, high=1),
    }
    if gates == 4:
        values["c"] = numbers(ways, 2, hidden, low=-1, high=1)
    if peepholes:
        values["p"] = numbers(ways, 3 * hidden, low=-1, high=1)
    return values


# fmt: off
DIFFERENTIABLE = {
    "Conv": ({"x": IMAGE, "w": numbers(6, 2, 3, 2, low=-1), "b": numbers(6)}, {"group": 2, "strides": [2, 1], "dilations": [1, 2], "pads": [1, 0, 2, 1]}),
    "Conv, of sequences": ({"x": SEQUENCE, "w": numbers(3, 4, 2, low=-1)}, {"auto_pad": "SAME_LOWER"}),
    "ConvTranspose": ({"x": IMAGE[..., :3, :3], "w": numbers(4, 1, 3, 3, low=-1), "b": numbers(2)}, {"group": 2, "strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 0]}),
    "ConvTranspose, to a size": ({"x": IMAGE[..., :3, :3], "w": numbers(4, 2, 2, 2, low=-1)}, {"strides": [2, 2], "output_shape": [7, 8]}),
    "DeformConv": ({"x": IMAGE[:1, :2], "w": numbers(2, 2, 2, 2, low=-1), "o": numbers(1, 8, 4, 5, low=0.1, high=0.4), "b": numbers(2), "m": numbers(1, 4, 4, 5)}, {}),
    "Col2Im": ({"x": numbers(1, 8, 6), "i": Known(np.array([3, 4])), "b": Known(np.array([2, 2]))}, {}),
    "MaxPool": ({"x": IMAGE}, {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1], "ceil_mode": 1}),
    "MaxPool, dilated": ({"x": IMAGE}, {"kernel_shape": [2, 2], "dilations": [2, 3], "auto_pad": "SAME_UPPER"}),
    "AveragePool": ({"x": IMAGE}, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 0, "ceil_mode": 1, "strides": [2, 2]}),
    "AveragePool, dilated": ({"x": SEQUENCE}, {"kernel_shape": [3], "dilations": [2], "pads": [2, 2]}),
    "LpPool": ({"x": IMAGE}, {"kernel_shape": [2, 2], "p": 3}),
    "GlobalLpPool": ({"x": IMAGE}, {}),
    "GlobalMaxPool": ({"x": IMAGE}, {}),
    "MaxUnpool": ({"x": IMAGE[:1, :1, :2, :2], "i": Known(np.array([[[[0, 6], [9, 15]]]]))}, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "MaxRoiPool": ({"x": IMAGE, "r": Known(np.array([[1.0, 0, 0, 4, 3], [0, 2, 1, 5, 4]]))}, {"pooled_shape": [2, 2]}),
    "BatchNormalization": ({"x": IMAGE, "s": numbers(4), "b": numbers(4), "m": numbers(4), "v": numbers(4)}, {}),
    "BatchNormalization, training": ({"x": IMAGE, "s": numbers(4), "b": numbers(4), "m": numbers(4), "v": numbers(4)}, {"training_mode": 1, "outputs": ("y", "n", "w")}),
    "InstanceNormalization": ({"x": IMAGE, "s": numbers(4), "b": numbers(4)}, {}),
    "LayerNormalization": ({"x": IMAGE, "s": numbers(5, 6), "b": numbers(5, 6)}, {"axis": 2, "outputs": ("y", "m", "i")}),
    "GroupNormalization": ({"x": IMAGE, "s": numbers(4), "b": numbers(4)}, {"num_groups": 2}),
    "GroupNormalization, of old": ({"x": IMAGE, "s": numbers(2), "b": numbers(2)}, {"num_groups": 2, "opset": 18}),
    "RMSNormalization": ({"x": IMAGE, "s": numbers(6)}, {}),
    "LRN": ({"x": IMAGE}, {"size": 4, "alpha": 0.5}),
    "LpNormalization": ({"x": IMAGE}, {"axis": 1, "p": 1}),
    "MeanVarianceNormalization": ({"x": IMAGE}, {}),
    "Softmax": ({"x": IMAGE}, {"axis": 1}),
    "Softmax, of old": ({"x": IMAGE}, {"axis": 2, "opset": 11}),
    "LogSoftmax": ({"x": IMAGE}, {"axis": 2}),
    "PRelu": ({"x": IMAGE, "s": numbers(4, 1, 1)}, {}),
    "HardSigmoid": ({"x": IMAGE}, {"alpha": 0.3}),
    "Selu": ({"x": IMAGE}, {"gamma": 2.0}),
    "Shrink": ({"x": IMAGE}, {"lambd": 0.45, "bias": 0.1}),
    "ThresholdedRelu": ({"x": IMAGE}, {"alpha": 0.45}),
    "Swish": ({"x": IMAGE}, {"alpha": 0.7}),
    "Einsum": ({"a": numbers(2, 3), "b": numbers(3, 4), "c": numbers(4)}, {"equation": "i j, jk, k -> ik"}),
    "RNN": (recurrent(1, 2), {"hidden_size": 2, "direction": "bidirectional", "activations": ["Relu", "Affine"], "activation_alpha": [0.5], "outputs": ("y", "h2")}),
    "GRU": (recurrent(3), {"hidden_size": 2, "direction": "reverse", "linear_before_reset": 1, "outputs": ("y", "h2")}),
    "GRU, lengths": ({**recurrent(3), "l": Known(np.array([4, 2], np.int32))}, {"hidden_size": 2, "outputs": ("y", "h2")}),
    "LSTM": (recurrent(4, 2, peepholes=True), {"hidden_size": 2, "direction": "bidirectional", "clip": 0.8, "outputs": ("y", "h2", "c2")}),
    "LSTM, lengths": ({**recurrent(4), "l": Known(np.array([3, 4], np.int32))}, {"hidden_size": 2, "direction": "reverse", "input_forget": 1, "outputs": ("y", "h2", "c2")}),
    "Attention": ({"q": numbers(1, 4, 3, 2), "k": numbers(1, 2, 5, 2), "v": numbers(1, 2, 5, 3)}, {"is_causal": 1}),
    "Attention, with past": ({"q": numbers(1, 2, 4), "k": numbers(1, 2, 4), "v": numbers(1, 2, 4), "m": numbers(2, 5), "pk": numbers(1, 2, 3, 2), "pv": numbers(1, 2, 3, 2)},
                             {"q_num_heads": 2, "kv_num_heads": 2, "softcap": 2.0, "outputs": ("y", "ka", "va", "s"), "qk_matmul_output_mode": 2}),
    "RotaryEmbedding": ({"x": numbers(1, 2, 3, 6), "c": numbers(1, 3, 2), "s": numbers(1, 3, 2)}, {"rotary_embedding_dim": 4, "interleaved": 1}),
    "SoftmaxCrossEntropyLoss": ({"x": numbers(3, 4, 2), "t": Known(np.array([[0, 1], [3, 2], [2, 0]])), "w": numbers(4)}, {"outputs": ("y", "p"), "ignore_index": 2}),
    "NegativeLogLikelihoodLoss": ({"x": numbers(3, 4), "t": Known(np.array([0, 3, 2]))}, {"reduction": "sum"}),
    "Resize": ({"x": IMAGE, "r": None, "s": Known(np.array([1, 1, 1.7, 0.6], np.float32))}, {"mode": "cubic", "antialias": 1}),
    "Resize, by a region": ({"x": IMAGE, "r": Known(np.array([0.1, 0.2, 1.2, 0.9])), "s": None, "z": Known(np.array([4, 5]))},
                            {"mode": "linear", "axes": [2, 3], "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 3.0}),
    "Resize, picking": ({"x": IMAGE, "r": None, "s": None, "z": Known(np.array([2, 4, 10, 3]))}, {}),
    "Upsample": ({"x": IMAGE, "s": Known(np.array([1, 1, 2, 2], np.float32))}, {"mode": "linear", "opset": 9}),
    "GridSample": ({"x": IMAGE, "g": numbers(2, 3, 3, 2, low=-0.83, high=0.71)}, {}),
    "AffineGrid": ({"t": numbers(1, 2, 3), "s": Known(np.array([1, 1, 3, 4]))}, {}),
    "RoiAlign": ({"x": IMAGE, "r": np.array([[0.3, 0.4, 4.1, 3.3], [1.2, 0.7, 3.9, 4.2]]), "i": Known(np.array([1, 0]))}, {"output_height": 2, "output_width": 2, "sampling_ratio": 2}),
    "RoiAlign, largest": ({"x": IMAGE, "r": Known(np.array([[0.3, 0.4, 4.1, 3.3]])), "i": Known(np.array([1]))}, {"output_height": 2, "output_width": 1, "mode": "max"}),
    "DequantizeLinear": ({"x": Known(np.arange(6, dtype=np.int8).reshape(2, 3)), "s": numbers(3), "z": Known(np.ones(3, np.int8))}, {}),
    "DepthToSpace": ({"x": IMAGE}, {"blocksize": 2, "mode": "CRD"}),
    "SpaceToDepth": ({"x": IMAGE[..., :4, :]}, {"blocksize": 2}),
}
# fmt: on


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_flow_to_all_floating_inputs(name):
    values, described = DIFFERENTIABLE[name]
    model = load(one(name.partition(",")[0], values, **described))
    inputs = [tg.tensor(each, dtype="float64", requires_grad=True) for each in given(values)]
    made = model(*inputs)
    gradients = tg.grad(sum(y.sum() for y in (made if isinstance(made, tuple) else (made,))), inputs)
    assert all(gradient.shape == x.shape for gradient, x in zip(gradients, inputs, strict=True))
    small = sum(x.size for x in inputs) < 200
    assert tg.gradcheck(model, inputs, order=2 if small else 1)


# --- what ONNX's suite leaves out -------------------------------------------------------------------------------------


def test_places_of_the_largest_are_counted_down_the_columns_on_demand():
    y, places = run(
        "MaxPool", {"x": IMAGE}, outputs=("y", "i"), kernel_shape=[2, 2], storage_order=1, pads=[1, 1, 1, 1]
    )
    down = IMAGE.transpose(0, 1, 3, 2).reshape(-1)
    assert (down[places] == y).all()


def test_places_are_right_where_windows_lie_in_padding_alone():
    options = {"kernel_shape": [2, 2], "dilations": [3, 3], "auto_pad": "SAME_LOWER"}
    y, places = run("MaxPool", {"x": IMAGE}, outputs=("y", "i"), **options)
    assert y.shape == IMAGE.shape and (IMAGE.reshape(-1)[places] == y).all()


@pytest.mark.parametrize("operator, gates", [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_a_sequence_that_is_over_is_as_if_it_were_alone(operator, gates):
    values = recurrent(gates, 2)
    outputs = ("y", "h2", "c2")[: 2 + (gates == 4)]
    options = {"hidden_size": 2, "direction": "bidirectional", "outputs": outputs}
    y, *states = run(operator, {**values, "l": Known(np.array([4, 2], np.int32))}, **options)
    alone = {name: each[:2, 1:] if name == "x" else each for name, each in values.items()}
    alone |= {name: values[name][:, 1:] for name in ("h", "c") if name in values}
    y_alone, *states_alone = run(operator, alone, **options)
    np.testing.assert_allclose(y[:2, :, 1:], y_alone)
    assert not y[2:, :, 1].any()
    for state, other in zip(states, states_alone, strict=True):
        np.testing.assert_allclose(state[:, 1:], other)


@pytest.mark.parametrize("operator, gates", [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_layout_1_has_the_samples_first(operator, gates):
    values = recurrent(gates)
    outputs = ("y", "h2", "c2")[: 2 + (gates == 4)]
    made = run(operator, values, outputs=outputs, hidden_size=2)
    turned = {name: each.swapaxes(0, 1) if name in "xhc" else each for name, each in values.items() if each is not None}
    turned = {name: turned.get(name) for name in values}
    first = run(operator, turned, outputs=outputs, hidden_size=2, layout=1)
    np.testing.assert_allclose(first[0], made[0].transpose(2, 0, 1, 3))
    for one_way, other in zip(first[1:], made[1:], strict=True):
        np.testing.assert_allclose(one_way, other.swapaxes(0, 1))


def test_an_activation_that_there_is_not_is_said():
    with pytest.raises(OptionError, match="'Sine' is not one of relu, tanh"):
        run("RNN", recurrent(1), hidden_size=2, activations=["Sine"])


def test_batch_norm_moves_its_statistics_in_training_only():
    kept = {name: Known(np.full(4, value, np.float32)) for name, value in {"s": 1, "b": 0, "m": 0.5, "v": 2}.items()}
    x = tg.tensor(IMAGE, dtype="float32")
    model = load(one("BatchNormalization", {"x": IMAGE.astype(np.float32), **kept}, momentum=0.8))
    assert [name for name, _ in model.named_parameters()] == ["s", "b"]
    assert [name for name, _ in model.named_buffers()] == ["m", "v"]
    before = model(x)
    np.testing.assert_allclose(before.numpy(), (IMAGE - 0.5) / np.sqrt(2 + 1e-5), rtol=1e-5, atol=1e-6)
    assert (model.m.numpy() == 0.5).all()
    model.train()
    mean, var = tg.full(4, 0.5), tg.full(4, 2.0)
    expected = F.batch_norm(x, mean, var, tg.ones(4), tg.zeros(4), True, 0.2)
    np.testing.assert_allclose(model(x).numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.m.numpy(), mean.numpy(), rtol=1e-6)
    np.testing.assert_allclose(model.v.numpy(), var.numpy(), rtol=1e-6)


def test_dropout_drops_in_training_only():
    x = np.ones((50, 40), np.float32)
    model = load(one("Dropout", {"x": x, "r": Known(np.array(0.25, np.float32))}, outputs=("y", "m")))
    y, mask = model(x)
    assert (y.numpy() == 1).all() and mask.numpy().all()
    tg.manual_seed(0)
    y, mask = model.train()(x)
    assert set(np.unique(y.numpy())) == {0, np.float32(4 / 3)} and (y.numpy() > 0).mean() == mask.numpy().mean()
    assert abs(mask.numpy().mean() - 0.75) < 0.05


def test_what_does_not_fit_is_said_with_the_node():
    model = load(one("Conv", {"x": IMAGE, "w": numbers(3, 3, 2, 2)}))
    with pytest.raises(ShapeError, match="4 channels") as caught:
        model(IMAGE, numbers(3, 3, 2, 2))
    assert "Conv of version 22" in caught.value.__notes__[0]


def test_quantised_and_back_is_near():
    x = numbers(3, 5, low=-1, high=1).astype(np.float32)
    q, scale, zero = run("DynamicQuantizeLinear", {"x": x}, outputs=("q", "s", "z"))
    assert (q.dtype, scale.shape, zero.dtype) == (np.uint8, (), np.uint8)
    back = run("DequantizeLinear", {"q": q, "s": scale, "z": zero})
    assert abs(back - x).max() <= scale / 2 + 1e-6


def test_symbols_pass_through_recurrent_networks_and_attention():
    model = load(one("LSTM", recurrent(4), outputs=("y", "h2"), hidden_size=2))
    inputs = [tg.symbol(each.shape, "float64") for each in given(recurrent(4))]
    assert [made.shape for made in model(*inputs)] == [(4, 1, 2, 2), (1, 2, 2)]
