"""Parameters that are updated by one loop, and what an optimiser keeps for that: it is what each by itself would become."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.errors import GradientError, ShapeError
from tinygrad_ml.optim import together

pytestmark = pytest.mark.host_only

SHAPES = [(3, 4), (5,), (), (0, 2), (70, 70), (1, 1)]  # one of them is large
MAKE = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.1, nesterov=False),
    "AdamW": lambda params: optim.AdamW(params, lr=0.1),
    "Adamax": lambda params: optim.Adamax(params, lr=0.1),
    "NAdam": lambda params: optim.NAdam(params, lr=0.1),
}


class Pair:
    """The same parameters twice: of the second ones each is updated by itself, by operations on tensors."""

    def __init__(self, make, dtype="float32", shapes=SHAPES):
        self.random = np.random.default_rng(0)
        start = [self.random.standard_normal(shape).astype(dtype) for shape in shapes]
        self.sides = [[nn.Parameter(array.copy()) for array in start] for _ in range(2)]
        self.optimizers = [make(side) for side in self.sides]

    def each(self, change):
        """Do the same to both."""
        for side, optimizer in zip(self.sides, self.optimizers, strict=True):
            change(side, optimizer)

    def step(self, without=(), dtype=None):
        shapes = [p.shape for p in self.sides[0]]
        gradients = [self.random.standard_normal(shape).astype(dtype or self.sides[0][0].dtype) for shape in shapes]
        for i, side in enumerate(self.sides):
            for k, (p, g) in enumerate(zip(side, gradients, strict=True)):
                p.grad = None if k in without else tg.tensor(g.T).T.astype(p.dtype if dtype is None else dtype)
            if i:
                with tg.modes.watching(lambda *_: None):
                    self.optimizers[i].step()
            else:
                self.optimizers[i].step()
        self.compare()

    def compare(self):
        for p, q in zip(*self.sides, strict=True):
            np.testing.assert_array_equal(p.numpy(), q.numpy())
            kept, other = (o.state.get(x, {}) for o, x in zip(self.optimizers, (p, q), strict=True))
            assert kept.keys() == other.keys()
            for name, value in kept.items():
                np.testing.assert_array_equal(
                    np.asarray(value._data if name != "step" else value),
                    np.asarray(other[name]._data if name != "step" else other[name]),
                )


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_all_together_are_what_each_becomes_by_itself(name, dtype):
    pair = Pair(MAKE[name], dtype)
    for _ in range(3):
        pair.step()


def test_more_than_fit_into_a_block(monkeypatch):
    monkeypatch.setattr("tinygrad_ml.blocks.BLOCK_ELEMENTS", 16)
    pair = Pair(MAKE["AdamW"])
    pair.step(), pair.step()


def test_some_have_no_gradient_in_some_steps():
    pair = Pair(MAKE["AdamW"])
    for without in ((), (1,), (), (0, 4), (1,), range(6), ()):
        pair.step(without)
    assert {kept["step"] for kept in pair.optimizers[0].state.values()} == {4, 5, 6}


def test_sets_of_parameters_are_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr(optim.optimizer, "MOST_TOGETHER", 2)
    pair = Pair(MAKE["AdamW"])
    for without in ((), (0,), (1,), (2,), (), (0, 1)):
        pair.step(without)
        assert len(pair.optimizers[0]._together) <= 2


def replaced_numbers(side, optimizer):
    side[0].data = side[0].numpy() + 1


def overwritten_numbers(side, optimizer):
    side[0].assign(0.5), side[4].assign(0.25)


def replaced_state(side, optimizer):
    optimizer.state[side[1]]["exp_avg"] = tg.ones(5)


def replaced_array_of_state(side, optimizer):
    optimizer.state[side[1]]["exp_avg"].data = np.ones(5, "float32")


def forgotten_state(side, optimizer):
    del optimizer.state[side[0]], optimizer.state[side[1]]["exp_avg_sq"]


def loaded(side, optimizer):
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = state["state"][0]["exp_avg"] * 2
    optimizer.load_state_dict(state)


def other_options(side, optimizer):
    optimizer.param_groups[0].update(lr=0.5, maximize=True)


def frozen(side, optimizer):
    side[0].requires_grad = False


def in_another_order(side, optimizer):
    side[0].data = np.asfortranarray(side[0].numpy())


def of_another_dtype(side, optimizer):
    for p in side:
        p._replace(p._data.astype("float64"))


def more(side, optimizer):
    side.append(nn.Parameter(np.ones(3, "float32")))
    optimizer.add_param_group({"params": [side[-1]], "lr": 1.0})


CHANGES = [
    replaced_numbers, overwritten_numbers, replaced_state, replaced_array_of_state, forgotten_state, loaded, other_options,
    frozen, in_another_order, of_another_dtype, more,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_another_between_two_steps_is_noticed(change):
    pair = Pair(MAKE["AdamW"])
    pair.step(), pair.step()
    pair.each(change)
    pair.step(), pair.step()


def test_gradients_of_another_dtype_are_cast_and_of_another_shape_refused():
    pair = Pair(MAKE["AdamW"])
    pair.step(), pair.step(dtype="float64")
    side, optimizer = pair.sides[0], pair.optimizers[0]
    side[1].grad._data = np.ones(1, "float32")
    with pytest.raises(ShapeError, match=r"a gradient or state of shape \(1,\) was given to"):
        optimizer.step()


def test_the_graph_knows_what_was_overwritten_in_each_step():
    pair = Pair(MAKE["AdamW"])
    p, q = pair.sides[0][0], pair.sides[0][4]
    for _ in range(2):
        losses = (p * p).sum(), (q * q).sum()
        pair.step()
        for loss in losses:
            with pytest.raises(GradientError, match="changed in place"):
                loss.backward()
    array = p.data  # a live one, which is written into without a word
    pair.step()
    assert np.array_equal(array, p.numpy())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_a_copy_goes_on_by_itself(copied):
    pair = Pair(MAKE["AdamW"])
    pair.step(), pair.step()
    before = [p.numpy() for p in pair.sides[0]]
    side, optimizer = copied((pair.sides[0], pair.optimizers[0]))
    for p in side:
        p.grad = tg.ones(p.shape)
    optimizer.step(), optimizer.step()
    assert optimizer.state[side[0]]["step"] == 4 and not np.array_equal(side[0].numpy(), before[0])
    for p, expected in zip(pair.sides[0], before, strict=True):
        np.testing.assert_array_equal(p.numpy(), expected)
    pair.step()


def test_compiled_and_eager_steps_of_one_optimiser_take_turns():
    def trained(compiled):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        quick = tg.compile(step) if compiled else step
        x = tg.tensor(np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4))
        return [(quick if t % 3 else step)(x).item() for t in range(9)]

    np.testing.assert_allclose(trained(True), trained(False), rtol=1e-5)


def test_a_step_of_what_was_met_before_makes_no_tensor(monkeypatch):
    """Nothing but NumPy's calls: else small networks would pay for it."""
    pair = Pair(MAKE["AdamW"])
    pair.step()
    made = []
    monkeypatch.setattr(together, "as_state_of", lambda *given: made.append(given))
    monkeypatch.setattr(optim.Optimizer, "begin", lambda *given: made.append(given))
    for p in pair.sides[0]:
        p.grad = tg.ones(p.shape)
    pair.optimizers[0].step()
    assert len(made) == 0
