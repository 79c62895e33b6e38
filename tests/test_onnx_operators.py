"""Rows of ONNX's table where its own suite does not look: gradients, old versions, loops, numbers that are known."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, OptionError, TinygradError
from tinygrad_ml.graph import topological
from tinygrad_ml.onnx import load
from tinygrad_ml.onnx.operators.creation import constant_of_shape

pytest.importorskip("onnx")

from onnx import TensorProto, helper

from tests.onnx_nodes import Known, at, given, inner, model_of, numbers, one, places, plain, run

ML, LEARNING = "ai.onnx.ml", "ai.onnx.preview.training"

# --- gradients --------------------------------------------------------------------------------------------------------

A, B = numbers(3, 4), numbers(3, 4)

# fmt: off
DIFFERENTIABLE = {
    "Div": ({"a": A, "b": B}, {}),
    "Pow": ({"a": A, "b": B}, {}),
    "Pow, by a number": ({"a": A, "b": Known(np.array(3.0))}, {}),
    "Mod": ({"a": A, "b": B}, {"fmod": 1, "opset": 28}),
    "Max": ({"a": A, "b": B, "c": A[:1] + 0.1}, {}),
    "Mean": ({"a": A, "b": B}, {}),
    "Clip": ({"a": A, "low": Known(np.array(0.8)), "high": Known(np.array(1.6))}, {}),
    "Where": ({"c": Known(A > 1), "a": A, "b": B}, {}),
    "Add, of old": ({"a": A, "b": B[:, 0]}, {"opset": 6, "broadcast": 1, "axis": 0}),
    "ReduceL2": ({"a": A, "axes": places(1)}, {}),
    "ReduceLogSumExp": ({"a": A}, {"keepdims": 0}),
    "ReduceProd": ({"a": A, "axes": places(0)}, {}),
    "ReduceMax": ({"a": A}, {"opset": 11, "axes": [1]}),
    "CumSum": ({"a": A, "axis": at(1)}, {"exclusive": 1, "reverse": 1}),
    "CumProd": ({"a": A, "axis": at(1)}, {"reverse": 1, "opset": 26}),
    "Pad": ({"a": A, "pads": places(1, -1, 2, 1)}, {"mode": "reflect"}),
    "Slice": ({"a": A, "s": places(-1), "e": places(-99), "axes": places(1), "t": places(-2)}, {}),
    "Split": ({"a": A}, {"axis": 1, "num_outputs": 2, "outputs": ("y", "z")}),
    "Tile": ({"a": A, "n": places(2, 3)}, {}),
    "CenterCropPad": ({"a": A, "s": places(5, 2)}, {}),
    "ReverseSequence": ({"a": A, "n": places(2, 1, 3, 3)}, {}),
    "Trilu": ({"a": A}, {"upper": 0}),
    "Gather": ({"a": A, "i": Known(np.array([[0, -1], [2, 0]]))}, {"axis": 1}),
    "GatherElements": ({"a": A, "i": Known(np.array([[0, -1, 0]]))}, {}),
    "GatherND": ({"a": A, "i": Known(np.array([[0], [2], [1]]))}, {"batch_dims": 1}),
    "ScatterElements": ({"a": A, "i": Known(np.array([[0, 1], [0, 2]])), "u": B[:2, :2]}, {"reduction": "mul"}),
    "ScatterND": ({"a": A, "i": Known(np.array([[1], [-1], [1]])), "u": B}, {"reduction": "add"}),
    "TopK": ({"a": A, "k": places(2)}, {"outputs": ("y", "i")}),
    "Unique": ({"a": A}, {"sorted": 0}),
    "Compress": ({"a": A, "c": Known(np.array([True, False, True]))}, {"axis": 1}),
    "OneHot": ({"i": places(1, 3, -1), "n": at(4), "v": numbers(2)}, {}),
    "TensorScatter": ({"a": A[None], "u": B[None, :2]}, {}),
    "DFT": ({"a": A[..., None], "n": None, "axis": at(1)}, {"onesided": 1}),
    "DFT, back": ({"a": numbers(2, 4, 2)}, {"onesided": 1, "inverse": 1}),
    "STFT": ({"a": numbers(2, 9, 1), "s": at(2), "w": Known(numbers(4))}, {}),
    "Det": ({"a": numbers(2, 3, 3)}, {}),
    "Gemm, of old": ({"a": A, "b": B, "c": A[0, :3]}, {"opset": 6, "transB": 1, "broadcast": 1, "alpha": 0.5}),
    "CausalConvWithState": ({"a": numbers(2, 3, 5), "w": numbers(3, 1, 3), "b": numbers(3), "p": numbers(2, 3, 2)}, {"opset": 27, "activation": "silu", "outputs": ("y", "s")}),
    "LinearAttention": ({"q": numbers(2, 3, 8), "k": numbers(2, 3, 4, high=0.7), "v": numbers(2, 3, 2), "s": None, "g": -numbers(2, 3, 2), "b": numbers(2, 3, 1)},
                        {"opset": 27, "q_num_heads": 4, "kv_num_heads": 2, "outputs": ("y", "t")}),
    "FlexAttention": ({"q": numbers(1, 4, 3, 2), "k": numbers(1, 2, 5, 2), "v": numbers(1, 2, 5, 3)},
                      {"domain": "ai.onnx.preview", "score_mod": inner([helper.make_node("Tanh", ["s"], ["t"])], ["s"], ["t"])}),
    "Normalizer": ({"a": A}, {"domain": ML, "norm": "L2"}),
    "Scaler": ({"a": A}, {"domain": ML, "offset": [1.0], "scale": [2.0, 1.0, 3.0, 4.0]}),
    "LinearRegressor": ({"a": A}, {"domain": ML, "coefficients": [1.0, 2.0, 3.0, 4.0], "post_transform": "LOGISTIC"}),
    "Adam": ({"r": np.array(0.1), "t": at(3), "x": A, "g": B, "v": A, "h": B}, {"domain": LEARNING, "outputs": ("x2", "v2", "h2")}),
    "Momentum": ({"r": np.array(0.1), "t": at(3), "x": A, "g": B, "v": A},
                 {"domain": LEARNING, "outputs": ("x2", "v2"), "alpha": 0.9, "beta": 1.0, "mode": "nesterov", "norm_coefficient": 0.1}),
}
# fmt: on


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_flow_through(name):
    values, described = DIFFERENTIABLE[name]
    model = load(one(name.partition(",")[0], values, **described))
    inputs = [tg.tensor(each, dtype="float64") for each in given(values)]
    assert tg.gradcheck(model, inputs)


NONE = {
    "ArgMax": ({"a": A}, {}),
    "Greater": ({"a": A, "b": B}, {}),
    "Cast": ({"a": A}, {"to": TensorProto.INT64}),
    "IsNaN": ({"a": A}, {}),
    "NonZero": ({"a": A}, {}),
    "Shape": ({"a": A}, {}),
    "Bernoulli": ({"a": A / 2}, {}),
    "Multinomial": ({"a": A.astype(np.float32)}, {}),
    "RandomNormalLike": ({"a": A}, {}),
}


@pytest.mark.parametrize("name", NONE)
def test_a_gradient_that_cannot_exist_is_none(name):
    values, described = NONE[name]
    inputs = [tg.tensor(each, requires_grad=True) for each in given(values)]
    assert not load(one(name, values, **described))(*inputs).requires_grad


def test_casts_between_floats_pass_gradients():
    x = tg.tensor(A.astype(np.float32), requires_grad=True)
    y = load(one("Cast", {"a": A.astype(np.float32)}, to=TensorProto.DOUBLE))(x)
    y.sum().backward()
    assert y.dtype == tg.float64 and x.grad.dtype == tg.float32


# --- loops and branches -----------------------------------------------------------------------------------------------


def powers(rounds, going=None):
    """x, x·w, x·w·w, ... by a Loop, which ends where a number is above 10 too."""
    body = inner(
        [
            helper.make_node("Mul", ["c", "w"], ["next"]),
            helper.make_node("Less", ["next", "ten"], ["more"]),
            helper.make_node("Identity", ["c"], ["seen"]),
        ],
        [("i", TensorProto.INT64), ("go", TensorProto.BOOL), "c"],
        ["more", "next", "seen"],
    )
    loop = helper.make_node("Loop", ["n" if rounds else "", "go" if going else "", "x"], ["last", "all"], body=body)
    values = {"x": np.array(1.0), "w": np.array(2.0), "ten": Known(np.array(10.0))}
    return model_of(
        [loop], values | ({"n": rounds} if rounds else {}) | ({"go": going} if going else {}), ["last", "all"]
    )


def test_a_loop_counts_or_asks():
    always = Known(np.array(True))
    for rounds, going, last, seen in (
        (Known(np.array(6)), None, 64, [1, 2, 4, 8, 16, 32]),
        (Known(np.array(6)), always, 16, [1, 2, 4, 8]),
        (None, always, 16, [1, 2, 4, 8]),
    ):
        found = plain(load(powers(rounds, going))(np.array(1.0), np.array(2.0)))
        assert found[0] == last and found[1].tolist() == seen
    last, seen = plain(load(powers(None, Known(np.array(False))))(np.array(5.0), np.array(2.0)))
    assert last == 5 and len(seen) == 0


def test_rounds_that_are_counted_are_recorded_once():
    """Ten of them: so is the number of operations in the graph the same as for twenty."""

    def operations(rounds):
        last = load(powers(at(rounds)))(tg.tensor(1.0, dtype="float64", requires_grad=True), np.array(1.1))[0]
        assert last.item() == pytest.approx(1.1**rounds)
        return len(topological([last.node]))

    assert operations(10) == operations(20) < operations(7)


def test_rounds_of_a_loop_that_always_goes_on_are_recorded_once():
    body = inner(
        [helper.make_node("Add", ["c", "c"], ["next"]), helper.make_node("Identity", ["go"], ["more"])],
        [("i", TensorProto.INT64), ("go", TensorProto.BOOL), "c"],
        ["more", "next"],
    )
    node = helper.make_node("Loop", ["n", "yes", "x"], ["y"], body=body)
    model = load(model_of([node], {"x": A, "n": at(10), "yes": Known(np.array(True))}, ["y"]))
    y = model(tg.tensor(A, requires_grad=True))
    assert np.allclose(y.numpy(), A * 1024) and len(topological([y.node])) < 5


def test_loops_are_differentiated():
    model = load(powers(at(3)))
    assert tg.gradcheck(lambda x, w: model(x, w)[0], [tg.tensor(1.5), tg.tensor(0.7)])
    many = load(powers(at(9)))
    assert tg.gradcheck(lambda x, w: many(x, w)[1], [tg.tensor(1.5), tg.tensor(0.7)])


def running_sums(inside, **options):
    body = inner(inside, ["s", "x"], ["t", "y"])
    node = helper.make_node("Scan", ["s0", "xs"], ["last", "all"], body=body, num_scan_inputs=1, **options)
    return load(model_of([node], {"s0": A[0], "xs": A}, ["last", "all"]))


ADD = [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("Mul", ["t", "x"], ["y"])]
BY_NUMBERS = [  # asks for numbers that are computed: so it cannot be recorded once
    helper.make_node("Abs", ["x"], ["a"]),
    helper.make_node("NonZero", ["a"], ["n"]),
    helper.make_node("Gather", ["x", "n"], ["g"], axis=0),
    helper.make_node("Squeeze", ["g"], ["z"]),
    helper.make_node("Add", ["s", "z"], ["t"]),
    helper.make_node("Mul", ["t", "x"], ["y"]),
]


@pytest.mark.parametrize("inside", [ADD, BY_NUMBERS], ids=["recorded once", "by numbers"])
def test_scan_is_a_loop_recorded_once_where_its_body_lets_it(inside):
    model = running_sums(inside)
    s, x = tg.tensor(A[0]), tg.tensor(A)
    last, every = model(s, x)
    assert np.allclose(last.numpy(), A[0] + A.sum(0)) and np.allclose(every.numpy(), (A[0] + A.cumsum(0)) * A)
    assert tg.gradcheck(lambda s, x: model(s, x)[1], [s, x])


def test_scan_goes_along_other_axes_and_backwards():
    node_of = {
        "scan_input_axes": [1],
        "scan_output_axes": [1],
        "scan_input_directions": [1],
        "scan_output_directions": [1],
    }
    last, every = plain(running_sums(ADD, **node_of)(tg.tensor(A[:, 0]), tg.tensor(A)))
    assert np.allclose(last, A[:, 0] + A.sum(1))
    assert np.allclose(every, (A[:, :1] + A[:, ::-1].cumsum(1)[:, ::-1]) * A)


def test_branches_are_chosen_by_numbers():
    then, other = (inner([helper.make_node(name, ["x"], ["y"])], [], ["y"]) for name in ("Exp", "Neg"))
    node = helper.make_node("If", ["c"], ["z"], then_branch=then, else_branch=other)
    model = load(model_of([node], {"c": np.array(True), "x": A}, ["z"]))
    assert tg.gradcheck(lambda x: model(np.array(True), x), tg.tensor(A))
    assert np.allclose(plain(model(np.array(False), A)), -A)
    with pytest.raises(TinygradError, match="needs to know the numbers of its input 'c'"):
        model(tg.symbol((), "bool"), tg.symbol((3, 4), "float64"))


def test_shapes_are_numbers_on_symbols_too():
    """Half of the first axis, by Shape, Gather, Div, Concat and Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Div", ["n", "two"], ["h"]),
        helper.make_node("Unsqueeze", ["h", "axes"], ["h1"]),
        helper.make_node("Concat", ["h1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["y"]),
    ]
    values = {"x": A, "zero": at(0), "two": at(2), "axes": places(0), "rest": places(-1, 2)}
    model = load(model_of(nodes, values, ["y"]))
    assert model(tg.symbol((6, 4), "float64")).shape == (3, 4, 2)
    assert tg.compile(model)(tg.tensor(A[:2])).shape == (1, 4, 2)


# --- sequences, optional values, strings ------------------------------------------------------------------------------


def test_sequences_carry_gradients():
    nodes = [
        helper.make_node("SplitToSequence", ["a", "n"], ["parts"], axis=1),
        helper.make_node("SequenceErase", ["parts", "first"], ["fewer"]),
        helper.make_node("SequenceInsert", ["fewer", "b"], ["more"]),
        helper.make_node("ConcatFromSequence", ["more"], ["y"], axis=1),
    ]
    model = load(model_of(nodes, {"a": A, "b": B, "n": at(3), "first": at(0)}, ["y"]))
    assert np.allclose(plain(model(A, B)), np.concatenate([A[:, 3:], B], 1))
    assert tg.gradcheck(model, [tg.tensor(A), tg.tensor(B)])


def test_an_empty_optional_value_is_an_error_where_it_is_needed():
    nodes = [
        helper.make_node("Optional", [], ["o"], type=helper.make_tensor_type_proto(TensorProto.FLOAT, None)),
        helper.make_node("OptionalGetElement", ["o"], ["y"]),
    ]
    with pytest.raises(OptionError, match="OptionalHasElement"):
        load(model_of(nodes, {"a": A}, ["y"]))(A)


def test_a_pattern_that_python_does_not_know_is_an_error_of_ours():
    with pytest.raises(OptionError, match="RegexFullMatch"):
        run("RegexFullMatch", {"a": np.array(["x"], object)}, pattern="(")


def test_what_is_no_image_is_an_empty_one():
    pytest.importorskip("PIL")
    assert run("ImageDecoder", {"a": np.arange(9, dtype=np.uint8)}).size == 0


# --- versions of old --------------------------------------------------------------------------------------------------

X = np.arange(12.0, dtype=np.float32).reshape(3, 4)

OLD = {
    "Squeeze": ({"a": X[None]}, {"opset": 11, "axes": [0]}, X),
    "Unsqueeze": ({"a": X}, {"opset": 11, "axes": [0, 3]}, X[None, ..., None]),
    "Slice": ({"a": X}, {"opset": 9, "starts": [1, -3], "ends": [9, -1], "axes": [0, 1]}, X[1:, -3:-1]),
    "Pad": ({"a": X}, {"opset": 10, "pads": [1, 0, 0, -1], "value": 2.0}, np.pad(X[:, :-1], ((1, 0), (0, 0)), constant_values=2)),
    "Clip": ({"a": X}, {"opset": 6, "min": 2.0, "max": 5.0}, X.clip(2, 5)),
    "ReduceSum": ({"a": X}, {"opset": 11, "axes": [0], "keepdims": 0}, X.sum(0)),
    "TopK": ({"a": X}, {"opset": 9, "k": 2, "outputs": ("y", "i")}, [X[:, :1:-1], np.full((3, 2), [3, 2])]),
    "Split": ({"a": X}, {"opset": 11, "axis": 1, "split": [1, 3], "outputs": ("y", "z")}, [X[:, :1], X[:, 1:]]),
    "Reshape": ({"a": X}, {"opset": 4, "shape": [0, 2, -1]}, X.reshape(3, 2, 2)),
    "Tile": ({"a": X, "n": Known(np.array(2.0, np.float32)), "axis": Known(np.array(1.0, np.float32))}, {"opset": 5}, np.tile(X, 2)),
    "Concat": ({"a": X, "b": X}, {"opset": 3}, np.concatenate([X, X], 1)),
    "Cast": ({"a": X}, {"opset": 5, "to": "INT32"}, X.astype(np.int32)),
    "Sum": ({"a": X, "b": X}, {"opset": 7}, X + X),
    "Exp": ({"a": X}, {"opset": 5, "consumed_inputs": [0]}, np.exp(X)),
    "Greater": ({"a": X, "b": X[0]}, {"opset": 6, "broadcast": 1}, np.greater(X, X[0])),
    "Dropout": ({"a": X}, {"opset": 6, "is_test": 0, "outputs": ("y", "m")}, [X, np.ones_like(X)]),
    "ArgMax": ({"a": X}, {"opset": 11, "axis": 1}, np.full((3, 1), 3)),
    "DFT": ({"a": X[..., None]}, {"opset": 19, "axis": 1}, np.stack([np.fft.fft(X).real, np.fft.fft(X).imag], -1).astype(np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_old_versions(name):
    values, described, expected = OLD[name]
    found = run(name, values, **described)
    for one_of, other in zip(
        *((each if isinstance(each, list) else [each]) for each in (found, expected)), strict=True
    ):
        assert one_of.dtype == other.dtype and one_of.shape == other.shape
        np.testing.assert_allclose(one_of, other, rtol=1e-5, atol=1e-5)


def test_integers_are_divided_towards_zero_and_stay_integers():
    found = run("Div", {"a": np.array([-7, 7, -8], np.int8), "b": np.array([2, -2, 3], np.int8)})
    assert found.dtype == np.int8 and found.tolist() == [-3, -3, -2]


def test_powers_keep_the_dtype_of_the_base():
    found = run("Pow", {"a": np.array([2, 3], np.int32), "b": np.array([3.0, 2.0], np.float32)})
    assert found.dtype == np.int32 and found.tolist() == [8, 9]
    assert run("Pow", {"a": X, "b": Known(np.array(2, np.int64))}).dtype == np.float32


def test_a_constant_of_a_shape_takes_no_memory():
    assert constant_of_shape(np.array([1 << 40])).strides == (0,)


# --- chance -----------------------------------------------------------------------------------------------------------


def test_what_is_drawn_follows_the_seed_and_differs_from_call_to_call():
    model = load(one("RandomNormal", {}, shape=[1000], mean=3.0, scale=2.0, seed=1.0))
    tg.manual_seed(0)
    first, second = plain(model()), plain(model())
    tg.manual_seed(0)
    assert np.array_equal(plain(model()), first) and not np.array_equal(first, second)
    assert abs(first.mean() - 3) < 0.3 and abs(first.std() - 2) < 0.3


def test_dropout_acts_in_training_mode_or_where_the_file_says_so():
    x = tg.ones(1000)
    asked = {"a": np.ones(1000, np.float32), "p": Known(np.array(0.25, np.float32)), "t": Known(np.array(True))}
    model = load(one("Dropout", {**asked, "t": None}, ("y", "m")))
    assert np.array_equal(plain(model(x)[0]), np.ones(1000))
    for y, mask in (model.train()(x), load(one("Dropout", asked, ("y", "m")))(x)):
        assert 150 < (y.numpy() == 0).sum() < 350 and np.allclose(y.numpy()[mask.numpy()], 4 / 3)


def test_positions_are_drawn_by_their_logarithms():
    logs = np.log(np.array([[0.5, 0.25, 0.25], [1e-9, 1.0, 1e-9]], np.float32))
    tg.manual_seed(0)
    drawn = run("Multinomial", {"a": logs}, sample_size=2000)
    assert drawn.dtype == np.int32 and abs((drawn[0] == 0).mean() - 0.5) < 0.05 and (drawn[1] == 1).all()


# --- gradients as operators -------------------------------------------------------------------------------------------


def test_gradients_of_gradients_between_named_values():
    """y = x³·w: dy/dx = 3x²w, d²y/dx² = 6xw, and what the model makes of these can be differentiated as well."""
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["x2"]),
        helper.make_node("Mul", ["x2", "x"], ["x3"]),
        helper.make_node("Mul", ["x3", "w"], ["y"]),
        helper.make_node("Gradient", ["x", "w"], ["dx", "dw"], xs=["x", "w"], y="y", domain=LEARNING),
        helper.make_node("Gradient", ["x", "w"], ["dxx"], xs=["x"], zs=["w"], y="dx", domain=LEARNING),
    ]
    values = {"x": np.array([2.0, 3.0]), "w": np.array([5.0, 7.0])}
    model = load(model_of(nodes, values, ["dx", "dw", "dxx"], domain=LEARNING))
    x, w = (tg.tensor(each, dtype="float64") for each in values.values())
    with tg.no_grad():
        dx, dw, dxx = plain(model(x, w))
    assert np.allclose(dx, [60, 189]) and np.allclose(dw, [8, 27]) and np.allclose(dxx, [60, 126])
    assert tg.gradcheck(model, [x, w])


def test_a_step_of_an_optimiser_is_compiled_with_its_count():
    values = {"r": np.array(0.1), "t": np.array(0), "x": A, "g": B, "v": A, "h": B}
    model = load(one("Adam", values, ("x2", "v2", "h2"), domain=LEARNING))
    step = tg.compile(model)
    for count in (0, 1, 7):
        inputs = [tg.tensor(each) for each in given(values | {"t": np.array(count)})]
        for found, expected in zip(step(*inputs), model(*inputs), strict=True):
            assert np.allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_a_cast_to_what_no_tensor_holds_needs_numbers():
    model = load(one("Cast", {"a": A}, to=TensorProto.BFLOAT16))
    assert plain(model(A)).dtype.name == "bfloat16"
    with pytest.raises(DTypeError, match="call the model with numbers"):
        model(tg.symbol((3, 4), "float64"))


def test_a_gradient_for_a_value_that_is_computed_holds_the_others_fixed():
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["x2"]),
        helper.make_node("Mul", ["x2", "x"], ["y"]),
        helper.make_node("Gradient", ["x2", "x"], ["slope"], xs=["x2"], zs=["x"], y="y", domain=LEARNING),
    ]
    model = load(model_of(nodes, {"x": np.array([2.0, 3.0])}, ["slope"], domain=LEARNING))
    assert plain(model(np.array([2.0, 3.0]))).tolist() == [2, 3]


# --- classical estimators ---------------------------------------------------------------------------------------------

TREES = {
    "nodes_treeids": [0, 0, 0, 1, 1, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 0, 1, 2, 3, 4],
    "nodes_featureids": [0, 0, 0, 1, 0, 2, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "BRANCH_GTE", "LEAF", "LEAF"],
    "nodes_values": [1.0, 0.0, 0.0, 1.2, 0.0, 0.9, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0, 1, 0, 3, 0, 0],
    "nodes_falsenodeids": [2, 0, 0, 2, 0, 4, 0, 0],
}
LEAVES = {"treeids": [0, 0, 1, 1, 1], "nodeids": [1, 2, 1, 3, 4], "weights": [0.5, -1.0, 0.25, 2.0, 0.125]}
F32 = numbers(20, 4, high=1.5).astype(np.float32)
NAMES = ["cat", "dog", "bee"]

ESTIMATORS = {
    "Normalizer": ({"a": F32}, {"norm": "L1"}),
    "Scaler": ({"a": F32}, {"offset": [0.5] * 4, "scale": [1.0, 2.0, 3.0, 4.0]}),
    "Imputer": ({"a": np.where(F32 > 1, np.float32("nan"), F32)}, {"replaced_value_float": float("nan"), "imputed_value_floats": [1.0, 2.0, 3.0, 4.0]}),
    "OneHotEncoder": ({"a": np.array([[1, 5], [3, 9]], np.int64)}, {"cats_int64s": [1, 3, 5]}),
    "FeatureVectorizer": ({"a": F32, "b": F32[:, :2]}, {"inputdimensions": [4, 2]}),
    "LinearRegressor": ({"a": F32}, {"coefficients": [0.5] * 8, "intercepts": [1.0, 2.0], "targets": 2}),
    "LinearClassifier": ({"a": F32}, {"coefficients": [-1.0, 2.0, 0.5, 1.0] * 3, "intercepts": [0.0, 1.0, 0.5], "classlabels_strings": NAMES,
                                      "post_transform": "SOFTMAX", "multi_class": 1, "outputs": ("label", "scores")}),
    **{
        f"SVMRegressor, {kernel}": ({"a": F32}, {"coefficients": [0.5, -1.0, 2.0], "rho": [0.25], "n_supports": 3, "kernel_type": kernel,
                                                 "support_vectors": F32[:3].ravel().tolist(), "kernel_params": [0.5, 0.25, 2.0]})
        for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID")
    },
    "SVMRegressor, of one class": ({"a": F32}, {"coefficients": [0.5, -1.0], "rho": [0.1], "n_supports": 2, "kernel_params": [0.0, 0.0, 0.0], "one_class": 1, "support_vectors": F32[:2].ravel().tolist()}),
    "LabelEncoder": ({"a": np.array(["dog", "emu", "cat"], object)}, {"keys_strings": NAMES, "values_int64s": [1, 2, 3], "default_int64": 9, "version": 2}),
    "LabelEncoder, of nan": ({"a": np.array([2.0, np.nan, 5.0], np.float32)}, {"keys_floats": [np.nan, 2.0], "values_strings": ["none", "two"], "version": 4}),
    "TreeEnsembleClassifier, by its probability": ({"a": F32}, TREES | {f"class_{key}": value for key, value in LEAVES.items()}
        | {"class_weights": [0.1, 0.6, 0.25, 0.3, 0.125], "class_ids": [0] * 5, "classlabels_int64s": [3, 7], "outputs": ("label", "scores")}),
    "TreeEnsembleRegressor": ({"a": F32}, TREES | {f"target_{key}": value for key, value in LEAVES.items()}
                              | {"target_ids": [0, 0, 1, 1, 1], "n_targets": 2, "aggregate_function": "AVERAGE", "base_values": [0.5, 1.0]}),
    "TreeEnsembleRegressor, smallest": ({"a": F32}, TREES | {f"target_{key}": value for key, value in LEAVES.items()}
                                        | {"target_ids": [0, 0, 0, 0, 0], "n_targets": 1, "aggregate_function": "MIN"}),
    "TreeEnsembleClassifier": ({"a": F32}, TREES | {f"class_{key}": value for key, value in LEAVES.items()}
                               | {"class_ids": [0, 1, 2, 1, 0], "classlabels_int64s": [10, 20, 30], "post_transform": "SOFTMAX", "outputs": ("label", "scores")}),
    "TreeEnsembleClassifier, of two": ({"a": F32}, TREES | {f"class_{key}": value for key, value in LEAVES.items()}
                                       | {"class_ids": [0] * 5, "classlabels_strings": NAMES[:2], "post_transform": "LOGISTIC", "outputs": ("label", "scores")}),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_those_of_onnxruntime(name):
    runtime = pytest.importorskip("onnxruntime")
    values, described = ESTIMATORS[name]
    made = one(name.partition(",")[0], values, domain=ML, **({"version": 3, "opset": 17} | described))
    session = runtime.InferenceSession(made, providers=["CPUExecutionProvider"])
    expected = session.run(
        None, {port.name: each for port, each in zip(session.get_inputs(), given(values), strict=True)}
    )
    found = plain(load(made)(*given(values)))
    for one_of, other in zip(found if len(expected) > 1 else [found], expected, strict=True):
        if other.dtype.kind == "O":
            assert one_of.tolist() == other.tolist()
        else:
            assert one_of.dtype == other.dtype
            np.testing.assert_allclose(one_of, other, rtol=1e-5, atol=1e-6)
