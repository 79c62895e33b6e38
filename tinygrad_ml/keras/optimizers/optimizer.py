"""The face of optimisers: options, the learning rate, clipping and weight decay. The updates are `optim`'s.

Read next: `rules.py` for how the updates differ from PyTorch's, `schedules.py` for learning rates that change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy

from ... import optim
from ...errors import OptionError, ShapeError
from ...modes import each_time, no_grad, updating
from ...nn.utils import norm_and_factor, shorten
from ...tensor import Tensor, as_tensor, tensor
from ..arguments import old_spelling
from ..checks import number
from ..naming import unique_name
from ..serialization import Configurable, deserialize
from ..variables import Variable, Weight
from ..warn import warn
from . import rules
from .schedules import InverseTimeDecay, LearningRateSchedule

_NOT_OFFERED = {
    **dict.fromkeys(("ema_momentum", "ema_overwrite_frequency"), "it belongs to use_ema"),
    "use_ema": "average the weights in a callback",
    "loss_scale_factor": "it is for float16, and layers compute in float32",
    "gradient_accumulation_steps": "use a larger batch_size",
}


class Optimizer(Configurable):
    """The base of optimisers.

    learning_rate     a number, or a schedule: a function of the number of updates done. Below 0, losses grow
    weight_decay      λ: each update first makes θ ← θ - lr·λ·θ
    clipnorm          the largest norm of each weight's gradient
    clipvalue         the largest size of each number in a gradient
    global_clipnorm   the largest norm of all gradients together

    Old spellings: `lr` is `learning_rate`; `decay=d` is the schedule lr / (1 + d · updates).
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        lr: float | None = None,
        decay: float | None = None,
        **unknown: Any,
    ):
        what = type(self).__name__
        for option in unknown:
            of_averages = option.startswith("ema_") and not unknown.get("use_ema")
            if option in _NOT_OFFERED and (of_averages or unknown[option] in (None, False)):
                continue
            why = f"is not offered: {_NOT_OFFERED[option]}" if option in _NOT_OFFERED else "is no option of it"
            raise OptionError(f"{what}: {option}= {why}")
        for option, limit in (("clipnorm", clipnorm), ("clipvalue", clipvalue), ("global_clipnorm", global_clipnorm)):
            if limit is not None and number(option, limit, 0) == 0:
                raise OptionError(f"{what}: {option}=0 would leave nothing of a gradient: it must be above 0")
        if weight_decay is not None:
            number("weight_decay", weight_decay)
        if lr is not None:
            old_spelling(what, "lr=", "learning_rate=")
            learning_rate = lr
        if decay:
            old_spelling(what, "decay=", "a schedule, learning_rate=InverseTimeDecay(lr, 1, decay)")
            learning_rate = InverseTimeDecay(learning_rate, 1, decay)
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise OptionError(f"{what}: give one of clipnorm, clipvalue and global_clipnorm")
        if name is not None and not isinstance(name, str):
            raise OptionError(f"{what}: name={name!r} must be a string")
        self.name = name or unique_name(type(self))
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.iterations = 0
        self._rule: optim.Optimizer | None = None
        self._undecayed: tuple[set[Tensor], tuple[str, ...]] = (set(), ())
        self._schedule: LearningRateSchedule | None = None
        self.learning_rate = learning_rate

    _kept_apart: tuple[str, ...] = ()  # what of its state stands in `variables` for all weights, after the rest

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        """The optimiser of `optim` that does the updates."""
        raise NotImplementedError(f"{type(self).__name__} must define make_rule(weights)")

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update, a 0-d tensor: `float(...)` reads it, `.assign(...)` or an assignment sets it."""
        if self._schedule is not None:
            return tensor(float(self._schedule(self.iterations)), device="cpu")
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if isinstance(rate, Mapping):
            rate = deserialize(rate)
        if callable(rate) and not isinstance(rate, (Tensor, LearningRateSchedule)):
            rate = _FunctionSchedule(rate)
        if isinstance(rate, LearningRateSchedule):
            self._schedule = rate
            return
        rate = float(number("learning_rate", float(rate) if hasattr(rate, "__array__") else rate))
        if self._schedule is not None:
            raise OptionError(
                f"the learning rate of {self.name!r} is {type(self._schedule).__name__}, a schedule of its own, and cannot be "
                f"set to {rate:g}: make the optimizer with a number, or set another schedule"
            )
        self._rate = Variable(tensor(rate, device="cpu")._data)

    lr = learning_rate

    @property
    def rate(self) -> float:
        """The rate of the next update, in full precision where a schedule computes it."""
        return float(self._schedule(self.iterations)) if self._schedule is not None else float(self._rate)

    @property
    def built(self) -> bool:
        """Whether it knows the weights that it trains."""
        return self._rule is not None

    def build(self, variables: Iterable[Tensor]) -> None:
        """Begin to train these weights."""
        self._begin(list(variables))

    def _begin(self, weights: list[Tensor]) -> optim.Optimizer:
        """The rule for these weights, with its state."""
        rule = self._rule = self.make_rule(weights)
        for group in rule.param_groups:
            for weight in group["params"]:
                rule.begin(weight, group)
        return rule

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Weights that `weight_decay` does not touch, such as biases: as tensors, or by patterns that their names hold."""
        self._undecayed = set(var_list or ()), tuple(var_names or ())

    def _decays(self, weight: Tensor) -> bool:
        kept, patterns = self._undecayed
        return weight not in kept and not any(re.search(pattern, weight.name or "") for pattern in patterns)

    @property
    def variables(self) -> list[Tensor]:
        """Its state: the number of updates, the learning rate if no schedule has it, and what the rule keeps of weights."""
        states = [] if self._rule is None else self._rule.state.values()
        kept = [(name, value) for state in states for name, value in state.items() if name != "step"]
        place = {name: i for i, name in enumerate(self._kept_apart, 1)}
        kept.sort(key=lambda one: place.get(one[0], 0))
        rate = [self._rate] if self._schedule is None else []
        return [tensor(self.iterations), *rate, *(value for _, value in kept)]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Overwrite `variables` by numbers in their order. Raises `ShapeError`, before anything is changed."""
        if self._rule is None:
            raise OptionError(
                f"{self.name!r} has no state before it is built: call build(trainable_variables), then set_weights"
            )
        own, given = self.variables, [as_tensor(weight) for weight in weights]
        if [one.shape for one in given] != [one.shape for one in own]:
            raise ShapeError(
                f"set_weights of optimizer {self.name!r} needs arrays of shapes {[one.shape for one in own]}, but got "
                f"{[one.shape for one in given]}"
            )
        self.iterations = int(given[0])
        for state in self._rule.state.values():
            state["step"] = self.iterations
        for variable, new in zip(own[1:], given[1:], strict=True):
            variable.assign(new.to(variable.device))

    def save_own_variables(self, store: Any) -> None:
        """Put `variables` into a dictionary, or a group of a file, as "0", "1" and so on."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take `variables` from what `save_own_variables` has filled; if they are as many, else a warning says why not."""
        if (count := len(self.variables)) == len(store):
            self.set_weights([numpy.asarray(store[str(i)]) for i in range(count)])
        else:
            why = "" if self.built else ", as it is not built yet: call build(trainable_variables) first"
            warn(f"{self.name!r} keeps its state: it has {count} variables, and {len(store)} were saved{why}")

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor, Tensor]]) -> None:
        """One update, from pairs of a gradient and its weight."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [w for _, w in pairs])

    def apply(self, grads: Iterable[Tensor], trainable_variables: Iterable[Tensor] | None = None) -> None:
        """One update, from the gradients of the weights it was built with, or of others."""
        weights = self._weights() if trainable_variables is None else list(trainable_variables)
        for weight, g in zip(weights, grads, strict=True):
            weight.grad = g
        self.step(weights)

    def step(self, weights: list[Tensor]) -> None:
        """One update, from the gradients that `backward` has left at the weights; then they satisfy their constraints.

        Warns where some have no gradient, and stay; raises `OptionError` where none has.
        """
        moved = [w for w in weights if w.grad is not None]
        if weights and not moved:
            raise OptionError("there is no gradient for any of the weights: has backward() been called?")
        if without := ", ".join(str(w.name or w.shape) for w in weights if w.grad is None):
            warn(f"{self.name!r} leaves weights as they are, as the loss has no gradient for them: {without}")
        rule, known = self._rule or self._begin(weights), set(self._weights())
        if not known.issuperset(weights):
            rule.add_param_group({"params": [w for w in weights if w not in known]})
        each_time(self._set_rate)
        with no_grad(), updating(None, type(self).__name__):
            self._clip(moved)
            if decay := self.weight_decay:
                for w in filter(self._decays, moved):
                    w.assign(w - w * each_time(lambda: {"part": decay * self.rate}, w)["part"])
            rule.step()
            for w in weights:
                if isinstance(w, Weight) and w.constraint is not None:
                    w.assign(w.constraint(w.detach()))
        each_time(self._count)

    def _set_rate(self) -> None:
        rate = self.rate
        for group in self._groups():
            group["lr"] = rate

    def _count(self) -> None:
        self.iterations += 1

    def _groups(self) -> list[dict[str, Any]]:
        return [] if self._rule is None else self._rule.param_groups

    def _weights(self) -> list[Tensor]:
        return [w for group in self._groups() for w in group["params"]]

    def _clip(self, weights: list[Tensor]) -> None:
        gradients = [w.grad for w in weights if w.grad is not None]
        if self.clipvalue is not None:
            optim.clip_grad_value_(weights, self.clipvalue)
        elif self.clipnorm is not None:
            for w, g in zip(weights, gradients, strict=True):
                w.grad = shorten(g, norm_and_factor([g], self.clipnorm)[1])
        elif self.global_clipnorm is not None and weights:
            _, factor = norm_and_factor(gradients, self.global_clipnorm)
            for w, g in zip(weights, gradients, strict=True):
                w.grad = shorten(g, factor)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {
            "iterations": self.iterations,
            "learning_rate": None if self._schedule is not None else float(self._rate),
            "rule": None if self._rule is None else self._rule.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any], weights: Iterable[Tensor]) -> None:
        """Go on from what `state_dict` returned, with these weights."""
        self.iterations = state["iterations"]
        if state["learning_rate"] is not None:
            self.learning_rate = state["learning_rate"]
        if state["rule"] is not None:
            self._begin(list(weights)).load_state_dict(state["rule"])

    def _options(self, kind: type) -> dict[str, Any]:
        return {name: value for name, value in super()._options(kind).items() if name not in ("lr", "decay")}

    def _option(self, name: str, default: Any) -> Any:
        if name == "learning_rate":
            return float(self._rate) if self._schedule is None else self._schedule
        return super()._option(name, default)


class _FunctionSchedule(LearningRateSchedule):
    """A learning rate that a function gives, whatever the number of updates."""

    def __init__(self, function: Callable[[], Any]):
        self.function = function

    def __call__(self, step: Any) -> float:
        return float(self.function())


class SGD(Optimizer):
    """θ ← θ - lr·g; with momentum μ: v ← μ·v - lr·g, θ ← θ + v, or with `nesterov` θ ← θ + μ·v - lr·g."""

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **options: Any):
        super().__init__(learning_rate, **options)
        self.momentum, self.nesterov = number("momentum", momentum, 0, 1), nesterov

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.SGDRule(weights, momentum=self.momentum, nesterov=self.nesterov and self.momentum > 0)


class RMSprop(Optimizer):
    """θ ← θ - lr·g / √(v + ε), where v ← ρ·v + (1 - ρ)·g².

    rho       ρ, how slowly v forgets
    momentum  μ: steps go on, s ← μ·s + lr·g / √(v + ε)
    centered  divide by the deviation √(v - ḡ² + ε), ḡ the running mean of g
    """

    _kept_apart = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.RMSpropRule(
            weights, alpha=self.rho, eps=self.epsilon, momentum=self.momentum, centered=self.centered
        )


class Adagrad(Optimizer):
    """θ ← θ - lr·g / √(s + ε), where s ← s + g² begins with `initial_accumulator_value`."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        start = self.initial_accumulator_value
        return rules.AdagradRule(weights, initial_accumulator_value=start, eps=self.epsilon)


class Adadelta(Optimizer):
    """θ ← θ - lr·Δ, Δ = g·√(u + ε) / √(v + ε), with running means v of g² and u of Δ². See `optim.Adadelta`."""

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Any):
        super().__init__(learning_rate, **options)
        self.rho, self.epsilon = rho, epsilon

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return optim.Adadelta(weights, rho=self.rho, eps=self.epsilon)


class Adam(Optimizer):
    """θ ← θ - lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε), with running means m of g and v of g².

    beta_1, beta_2  β₁ and β₂, how slowly m and v forget
    epsilon         ε
    amsgrad         divide by the largest v so far
    """

    _kept_apart = ("max_exp_avg_sq",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.AdamRule(weights, betas=(self.beta_1, self.beta_2), eps=self.epsilon, amsgrad=self.amsgrad)


class AdamW(Adam):
    """Adam with `weight_decay` 0.004. Source: I. Loshchilov, F. Hutter (2019)."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ):
        weight_decay = number("AdamW: weight_decay", weight_decay)  # without it, it is Adam
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)
