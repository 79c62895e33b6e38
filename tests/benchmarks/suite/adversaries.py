"""Two networks against one another, each with its optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from suite.program import Arrays, Program, Step, linear, torch_optimizer, torch_parameters


class GAN(Program):
    """A generator of points, and a network that tells them from others. The loss shown is the sum of both.

    Source: I. Goodfellow et al., "Generative adversarial networks" (2014).
    """

    title = "GAN, two optimisers"
    batch, noise, hidden, size = 64, 16, 128, 64
    tiny = {"batch": 3, "noise": 2, "hidden": 5, "size": 4}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        made = linear("g.0", self.noise, self.hidden) | linear("g.1", self.hidden, self.size)
        return made | linear("d.0", self.size, self.hidden) | linear("d.1", self.hidden, 1)

    def data(self) -> tuple[np.ndarray, ...]:
        """Points that are to be imitated, and the noise of which two batches of others are made."""
        x = 1 + self.random.standard_normal((self.batch, self.size), np.float32)
        return x, *self.random.standard_normal((2, self.batch, self.noise), np.float32)

    def made(self, lib: Any, w: dict, noise: Any) -> Any:
        h = lib.tanh(noise @ w["g.0.weight"].T + w["g.0.bias"])
        return h @ w["g.1.weight"].T + w["g.1.bias"]

    def judged(self, lib: Any, w: dict, x: Any) -> Any:
        h = x @ w["d.0.weight"].T + w["d.0.bias"]
        return lib.maximum(h, 0.2 * h) @ w["d.1.weight"].T + w["d.1.bias"]

    def critic_loss(self, lib: Any, softplus: Callable, slope_of: Callable, w: dict, x: Any, false: Any) -> Any:
        return softplus(-self.judged(lib, w, x)).mean() + softplus(self.judged(lib, w, false)).mean()

    def generator_loss(self, lib: Any, softplus: Callable, w: dict, noise: Any) -> Any:
        return softplus(-self.judged(lib, w, self.made(lib, w, noise))).mean()

    def eager_step(self, lib: Any, w: dict, optimizers: Any, critic: Callable, generator: Callable) -> Step:
        """First the critic learns, then the generator."""
        teach_g, teach_d = optimizers

        def step(x, noise, others):
            teach_d.zero_grad()
            first = critic(x, self.made(lib, w, noise).detach())
            first.backward()
            teach_d.step()
            teach_g.zero_grad()
            second = generator(others)
            second.backward()
            teach_g.step()
            return first.detach() + second.detach()

        return step

    def ours(self, weights: Arrays) -> Step:
        w = {name: tg.tensor(array, requires_grad=True) for name, array in weights.items()}
        optimizers = [tg.optim.Adam(_of(w, who), **self.options) for who in "gd"]

        def slope_of(f, x):
            x = x.detach()
            x.requires_grad = True
            return tg.grad(f(x).sum(), x, create_graph=True)[0]

        def critic(x, false):
            return self.critic_loss(tg, tg.softplus, slope_of, w, x, false)

        return self.eager_step(tg, w, optimizers, critic, lambda noise: self.generator_loss(tg, tg.softplus, w, noise))

    def torch(self, weights: Arrays, best: Callable) -> Step:
        """torch.compile cannot go through `autograd.grad`: where it is asked for, derivatives are those of torch.func."""
        import torch

        w, softplus = torch_parameters(weights), torch.nn.functional.softplus
        optimizers = [torch_optimizer("Adam", _of(w, who), self.options) for who in "gd"]

        def eager_slope_of(f, x):
            x = x.detach().requires_grad_()
            return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]

        def slope_of(f, x):
            return torch.func.grad(lambda x: f(x).sum())(x)

        def generator(noise):
            return self.generator_loss(torch, softplus, w, noise)

        def critic(x, false):
            return self.critic_loss(torch, softplus, chosen, w, x, false)

        chosen = eager_slope_of if best(critic) is critic else slope_of
        return self.eager_step(torch, w, optimizers, best(critic), best(generator))

    def jax(self, weights: Arrays) -> tuple[Any, Step]:
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        optimizer, softplus = in_jax.adam(**self.options), jax.nn.softplus
        g, d = ({name: jnp.asarray(a) for name, a in weights.items() if name[0] == who} for who in "gd")

        def slope_of(f, x):
            return jax.grad(lambda x: f(x).sum())(x)

        def critic(d, x, false):
            return self.critic_loss(jnp, softplus, slope_of, d, x, false)

        def generator(g, d, noise):
            return self.generator_loss(jnp, softplus, g | d, noise)

        def step(state, x, noise, others):
            g, d, of_g, of_d = state
            first, slopes = jax.value_and_grad(critic)(d, x, self.made(jnp, g, noise))
            d, of_d = optimizer.update(d, slopes, of_d)
            second, slopes = jax.value_and_grad(generator)(g, d, others)
            g, of_g = optimizer.update(g, slopes, of_g)
            return (g, d, of_g, of_d), first + second

        return (g, d, optimizer.start(g), optimizer.start(d)), step


class WGANGP(GAN):
    """The critic's slope is held at 1 between true and false points, by a term with its gradient.

    Source: I. Gulrajani et al., "Improved training of Wasserstein GANs" (2017).
    """

    title = "WGAN-GP, two optimisers"
    options = {"lr": 1e-4, "betas": (0.5, 0.9)}

    def judged(self, lib: Any, w: dict, x: Any) -> Any:
        return lib.tanh(x @ w["d.0.weight"].T + w["d.0.bias"]) @ w["d.1.weight"].T + w["d.1.bias"]

    def critic_loss(self, lib: Any, softplus: Callable, slope_of: Callable, w: dict, x: Any, false: Any) -> Any:
        slope = slope_of(lambda x: self.judged(lib, w, x), 0.3 * x + 0.7 * false)
        penalty = ((lib.sqrt((slope * slope).sum(1)) - 1) ** 2).mean()
        return self.judged(lib, w, false).mean() - self.judged(lib, w, x).mean() + 10 * penalty

    def generator_loss(self, lib: Any, softplus: Callable, w: dict, noise: Any) -> Any:
        return -self.judged(lib, w, self.made(lib, w, noise)).mean()


def _of(w: dict, who: str) -> list:
    """The weights of one of the two."""
    return [p for name, p in w.items() if name[0] == who]
