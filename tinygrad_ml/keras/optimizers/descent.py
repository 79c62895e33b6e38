"""Gradient descent, and what divides by the size that gradients had. What was made of Adam is in `adams.py`."""

from __future__ import annotations

from typing import Any

from ... import optim
from ...errors import OptionError
from ...tensor import Tensor
from ..checks import number
from . import rules
from .optimizer import Optimizer


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


class Ftrl(Optimizer):
    """θ ← (clip(z, -l1, l1) - z) / (s^-p / lr + 2·l2 + beta / lr), which is 0 where |z| ≤ l1: weights of few that are not 0.

        s ← s + g²        z ← z + g - (new s^-p - old s^-p) / lr · θ

    learning_rate_power                   p: -½ divides by the root of s
    initial_accumulator_value             what s starts from
    l1_regularization_strength            l1
    l2_regularization_strength            l2
    l2_shrinkage_regularization_strength  k: 2k·θ is added to the g that goes into z
    beta                                  as in the paper

    Source: H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches" (2013).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        if number("learning_rate_power", learning_rate_power) > 0:
            raise OptionError(f"Ftrl: learning_rate_power={learning_rate_power} must be 0 or less")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = number("initial_accumulator_value", initial_accumulator_value, 0)
        self.l1_regularization_strength = number("l1_regularization_strength", l1_regularization_strength, 0)
        self.l2_regularization_strength = number("l2_regularization_strength", l2_regularization_strength, 0)
        self.l2_shrinkage_regularization_strength = number(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, 0
        )
        self.beta = beta

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.FtrlRule(
            weights,
            power=self.learning_rate_power,
            start=self.initial_accumulator_value,
            l1=self.l1_regularization_strength,
            l2=self.l2_regularization_strength,
            shrinkage=self.l2_shrinkage_regularization_strength,
            beta=self.beta,
        )
