"""Optimisers and schedules: 100 updates end where PyTorch's do, to float32 rounding."""

import math

import numpy as np
import optimizer_numbers
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.optim.lr_scheduler.scaling import ScalingLR

torch = pytest.importorskip("torch")

STEPS = 100
UPDATES = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "maximize": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.01, "initial_accumulator_value": 0.2}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "weight_decay": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.8, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.8, "centered": True, "eps": 1e-4}),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.02, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.01, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {"lr": 0.02}),
    ("RAdam", {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.01}),
    ("RAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "eps": 1e-3}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.02, "weight_decay": 0.01, "betas": (0.8, 0.9), "maximize": True}),
    ("Rprop", {"lr": 0.001}),
    ("Rprop", {"lr": 0.01, "etas": (0.4, 1.1), "step_sizes": (1e-3, 0.02)}),
    ("Adafactor", {"lr": 0.05}),
    (
        "Adafactor",
        {"lr": 0.05, "beta2_decay": -0.5, "eps": (1e-3, 0.1), "d": 1.5, "weight_decay": 0.1, "maximize": True},
    ),
    ("ASGD", {"lr": 0.02}),
    ("ASGD", {"lr": 0.02, "lambd": 0.01, "t0": 20, "weight_decay": 0.01}),
]


def starts():
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype("float32") for shape in [(7, 5), (5,), ()]]


def loss_of(parameters, t, tan):
    """A loss that is neither convex nor the same in two steps."""
    w, b, s = parameters
    return ((w * w).sum() - 3 * (w * b).sum()) * math.cos(t) + (tan(b * w) * s).sum() + (s - t / 50) ** 2


def same(ours, theirs, tolerance=2e-5):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, options", UPDATES)
def test_100_updates(name, options):
    ours = [nn.Parameter(start.copy()) for start in starts()]
    theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts()]
    optimizers = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for t in range(STEPS):
        for parameters, optimizer, tan in ((ours, optimizers[0], tg.tanh), (theirs, optimizers[1], torch.tanh)):
            optimizer.zero_grad()
            loss_of(parameters, t, tan).backward()
            torch.nn.utils.clip_grad_norm_(theirs, 10.0) if tan is torch.tanh else nn.utils.clip_grad_norm_(ours, 10.0)
            optimizer.step()
    same([p.numpy() for p in ours], [p.detach().numpy() for p in theirs])


def test_defaults_are_pytorchs():
    for name in {kind for kind, _ in optimizer_numbers.CASES.values()}:
        ours = getattr(optim, name)([nn.Parameter(np.ones((1, 1)))]).defaults
        theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1, 1))]).defaults
        assert ours == {option: theirs[option] for option in ours}
        left_out = {"foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay"}
        assert theirs.keys() - ours.keys() <= left_out


@pytest.mark.parametrize("name", optimizer_numbers.CASES)
def test_the_table_of_fixed_numbers_is_pytorchs(name):
    np.testing.assert_allclose(optimizer_numbers.by_torch(name), optimizer_numbers.NUMBERS[name], rtol=1e-9)


def test_averages():
    ours = optim.ASGD([p := nn.Parameter(np.ones(3, "float32"))], lr=0.1, t0=2)
    theirs = torch.optim.ASGD([q := torch.nn.Parameter(torch.ones(3))], lr=0.1, t0=2)
    for t in range(6):
        p.grad, q.grad = tg.tensor([1.0, -1.0, t]), torch.tensor([1.0, -1.0, t])
        ours.step(), theirs.step()
        same([ours.state[p]["ax"].numpy()], [theirs.state[q]["ax"].numpy()])


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (5, 5)])
@pytest.mark.parametrize("options", [{}, {"nesterov": False, "momentum": 0.5}, {"adjust_lr_fn": "match_rms_adamw"}])
def test_muon_in_bfloat16(shape, options):
    start = np.random.default_rng(0).standard_normal(shape, "float32")
    p, q = nn.Parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
    ours, theirs = optim.Muon([p], lr=0.01, **options), torch.optim.Muon([q], lr=0.01, **options)
    for t in range(10):
        gradient = np.random.default_rng(t).standard_normal(shape, "float32")
        p.grad, q.grad = tg.tensor(gradient), torch.tensor(gradient)
        ours.step(), theirs.step()
    moved = np.abs(p.numpy() - start).max()
    assert np.abs(p.numpy() - q.detach().numpy()).max() < 0.05 * moved


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_on_a_bent_valley(search):
    """Rosenbrock's, in float64: the same places after each call, until rounding counts."""
    start = np.array([-1.2, 1.0])
    p, q = nn.Parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
    options = {"lr": 1 if search else 1e-3, "max_iter": 5, "history_size": 3, "line_search_fn": search}
    ours, theirs = optim.LBFGS([p], **options), torch.optim.LBFGS([q], **options)

    def closure(x, optimizer):
        def compute():
            optimizer.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss

        return compute

    for call in range(8):
        a, b = ours.step(closure(p, ours)), theirs.step(closure(q, theirs))
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-6)
        if call == 3:  # and from a saved state
            state = ours.state_dict()
            ours = optim.LBFGS([p], **options)
            ours.load_state_dict(state)
    if search:
        np.testing.assert_allclose(p.numpy(), 1, rtol=1e-5)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping(norm_type, max_norm):
    ours = [nn.Parameter(start) for start in starts()]
    theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts()]
    for p, q in zip(ours, theirs, strict=True):
        p.grad, q.grad = tg.tensor(p.numpy() * 3), torch.tensor(p.numpy() * 3)
    total = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert math.isclose(float(total), float(expected), rel_tol=1e-5)
    same([p.grad.numpy() for p in ours], [q.grad.numpy() for q in theirs], 1e-6)
    nn.utils.clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    same([p.grad.numpy() for p in ours], [q.grad.numpy() for q in theirs], 1e-6)


def halved(t):
    return 1 - 0.5 * (t % 3 == 0)


SCHEDULES = [
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (t + 1)}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.95}),
    ("MultiplicativeLR", {"lr_lambda": [lambda t: 0.9, halved]}),
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("StepLR", {"step_size": 1}),
    ("MultiStepLR", {"milestones": [20, 5, 5], "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [3]}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 15, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.3}),
    ("CosineAnnealingLR", {"T_max": 60}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41}),
    ("OneCycleLR", {"max_lr": [0.3, 0.1], "epochs": 6, "steps_per_epoch": 10, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41, "three_phase": True, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41, "cycle_momentum": False, "pct_start": 0.0}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41, "base_momentum": [0.8, 0.7], "max_momentum": [0.9, 0.99]}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4}),
    (
        "CyclicLR",
        {"base_lr": [0.01, 0.02], "max_lr": 0.2, "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"},
    ),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "mode": "exp_range", "gamma": 0.95}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "step_size_down": 0, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.2, "step_size_up": 2, "scale_fn": lambda x: 1 / x, "base_momentum": 0.5}),
]
# Of two schedules that scale the rate, both count; one that says what it is hides what stepped before it.
PAIRS = [
    [("ExponentialLR", {"gamma": 0.9}), ("StepLR", {"step_size": 3, "gamma": 0.5})],
    [("LinearLR", {}), ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.01})],
    [("ConstantLR", {"total_iters": 4}), ("MultiStepLR", {"milestones": [2, 6]})],
    [("PolynomialLR", {"total_iters": 30}), ("MultiplicativeLR", {"lr_lambda": halved})],
    [("LinearLR", {"total_iters": 4}), ("LambdaLR", {"lr_lambda": lambda t: 0.9**t})],
    [("CosineAnnealingWarmRestarts", {"T_0": 5}), ("ExponentialLR", {"gamma": 0.9})],
    [("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4}), ("StepLR", {"step_size": 2, "gamma": 0.5})],
]


def _pair(kind="SGD", **options):
    return _ours(kind, **options), _theirs(kind, **options)


def _ours(kind="SGD", **options):
    groups = [{"params": [nn.Parameter(1.0)]}, {"params": [nn.Parameter(1.0)], "lr": 0.05}]
    return getattr(optim, kind)(groups, lr=0.2, **options)


def _theirs(kind="SGD", **options):
    one = lambda: torch.nn.Parameter(torch.tensor(1.0))  # noqa: E731
    return getattr(torch.optim, kind)([{"params": [one()]}, {"params": [one()], "lr": 0.05}], lr=0.2, **options)


def _same_groups(ours, theirs):
    for a, b in zip(ours.param_groups, theirs.param_groups, strict=True):
        for name in set(a) & set(b) & {"lr", "momentum", "betas"}:
            assert np.allclose(a[name], b[name], rtol=1e-9, atol=1e-12), name


def _made(room, optimizer, forms, **options):
    return [getattr(room, name)(optimizer, **given, **options) for name, given in forms]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("forms", [[form] for form in SCHEDULES] + PAIRS)
def test_schedules(forms, kind):
    ours, theirs = _pair(kind, **({"momentum": 0.5} if kind == "SGD" else {}))
    a, b = _made(lr_scheduler, ours, forms), _made(torch.optim.lr_scheduler, theirs, forms)
    for _ in range(40):
        _same_groups(ours, theirs)
        assert np.allclose(a[-1].get_last_lr(), b[-1].get_last_lr(), rtol=1e-9, atol=1e-12)
        theirs.step()
        for one in (*a, *b):
            one.step()


@pytest.mark.parametrize("forms", [[form] for form in SCHEDULES] + PAIRS)
def test_schedules_go_on_from_any_step_at_once(forms):
    theirs = _theirs(momentum=0.5)
    schedules = _made(torch.optim.lr_scheduler, theirs, forms)
    expected = []
    for _ in range(25):
        expected.append([(group["lr"], group["momentum"]) for group in theirs.param_groups])
        theirs.step()
        for one in schedules:
            one.step()

    def goes_on(optimizer, made, step):
        for rates in expected[step : step + 3]:
            assert np.allclose([(g["lr"], g["momentum"]) for g in optimizer.param_groups], rates, rtol=1e-9, atol=1e-12)
            for one in made:
                one.step()

    whole = _ours(momentum=0.5)
    running = _made(lr_scheduler, whole, forms)
    for step in range(22):
        state, states = whole.state_dict(), [one.state_dict() for one in running]
        optimizer_first = _ours(momentum=0.5)
        optimizer_first.load_state_dict(state)
        made = _made(lr_scheduler, optimizer_first, forms)
        for one, saved in zip(made, states, strict=True):
            one.load_state_dict(saved)
        goes_on(optimizer_first, made, step)

        schedules_first = _ours(momentum=0.5)
        made = _made(lr_scheduler, schedules_first, forms)
        for one, saved in zip(made, states, strict=True):
            one.load_state_dict(saved)
        schedules_first.load_state_dict(state)
        goes_on(schedules_first, made, step)

        # What says the rate, whatever it was, cannot know of another schedule from a number alone.
        if step and (len(forms) == 1 or all(isinstance(one, ScalingLR) for one in running)):
            by_number = _ours(momentum=0.5)
            by_number.load_state_dict(state)
            goes_on(by_number, _made(lr_scheduler, by_number, forms, last_epoch=step - 1), step)
        for one in running:
            one.step()


def test_groups_added_later():
    forms = [("ExponentialLR", {"gamma": 0.9}), ("LinearLR", {}), ("StepLR", {"step_size": 2})]
    ours, theirs = _pair()
    schedules = [*_made(lr_scheduler, ours, forms), *_made(torch.optim.lr_scheduler, theirs, forms)]
    for t in range(10):
        if t == 3:
            ours.add_param_group({"params": [nn.Parameter(1.0)], "lr": 0.4})
            theirs.add_param_group({"params": [torch.nn.Parameter(torch.tensor(1.0))], "lr": 0.4})
        _same_groups(ours, theirs)
        theirs.step()
        for one in schedules:
            one.step()


def test_schedules_all_at_once():
    ours, theirs = _pair()

    def chained(of, optimizer):
        inner = of.SequentialLR(optimizer, [of.LinearLR(optimizer), of.CosineAnnealingLR(optimizer, 9)], [4])
        return of.ChainedScheduler([inner, of.ExponentialLR(optimizer, 0.9), of.StepLR(optimizer, 3, 0.5)])

    a, b = chained(lr_scheduler, ours), chained(torch.optim.lr_scheduler, theirs)
    for _ in range(25):
        _same_groups(ours, theirs)
        resumed = _ours()
        again = chained(lr_scheduler, resumed)
        resumed.load_state_dict(ours.state_dict()), again.load_state_dict(a.state_dict())
        theirs.step()
        a.step(), b.step(), again.step()
        _same_groups(resumed, theirs)


def test_schedules_one_after_the_other():
    ours, theirs = _pair()

    def chain(of, optimizer):
        return of.SequentialLR(
            optimizer,
            [of.LinearLR(optimizer, 0.1, total_iters=4), of.ExponentialLR(optimizer, 0.8), of.StepLR(optimizer, 3)],
            milestones=[5, 11],
        )

    a, b = chain(lr_scheduler, ours), chain(torch.optim.lr_scheduler, theirs)
    for _ in range(25):
        _same_groups(ours, theirs)
        theirs.step()
        a.step(), b.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 1, "mode": "max", "factor": 0.5, "cooldown": 2, "min_lr": 0.02},
        {"patience": 0, "threshold": 0.3, "threshold_mode": "abs", "min_lr": [0.01, 0.001]},
    ],
)
def test_reduction_on_a_plateau(options):
    ours, theirs = _pair()
    a = lr_scheduler.ReduceLROnPlateau(ours, **options)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    metrics = np.abs(np.random.default_rng(1).standard_normal(40)).cumsum() % 3
    for metric in metrics:
        a.step(metric), b.step(metric)
        _same_groups(ours, theirs)
