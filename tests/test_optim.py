"""Optimisers: what they promise beside PyTorch's numbers, which are in tests/compare."""

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optimizer_numbers import CASES, KERAS, KERAS_NUMBERS, NUMBERS, START, hollow, walk, walk_in_keras

import tinygrad_ml as tg
from tinygrad_ml import blocks, keras, nn, optim
from tinygrad_ml.errors import CheckpointError, GradientError, OptionError, ShapeError
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.optim.lr_scheduler.scaling import ScalingLR

ALL = {
    "SGD": {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01},
    "Adagrad": {"lr_decay": 0.1, "weight_decay": 0.01},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adadelta": {},
    "Adam": {"amsgrad": True, "weight_decay": 0.01},
    "AdamW": {},
    "NAdam": {"weight_decay": 0.01, "decoupled_weight_decay": True},
    "RAdam": {},
    "Adamax": {"weight_decay": 0.01},
    "Adafactor": {"weight_decay": 0.01},
    "Rprop": {},
    "ASGD": {"lambd": 0.1, "t0": 1},
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def parameter_with_gradient(*shape, seed=0):
    p = nn.Parameter(numbers(*shape, seed=seed))
    p.grad = tg.tensor(numbers(*shape, seed=seed + 1))
    return p


@pytest.mark.parametrize("name", CASES)
def test_the_updates_are_pytorchs(name):
    kind, options = CASES[name]
    p = nn.Parameter(np.array(START))
    found = walk(getattr(optim, kind)([p], **options), p, lambda rows: tg.tensor(np.array(rows)))
    rounded = kind in ("NAdam", "ASGD")  # PyTorch keeps a number of theirs in float32
    np.testing.assert_allclose(found, NUMBERS[name], rtol=1e-7 if rounded else 1e-9)


@pytest.mark.parametrize("name", KERAS)
def test_the_updates_of_the_keras_face_are_keras_s(name):
    kind, options = KERAS[name]
    weight = nn.Parameter(np.array(START, "float32"))
    found = walk_in_keras(getattr(keras.optimizers, kind)(**options), weight, tg.tensor)
    np.testing.assert_allclose(found, KERAS_NUMBERS[name], rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_quadratic_goes_down_in_float32(name):
    p = nn.Parameter(numbers(5))
    update = getattr(optim, name)([p], **ALL[name])
    losses = []
    for _ in range(60):
        update.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        update.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] and np.isfinite(losses).all()
    tensors = [p, *(value for value in update.state[p].values() if isinstance(value, tg.Tensor))]
    assert {tensor.dtype.name for tensor in tensors} == {"float32"} and len(tensors) == 1 + len(
        update.shapes(p, update.param_groups[0])
    )


@pytest.mark.host_only
@pytest.mark.parametrize("name", ALL)
@given(size=st.integers(0, 40), block=st.integers(1, 12))
def test_an_update_in_blocks_is_the_update_of_the_whole(name, size, block):
    looped, whole = parameter_with_gradient(size), parameter_with_gradient(size)
    update = getattr(optim, name)([looped], **ALL[name])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ELEMENTS", block)
        update.step(), update.step()
    assert list(update._loops.values()) != [None]
    update = getattr(optim, name)([whole], **ALL[name])
    with tg.modes.watching(lambda *_: None):  # somebody who watches the operations sees them all
        update.step(), update.step()
    assert not update._loops and np.array_equal(looped.numpy(), whole.numpy())


def test_an_update_that_is_no_loop_runs_on_whole_tensors():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr=0.1, maximize=False):
            super().__init__(params, {"lr": lr, "maximize": maximize})

        def numbers(self, group, t):
            return {"lr": group["lr"]}

        def update(self, p, g, state, n, group):
            return (p - (g > 0).where(n.lr, -n.lr),)

    p = parameter_with_gradient(5)
    Sign([p]).step()
    assert np.allclose(p.numpy(), numbers(5) - 0.1 * np.sign(p.grad.numpy()))


def test_a_parameter_and_a_gradient_may_lie_in_any_order_in_memory():
    straight, turned = nn.Parameter(numbers(4, 6)), nn.Parameter(np.asfortranarray(numbers(4, 6)))
    for p in (straight, turned):
        p.grad = tg.tensor(numbers(6, 4, seed=1)).T
        optim.Adam([p]).step()
    assert np.array_equal(straight.numpy(), turned.numpy())


def test_parameters_without_gradient_and_frozen_ones_are_left_alone():
    unused, frozen, trained = nn.Parameter(numbers(3)), parameter_with_gradient(3), parameter_with_gradient(3)
    frozen.requires_grad = False
    update = optim.Adam([unused, frozen, trained], weight_decay=0.1)
    update.step()
    for p in (unused, frozen):
        assert np.array_equal(p.numpy(), numbers(3)) and p not in update.state
    assert not np.array_equal(trained.numpy(), numbers(3))


def test_a_parameter_that_occurs_twice_is_updated_once():
    once, twice = parameter_with_gradient(3), parameter_with_gradient(3)
    optim.SGD([once], lr=0.5).step()
    optim.SGD([twice, twice], lr=0.5).step()
    assert np.array_equal(once.numpy(), twice.numpy())
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    assert len(optim.SGD(tied.parameters()).param_groups[0]["params"]) == 3


def test_the_memory_is_overwritten_in_place_and_the_graph_knows():
    p = nn.Parameter(numbers(3))
    array = p._data
    loss = (p * p * p).sum()
    p.grad = tg.ones(3)
    optim.SGD([p], lr=0.1).step()
    assert p._data is array
    with pytest.raises(GradientError, match="changed in place"):
        loss.backward()


def test_groups_have_options_of_their_own():
    slow, fast = parameter_with_gradient(2), parameter_with_gradient(2)
    update = optim.SGD([{"params": [slow], "lr": 0.0}, {"params": fast}], lr=1.0)
    update.add_param_group({"params": [nn.Parameter(1.0)], "momentum": 0.5})
    update.step()
    assert np.array_equal(slow.numpy(), numbers(2)) and np.allclose(fast.numpy(), numbers(2) - fast.grad.numpy())
    assert [group["momentum"] for group in update.param_groups] == [0, 0, 0.5]


def test_a_closure_computes_the_loss():
    p = nn.Parameter(numbers(3))
    update = optim.SGD([p], lr=0.1)

    def closure():
        update.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        loss = update.step(closure)
    assert np.isclose(loss.item(), (numbers(3) ** 2).sum()) and np.allclose(p.numpy(), 0.8 * numbers(3))


def test_zero_grad_forgets_or_zeroes():
    p = parameter_with_gradient(3)
    update = optim.SGD([p])
    update.zero_grad(set_to_none=False)
    assert not p.grad.numpy().any()
    update.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("name", ALL)
def test_training_goes_on_from_a_saved_state_as_if_it_had_not_stopped(name, tmp_path):
    from tinygrad_ml.io import load, save

    def gradient(p, t):
        p.grad = tg.tensor(numbers(4, seed=t))

    whole = nn.Parameter(numbers(4))
    update = getattr(optim, name)([whole], **ALL[name])
    for t in range(6):
        if t == 3:
            save(tmp_path / "state", {"p": whole, "optimizer": update.state_dict()})
        gradient(whole, t)
        update.step()

    saved = load(tmp_path / "state")
    resumed = nn.Parameter(saved["p"])
    again = getattr(optim, name)([resumed], **ALL[name])
    again.load_state_dict(saved["optimizer"])
    for t in range(3, 6):
        gradient(resumed, t)
        again.step()
    assert np.array_equal(resumed.numpy(), whole.numpy())


def test_lbfgs_goes_on_from_a_file_and_says_what_it_needs(tmp_path):
    from tinygrad_ml.io import load, save

    p, q = nn.Parameter(np.array(START)), nn.Parameter(numbers(2))

    def closure():
        p.grad = q.grad = None
        loss = hollow(p) + (q * q).sum() * 3
        loss.backward()
        return loss

    optimizer = optim.LBFGS([p, q], lr=0.5, max_iter=3)
    optimizer.step(closure)
    save(tmp_path / "state", {"p": p, "q": q, "optimizer": optimizer.state_dict()})
    before = optimizer.step(closure)
    expected = p.numpy(), q.numpy()
    saved = load(tmp_path / "state")
    p.assign(saved["p"]), q.assign(saved["q"])
    resumed = optim.LBFGS([p, q], lr=0.1)
    resumed.load_state_dict(saved["optimizer"])
    assert resumed.step(closure).item() == before.item()
    for one, wanted in zip((p, q), expected, strict=True):
        assert np.array_equal(one.numpy(), wanted)
    with pytest.raises(CheckpointError, match="is not of 3 numbers"):
        optim.LBFGS([nn.Parameter(numbers(3))]).load_state_dict(optim_state_of(optimizer))
    with pytest.raises(OptionError, match="needs the closure"):
        resumed.step()
    with pytest.raises(OptionError, match="one group of parameters"):
        optim.LBFGS([{"params": [p]}, {"params": [q]}])
    with pytest.raises(OptionError, match="Muon trains matrices, and not a tensor of shape"):
        optim.Muon([q])


def optim_state_of(optimizer):
    """The state as if it were of one parameter."""
    state = optimizer.state_dict()
    return {**state, "param_groups": [{**group, "params": [0]} for group in state["param_groups"]]}


def test_a_saved_state_does_not_change_with_further_training():
    p = parameter_with_gradient(3)
    update = optim.Adam([p])
    update.step()
    state = update.state_dict()
    before = state["state"][0]["exp_avg"].numpy()
    update.step()
    assert np.array_equal(state["state"][0]["exp_avg"].numpy(), before) and state["state"][0]["step"] == 1


def test_two_optimisers_may_go_on_from_one_state():
    p, q = parameter_with_gradient(3), parameter_with_gradient(3)
    first = optim.Adam([p])
    first.step()
    state = first.state_dict()
    second, third = optim.Adam([p]), optim.Adam([q])
    second.load_state_dict(state), third.load_state_dict(state)
    second.step(), second.step()
    assert np.array_equal(third.state[q]["exp_avg"].numpy(), state["state"][0]["exp_avg"].numpy())


def test_a_gradient_of_another_shape_is_refused():
    p = nn.Parameter(numbers(3))
    with pytest.raises(ShapeError, match=r"shape \(4,\) was given to a tensor of shape \(3,\)"):
        p.grad = tg.ones(4)


def test_states_that_do_not_fit():
    p = parameter_with_gradient(3)
    adam = optim.Adam([p])
    adam.step()
    state = adam.state_dict()
    with pytest.raises(CheckpointError, match="another optimiser than SGD, whose options are lr, momentum"):
        optim.SGD([p]).load_state_dict(state)
    with pytest.raises(CheckpointError, match=r"groups with \[1\] parameters, but this optimiser has \[2\]"):
        optim.Adam([p, nn.Parameter(1.0)]).load_state_dict(state)
    with pytest.raises(CheckpointError, match=r"'exp_avg' of parameter 0 has shape \(3,\)"):
        optim.Adam([nn.Parameter(numbers(4))]).load_state_dict(state)


def test_the_state_follows_a_conversion():
    layer = nn.Linear(3, 2)
    update = optim.Adam(layer.parameters())
    for dtype in ("float32", "float64"):
        layer.astype(dtype)
        layer(tg.tensor(numbers(4, 3).astype(dtype))).sum().backward()
        update.step()
    assert {kept["exp_avg"].dtype.name for kept in update.state.values()} == {"float64"}
    assert all(kept["step"] == 2 for kept in update.state.values())


IMPOSSIBLE = [
    ("NAdam", {"betas": (0.9, 1.0)}),
    ("NAdam", {"momentum_decay": -0.1}),
    ("RAdam", {"betas": (-0.1, 0.9)}),
    ("RAdam", {"eps": -1e-9}),
    ("Adamax", {"weight_decay": -0.1}),
    ("Adafactor", {"d": 0.5}),
    ("Adafactor", {"beta2_decay": 0.1}),
    ("Adafactor", {"eps": (-1, 0)}),
    ("Rprop", {"etas": (0.5, 1.0)}),
    ("Rprop", {"etas": (1.0, 1.2)}),
    ("Rprop", {"etas": (0.0, 1.2)}),
    ("ASGD", {"weight_decay": -1}),
    ("Muon", {"ns_steps": -1}),
    ("Muon", {"ns_steps": 100}),
    ("Muon", {"ns_coefficients": (1, 2)}),
    ("Muon", {"adjust_lr_fn": "none"}),
    ("Muon", {"momentum": -0.1}),
    ("LBFGS", {"line_search_fn": "armijo"}),
]


@pytest.mark.parametrize("name, options", IMPOSSIBLE)
def test_impossible_options(name, options):
    ((option, value),) = options.items()
    with pytest.raises(OptionError, match=re.escape(f"{option}={value!r} is impossible")):
        getattr(optim, name)([nn.Parameter(np.ones((1, 1)))], **options)


def test_a_rate_of_zero_is_possible():
    for kind in {kind for kind, _ in CASES.values()}:
        p = nn.Parameter(np.ones((1, 1)))
        optimizer = getattr(optim, kind)(
            [p], lr=0, **({"weight_decay": 0} if "weight_decay" in getattr(optim, kind)([p]).defaults else {})
        )
        assert optimizer.param_groups[0]["lr"] == 0


def test_lbfgs_through_a_bent_valley():
    p = nn.Parameter(np.array([-1.2, 1.0]))
    optimizer = optim.LBFGS([p], max_iter=5, history_size=3, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    found = []
    for _ in range(7):
        optimizer.step(closure)
        found.append(p.numpy())
    np.testing.assert_allclose(found, VALLEY, rtol=1e-6)


# Where LBFGS is in Rosenbrock's valley after each call (computed with PyTorch 2.13.0).
VALLEY = [
    [-1.02761776638, 1.05841207827],
    [-0.680175333418, 0.435331278732],
    [-0.357461407885, 0.096735223334],
    [0.205774803595, -0.00146255429905],
    [0.404889023973, 0.150316897309],
    [0.807548717511, 0.639259143324],
    [0.984781903071, 0.96561730688],
]


def test_unknown_and_impossible_options():
    p = nn.Parameter(1.0)
    with pytest.raises(OptionError, match="SGD has no option 'learning_rate'; it has lr, momentum, dampening"):
        optim.SGD([p], learning_rate=0.1)
    with pytest.raises(OptionError, match="Adam has no option 'rate'"):
        optim.Adam([{"params": [p], "rate": 1}])
    for name, options in {
        "SGD": {"lr": -1.0},
        "Adam": {"betas": (1.0, 0.9)},
        "RMSprop": {"alpha": -0.1},
        "Adagrad": {"eps": -1e-8},
        "Adadelta": {"rho": 2.0},
    }.items():
        with pytest.raises(OptionError, match=f"{next(iter(options))}=.* is impossible"):
            getattr(optim, name)([p], **options)
    with pytest.raises(OptionError, match="nesterov=True needs"):
        optim.SGD([p], nesterov=True)
    with pytest.raises(OptionError, match="at least one parameter"):
        optim.SGD([])
    with pytest.raises(OptionError, match=r"pass \[parameter\]"):
        optim.SGD(p)
    with pytest.raises(OptionError, match="leaf tensors"):
        optim.SGD([p * 2])
    with pytest.raises(OptionError, match="another group already"):
        optim.SGD([{"params": [p]}, {"params": [p]}])


# -- clipping --------------------------------------------------------------------------------------------


def test_clipping_scales_all_gradients_alike_and_says_how_large_they_were():
    p, q, unused = parameter_with_gradient(3), parameter_with_gradient(2, 2), nn.Parameter(1.0)
    p.grad, q.grad = tg.tensor([3.0, 0.0, 0.0]), tg.tensor([[0.0, 4.0], [0.0, 0.0]])
    assert np.isclose(optim.clip_grad_norm_([p, q, p, unused], 1.0).item(), 5.0)
    assert np.allclose(p.grad.numpy(), [0.6, 0, 0]) and np.allclose(q.grad.numpy(), [[0, 0.8], [0, 0]])
    optim.clip_grad_norm_(p, 10.0)
    assert np.allclose(p.grad.numpy(), [0.6, 0, 0])  # small ones are left as they are
    nn.utils.clip_grad_value_([p, q], 0.5)
    assert np.allclose(p.grad.numpy(), [0.5, 0, 0]) and np.allclose(q.grad.numpy(), [[0, 0.5], [0, 0]])
    p.grad = tg.tensor([np.inf, 0, 0])
    with pytest.raises(GradientError, match="cannot be clipped"):
        optim.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert optim.clip_grad_norm_([unused], 1.0).item() == 0


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize(
    "dtype, size",
    [("float32", 1e30), ("float32", 3e38), ("float32", 1e-30), ("float16", 6e4), ("float16", 1e-6), ("float64", 1e300)],
)
def test_clipping_keeps_what_is_very_large_or_very_small(dtype, size, norm_type):
    p = nn.Parameter(np.ones(3, dtype))
    given = np.array([1.0, -0.5, 0.25]).astype(dtype) * np.asarray(size, dtype)
    length = float(np.linalg.norm(given.astype("longdouble") / size, norm_type))
    limit = 0.5
    p.grad = tg.tensor(given)
    total = nn.utils.clip_grad_norm_([p], limit, norm_type)
    if length * size < 3e38 or dtype == "float64":
        assert np.isclose(float(total), length * size, rtol=1e-3)
    expected = given.astype("longdouble") * min(1.0, limit / (length * size + 1e-6))
    assert p.grad.dtype == dtype
    np.testing.assert_allclose(
        p.grad.numpy().astype("longdouble"), expected, rtol=2e-3, atol=1e-7 if dtype == "float16" else 0
    )


def test_gradients_of_several_dtypes_are_clipped_together():
    params = [nn.Parameter(np.ones(2, dtype)) for dtype in ("float16", "float32", "float64")]
    for p in params:
        p.grad = tg.tensor(np.full(2, 30000, p.dtype.name))
    total = optim.clip_grad_norm_(params, 1.0)
    assert np.isclose(float(total), 30000 * 6**0.5, rtol=1e-3)
    for p in params:
        assert p.grad.dtype == p.dtype
        np.testing.assert_allclose(p.grad.numpy().astype("float64"), 6**-0.5, rtol=1e-3)


def test_lbfgs_in_half_precision_computes_in_float32():
    p = nn.Parameter(np.array([0.5, -0.25], "float16"))

    def closure():
        p.grad = None
        loss = ((p - 1) * (p - 1)).sum() * 100
        loss.backward()
        return loss

    optim.LBFGS([p], line_search_fn="strong_wolfe").step(closure)
    assert p.dtype == "float16" and np.allclose(p.numpy(), 1, atol=1e-2)


@pytest.mark.host_only
@pytest.mark.parametrize(
    "dtype, size", [("float16", 1.0), ("float32", 0.01), ("float32", 1e-30), ("float32", 1e30), ("float64", 1.0)]
)
def test_clipping_as_a_whole_is_what_its_operations_give(dtype, size):
    random = np.random.default_rng(0)
    given = [random.standard_normal(shape) * size for shape in [(), (3, 4), (0,), (123, 89), (7,)]]
    found = []
    for watchers in ((), (lambda *_: None,)):
        params = [nn.Parameter(np.zeros(g.shape, dtype)) for g in given]
        for p, g in zip(params, given, strict=True):
            p.grad = tg.tensor(np.asarray(g.T, dtype)).T
        with contextlib.ExitStack() as stack:
            for watcher in watchers:
                stack.enter_context(tg.modes.watching(watcher))
            length = optim.clip_grad_norm_(params, 2.0)
            nn.utils.clip_grad_value_(params, 0.02)
        assert {p.grad.dtype.name for p in params} == {dtype} and length.dtype == max(dtype, "float32")
        found.append([length.numpy(), *(p.grad.numpy() for p in params)])
    for quick, whole in zip(*found, strict=True):
        np.testing.assert_allclose(quick, whole, rtol=2e-3 if dtype == "float16" else 2e-6)


@pytest.mark.host_only
def test_short_gradients_are_left_where_they_are():
    p = nn.Parameter(np.zeros(3, "float32"))
    p.grad = g = tg.tensor([0.1, 0.2, 0.2])
    assert np.isclose(optim.clip_grad_norm_([p], 1.0).item(), 0.3) and p.grad is g
    optim.clip_grad_norm_([p], 0.15)
    assert np.allclose(p.grad.numpy(), [0.05, 0.1, 0.1]) and np.allclose(g.numpy(), [0.1, 0.2, 0.2])


def test_clipping_of_nothing_and_of_zeros():
    p, empty = nn.Parameter(np.ones(2, "float32")), nn.Parameter(np.ones((0, 3), "float32"))
    p.grad, empty.grad = tg.zeros(2), tg.zeros((0, 3))
    assert optim.clip_grad_norm_([p, empty], 1.0).item() == 0 and not p.grad.numpy().any()
    assert optim.clip_grad_norm_([empty], 1.0).item() == 0


# -- schedules ---------------------------------------------------------------------------------------------


def sgd(lr=1.0):
    return optim.SGD([nn.Parameter(1.0)], lr=lr, momentum=0.9)


def test_a_schedule_goes_on_from_its_state():
    whole = lr_scheduler.CosineAnnealingLR(sgd(), T_max=10)
    for _ in range(4):
        whole.step()
    resumed = lr_scheduler.CosineAnnealingLR(sgd(), T_max=10)
    resumed.load_state_dict(whole.state_dict())
    whole.step(), resumed.step()
    assert whole.get_last_lr() == resumed.get_last_lr()
    assert lr_scheduler.CosineAnnealingLR(sgd(), T_max=10, last_epoch=4).get_last_lr() == whole.get_last_lr()


FORMS = {
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 4]},
    "ExponentialLR": {"gamma": 0.9},
    "MultiplicativeLR": {"lr_lambda": lambda t: 1 - 0.1 * t},
    "ConstantLR": {"total_iters": 3},
    "LinearLR": {"total_iters": 4},
    "PolynomialLR": {"total_iters": 5, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 3, "eta_min": 0.1},
    "LambdaLR": {"lr_lambda": lambda t: 0.7**t},
    "CosineAnnealingWarmRestarts": {"T_0": 2, "T_mult": 2},
    "OneCycleLR": {"max_lr": 2.0, "total_steps": 8},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 2},
    "CyclicLR halved": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 1, "step_size_down": 2, "mode": "triangular2"},
    "CyclicLR falling": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 2, "mode": "exp_range", "gamma": 0.8},
    "OneCycleLR linear": {"max_lr": 2.0, "epochs": 4, "steps_per_epoch": 2, "anneal_strategy": "linear"},
    "OneCycleLR three phases": {"max_lr": 2.0, "total_steps": 9, "three_phase": True, "div_factor": 5.0},
    "CosineAnnealingWarmRestarts even": {"T_0": 3, "eta_min": 0.2},
}
# The rate in the epochs 0 to 7, from 1, and the momentum where it moves from 0.9 (computed with PyTorch 2.13.0).
RATES = {
    "StepLR": [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
    "MultiStepLR": [1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01],
    "ExponentialLR": [1.0, 0.9, 0.81, 0.729, 0.6561, 0.59049, 0.531441, 0.4782969],
    "MultiplicativeLR": [1.0, 0.9, 0.72, 0.504, 0.3024, 0.1512, 0.06048, 0.018144],
    "ConstantLR": [0.333333333333, 0.333333333333, 0.333333333333, 1.0, 1.0, 1.0, 1.0, 1.0],
    "LinearLR": [0.333333333333, 0.5, 0.666666666667, 0.833333333333, 1.0, 1.0, 1.0, 1.0],
    "PolynomialLR": [1.0, 0.64, 0.36, 0.16, 0.04, 0.0, 0.0, 0.0],
    "CosineAnnealingLR": [1.0, 0.775, 0.325, 0.1, 0.325, 0.775, 1.0, 0.775],
    "LambdaLR": [1.0, 0.7, 0.49, 0.343, 0.2401, 0.16807, 0.117649, 0.0823543],
    "CosineAnnealingWarmRestarts": [1.0, 0.5, 1.0, 0.853553390593, 0.5, 0.146446609407, 1.0, 0.961939766256],
    "OneCycleLR": [
        0.08,
        1.63855020978,
        1.94388355478,
        1.6234913079,
        1.11196802825,
        0.566121996417,
        0.153283187669,
        8e-06,
    ],
    "CyclicLR": [0.1, 0.5, 0.9, 0.5, 0.1, 0.5, 0.9, 0.5],
    "CyclicLR halved": [0.1, 0.9, 0.5, 0.1, 0.5, 0.3, 0.1, 0.3],
    "CyclicLR falling": [0.1, 0.42, 0.612, 0.3048, 0.1, 0.231072, 0.3097152, 0.18388608],
    "OneCycleLR linear": [
        0.08,
        1.45142857143,
        1.78571514286,
        1.42857371429,
        1.07143228571,
        0.714290857143,
        0.357149428571,
        8.00000000001e-06,
    ],
    "OneCycleLR three phases": [
        0.4,
        1.41893039206,
        1.88017370858,
        0.608792866223,
        0.383443916075,
        0.292023806245,
        0.15933286651,
        0.0448932560849,
    ],
    "CosineAnnealingWarmRestarts even": [1.0, 0.8, 0.4, 1.0, 0.8, 0.4, 1.0, 0.8],
}


MOMENTA = {
    "OneCycleLR": [
        0.95,
        0.868825509907,
        0.852805833485,
        0.868825509907,
        0.894401776195,
        0.921694186956,
        0.942336209961,
        0.95,
    ],
    "CyclicLR": [0.9, 0.85, 0.8, 0.85, 0.9, 0.85, 0.8, 0.85],
    "CyclicLR halved": [0.9, 0.8, 0.85, 0.9, 0.85, 0.875, 0.9, 0.875],
    "CyclicLR falling": [0.9, 0.86, 0.836, 0.8744, 0.9, 0.883616, 0.8737856, 0.88951424],
    "OneCycleLR linear": [
        0.95,
        0.878571428571,
        0.860714285714,
        0.878571428571,
        0.896428571429,
        0.914285714286,
        0.932142857143,
        0.95,
    ],
    "OneCycleLR three phases": [0.95, 0.886316850496, 0.857489143214, 0.936950445861, 0.95, 0.95, 0.95, 0.95],
}


def rates_and_more(optimizer):
    return optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]


@pytest.mark.parametrize("name", FORMS)
def test_rates_are_pytorchs_and_go_on_at_once_from_any_step(name):
    optimizer, seen = sgd(), []
    schedule = getattr(lr_scheduler, name.split()[0])(optimizer, **FORMS[name])
    for _ in range(8):
        seen.append(rates_and_more(optimizer))
        state, kept = optimizer.state_dict(), schedule.state_dict()
        before, after = sgd(0.3), sgd(0.3)
        before.load_state_dict(state)
        resumed = getattr(lr_scheduler, name.split()[0])(before, **FORMS[name])
        resumed.load_state_dict(kept)
        made_first = getattr(lr_scheduler, name.split()[0])(after, **FORMS[name])
        made_first.load_state_dict(kept)
        assert np.allclose(rates_and_more(after), seen[-1], rtol=1e-12)  # the schedule's state is enough
        after.load_state_dict(state)
        assert rates_and_more(before) == rates_and_more(after) == rates_and_more(optimizer)
        schedule.step(), resumed.step(), made_first.step()
        assert rates_and_more(before) == rates_and_more(after) == rates_and_more(optimizer)
    rates, momenta = zip(*seen, strict=True)
    assert np.allclose(rates, RATES[name], rtol=1e-9)
    assert np.allclose(momenta, MOMENTA.get(name, 0.9), rtol=1e-9)


@pytest.mark.parametrize(
    "name", [name for name in FORMS if issubclass(getattr(lr_scheduler, name.split()[0]), ScalingLR)]
)
def test_two_schedules_that_scale_the_rate_multiply(name):
    optimizer = sgd()
    both = getattr(lr_scheduler, name.split()[0])(optimizer, **FORMS[name]), lr_scheduler.StepLR(optimizer, 3, 0.5)
    lowest = getattr(both[0], "eta_min", 0)
    for t in range(8):
        rate = optimizer.param_groups[0]["lr"]
        if not lowest:
            assert np.isclose(rate, RATES[name][t] * 0.5 ** (t // 3), rtol=1e-9)
        plain = optimizer.state_dict()
        resumed = sgd()
        resumed.load_state_dict(plain)
        again = getattr(lr_scheduler, name.split()[0])(resumed, **FORMS[name]), lr_scheduler.StepLR(resumed, 3, 0.5)
        for one, saved in zip(again, both, strict=True):
            one.load_state_dict(saved.state_dict())
        assert resumed.param_groups[0]["lr"] == rate
        for one in (*both, *again):
            one.step()
        assert resumed.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


def test_what_others_do_to_the_rate_stays():
    optimizer = sgd()
    schedule, plateau = (
        lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2),
        lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    )
    for metric in (1.0, 2.0):
        schedule.step(), plateau.step(metric)
    assert np.isclose(optimizer.param_groups[0]["lr"], 0.1)
    schedule.step()
    assert np.isclose(optimizer.param_groups[0]["lr"], 0.1)


def test_a_number_is_enough_to_go_on_from_where_the_optimiser_has_its_state():
    whole = sgd()
    both = lr_scheduler.StepLR(whole, 2, 0.5), lr_scheduler.ExponentialLR(whole, 0.9)
    for _ in range(4):
        for one in both:
            one.step()
    resumed, had_another, fresh = sgd(), sgd(), sgd()
    lr_scheduler.LinearLR(had_another)
    resumed.load_state_dict(whole.state_dict()), had_another.load_state_dict(whole.state_dict())
    for optimizer in (resumed, had_another, fresh):
        lr_scheduler.StepLR(optimizer, 2, 0.5, last_epoch=3), lr_scheduler.ExponentialLR(optimizer, 0.9, last_epoch=3)
        assert np.isclose(optimizer.param_groups[0]["lr"], 0.25 * 0.9**4)


def test_groups_that_are_added_later_have_rates_too():
    optimizer = sgd()
    alone = {name for name in FORMS if not issubclass(getattr(lr_scheduler, name.split()[0]), ScalingLR)}
    schedules = [
        getattr(lr_scheduler, name.split()[0])(optimizer, **FORMS[name]) for name in FORMS if name not in alone
    ]
    schedules.append(lr_scheduler.ReduceLROnPlateau(optimizer))
    optimizer.add_param_group({"params": [nn.Parameter(1.0)], "lr": 4.0})
    for schedule in schedules[:-1]:
        schedule.step()
    schedules[-1].step(1.0)
    assert len(schedules[0].get_last_lr()) == len(schedules[0].base_lrs) == 2 and schedules[0].base_lrs[1] == 4.0
    for name in sorted(alone):
        optimizer = sgd()
        schedule = getattr(lr_scheduler, name.split()[0])(optimizer, **FORMS[name])
        optimizer.add_param_group({"params": [nn.Parameter(1.0)], "lr": 1.0, "momentum": 0.9})
        schedule.step()
        first, second = optimizer.param_groups
        assert first["lr"] == second["lr"] and first["momentum"] == second["momentum"]
    listed = sgd()
    schedule = lr_scheduler.LambdaLR(listed, [lambda t: 1.0])
    listed.add_param_group({"params": [nn.Parameter(1.0)]})
    with pytest.raises(OptionError, match="lr_lambda is a list of 1, and the optimiser has a group 2"):
        schedule.step()


def test_one_after_the_other_and_all_at_once():
    optimizer = sgd()
    chained = lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(optimizer, 0.1, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    )
    rates = [chained.get_last_lr()[0]]
    for _ in range(3):
        chained.step()
        rates += chained.get_last_lr()
    assert np.allclose(rates, [0.1, 0.05, 0.25, 0.125])
    optimizer = sgd()
    in_turn = lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.1)],
        [2],
    )
    rates = [in_turn.get_last_lr()[0]]
    for _ in range(4):
        in_turn.step()
        rates += in_turn.get_last_lr()
    assert np.allclose(rates, [0.5, 0.75, 1.0, 0.1, 0.01])
    with pytest.raises(OptionError, match="no metric to give"):
        lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(optimizer)])
    with pytest.raises(OptionError, match="schedules of one optimiser"):
        lr_scheduler.ChainedScheduler([chained, in_turn])


def test_a_schedule_of_ones_own_in_pytorchs_way():
    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    optimizer = sgd()
    schedule = Halving(optimizer)
    schedule.step(), schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.25


METRICS = [1.0, 0.9, 0.95, 0.9, 0.9, 0.89, 0.93, 0.9, 0.7, 0.7, 0.75, 0.8, 0.7]
# The rates after these metrics (computed with PyTorch 2.13.0).
PLATEAUS = [
    (
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125],
    ),
    (
        {"mode": "max", "patience": 0, "factor": 0.5, "min_lr": 0.3},
        [1.0, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3],
    ),
    (
        {"patience": 2, "threshold": 0.15, "threshold_mode": "abs"},
        [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001],
    ),
    (
        {"patience": 0, "threshold": 0.05, "factor": 0.5, "eps": 0.2},
        [1.0, 1.0, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25],
    ),
]


@pytest.mark.parametrize("options, rates", PLATEAUS)
def test_plateaus(options, rates):
    optimizer, found = sgd(), []
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    for metric in METRICS:
        schedule.step(metric)
        found += schedule.get_last_lr()
        resumed = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        resumed.load_state_dict(schedule.state_dict())
        schedule = resumed
    assert np.allclose(found, rates)


def test_a_worse_loss_below_zero_is_not_better():
    optimizer = sgd()
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.1)
    schedule.step(-1.0)
    schedule.step(-0.95)
    assert optimizer.param_groups[0]["lr"] == 0.1
    schedule.step(-1.2)
    assert optimizer.param_groups[0]["lr"] == 0.1 and schedule.best == -1.2
    optimizer = sgd()
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=0, threshold=0.1)
    schedule.step(-1.0), schedule.step(-0.95)
    assert optimizer.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(
    "name, options",
    [
        ("StepLR", {"step_size": 0}),
        ("CosineAnnealingLR", {"T_max": 0}),
        ("CosineAnnealingWarmRestarts", {"T_0": 0}),
        ("LinearLR", {"total_iters": 0}),
        ("ConstantLR", {"total_iters": 0}),
        ("PolynomialLR", {"total_iters": 0}),
        ("OneCycleLR", {"total_steps": 0, "max_lr": 1.0}),
        ("OneCycleLR", {"div_factor": 0, "max_lr": 1.0, "total_steps": 5}),
        ("CyclicLR", {"step_size_up": 0, "base_lr": 0.1, "max_lr": 1.0}),
        ("CyclicLR", {"mode": "square", "base_lr": 0.1, "max_lr": 1.0}),
        ("ConstantLR", {"factor": 2}),
    ],
)
def test_impossible_options_of_schedules(name, options):
    option, value = next(iter(options.items()))
    with pytest.raises(OptionError, match=f"{option}={value!r}"):
        getattr(lr_scheduler, name.split()[0])(sgd(), **options)


def test_a_rise_or_a_fall_of_no_length():
    for options in ({"pct_start": 0.0}, {"pct_start": 0.1}, {"pct_start": 1.0}, {"total_steps": 1}):
        optimizer = sgd()
        schedule = lr_scheduler.OneCycleLR(optimizer, **{"max_lr": 1.0, "total_steps": 10, **options})
        for _ in range(schedule.total_steps):
            assert 0 < optimizer.param_groups[0]["lr"] <= 1
            schedule.step()


def test_a_state_of_an_optimiser_with_a_schedule_fits_one_without():
    optimizer_with = sgd()
    lr_scheduler.StepLR(optimizer_with, 1).step()
    plain = sgd()
    plain.load_state_dict(optimizer_with.state_dict())
    assert np.isclose(plain.param_groups[0]["lr"], 0.1)


def test_states_of_other_schedules():
    optimizer = sgd()
    step, plateau = lr_scheduler.StepLR(optimizer, 1), lr_scheduler.ReduceLROnPlateau(optimizer)
    chained = lr_scheduler.ChainedScheduler([step])
    with pytest.raises(CheckpointError, match="ReduceLROnPlateau needs best, num_bad_epochs, cooldown_counter too"):
        plateau.load_state_dict(step.state_dict())
    with pytest.raises(CheckpointError, match="of 0 schedules, and ChainedScheduler has 1"):
        chained.load_state_dict(step.state_dict())


def test_wrong_use_of_schedules():
    one = lr_scheduler.OneCycleLR(sgd(), max_lr=0.1, total_steps=3)
    for _ in range(3):  # once after each of three batches
        one.step()
    with pytest.raises(OptionError, match="made for 3 steps"):
        one.step()
    with pytest.raises(OptionError, match="total_steps, or epochs"):
        lr_scheduler.OneCycleLR(sgd(), max_lr=0.1)
    with pytest.raises(OptionError, match="Adagrad has no momentum"):
        lr_scheduler.OneCycleLR(optim.Adagrad([nn.Parameter(1.0)]), max_lr=0.1, total_steps=3)
    with pytest.raises(OptionError, match="2 schedules needs 1 milestones"):
        lr_scheduler.SequentialLR(sgd(), [lr_scheduler.StepLR(sgd(), 1)] * 2, [])
    with pytest.raises(OptionError, match="below 1"):
        lr_scheduler.ReduceLROnPlateau(sgd(), factor=1.0)
    with pytest.raises(OptionError, match="lr_lambda is a list of 2 for 1 groups"):
        lr_scheduler.LambdaLR(sgd(), [lambda t: 1, lambda t: 1])


# -- first steps and defaults ------------------------------------------------------------------------------


def test_the_first_step_of_lbfgs_is_no_longer_than_the_gradient():
    x = nn.Parameter(tg.tensor([1.0]))
    optimizer = optim.LBFGS([x], lr=1, max_iter=1)

    def loss():
        optimizer.zero_grad()
        value = (0.05 * x * x).sum()
        value.backward()
        return value

    optimizer.step(loss)
    assert x.item() == pytest.approx(0.9)  # 1 - 0.1: a small gradient is not made longer


def test_a_polynomial_of_no_power_given_is_a_straight_line():
    optimizer = optim.SGD([nn.Parameter(tg.ones(1))], lr=1.0)
    schedule, rates = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4), []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_one_cycle_begins_where_it_was_told_and_says_so():
    optimizer = optim.SGD([nn.Parameter(tg.ones(1))], lr=7.0, momentum=0.9)
    optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2.0, total_steps=8, div_factor=4)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["initial_lr"]) == pytest.approx((0.5, 0.5))
    with pytest.raises(OptionError, match="final_div_factor=0 must be above 0"):
        optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2.0, total_steps=8, final_div_factor=0)


def test_schedules_in_a_chain_begin_once_and_count_together():
    optimizer = optim.SGD([nn.Parameter(tg.ones(1))], lr=1.0)
    parts = [optim.lr_scheduler.ExponentialLR(optimizer, 0.5), optim.lr_scheduler.StepLR(optimizer, 1, 0.1)]
    chain = optim.lr_scheduler.ChainedScheduler(parts)
    assert (chain.last_epoch, [part.last_epoch for part in parts]) == (0, [0, 0])
    optimizer.step()
    chain.step()
    assert (chain.last_epoch, [part.last_epoch for part in parts]) == (1, [1, 1])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("mode", "best", "close", "better"), [("max", 10, 10.0007, 10.002), ("min", -10, -10.0007, -10.002)]
)
def test_a_plateau_asks_for_a_part_of_the_best(mode, best, close, better):
    schedule = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([nn.Parameter(tg.ones(1))], lr=1.0), mode)
    schedule.step(best)
    assert not schedule.is_better(close)
    assert schedule.is_better(better)


def test_what_an_optimiser_keeps_is_named_after_the_parameter_until_it_is_loaded_anew_and_then_too():
    layer = nn.Linear(2, 1)
    first, second = optim.Adam(layer.parameters()), optim.Adam(layer.parameters())
    layer(tg.ones(1, 2)).sum().backward()
    first.step()
    second.load_state_dict(first.state_dict())
    second.step()
    for optimizer in (first, second):
        kept = optimizer.state[layer.weight]
        assert [kept[name].name for name in kept if name != "step"] == ["weight.exp_avg", "weight.exp_avg_sq"]
