"""The face of optimisers: options, the learning rate, clipping, weight decay, averages. The updates are `optim`'s.

Read next: `descent.py` and `adams.py`, the optimisers; `rules.py`, their updates; `schedules.py`, rates that change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy

from ... import optim
from ...errors import OptionError, ShapeError
from ...functional import tensor, zeros
from ...modes import each_time, no_grad, rely_on, updating
from ...nn.utils import norm_and_factor, shorten
from ...tensor import Tensor, as_tensor
from ..arguments import old_spelling
from ..checks import number, truth, whole
from ..distribution import averaged
from ..naming import unique_name
from ..serialization import Configurable, deserialize
from ..variables import Variable, Weight
from ..warn import warn
from .schedules import FunctionSchedule, InverseTimeDecay, LearningRateSchedule


class Optimizer(Configurable):
    """The base of optimisers.

    learning_rate            a number, or a schedule: a function of the number of steps done. Below 0, losses grow
    weight_decay             λ: each update first makes θ ← θ - lr·λ·θ
    clipnorm                 the largest norm of each weight's gradient
    clipvalue                the largest size of each number in a gradient
    global_clipnorm          the largest norm of all gradients together
    use_ema                  keep averages θ̄ ← μ·θ̄ + (1 - μ)·θ beside the weights, which are the weights at the end of `fit`
    ema_momentum             μ
    ema_overwrite_frequency  after how many updates each the weights become their averages in between, too
    loss_scale_factor        what `scale_loss` multiplies the loss by, and a step divides the gradients by
    gradient_accumulation_steps  how many steps make an update, by the mean of their gradients

    Old spellings: `lr` is `learning_rate`; `decay=d` is the schedule lr / (1 + d · updates).
    """

    _unwritten = ("lr", "decay")

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        lr: float | None = None,
        decay: float | None = None,
        **unknown: Any,
    ):
        what = type(self).__name__
        for option in unknown:
            raise OptionError(f"{what}: {option}= is no option of it")
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
        self.use_ema, self.ema_momentum = truth("use_ema", use_ema), number("ema_momentum", ema_momentum, 0, 1)
        if ema_overwrite_frequency is not None:
            whole("ema_overwrite_frequency", ema_overwrite_frequency)
        if gradient_accumulation_steps is not None:
            whole("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        if loss_scale_factor is not None and number("loss_scale_factor", loss_scale_factor) == 0:
            raise OptionError(f"{what}: loss_scale_factor=0 would leave nothing of a loss")
        self.ema_overwrite_frequency, self.loss_scale_factor = ema_overwrite_frequency, loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._steps = 0  # that were asked for, each an update unless gradients are accumulated
        self._kept: dict[str, dict[Tensor, Variable]] = {}  # "average" and "gradient" of the weights, as options want
        self._rule: optim.Optimizer | None = None
        self._undecayed: tuple[set[Tensor], tuple[str, ...]] = (set(), ())
        self._schedule: LearningRateSchedule | None = None
        self.learning_rate = learning_rate

    def _groups_of(self, weights: list[Tensor]) -> list[dict[str, Any]]:
        """The weights in the groups that the rule keeps apart, here one."""
        return [{"params": weights}]

    _kept_apart: tuple[str, ...] = ()  # what of its state stands in `variables` for all weights, after the rest

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        """The optimiser of `optim` that does the updates."""
        raise NotImplementedError(f"{type(self).__name__} must define make_rule(weights)")

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update, a 0-d tensor: `float(...)` reads it, `.assign(...)` or an assignment sets it."""
        if self._schedule is not None:
            return tensor(float(self._schedule(self._steps)), device="cpu")
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if isinstance(rate, Mapping):
            rate = deserialize(rate)
        if callable(rate) and not isinstance(rate, (Tensor, LearningRateSchedule)):
            rate = FunctionSchedule(rate)
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
        return float(self._schedule(self._steps)) if self._schedule is not None else float(self._rate)

    @property
    def iterations(self) -> int:
        """How many updates there were."""
        return self._steps // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, updates: int) -> None:
        self._steps = updates * (self.gradient_accumulation_steps or 1)

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
        wanted = ["average"] * self.use_ema + ["gradient"] * bool(self.gradient_accumulation_steps)
        self._kept = {name: {} for name in wanted}
        self._keep(weights)
        return rule

    def _keep(self, weights: list[Tensor]) -> None:
        """Make averages and sums of gradients for these weights."""
        for name, kept in self._kept.items():
            for w in weights:
                kept[w] = Variable(zeros(w.shape, dtype=w.dtype, device=w.device)._data)
                kept[w].name = f"{w.name}.{name}"

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Weights that `weight_decay` does not touch, such as biases: as tensors, or by patterns that their names hold."""
        self._undecayed = set(var_list or ()), tuple(var_names or ())

    def _decays(self, weight: Tensor) -> bool:
        kept, patterns = self._undecayed
        return weight not in kept and not any(re.search(pattern, weight.name or "") for pattern in patterns)

    @property
    def variables(self) -> list[Tensor]:
        """Its state: the number of steps, the learning rate if no schedule has it, averages and sums of gradients if there
        are any, and what the rule keeps of weights."""
        states = [] if self._rule is None else self._rule.state.values()
        kept = [(name, value) for state in states for name, value in state.items() if name != "step"]
        place = {name: i for i, name in enumerate(self._kept_apart, 1)}
        kept.sort(key=lambda one: place.get(one[0], 0))
        rate = [self._rate] if self._schedule is None else []
        own = [variable for variables in self._kept.values() for variable in variables.values()]
        return [tensor(self._steps), *rate, *own, *(value for _, value in kept)]

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
        self._steps = int(given[0])
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
            weight.grad = g if g is None or isinstance(g, Tensor) else as_tensor(g).astype(weight.dtype)
        self.step(weights)

    def step(self, weights: list[Tensor]) -> None:
        """One update, from the gradients that `backward` has left at the weights; then they satisfy their constraints.

        Warns where some have no gradient, and stay; raises `OptionError` where none has.
        """
        moved = averaged(weights)
        if weights and not moved:
            raise OptionError("there is no gradient for any of the weights: has backward() been called?")
        if without := ", ".join(str(w.name or w.shape) for w in weights if w.grad is None):
            warn(f"{self.name!r} leaves weights as they are, as the loss has no gradient for them: {without}")
        self._know(weights)
        each_time(self._set_rate)
        with no_grad(), updating(None, type(self).__name__):
            if self.loss_scale_factor is not None:
                for w in moved:
                    w.grad = _of(w) / self.loss_scale_factor
            rely_on(self._is_update)
            if self._is_update():
                self._mean_gradients(moved)
                self._update(moved)
            else:
                for w in moved:
                    self._kept["gradient"][w].assign_add(_of(w))
            self._average()
            for w in weights:
                if isinstance(w, Weight) and w.constraint is not None:
                    w.assign(w.constraint(w.detach()))
        each_time(self._count)

    def _know(self, weights: list[Tensor]) -> optim.Optimizer:
        """The rule, which from now on trains these weights too."""
        rule, known = self._rule or self._begin(weights), set(self._weights())
        if not known.issuperset(weights):
            new = [w for w in weights if w not in known]
            for group in self._groups_of(new):
                rule.add_param_group(group)
            self._keep(new)
        return rule

    def _is_update(self) -> bool:
        """Whether the next step is an update, and does not only add to the gradients."""
        return (self._steps + 1) % (self.gradient_accumulation_steps or 1) == 0

    def _mean_gradients(self, moved: list[Tensor]) -> None:
        """Let the gradients be the means over all steps since the last update, and begin to add anew."""
        if (steps := self.gradient_accumulation_steps) is not None:
            for w in moved:
                w.grad = (self._kept["gradient"][w] + _of(w)) / steps
            for total in self._kept["gradient"].values():
                total.assign(0)

    def _update(self, moved: list[Tensor]) -> None:
        self._clip(moved)
        for w in moved:
            if decay := self._decay_of(w):
                w.assign(w - w * each_time(partial(self._part, decay), w)["part"])
        assert self._rule is not None
        self._rule.step()

    def _decay_of(self, w: Tensor) -> float | None:
        """λ of a weight."""
        return self.weight_decay if self._decays(w) else None

    def _part(self, decay: float) -> dict[str, float]:
        return {"part": decay * self.rate}

    @property
    def averages(self) -> dict[Tensor, Variable]:
        """Weight -> its average, if `use_ema` wants any, and the weights are known."""
        return self._kept.get("average", {})

    def _average(self) -> None:
        """Let the averages follow the weights, and the weights be the averages where that is wanted."""
        averages = self.averages
        for w, average in averages.items():
            n = each_time(self._shares, w)
            average.assign(average * n["old"] + w.detach() * n["new"])
        if averages and self.ema_overwrite_frequency is not None:
            rely_on(self._overwrites)
            if self._overwrites():
                self.finalize_variable_values(averages)

    def _shares(self) -> dict[str, float]:
        old = self.ema_momentum if self.iterations else 0.0
        return {"old": old, "new": 1 - old}

    def _overwrites(self) -> bool:
        return (self.iterations + 1) % (self.ema_overwrite_frequency or 1) == 0

    def finalize_variable_values(self, var_list: Iterable[Tensor]) -> None:
        """Let the weights be their averages, if there are any: `fit` does so at its end."""
        averages = self.averages
        for w in var_list:
            if w in averages:
                w.assign(averages[w].detach())

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss whose gradients a step is given: multiplied by `loss_scale_factor`, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _set_rate(self) -> None:
        rate = self.rate
        for group in self._groups():
            group["lr"] = rate

    def _count(self) -> None:
        self._steps += 1

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
                (w.grad,) = shorten([g], norm_and_factor([g], self.clipnorm)[1])
        elif self.global_clipnorm is not None and weights:
            _, factor = norm_and_factor(gradients, self.global_clipnorm)
            for w, g in zip(weights, shorten(gradients, factor), strict=True):
                w.grad = g

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {
            "iterations": self._steps,
            "learning_rate": None if self._schedule is not None else float(self._rate),
            "rule": None if self._rule is None else self._rule.state_dict(),
            **{name: [Tensor(one._data.copy()) for one in kept.values()] for name, kept in self._kept.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any], weights: Iterable[Tensor]) -> None:
        """Go on from what `state_dict` returned, with these weights."""
        self._steps = state["iterations"]
        if state["learning_rate"] is not None:
            self.learning_rate = state["learning_rate"]
        if state["rule"] is not None:
            self._begin(list(weights)).load_state_dict(state["rule"])
            for name, kept in self._kept.items():
                for variable, saved in zip(kept.values(), state.get(name, ()), strict=False):
                    variable.assign(as_tensor(saved).to(variable.device))

    def _option(self, name: str, default: Any) -> Any:
        if name == "learning_rate":
            return float(self._rate) if self._schedule is None else self._schedule
        return super()._option(name, default)


def _of(weight: Tensor) -> Tensor:
    """The gradient of a weight that has one."""
    assert weight.grad is not None
    return weight.grad
