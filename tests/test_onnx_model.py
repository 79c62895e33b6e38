"""The network of an ONNX file as a module: its names, its parts, what is trained, what is said where something does not fit."""

import copy

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError, TinygradError, UnsupportedError
from tinygrad_ml.graph import topological
from tinygrad_ml.modes import path

pytest.importorskip("onnx")

from onnx import TensorProto, helper, load_model_from_string, numpy_helper

RNG = np.random.default_rng(1)
X = RNG.standard_normal((3, 4)).astype(np.float32)


def weights(**shapes):
    return {name.replace("_", "."): RNG.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def file_of(nodes, constants, inputs=(("x", ["batch", 4]),), outputs=("y",), functions=(), defaults=()):
    """The bytes of a file. Inputs are float32; those among `defaults` are constants too."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs]
    ports += [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in defaults]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    kept = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", ports, results, kept)
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=10).SerializeToString()


def perceptron():
    nodes = [
        helper.make_node("Gemm", ["x", "hidden.weight", "hidden.bias"], ["h"], name="/hidden/Gemm"),
        helper.make_node("Mul", ["h", "half"], ["g"], name="/act/Mul"),
        helper.make_node("Tanh", ["g"], ["t"], name="/act/Tanh"),
        helper.make_node("Gemm", ["t", "head.0.weight", "head.0.bias"], ["y"], name="/head/head.0/Gemm"),
    ]
    kept = weights(hidden_weight=(4, 5), hidden_bias=(5,), head_0_weight=(5, 2), head_0_bias=(2,))
    return file_of(nodes, {**kept, "half": np.float32(0.5)}), kept


def computed(kept, x=X):
    h = np.tanh((x @ kept["hidden.weight"] + kept["hidden.bias"]) * 0.5)
    return h @ kept["head.0.weight"] + kept["head.0.bias"]


def test_parameters_and_parts_have_the_names_of_the_file():
    content, kept = perceptron()
    model = tg.onnx.load(content)
    np.testing.assert_allclose(model(X).numpy(), computed(kept), rtol=1e-5)
    assert set(model.state_dict()) == set(kept)
    assert [name for name, _ in model.named_modules()] == ["", "hidden", "act", "head", "head.0"]
    assert model.hidden.weight.name == "hidden.weight"
    assert "x(batch, 4) -> y" in repr(model)
    assert "(act): OnnxPart(Mul, Tanh)" in repr(model) and "(0): OnnxPart(Gemm)" in repr(model)
    assert model.input_names == ["x"] and model.output_names == ["y"] and not model.training


def test_it_is_loaded_from_a_path_too(tmp_path):
    content, kept = perceptron()
    (tmp_path / "model.onnx").write_bytes(content)
    np.testing.assert_allclose(tg.onnx.load(tmp_path / "model.onnx")(X).numpy(), computed(kept), rtol=1e-5)


def test_it_is_trained_compiled_copied_and_called_with_other_parameters():
    content, kept = perceptron()
    models = [tg.onnx.load(content) for _ in range(2)]
    targets = tg.tensor(RNG.standard_normal((3, 2)).astype(np.float32))
    x = tg.tensor(X)

    def train(model):
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(x, y):
            loss = ((model(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, compiled = train(models[0]), tg.compile(train(models[1]))
    losses = [(float(eager(x, targets).item()), float(compiled(x, targets).item())) for _ in range(3)]
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=1e-5)
    assert losses[2] < losses[0]
    twin = copy.deepcopy(models[0])
    assert (twin(X).numpy() == models[0](X).numpy()).all()
    twin.hidden.weight.assign(twin.hidden.weight * 0)
    assert (twin(X).numpy() != models[0](X).numpy()).any()
    made = tg.functional_call(models[0], {name: tg.tensor(array) for name, array in kept.items()}, (x,))
    np.testing.assert_allclose(made.numpy(), computed(kept), rtol=1e-5)
    each = tg.vmap(lambda row: models[0](row.expand_dims(0)).squeeze(0))(x)
    np.testing.assert_allclose(each.numpy(), models[0](x).numpy(), rtol=1e-5)


def test_what_is_trained_is_chosen():
    content, _ = perceptron()

    def trained(trainable):
        model = tg.onnx.load(content, trainable=trainable)
        return {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    assert trained(True) == {"hidden.weight", "hidden.bias", "head.0.weight", "head.0.bias"}
    assert trained(False) == set()
    assert (
        trained("head.*") == trained(["head.0.weight", "*.bias"]) - {"hidden.bias"} == {"head.0.weight", "head.0.bias"}
    )
    assert trained(lambda name, array: array.ndim == 0) == {"half"}
    with pytest.raises(OptionError, match=r"is called 'tail\.\*'; there are 'hidden\.weight'"):
        trained("tail.*")


def test_what_is_to_be_trained_may_be_said_wrongly():
    content, _ = perceptron()
    for trainable in (3, [1]):
        with pytest.raises(OptionError, match="neither True nor False, nor names"):
            tg.onnx.load(content, trainable=trainable)


def test_only_paths_and_bytes_are_read():
    content, _ = perceptron()
    with pytest.raises(OptionError, match=r"model\.SerializeToString\(\) gives them, and not from a ModelProto"):
        tg.onnx.load(load_model_from_string(content))
    with pytest.raises(OptionError, match="not from a NoneType"):
        tg.onnx.load(None)


def test_names_that_every_module_has_or_that_are_parts_too_are_kept():
    nodes = [
        helper.make_node("Add", ["x", "a"], ["h"]),
        helper.make_node("Add", ["h", "a.b"], ["i"]),
        helper.make_node("Add", ["i", "forward"], ["j"]),
        helper.make_node("Add", ["j", "..w"], ["y"]),
    ]
    kept = {name: np.ones(4, np.float32) for name in ("a", "a.b", "forward", "..w")}
    model = tg.onnx.load(file_of(nodes, kept))
    assert set(model.state_dict()) == {"a", "a.b", "forward_", "..w"}
    np.testing.assert_allclose(model(X).numpy(), X + 4, rtol=1e-6)


def test_a_mask_and_numbers_of_a_formula_are_no_weights():
    nodes = [
        helper.make_node("Add", ["x", "mask"], ["h"]),
        helper.make_node("Div", ["h", "root"], ["i"]),
        helper.make_node("Mul", ["i", "gain"], ["y"]),
    ]
    mask = np.array([0, 0, -np.inf, 0], np.float32)
    model = tg.onnx.load(file_of(nodes, {"mask": mask, "root": np.float32(2), "gain": np.ones(4, np.float32)}))
    assert list(model.state_dict()) == ["gain"]
    nodes = [
        helper.make_node("Mul", ["x", "val_79"], ["h"]),  # as PyTorch writes √d of attention
        helper.make_node("Mul", ["h", "scale"], ["y"]),
        helper.make_node("Add", ["y", "val_80"], ["z"]),
    ]
    one, four = np.full(1, 2, np.float32), np.ones(4, np.float32)
    model = tg.onnx.load(file_of(nodes, {"val_79": one, "scale": one, "val_80": four}))
    assert {*model.state_dict()} == {"scale", "val_80"}


def test_inputs_that_do_not_fit_are_said():
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    model = tg.onnx.load(file_of(nodes, {}, inputs=(("x", ["batch", 4]), ("z", ["batch", 4]))))
    for call, kind, words in (
        (lambda: model(X), OptionError, "inputs z are missing; it has x, z"),
        (lambda: model(X, X, X), OptionError, r"2 inputs \(x, z\), and is given 3"),
        (lambda: model(X, x=X), OptionError, "x: given twice"),
        (lambda: model(X, w=X), OptionError, "w: no input of the model; its inputs are x, z"),
        (lambda: model(X, X[:, :3]), ShapeError, r"'z' of the model has the shape \(batch, 4\)"),
        (lambda: model(X, X[:2]), ShapeError, "'batch' is 2 long in the input 'z'.*3 in 'x'"),
        (lambda: model(X, X.astype(np.float64)), DTypeError, r"'z' of the model is float32.*x\.astype\('float32'\)"),
    ):
        with pytest.raises(kind, match=words):
            call()
    assert model(z=X, x=[[1.0, 2, 3, 4]] * 3).shape == (3, 4)


def test_named_sizes_are_given():
    content, _ = perceptron()
    assert tg.onnx.load(content, sizes={"batch": 7}).symbols()[0].shape == (7, 4)
    assert tg.onnx.load(content).symbols(batch=5)[0].shape == (5, 4)
    with pytest.raises(OptionError, match="no axis of an input is called bacth"):
        tg.onnx.load(content).symbols(bacth=5)
    with pytest.raises(OptionError, match="no axis of an input is called height; those that have a name are batch"):
        tg.onnx.load(content, sizes={"height": 7})
    with pytest.raises(ShapeError, match=r"the shape \(7, 4\)"):
        tg.onnx.load(content, sizes={"batch": 7})(X)
    fixed = file_of([helper.make_node("Neg", ["x"], ["y"])], {}, inputs=(("x", [1, 4]),))
    with pytest.raises(ShapeError, match=r'sizes=\{"x": \(None, 4\)\}'):
        tg.onnx.load(fixed)(X)
    assert tg.onnx.load(fixed, sizes={"x": (None, 4)})(X).shape == (3, 4)


def test_an_input_with_a_value_may_be_given_another():
    nodes = [helper.make_node("Neg", ["w"], ["n"]), helper.make_node("Mul", ["x", "n"], ["y"])]
    model = tg.onnx.load(file_of(nodes, {"w": np.full(4, 2, np.float32)}, defaults=("w",)))
    assert model.input_names == ["x"]
    assert (model(X).numpy() == X * -2).all()
    assert (model(X, w=np.ones(4, np.float32)).numpy() == -X).all()
    assert (model(X).numpy() == X * -2).all()


def test_all_that_is_missing_is_listed_at_once():
    inner = helper.make_graph(
        [helper.make_node("Bar", ["x"], ["b"], domain="own")], "inner", [], [helper.make_empty_tensor_value_info("b")]
    )
    nodes = [
        helper.make_node("Foo", ["x"], ["f"], name="first", domain="own"),
        helper.make_node("If", ["c"], ["i"], then_branch=inner, else_branch=inner),
        helper.make_node("Add", ["f", "i"], ["y"]),
    ]
    with pytest.raises(UnsupportedError) as caught:
        tg.onnx.load(file_of(nodes, {"c": np.bool_(True)}))
    assert "2 nodes need" in str(caught.value)
    assert "node 'first': own.Foo of version 1" in str(caught.value)
    assert "the node that makes 'b': own.Bar of version 1" in str(caught.value)


def test_known_numbers_are_computed_aside_on_symbols_too():
    """A shape that is computed of a shape is numbers, and no part of the graph."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["m"]),
        helper.make_node("Concat", ["m", "two"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    kept = {"zero": np.int64(0), "axis": np.array([0]), "two": np.array([2, 2])}
    model = tg.onnx.load(file_of(nodes, kept))
    assert model(tg.symbol((6, 4))).shape == (6, 2, 2)
    y = model(tg.tensor(X, requires_grad=True))
    assert [node.op.name for node in topological([y.node]) if node.op] == ["reshape"]
    step = tg.compile(lambda x: model(x) * 2)
    assert (step(tg.tensor(X)).numpy() == X.reshape(3, 2, 2) * 2).all()


def test_numbers_that_a_symbol_has_not_are_asked_for_with_the_node():
    nodes = [
        helper.make_node("Cast", ["x"], ["s"], to=TensorProto.INT64),
        helper.make_node("Expand", ["one", "s"], ["y"]),
    ]
    model = tg.onnx.load(file_of(nodes, {"one": np.float32(1)}, inputs=(("x", [2]),)))
    assert model([2.0, 3.0]).shape == (2, 3)
    with pytest.raises(
        ShapeError, match="Expand of version 13 needs to know the numbers of its input 's'.*call the model with"
    ):
        model(tg.symbol((2,)))


def test_an_error_says_at_which_node_it_was():
    model = tg.onnx.load(file_of([helper.make_node("MatMul", ["x", "w"], ["y"], name="last")], weights(w=(3, 2))))
    with pytest.raises(ShapeError) as caught:
        model(X)
    assert caught.value.__notes__ == ["in the file: node 'last': MatMul of version 13"]
    model = tg.onnx.load(file_of([helper.make_node("Reshape", ["x", "s"], ["y"])], {"s": np.array([-1, 0, 5])}))
    with pytest.raises(TinygradError):
        model(X)


def test_calls_of_modules_are_boxes_and_a_module_that_is_called_twice_has_two():
    nodes = [
        helper.make_node("MatMul", ["x", "fc.weight"], ["a"], name="/fc/MatMul"),
        helper.make_node("Exp", ["a"], ["b"], name="/fc/Exp"),
        helper.make_node("Neg", ["b"], ["c"], name="/Neg"),
        helper.make_node("MatMul", ["c", "fc.weight"], ["d"], name="/fc/MatMul_1"),
        helper.make_node("Exp", ["d"], ["y"], name="/fc/Exp_1"),
    ]
    model = tg.onnx.load(file_of(nodes, weights(fc_weight=(4, 4))))
    y = model(X * 0.1)
    places = [node.scope[1] for node in topological([y.node]) if node.op and node.scope[1].name == "fc"]
    assert path(y.node.scope) == "fc" and len(places) == 4 and len(set(map(id, places))) == 2
    assert len({place.identity for place in places}) == 1 and places[0].module() is model.fc
    assert [place.kind for place in y.node.scope] == ["OnnxModel", "Module", "Exp"]


def test_pictures_and_summaries_are_of_layers():
    content, _ = perceptron()
    model = tg.onnx.load(content)
    source = viz.draw(model).source
    assert all(name in source for name in (">hidden<", "Gemm", ">act<", ">0<", "(1, 4) → (1, 5)"))
    rows = {row.path: row for row in tg.summary(model, (3, 4)).rows}
    assert rows["hidden"].output_shapes == ((3, 5),) and rows["head.0"].output_shapes == ((3, 2),)
    assert rows["head.0"].parameters == 12 and rows["hidden"].flops > 0
    assert viz.steps(model(X), check=True)


def test_hooks_hear_of_parts_and_change_them():
    content, kept = perceptron()
    model = tg.onnx.load(content)
    heard = []
    model.hidden.register_forward_hook(lambda module, inputs, output: heard.append(output.shape))
    model.act.register_forward_hook(lambda module, inputs, output: output * 0)
    np.testing.assert_allclose(model(X).numpy(), np.tile(kept["head.0.bias"], (3, 1)), rtol=1e-6)
    assert heard == [(3, 5)]


def test_a_function_of_the_file_is_a_box_with_its_attributes():
    scale = helper.make_node("Constant", [], ["k"])
    reference = scale.attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "value_float", "factor", 1
    body = [scale, helper.make_node("Mul", ["a", "k"], ["m"]), helper.make_node("Tanh", ["m"], ["b"])]
    imports = [helper.make_opsetid("", 21)]
    function = helper.make_function("own", "Squash", ["a"], ["b"], body, imports, attributes=["factor"])
    nodes = [
        helper.make_node("Squash", ["x"], ["h"], domain="own", factor=2.0),
        helper.make_node("Squash", ["h"], ["y"], domain="own", factor=3.0),
    ]
    y = tg.onnx.load(file_of(nodes, {}, functions=[function]))(tg.tensor(X, requires_grad=True))
    np.testing.assert_allclose(y.numpy(), np.tanh(np.tanh(X * 2) * 3), rtol=1e-5)
    boxes = [node.scope[1] for node in topological([y.node]) if node.op]
    assert [box.kind for box in boxes] == ["Squash"] * 4 and len(set(map(id, boxes))) == 2


def test_weights_inside_of_a_branch_are_parameters():
    def branch(name, value):
        kept = [numpy_helper.from_array(np.full(4, value, np.float32), name)]
        made = [helper.make_node("Mul", ["x", name], [f"{name}x"])]
        return helper.make_graph(made, name, [], [helper.make_empty_tensor_value_info(f"{name}x")], kept)

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("a", 2), else_branch=branch("b", 3))
    model = tg.onnx.load(file_of([node], {"c": np.bool_(False)}))
    assert {name for name, _ in model.named_parameters()} == {"a", "b"}
    model(X).sum().backward()
    assert (model(X).numpy() == X * 3).all() and model.a.grad is None
    np.testing.assert_allclose(model.b.grad.numpy(), X.sum(0), rtol=1e-5)


def test_several_outputs_come_as_a_tuple_and_constants_as_tensors():
    nodes = [helper.make_node("Identity", ["k"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    made = tg.onnx.load(file_of(nodes, {"k": np.int64(3)}, outputs=("y", "z", "y")))(X)
    assert [type(each) for each in made] == [tg.Tensor] * 3 and made[0].item() == 3
