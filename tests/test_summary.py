"""`tg.summary`: what a network consists of and costs, without anything being computed."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.modes import modes


def mlp():
    return nn.Sequential(nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 10))


def by_path(summary):
    return {row.path: row for row in summary.rows}


def test_a_multilayer_perceptron_is_counted_exactly():
    summary = tg.summary(mlp(), (100, 784))
    rows = by_path(summary)
    assert list(rows) == ["", "0", "1", "2"]
    assert [row.kind for row in summary.rows] == ["Sequential", "Linear", "Sigmoid", "Linear"]
    assert rows[""].output_shapes == rows["2"].output_shapes == ((100, 10),)
    assert rows["0"].parameters == 784 * 500 + 500 and rows["0"].parameter_bytes == 4 * rows["0"].parameters
    assert rows["0"].flops == 2 * 100 * 784 * 500 + 100 * 500  # products and sums, and the bias
    assert rows["1"].flops == 100 * 500
    assert rows["1"].activation_bytes == 100 * 500 * 4  # y(1 - y), and the next layer's input: one array
    assert rows["0"].activation_bytes == rows["2"].activation_bytes == 0
    assert summary.parameters == sum(p.size for p in mlp().parameters())
    assert summary.flops == sum(row.flops for row in summary.rows)


def test_what_it_says_is_kept_is_what_a_graph_keeps(monkeypatch):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 5 * 5, 3))
    monkeypatch.setattr(modes, "apart", True)  # a function that is computed as a whole keeps what itself needs
    loss = model(tg.tensor(np.random.default_rng(0).random((8, 1, 12, 12), "float32")))
    own = {id(tg.backend.owner(p._data)) for p in model.parameters()}
    kept = {}
    for node in tg.graph.topological([loss.node]):
        for array in node.saved or ():
            kept[id(tg.backend.owner(array))] = tg.backend.owner(array)
    assert tg.summary(model, (8, 1, 12, 12)).activation_bytes == sum(
        array.nbytes for key, array in kept.items() if key not in own
    )


def test_nothing_is_allocated_and_nothing_changes():
    with tg.device("symbol"):
        model = nn.Sequential(nn.Linear(20_000, 20_000), nn.BatchNorm1d(20_000), nn.Dropout())
    tracemalloc.start()
    summary = tg.summary(model, (1_000_000, 20_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20 and summary.parameters == 20_000**2 + 3 * 20_000 and summary.flops > 8e14
    real = nn.BatchNorm1d(3)
    state, random = real.state_dict(), tg.random.get_state()
    tg.summary(nn.Sequential(real, nn.Dropout()), (5, 3))
    assert real.training and not real._hooks and tg.random.get_state() == random
    for path, tensor in real.state_dict().items():
        assert np.array_equal(tensor.numpy(), state[path].numpy())


class Residual(nn.Module):
    def __init__(self):
        self.blocks = nn.ModuleList(nn.Linear(4, 4, bias=False) for _ in range(2))
        self.scale = nn.Parameter(np.ones(4, "float32"))

    def forward(self, x, ids):
        for block in self.blocks:
            x = x + block(x)
        return {"y": x * self.scale, "ids": ids}


def test_work_outside_of_the_parts_counts_for_the_module_itself():
    summary = tg.summary(Residual(), [(3, 4), (3,)], dtype=["float32", "int64"])
    rows = by_path(summary)
    assert list(rows) == ["", "blocks", "blocks.0", "blocks.1"]
    assert rows[""].flops == 3 * 3 * 4 and rows[""].parameters == 4
    assert rows["blocks.0"].flops == 2 * 3 * 4 * 4
    assert rows[""].output_shapes == ((3, 4), (3,)) and rows["blocks"].output_shapes == ()


def test_a_part_of_a_network_has_a_summary_too():
    outer = nn.Sequential(nn.Flatten(), mlp())
    assert [row.flops for row in tg.summary(outer[1], (2, 784)).rows] == [
        row.flops for row in tg.summary(mlp(), (2, 784)).rows
    ]


def test_levels_can_be_folded():
    model = nn.Sequential(nn.Flatten(), mlp())
    whole, folded = tg.summary(model, (5, 28, 28)), tg.summary(model, (5, 28, 28), depth=1)
    assert [row.path for row in folded.rows] == ["", "0", "1"]
    for total in ("parameters", "flops", "activation_bytes", "parameter_bytes"):
        assert getattr(folded, total) == getattr(whole, total)


def test_tied_and_frozen_parameters():
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    model[1].weight = model[0].weight
    assert [row.parameters for row in tg.summary(model, (1, 4)).rows] == [0, 16, 0]
    model.requires_grad_(False)
    summary = tg.summary(model, (1, 4))
    assert (summary.parameters, summary.frozen, summary.activation_bytes) == (0, 16, 0)
    assert "16 of them frozen" in str(summary)


def test_the_table():
    assert str(tg.summary(mlp(), (100, 784))) == (
        """
layer    class       output      parameters   FLOPs  kept for backward
----------------------------------------------------------------------
(model)  Sequential  (100, 10)            -       -                  -
  0      Linear      (100, 500)     392,500  78.5 M                  -
  1      Sigmoid     (100, 500)           -    50 k            195 KiB
  2      Linear      (100, 10)        5,010     1 M                  -
----------------------------------------------------------------------
397,510 parameters (1.52 MiB)
79.5 MFLOPs in a forward pass, 195 KiB kept for the backward pass
"""
    ).strip("\n")


def test_how_many_rounds_a_loop_has_is_said():
    model = nn.Sequential(nn.Linear(3, 4), nn.LSTM(4, 5))
    summary = tg.summary(model, (30, 2, 3))
    assert [row.rounds for row in summary.rows] == [0, 0, 30]
    assert str(summary).splitlines()[-1] == "1 has a loop of 30 rounds"
    folded = tg.summary(model, (30, 2, 3), depth=0)
    assert [row.rounds for row in folded.rows] == [30]
    assert "rounds" not in str(tg.summary(nn.Linear(3, 4), (2, 3)))


def test_wrong_use():
    with pytest.raises(ShapeError, match="linear in module 0 expects 784 features"):
        tg.summary(mlp(), (100, 28))
    with pytest.raises(OptionError, match="summary is of a module"):
        tg.summary(lambda x: x, (1,))
    for shape in (3, None, "abc", (None, 784), (2.0, 784), ((100, 784), 3)):
        with pytest.raises(OptionError, match=r"input_shape is the shape of an input, .* as in \(100, 784\)"):
            tg.summary(mlp(), shape)
    with pytest.raises(OptionError, match="depth is a number of levels.*'a'"):
        tg.summary(mlp(), (100, 784), depth="a")
    with pytest.raises(OptionError, match="2 dtypes were given for 1 inputs"):
        tg.summary(mlp(), (100, 784), dtype=["float32", "int64"])
