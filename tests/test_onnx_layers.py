"""The layers that are found in an ONNX file which says nothing of modules, and what pictures show of them."""

import pytest

import tinygrad_ml as tg
import viz

onnx = pytest.importorskip("onnx", reason="onnx reads the files")

pytestmark = pytest.mark.host_only

RESIDUAL = """
    <ir_version: 8, opset_import: ["" : 17]>
    net (float[n,4] x) => (float[n,4] y)
    <float[4,4] dense1_weights = {1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1}, float[4] dense1_offset = {1,2,3,4},
     float[4,4] dense2_w_0 = {1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1}, int64[2] shape = {1,4}> {
        h = MatMul (x, dense1_weights)
        b = Reshape (dense1_offset, shape)
        a = Add (h, b)
        r = Relu (a)
        m = MatMul (r, dense2_w_0)
        six = Constant <value = float[1] {6}> ()
        d = Div (m, six)
        s = Add (d, r)
        t = Tanh (s)
        y = Identity (t)
    }"""


@pytest.fixture(scope="module")
def model():
    return tg.onnx.load(onnx.parser.parse_model(RESIDUAL).SerializeToString())


def test_layers_are_found_and_named_by_their_weights(model):
    picture = viz.draw(model, "forward", inputs=model.symbols()).source
    for name in ("dense1", "dense2", "Add"):
        assert f"<B>{name}</B>" in picture
    assert "six" not in picture and "offset" not in picture  # a number of a formula, and a weight in its layer
    assert {*model.state_dict()} == {"dense1_weights", "dense1_offset", "dense2_w_0"}


def test_names_that_an_exporter_made_up_are_none():
    text = RESIDUAL.replace("dense1_weights", "MADE_UP")
    file = onnx.parser.parse_model(text)
    renamed = file.SerializeToString().replace(b"MADE_UP", b"onnx::7")
    model = tg.onnx.load(renamed)
    assert "onnx::7" in model.state_dict()
    assert [name for name, _ in model.named_modules()][1:3] == ["MatMul", "dense2"]


def test_a_layer_opens(model):
    picture = viz.draw(model, "forward", inputs=model.symbols(), open=["dense2"]).source
    assert "/ 6" in picture and "@" in picture


def test_a_number_with_an_axis_keeps_the_shape():
    text = """<ir_version: 8, opset_import: ["" : 17]> net (float[3] x, float z) => (float[3] y, float[1,1] a, float[1] b)
        <float[1] six = {6}, float[1,1] two = {2}> { y = Div (x, six)  a = Mul (z, two)  b = Add (z, six) }"""
    net = tg.onnx.load(onnx.parser.parse_model(text).SerializeToString(), trainable=False)
    found = net(tg.ones(3), tg.tensor(1.0))
    assert [each.shape for each in found] == [(3,), (1, 1), (1,)]
    assert [float(each.sum()) for each in found] == [0.5, 2, 7]


def test_a_table_of_words_is_a_weight():
    text = """<ir_version: 8, opset_import: ["" : 17]> net (int64[2] x) => (float[2,2] y)
        <float[3,2] table = {1,2,3,4,5,6}> { y = Gather (table, x) }"""
    net = tg.onnx.load(onnx.parser.parse_model(text).SerializeToString())
    net(tg.tensor([2, 2])).sum().backward()
    assert net.table.grad.numpy().tolist() == [[0, 0], [0, 0], [2, 2]]


def test_an_axis_that_is_not_there_is_an_error():
    text = """<ir_version: 8, opset_import: ["" : 17]> net (float[2,3] x) => (float[2,3] y)
        <float[3] s = {1,2,3}> { y = LayerNormalization <axis = 3> (x, s) }"""
    with pytest.raises(tg.errors.AxisError, match="axis 3"):
        tg.onnx.load(onnx.parser.parse_model(text).SerializeToString())(tg.ones((2, 3)))
