"""Adam, and what was made of it. Read before: `optimizer.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from ... import optim
from ...errors import OptionError
from ...functional import tensor
from ...optim.adam_variants import product_of_momenta
from ...tensor import Tensor
from ..checks import number, whole
from . import rules
from .optimizer import Optimizer


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


class _Betas(Optimizer):
    """What remembers two means, which `beta_1` and `beta_2` let forget."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon


class Adamax(_Betas):
    """θ ← θ - lr / (1 - β₁ᵗ) · m / (u + ε), with the running mean m of g and u ← max(β₂·u, |g|).

    beta_1, beta_2  β₁ and β₂, how slowly m and u forget
    epsilon         ε

    Source: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization" (2015), section 7.1.
    """

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.AdamaxRule(weights, betas=(self.beta_1, self.beta_2), eps=self.epsilon)


class Nadam(_Betas):
    """Adam that looks ahead, as Nesterov's momentum does: see `optim.NAdam`, here with a momentum that grows within 100 updates.

    beta_1, beta_2 and epsilon are those of `Adam`.
    Source: T. Dozat, "Incorporating Nesterov Momentum into Adam" (2016).
    """

    MOMENTUM_DECAY = 1.0

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        betas = self.beta_1, self.beta_2
        return optim.NAdam(weights, betas=betas, eps=self.epsilon, momentum_decay=self.MOMENTUM_DECAY)

    @property
    def variables(self) -> list[Tensor]:
        """Its state; at the end the product of all momenta so far, which follows from the number of updates."""
        product = product_of_momenta(self.beta_1, self.MOMENTUM_DECAY, self.iterations)
        return super().variables + [tensor(product)] * self.built


class Lamb(_Betas):
    """θ ← θ - lr · |θ| / |u| · u, with u = m̂ / (√v̂ + ε) of Adam: each weight's step is as long as the weight is large.

    beta_1, beta_2 and epsilon are those of `Adam`.
    Source: Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes" (2020).
    """

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.LambRule(weights, betas=(self.beta_1, self.beta_2), eps=self.epsilon)


class Lion(Optimizer):
    """θ ← θ - lr · sign(β₁·m + (1 - β₁)·g); m ← β₂·m + (1 - β₂)·g: all steps are as long, and one mean is kept.

    beta_1, beta_2  β₁ and β₂, how slowly the step and m forget

    Source: X. Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023).
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Any):
        super().__init__(learning_rate, **options)
        if not 0 < number("beta_1", beta_1) <= 1:
            raise OptionError(
                f"Lion: beta_1={beta_1} must be above 0, and 1 at most: with 0 only signs of gradients count"
            )
        self.beta_1, self.beta_2 = beta_1, beta_2

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.LionRule(weights, betas=(self.beta_1, self.beta_2))


class Adafactor(Optimizer):
    """θ ← θ - α·u / max(1, rms(u) / clip_threshold), u = g / √v, v being kept as means of rows and columns: see
    `optim.Adafactor`.

    beta_2_decay    how fast the means become slow
    epsilon_1       what is added to g²
    epsilon_2       the least size of θ that α is relative to
    clip_threshold  the largest rms(u) of a step
    relative_step   the learning rate is at most 1 / √t, if it is no schedule

    Source: N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        eps = self.epsilon_1, self.epsilon_2
        return rules.AdafactorRule(weights, beta2_decay=self.beta_2_decay, eps=eps, d=self.clip_threshold)


class ScheduleFreeAdamW(_Betas):
    """AdamW without a schedule: gradients are taken at θ = (1 - β₁)·z + β₁·x, z takes Adam's steps, x is the mean of all z.

        z ← z - lr · g / (√v̂ + ε)        x ← x + (z - x) / t

    beta_1        β₁, how far θ is from z to x
    beta_2        how slowly the mean v of g² forgets
    epsilon       ε
    warmup_steps  in so many updates the rate grows to lr

    Source: A. Defazio et al., "The Road Less Scheduled" (2024).
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Any,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.warmup_steps = whole("warmup_steps", warmup_steps, 0)

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        betas = self.beta_1, self.beta_2
        return rules.ScheduleFreeRule(weights, betas=betas, eps=self.epsilon, warmup_steps=self.warmup_steps)


class Muon(Optimizer):
    """Matrices take steps made orthogonal, as `optim.Muon` has them; all else, and embeddings, those of Adam.

    adam_beta_1, adam_beta_2, epsilon  of Adam
    adam_weight_decay                  λ of what Adam trains
    weight_decay                       λ of the matrices
    exclude_layers                     patterns: weights whose names hold one are for Adam
    exclude_embeddings                 embeddings are for Adam
    muon_a, muon_b, muon_c             coefficients of Newton and Schulz
    adam_lr_ratio                      Adam's learning rate, relative to that of the matrices
    momentum, nesterov                 of the matrices: m ← μ·m + g, the step of m, or of g + μ·m
    ns_steps                           how many steps of Newton and Schulz
    rms_rate                           steps of a matrix are multiplied by this and √max(rows, columns); None: by nothing

    Source: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Iterable[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Any,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **options,
        )
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or ()), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.nesterov = number("momentum", momentum, 0, 1), nesterov
        self.ns_steps, self.rms_rate = whole("ns_steps", ns_steps, 0), rms_rate

    def _by_adam(self, weight: Tensor) -> bool:
        name = (weight.name or "").replace(".", "/")
        excluded = [*["(?i:embedding)"] * self.exclude_embeddings, *self.exclude_layers]
        return weight.ndim != 2 or any(re.search(pattern, name) for pattern in excluded)

    def _decay_of(self, w: Tensor) -> float | None:
        if not self._decays(w):
            return None
        return self.adam_weight_decay if self._by_adam(w) else self.weight_decay

    def _groups_of(self, weights: list[Tensor]) -> list[dict[str, Any]]:
        return [{"params": list(some), "adam": adam} for adam, some in groupby(weights, self._by_adam)]

    def make_rule(self, weights: list[Tensor]) -> optim.Optimizer:
        return rules.MuonRule(
            self._groups_of(weights),
            betas=(self.adam_beta_1, self.adam_beta_2),
            eps=self.epsilon,
            momentum=self.momentum,
            nesterov=self.nesterov,
            ns_coefficients=(self.muon_a, self.muon_b, self.muon_c),
            ns_steps=self.ns_steps,
            rms_rate=self.rms_rate,
            adam_lr_ratio=self.adam_lr_ratio,
        )
