"""Modules: what they find among their attributes, under which names, and what is saved, loaded and moved."""

import collections
import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import CheckpointError, DTypeError, OptionError, RangeError
from tinygrad_ml.modes import path


class Block(nn.Module):
    def __init__(self, size, depth=2):
        self.scale = nn.Parameter(np.ones(size, "float32"))
        self.layers = nn.ModuleList(nn.Linear(size, size) for _ in range(depth))
        self.register_buffer("seen", tg.zeros(1))
        self.register_buffer("scratch", tg.zeros(1), persistent=False)
        self.act = nn.Tanh()

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return x * self.scale


class Net(nn.Module):
    def __init__(self):
        self.encoder = Block(3)
        self.head = nn.Linear(3, 2, bias=False)

    def forward(self, x):
        return self.head(self.encoder(x))


NAMES = [
    "encoder.scale",
    "encoder.layers.0.weight",
    "encoder.layers.0.bias",
    "encoder.layers.1.weight",
    "encoder.layers.1.bias",
    "head.weight",
]


def test_parameters_come_in_the_order_of_definition_and_know_their_paths():
    model = Net()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [parameter.name for parameter in model.parameters()] == NAMES
    assert [name for name, _ in model.named_buffers()] == ["encoder.seen", "encoder.scratch"]
    assert [name for name, _ in model.named_modules()] == [
        "",
        "encoder",
        "encoder.layers",
        "encoder.layers.0",
        "encoder.layers.1",
        "encoder.act",
        "head",
    ]
    assert [name for name, _ in model.named_children()] == ["encoder", "head"]


def test_paths_grow_when_a_network_becomes_a_part_of_another():
    outer = nn.Sequential(collections.OrderedDict(net=Net(), out=nn.Linear(2, 1)))
    assert [p.name for p in outer.parameters()] == [f"net.{name}" for name in NAMES] + ["out.weight", "out.bias"]
    late = Net()
    late.encoder.extra = nn.Parameter(1.0)
    assert late.encoder.extra.name == "encoder.extra"
    named = Net()
    named.temperature = nn.Parameter(1.0, name="T")
    assert nn.Sequential(named)[0].temperature.name == "T"


def test_nodes_know_the_modules_inside_which_they_were_made():
    y = nn.Sequential(Net())(tg.ones(1, 3))
    assert path(y.node.scope) == "0.head"
    assert [place.kind for place in y.node.scope] == ["Sequential", "Net", "Linear"]
    scopes = set()
    with tg.modes.watching(lambda op, inputs, params, output: scopes.add(path(tg.modes.modes.scope))):
        Net()(tg.ones(1, 3))
    assert scopes == {"encoder.layers.0", "encoder.layers.1", "encoder.act", "encoder", "head"}


def test_a_subclass_need_not_call_its_base_and_may():
    class Plain(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    class Polite(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

    for made in (Plain(), Polite()):
        assert len(list(made.parameters())) == 2 and made.training
        assert not made.eval().layer.training
    with pytest.raises(NotImplementedError, match="Plain is a module without forward"):
        Plain()(1)


def test_tied_parameters_are_one_under_their_first_name():
    class Tied(nn.Module):
        def __init__(self):
            self.input = nn.Linear(3, 3)
            self.output = nn.Linear(3, 3)
            self.output.weight = self.input.weight

    model = nn.Sequential(Tied())
    assert [name for name, _ in model.named_parameters()] == ["0.input.weight", "0.input.bias", "0.output.bias"]
    assert model[0].output.weight.name == "0.input.weight"
    state = model.state_dict()
    assert list(state) == ["0.input.weight", "0.input.bias", "0.output.weight", "0.output.bias"]
    assert state["0.input.weight"] is state["0.output.weight"]
    del state["0.output.weight"]  # one of its paths is enough
    model.load_state_dict(state)


def test_a_saved_network_holds_tied_weights_once_and_comes_back(tmp_path):
    from tinygrad_ml.io import load, save

    model = nn.Sequential(nn.Linear(50, 50, bias=False), nn.Linear(50, 50, bias=False))
    model[1].weight = model[0].weight
    save(tmp_path / "model.safetensors", model.state_dict())
    assert (tmp_path / "model.safetensors").stat().st_size < 1.2 * 50 * 50 * 4
    other = nn.Sequential(nn.Linear(50, 50, bias=False), nn.Linear(50, 50, bias=False))
    other[1].weight = other[0].weight
    other.load_state_dict(load(tmp_path / "model.safetensors"))
    assert np.array_equal(other[0].weight.numpy(), model[0].weight.numpy())


def test_a_state_is_a_copy_and_leaves_the_network_alone():
    model = Net()
    before = {name: id(p) for name, p in model.named_parameters()}
    state = model.state_dict()
    assert list(state) == ["encoder.scale", "encoder.seen", *NAMES[1:]]
    assert not any(value.requires_grad for value in state.values())
    model.head.weight.assign(7.0)
    assert not (state["head.weight"].numpy() == 7).any()
    model.load_state_dict(state)
    assert {name: id(p) for name, p in model.named_parameters()} == before
    assert np.array_equal(model.head.weight.numpy(), state["head.weight"].numpy())


def test_a_state_of_another_network_is_refused_with_all_that_does_not_fit():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    state = {**model.state_dict(), "0.weight": np.zeros((5, 3)), "2.weight": np.zeros(4), "deep": {}}
    del state["1.bias"], state["0.bias"]
    numbers = model[1].weight.numpy()
    state["1.weight"] = numbers + 1
    with pytest.raises(CheckpointError) as error:
        model.load_state_dict(state)
    for line in (
        "missing: 0.bias, of shape (2,)",
        "missing: 1.bias, of shape (1,)",
        "extra: 2.weight, of shape (4,)",
        "extra: deep, a dict",
        "wrong shape: 0.weight is of shape (5, 3), and must be of shape (2, 3)",
    ):
        assert line in str(error.value)
    assert np.array_equal(model[1].weight.numpy(), numbers)
    with pytest.raises(CheckpointError, match="wrong shape"):
        model.load_state_dict(state, strict=False)
    del state["0.weight"]
    result = model.load_state_dict(state, strict=False)
    assert result.missing_keys == ["0.weight", "0.bias", "1.bias"] and result.unexpected_keys == ["2.weight", "deep"]
    assert np.array_equal(model[1].weight.numpy(), numbers + 1)


def test_train_eval_freeze_apply_and_zero_grad_reach_every_module():
    model = Net()
    model.eval()
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())
    model(tg.ones(2, 3)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad(set_to_none=False)
    assert all((p.grad.numpy() == 0).all() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.requires_grad_(False)
    assert not model(tg.ones(2, 3)).requires_grad
    order = []
    assert model.apply(lambda module: order.append(type(module).__name__)) is model
    assert order[-1] == "Net" and len(order) == 7


def test_a_conversion_keeps_parameters_and_takes_gradients_along():
    model = Net()
    before = list(model.parameters())
    model(tg.ones(2, 3)).sum().backward()
    model.astype("float64")
    assert list(model.parameters()) == before
    assert {p.dtype.name for p in before} == {p.grad.dtype.name for p in before} == {"float64"}
    assert [p.name for p in before] == NAMES
    model.zero_grad()
    model(tg.ones(2, 3, dtype="float64")).sum().backward()
    assert before[0].grad.dtype == "float64"


def test_a_gradient_on_its_way_to_what_was_converted_does_not_arrive():
    layer = nn.Linear(2, 1)
    loss = layer(tg.ones(1, 2)).sum()
    layer.astype("float64")
    loss.backward()
    assert layer.weight.grad is None


def test_integer_buffers_keep_their_dtype():
    layer = nn.Module()
    layer.register_buffer("count", tg.tensor(3))
    assert layer.astype("float64").count.dtype == "int64"


def test_copies_and_pickles_are_networks_of_their_own():
    model = Net()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [(n, p.name) for n, p in other.named_parameters()] == [(n, p.name) for n, p in model.named_parameters()]
        assert type(other.head.weight) is nn.Parameter and other.head.weight.requires_grad
        other.head.weight.assign(0.0)
        assert (model.head.weight.numpy() != 0).any()


def test_a_network_on_symbols_takes_no_memory_and_can_be_given_its_numbers():
    state = nn.Sequential(nn.Linear(4, 3)).state_dict()
    with tg.device("symbol"):
        model = nn.Sequential(nn.Linear(4, 3))
    assert all(p.symbolic for p in model.parameters())
    y = model(tg.symbol((5, 4), name="x"))
    assert y.shape == (5, 3) and y.symbolic and y.requires_grad
    model.load_state_dict(state)
    assert np.array_equal(model[0].weight.numpy(), state["0.weight"].numpy()) and model[0].weight.requires_grad


def test_the_containers():
    layers = [nn.Linear(2, 2) for _ in range(4)]
    net = nn.Sequential(*layers)
    assert len(net) == 4 and net[-1] is layers[3] and list(net) == layers and list(net[1:3]) == layers[1:3]
    net[0] = replaced = nn.Linear(2, 2)
    net.append(nn.Tanh()).extend([nn.Tanh()])
    assert net[0] is replaced and len(net) == 6
    with pytest.raises(RangeError, match="no module 6 in a Sequential of 6"):
        net[6]
    several = nn.ModuleList(layers)
    several.insert(1, replaced)
    assert list(several) == [layers[0], replaced, *layers[1:]]
    named = nn.ModuleDict({"a": layers[0], "b": layers[1]})
    assert named.keys() == ["a", "b"] and "a" in named and named["b"] is layers[1] and len(named) == 2
    del named["a"]
    assert list(named) == ["b"]
    with pytest.raises(OptionError, match="'train' cannot name a part"):
        named["train"] = layers[2]


def test_a_parameter_is_not_replaced_by_a_plain_tensor_unnoticed():
    layer = nn.Linear(2, 2)
    with pytest.raises(DTypeError, match="'weight' of Linear is a parameter"):
        layer.weight = tg.zeros(2, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_forward_hooks_see_and_may_replace_the_output():
    layer = nn.Linear(2, 2)
    seen = []
    hook = layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    double = layer.register_forward_hook(lambda module, inputs, output: output * 2)
    x = tg.ones(1, 2)
    y = layer(x)
    hook.remove(), double.remove()
    assert seen == [(1, 2)] and np.allclose(y.numpy(), 2 * layer(x).numpy()) and seen == [(1, 2)]


def test_a_network_shows_itself_as_in_pytorch():
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)"
    )


def test_a_training_step_leaves_no_garbage():
    """In a process of its own: whatever other tests have left, such as classes that a cache lets go of, is no part of it."""
    program = """
import gc
import tinygrad_ml as tg

model = tg.nn.Sequential(tg.nn.Linear(3, 3), tg.nn.Linear(3, 2, bias=False))
optimizer = tg.optim.Adam(model.parameters())

def step():
    optimizer.zero_grad()
    model(tg.ones(2, 3)).sum().backward()
    optimizer.step()

step()
gc.collect()
gc.disable()
for _ in range(3):
    step()
print(gc.collect())
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "0\n"
