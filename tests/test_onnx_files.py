"""ONNX files as they are read: of every dtype, in any order, and damaged or hostile in every way that we could think of."""

import os
import subprocess
import sys
import time

import numpy
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import DataError
from tinygrad_ml.onnx.graph import OnnxGraph, Port, Reference
from tinygrad_ml.onnx.reading import read, standard_function

onnx = pytest.importorskip("onnx", reason="onnx reads the files")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.host_only

SCALAR = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
OPEN = helper.make_tensor_value_info("x", TensorProto.FLOAT, [-1, "?", None, 3])
RESULT = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)


def model(nodes, constants=(), inputs=(SCALAR,), outputs=(RESULT,), opset=17, **more):
    """The smallest file with these nodes."""
    graph = helper.make_graph(list(nodes), "small", list(inputs), list(outputs), initializer=list(constants))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


def parse(*arguments, **options):
    return read(model(*arguments, **options).SerializeToString())


def weight(name="w", shape=(3, 2)):
    return numpy_helper.from_array(numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape), name)


def refused(words, proto, milliseconds=200):
    """The file is an error with these words, and at once."""
    content = proto if isinstance(proto, bytes) else proto.SerializeToString()
    begin = time.perf_counter()
    with pytest.raises(DataError, match=words):
        read(content)
    assert time.perf_counter() - begin < milliseconds / 1000


def test_what_a_file_says_is_plain_data():
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="/encoder/encoder.0/Gemm", transB=1, alpha=0.5)
    file = parse([node], [weight(shape=(2, 3))])
    (read_node,) = file.graph.nodes
    assert (read_node.operator, read_node.version, read_node.opset) == ("Gemm", 13, 17)
    assert read_node.attributes == {"transB": 1, "alpha": 0.5}
    assert read_node.scope == ("encoder", "0")
    assert file.graph.inputs == (Port("x", "tensor", numpy.dtype("float32"), ("n", 3)),)
    assert file.graph.outputs[0].shape is None
    assert file.graph.constants["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert file.opsets == {"": 17, "own": 1}


def test_a_size_may_be_left_open():
    assert parse([helper.make_node("Relu", ["x"], ["y"])], inputs=[OPEN]).graph.inputs[0].shape == (None, None, None, 3)


def test_weights_may_be_nodes():
    constant = helper.make_node("Constant", [], ["w"], value=weight())
    scale = helper.make_node("Constant", [], ["s"], value=weight("s", (1,)))
    nodes = [constant, scale, helper.make_node("Gemm", ["x", "w", "s"], ["y"])]
    graph = parse(nodes).graph
    assert [node.operator for node in graph.nodes] == ["Constant", "Gemm"] and [*graph.constants] == ["w"]
    assert len(parse(nodes, [weight("other")]).graph.nodes) == 3


def test_a_scope_is_found_where_pytorch_notes_it():
    node = helper.make_node("Relu", ["x"], ["y"], name="node_relu")
    node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'enc.0', 'enc.0.a', 'enc.0.a.1', 'relu']")
    assert parse([node]).graph.nodes[0].scope == ("enc.0", "a", "1")


DTYPES = {number: name for name, number in TensorProto.DataType.items() if name not in ("UNDEFINED", "STRING")}


@pytest.mark.parametrize("number", DTYPES, ids=DTYPES.get)
@pytest.mark.parametrize("raw", [True, False])
def test_every_dtype_is_read(number, raw):
    dtype = helper.tensor_dtype_to_np_dtype(number)
    lowest = -1 if DTYPES[number].startswith("INT") else 0
    numbers = numpy.random.default_rng(0).integers(lowest, 2, (3, 5)).astype(dtype)
    if raw:
        proto = numpy_helper.from_array(numbers, "w")
    else:
        proto = helper.make_tensor("w", number, numbers.shape, numbers.ravel())
    found = parse([helper.make_node("Identity", ["w"], ["y"])], [proto]).graph.constants["w"]
    assert found.dtype == dtype and found.tobytes() == numbers.tobytes()


def test_texts_and_sparse_tensors_are_read():
    texts = helper.make_tensor("t", TensorProto.STRING, [2], ["ein Wort", "größer"])
    identity = helper.make_node("Identity", ["t"], ["y"])
    assert parse([identity], [texts]).graph.constants["t"].tolist() == ["ein Wort", "größer"]

    proto = model([helper.make_node("MatMul", ["x", "s"], ["y"])])
    values = helper.make_tensor("s", TensorProto.FLOAT, [2], [5.0, 7.0])
    for indices in (
        helper.make_tensor("i", TensorProto.INT64, [2], [1, 5]),
        helper.make_tensor("i", TensorProto.INT64, [2, 2], [0, 1, 2, 1]),
    ):
        del proto.graph.sparse_initializer[:]
        proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 2]))
        assert read(proto.SerializeToString()).graph.constants["s"].tolist() == [[0, 5], [0, 0], [0, 7]]
    proto.graph.sparse_initializer[0].dims[0] = 10**9
    refused("too sparse", proto)
    proto.graph.sparse_initializer[0].dims[0] = 2
    refused("outside of its shape", proto)


def branches(outer):
    """Two graphs for `If` that take `outer` from around them."""
    made = [helper.make_node("Neg", [outer], ["inside"])]
    return helper.make_graph(made, "branch", [], [helper.make_tensor_value_info("inside", TensorProto.FLOAT, None)])


def test_graphs_inside_see_the_names_around_them():
    condition = numpy_helper.from_array(numpy.array(True), "c")
    relu = helper.make_node("Relu", ["x"], ["r"])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branches("r"), else_branch=branches("x"))
    file = parse([node, relu], [condition])
    assert [each.operator for each in file.graph.nodes] == ["Relu", "If"]  # the branch needs r
    assert isinstance(file.graph.nodes[1].attributes["then_branch"], OnnxGraph)
    node.attribute[0].g.node[0].input[0] = "nowhere"
    refused("'nowhere' is nobody's output", model([node, relu], [condition]))


def doubling(name, calls=None, domain="own"):
    """A function that adds its input to itself, or that calls another twice."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    nodes = (
        [helper.make_node(calls, ["a"], ["m"], domain="own"), helper.make_node(calls, ["m"], ["b"], domain="own")]
        if calls
        else [helper.make_node("Add", ["a", "a"], ["b"])]
    )
    return helper.make_function(domain, name, ["a"], ["b"], nodes, imports)


def test_functions_of_the_file_are_read():
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    imports = [helper.make_opsetid("", 17)]
    functions = [helper.make_function("own", "Leaky", ["a"], ["b"], [leaky], imports, ["slope"]), doubling("Twice")]
    nodes = [
        helper.make_node("Leaky", ["x"], ["m"], domain="own", slope=0.5),
        helper.make_node("Twice", ["m"], ["y"], domain="own"),
    ]
    file = parse(nodes, functions=functions)
    function = file.functions["own", "Leaky"]
    assert function.attributes == ("slope",) and function.body.inputs == (Port("a"),)
    assert function.body.nodes[0].attributes == {"alpha": Reference("slope")}
    assert function.body.nodes[0].version == 16
    assert file.graph.nodes[0].attributes == {"slope": 0.5}


def test_functions_that_never_end_are_refused():
    call = [helper.make_node("f0", ["x"], ["y"], domain="own")]
    refused("f0 calls itself", model(call, functions=[doubling("f0", "f0")]))
    refused("f. calls itself", model(call, functions=[doubling("f0", "f1"), doubling("f1", "f0")]))
    many = [doubling(f"f{number}", f"f{number + 1}") for number in range(60)]
    refused("3,458,764,513,820,540,926 nodes", model(call, functions=[*many, doubling("f60")]))


def test_functions_are_called_as_they_are():
    refused(
        "has 2 inputs, and the function has 1",
        model([helper.make_node("f", ["x", "x"], ["y"], domain="own")], functions=[doubling("f")]),
    )
    refused(
        "has 2 outputs, and the function has 1",
        model([helper.make_node("f", ["x"], ["z", "y"], domain="own")], functions=[doubling("f")]),
    )


def test_a_standard_function_is_a_body():
    node = parse([helper.make_node("Softmax", ["x"], ["y"], axis=1)]).graph.nodes[0]
    assert standard_function("", "Softmax", 17) is None  # its body depends on the node
    function = standard_function("", "Softmax", 17, node, [numpy.dtype("float32")])
    assert function is not None and "ReduceMax" in [each.operator for each in function.body.nodes]
    assert function.defaults == {"axis": -1}
    assert standard_function("", "Add", 17, node) is None and standard_function("own", "Add", 1) is None


# What is wrong with a file, the words of the error, and the file


def nested(depth):
    """Graphs inside of graphs, written by hand: no library of protobuf would write so many."""

    def varint(number):
        rest = []
        while number > 127:
            rest.append(number & 127 | 128)
            number >>= 7
        return bytes([*rest, number])

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    content = b""
    for _ in range(depth):
        content = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, content) + b"\xa0\x01\x05"))
    return b"\x08\x08" + field(7, content) + field(8, b"\x10\x11")


def changed(change):
    """A good file, changed."""
    proto = model(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Relu", ["m"], ["y"], name="last")], [weight()]
    )
    change(proto)
    return proto


def declared(number, dims):
    """A tensor that says it is large, with four bytes."""
    return TensorProto(name="w", data_type=number, dims=dims, raw_data=b"\0\0\0\0")


def made_of_nothing(operator, *inputs, **attributes):
    constants = [numpy_helper.from_array(numpy.array(each), f"c{number}") for number, each in enumerate(inputs)]
    names = [f"c{number}" for number in range(len(inputs))]
    return model([helper.make_node(operator, names, ["y"], **attributes)], constants)


TINY = numpy.float32(0)
BAD = [
    ("is truncated, damaged, or of another kind", b"\xff\xff\xff"),
    ("has no graph", b""),
    ("looks like a ZIP archive", b"PK\x03\x04" + bytes(60)),
    ("cannot be read as ONNX", nested(200)),
    ("more than 12 graphs are inside", nested(30)),
    ("no version of its format", changed(lambda proto: proto.ClearField("ir_version"))),
    ("pip install --upgrade onnx", changed(lambda proto: setattr(proto, "ir_version", 99))),
    ("opset 999", changed(lambda proto: setattr(proto.opset_import[0], "version", 999))),
    ("version -1", changed(lambda proto: setattr(proto.opset_import[0], "version", -1))),
    ("which version of the operators", changed(lambda proto: proto.opset_import.pop(0))),
    ("node 1 'last' .Relu.: its input 'z' is nobody's", changed(lambda proto: proto.graph.node[1].input.__setitem__(0, "z"))),
    ("need each other", changed(lambda proto: proto.graph.node[0].input.__setitem__(0, "y"))),
    ("already an output", changed(lambda proto: proto.graph.node[1].output.__setitem__(0, "m"))),
    ("already an output, an input", changed(lambda proto: proto.graph.node[1].output.__setitem__(0, "x"))),
    ("output 'q' is made by no node", changed(lambda proto: setattr(proto.graph.output[0], "name", "q"))),
    ("stands twice", changed(lambda proto: proto.graph.initializer.append(weight()))),
    ("stands twice", changed(lambda proto: proto.graph.input.append(SCALAR))),
    ("has 1 inputs, and takes 2", changed(lambda proto: proto.graph.node[0].input.pop())),
    ("input B is left out", changed(lambda proto: proto.graph.node[0].input.__setitem__(1, ""))),
    ("no attribute 'axis' in version 14", changed(lambda proto: proto.graph.node[1].attribute.append(helper.make_attribute("axis", 1)))),
    ("its attribute 'alpha' must be of type FLOAT", model([helper.make_node("LeakyRelu", ["x"], ["y"], alpha=1)])),
    ("'transB' is 0 or 1, and not 2", model([helper.make_node("Gemm", ["x", "x"], ["y"], transB=2)])),
    ("its attribute 'to' is missing", model([helper.make_node("Cast", ["x"], ["y"])])),
    ("4,000,000,000,000 bytes, and 4 are there", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(1, [10**6, 10**6])))),
    ("there is no tensor of shape", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(1, [-1, 2])))),
    ("there is no tensor of shape", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(1, [2**62, 2**62])))),
    ("there is no tensor of shape", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(1, [0, 2**62, 2**62])))),
    ("100 axes", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(1, [1] * 100)))),
    ("dtype 77 is none", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(77, [1])))),
    ("dtype 77 is none", changed(lambda proto: setattr(proto.graph.input[0].type.tensor_type, "elem_type", 77))),
    ("in a place that is not for this dtype", changed(lambda proto: proto.graph.initializer[0].int64_data.append(1))),
    ("in a place that is not for this dtype", changed(lambda proto: proto.graph.initializer[0].CopyFrom(declared(8, [4])))),
    ("would make 1,000,000,000,000 numbers", made_of_nothing("ConstantOfShape", [10**6, 10**6])),
    ("would make 1,000,000,000,000 numbers", made_of_nothing("Expand", TINY, [10**6, 10**6])),
    ("would make 1,000,000,000,000 numbers", made_of_nothing("RandomNormal", shape=[10**6, 10**6])),
    ("would make 1,000,000,000,000 numbers", made_of_nothing("Range", 0, 10**12, 1)),
    ("would make 1,000,000,000,000 numbers", made_of_nothing("Tile", [TINY], [10**12])),
]  # fmt: skip


def test_many_are_not_made_of_nothing_either():
    shape = numpy_helper.from_array(numpy.array([10**8]), "c")
    nodes = [helper.make_node("ConstantOfShape", ["c"], [f"v{number}"]) for number in range(10)]
    refused(
        "node 2 .* with others of its kind 300,000,000",
        model([*nodes, helper.make_node("Max", ["v0", "v9"], ["y"])], [shape]),
    )


@pytest.mark.parametrize(("words", "proto"), BAD, ids=[words for words, _ in BAD])
def test_a_bad_file_is_a_clear_error(words, proto):
    refused(words, proto)


def test_a_file_that_is_not_there_or_is_cut_is_a_clear_error(tmp_path):
    path = tmp_path / "net.onnx"
    with pytest.raises(DataError, match="there is no file .*net.onnx"):
        read(path)
    with pytest.raises(DataError, match="is not a file"):
        read(tmp_path)
    content = changed(lambda proto: None).SerializeToString()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        if length != len(content) - len(
            b"\x42\x07\x0a\x03own\x10\x01"
        ):  # without an import that nobody needs it is whole
            with pytest.raises(DataError, match="net.onnx"):
                read(path)
    path.write_bytes(content)
    assert len(read(str(path)).graph.nodes) == 2


# Tensors beside the model


@pytest.fixture
def beside(tmp_path):
    """Writes a model whose tensor w is in another file, and reads it."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    (tmp_path / "inside" / "data").write_bytes(numpy.arange(8, dtype="float32").tobytes())

    def reader(*entries, names=("w",)):
        tensors = []
        for name, places in zip(names, entries, strict=True):
            proto = TensorProto(name=name, data_type=1, dims=[3, 2], data_location=TensorProto.EXTERNAL)
            for key, value in places.items():
                proto.external_data.add(key=key, value=str(value))
            tensors.append(proto)
        nodes = [helper.make_node("Concat", list(names), ["y"], axis=0)]
        path = tmp_path / "inside" / "net.onnx"
        path.write_bytes(model(nodes, tensors).SerializeToString())
        return read(path)

    return reader


def test_tensors_beside_the_model_are_read(beside):
    assert beside({"location": "data"} | {"length": 24}).graph.constants["w"].tolist() == [[0, 1], [2, 3], [4, 5]]
    places = {"location": "data", "offset": 8, "length": 24}
    constants = beside(places, places, names=("w", "v")).graph.constants  # weights may be tied
    assert constants["w"].tolist() == constants["v"].tolist() == [[2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("not inside of the model's folder", {"location": "../secret"}),
        ("not inside of the model's folder", {"location": "../inside/data"}),
        ("not inside of the model's folder", {"location": "/etc/passwd"}),
        ("not inside of the model's folder", {"location": "C:\\secret"}),
        ("not inside of the model's folder", {"location": "..\\secret"}),
        ("not inside of the model's folder", {"location": "data\0"}),
        ("not inside of the model's folder", {}),
        ("a link that leads out", {"location": "link"}),
        ("a link that leads out", {"location": "folder/secret"}),
        ("is not there", {"location": "nothing"}),
        ("is not there", {"location": "pipe"}),
        ("is not there", {"location": "."}),
        ("the file has 32", {"location": "data", "offset": 16}),
        ("the file has 32", {"location": "data", "offset": -8}),
        ("is to have 25", {"location": "data", "length": 25}),
        ("not made of numbers", {"location": "data", "offset": "many"}),
    ],
)
def test_nothing_outside_of_the_folder_is_read(beside, tmp_path, words, places):
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "inside" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "inside" / "pipe")
    with pytest.raises(DataError, match=words):
        beside(places)


def test_a_small_file_is_not_read_many_times(beside):
    with pytest.raises(DataError, match="overlap"):
        beside({"location": "data"}, {"location": "data", "offset": 4}, names=("w", "v"))


def test_bytes_have_no_folder():
    tensor = TensorProto(name="w", data_type=1, dims=[3, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="data")
    refused("give its path", model([helper.make_node("MatMul", ["x", "w"], ["y"])], [tensor]))


def test_what_would_not_fit_into_memory_is_an_error_of_ours():
    pads = numpy_helper.from_array(numpy.array([0, 0, 2**40, 2**10]), "p")
    net = tg.onnx.load(model([helper.make_node("Pad", ["x", "p"], ["y"])], [pads]).SerializeToString())
    with pytest.raises(tg.errors.TinygradError, match="Unable to allocate"):
        net(tg.ones((1, 3)))


def test_a_damaged_file_is_an_error_or_another_good_one():
    """300 of the 2,000 that `python -m tests.onnx_corruptions` makes, in a process of their own with a limit of memory."""
    pytest.importorskip("onnxruntime", reason="what a damaged file computes is compared with it")
    run = subprocess.run(
        [sys.executable, "-m", "tests.onnx_corruptions", "300", "--seed", "5"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "computed, as elsewhere" in run.stdout and "refused as DataError" in run.stdout
