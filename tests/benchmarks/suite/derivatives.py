"""Programs with derivatives inside of the loss, or with steps inside of the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from suite.program import Arrays, Program, Step, linear, parameters_of, torch_optimizer, torch_parameters, training


def tanh_network(lib: Any, w: dict, x: Any) -> Any:
    """Three linear layers by plain products, in words that are ours, PyTorch's and (with `jax.numpy`) JAX's."""
    x = lib.tanh(x @ w["a.weight"].T + w["a.bias"])
    x = lib.tanh(x @ w["b.weight"].T + w["b.bias"])
    return x @ w["c.weight"].T + w["c.bias"]


def layers(incoming: int, hidden: int, outgoing: int) -> dict[str, tuple[int, ...]]:
    return linear("a", incoming, hidden) | linear("b", hidden, hidden) | linear("c", hidden, outgoing)


class PINN(Program):
    """A network that solves u″ = -π²·sin(πx), u(±1) = 0: its second derivative is in the loss.

    Source: M. Raissi, P. Perdikaris, G. Karniadakis, "Physics-informed neural networks" (2019).
    """

    title = "PINN, second derivatives"
    points, hidden = 256, 32
    tiny = {"points": 5, "hidden": 4}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return layers(1, self.hidden, 1)

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.uniform(-1, 1, (self.points, 1)).astype(np.float32)
        return x, (-(np.pi**2) * np.sin(np.pi * x)).astype(np.float32), np.array([[-1], [1]], np.float32)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, force, ends = data
        x = x.detach()
        x.requires_grad = True
        grad = tg.grad if lib is tg else lib.autograd.grad
        (slope,) = grad(tanh_network(lib, model, x).sum(), x, create_graph=True)
        (bend,) = grad(slope.sum(), x, create_graph=True)
        return ((bend - force) ** 2).mean() + (tanh_network(lib, model, ends) ** 2).mean()

    def torch(self, weights: Arrays, best: Callable) -> Step:
        """torch.compile cannot go through `autograd.grad`: where it is asked for, derivatives are those of torch.func."""
        import torch

        w = torch_parameters(weights)
        optimizer = torch_optimizer(self.optimizer, w.values(), self.options)
        func = torch.func

        def loss_by_func(x, force, ends):
            def u(x):
                return tanh_network(torch, w, x)[0]

            bend = func.vmap(func.grad(lambda x: func.grad(u)(x)[0]))(x)
            return ((bend - force) ** 2).mean() + (tanh_network(torch, w, ends) ** 2).mean()

        eager = best(loss_by_func) is loss_by_func
        return training(optimizer, (lambda *data: self.loss(torch, w, *data)) if eager else best(loss_by_func))

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        x, force, ends = data

        def u(x):
            return tanh_network(jnp, weights, x[None])[0]

        bend = jax.vmap(jax.grad(jax.grad(u)))(x[:, 0])
        return ((bend[:, None] - force) ** 2).mean() + (tanh_network(jnp, weights, ends) ** 2).mean()


class NeuralODE(Program):
    """A field that a network gives, followed for twenty steps of Runge and Kutta's, to where its points should be."""

    title = "neural ODE, RK4 x 20"
    points, hidden, rounds = 64, 50, 20
    tiny = {"points": 3, "hidden": 4, "rounds": 3}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return layers(2, self.hidden, 2)

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.points, 2), np.float32)
        return x, x @ np.array([[0.6, 0.8], [-0.8, 0.6]], np.float32)

    def moved(self, lib: Any, w: dict, x: Any) -> Any:
        h = 1 / self.rounds
        a = tanh_network(lib, w, x)
        b = tanh_network(lib, w, x + h / 2 * a)
        c = tanh_network(lib, w, x + h / 2 * b)
        d = tanh_network(lib, w, x + h * c)
        return x + h / 6 * (a + 2 * b + 2 * c + d)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, target = data
        for _ in range(self.rounds):
            x = self.moved(lib, model, x)
        return ((x - target) ** 2).mean()

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        x, target = data
        x, _ = jax.lax.scan(lambda x, _: (self.moved(jnp, weights, x), None), x, length=self.rounds)
        return ((x - target) ** 2).mean()


class MAML(Program):
    """Weights from which two steps of gradient descent fit any of four sines; the outer gradient goes through both.

    Source: C. Finn, P. Abbeel, S. Levine, "Model-agnostic meta-learning" (2017).
    """

    title = "MAML, 4 tasks x 2 steps"
    tasks, points, hidden, rounds, rate = 4, 10, 40, 2, 0.01
    tiny = {"tasks": 2, "points": 3, "hidden": 4}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return layers(1, self.hidden, 1)

    def data(self) -> tuple[np.ndarray, ...]:
        """Points of each task to learn from, and others to be judged by: (tasks, points, 1) four times."""
        x = self.random.uniform(-5, 5, (2, self.tasks, self.points, 1))
        phase = self.random.uniform(0, np.pi, (self.tasks, 1, 1))
        y = np.sin(x + phase)
        return tuple(a.astype(np.float32) for a in (x[0], y[0], x[1], y[1]))

    def after(self, lib: Any, slopes_of: Callable, w: dict, x: Any, y: Any, x2: Any, y2: Any) -> Any:
        """The loss on a task after some steps on it."""

        def loss_of(w, x, y):
            return ((tanh_network(lib, w, x) - y) ** 2).mean()

        for _ in range(self.rounds):
            slopes = slopes_of(loss_of, w, x, y)
            w = {name: w[name] - self.rate * slopes[name] for name in w}
        return loss_of(w, x2, y2)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        def slopes_of(loss_of, w, x, y):
            return dict(zip(w, tg.grad(loss_of(w, x, y), list(w.values()), create_graph=True), strict=True))

        return tg.vmap(lambda *part: self.after(tg, slopes_of, model, *part))(*data).mean()

    def torch(self, weights: Arrays, best: Callable) -> Step:
        """By torch.func, eager too: one task after the other takes half as long again."""
        import torch

        w = torch_parameters(weights)
        optimizer = torch_optimizer(self.optimizer, w.values(), self.options)

        def loss(*data):
            def task(*part):
                return self.after(torch, lambda loss_of, *rest: torch.func.grad(loss_of)(*rest), w, *part)

            return torch.func.vmap(task)(*data).mean()

        return training(optimizer, best(loss))

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        def task(*part):
            return self.after(jnp, lambda loss_of, *rest: jax.grad(loss_of)(*rest), weights, *part)

        return jax.vmap(task)(*data).mean()


class Accumulation(Program):
    """Four small batches for one update, whose gradient is cut to length 1; and a running mean of the weights."""

    title = "accumulation x 4, clip, EMA"
    parts, batch, widths = 4, 32, (64, 64, 10)
    tiny = {"parts": 2, "batch": 3, "widths": (5, 4, 10)}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        incoming, hidden, outgoing = self.widths
        return linear("0", incoming, hidden) | linear("2", hidden, outgoing)

    def network(self, nn: Any) -> Any:
        incoming, hidden, outgoing = self.widths
        return nn.Sequential(nn.Linear(incoming, hidden), nn.ReLU(), nn.Linear(hidden, outgoing))

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.parts, self.batch, self.widths[0]), np.float32)
        return x, self.random.integers(0, 10, (self.parts, self.batch))

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        return lib.nn.functional.cross_entropy(model(x), y) / self.parts

    def ours(self, weights: Arrays) -> Step:
        model = self.network(tg.nn)
        model.load_state_dict(weights)
        optimizer = tg.optim.Adam(model.parameters(), **self.options)
        means = [tg.tensor(array) for array in weights.values()]

        def step(x, y):
            optimizer.zero_grad()
            total = 0
            for i in range(self.parts):
                loss = self.loss(tg, model, x[i], y[i])
                loss.backward()
                total = total + loss.detach()
            tg.optim.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with tg.no_grad():
                for mean, p in zip(means, model.parameters(), strict=True):
                    mean.assign(0.99 * mean + 0.01 * p)
            return total

        return step

    def torch(self, weights: Arrays, best: Callable) -> Step:
        import torch

        model = self.network(torch.nn)
        model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        optimizer = torch_optimizer(self.optimizer, model.parameters(), self.options)
        means = [p.detach().clone() for p in parameters_of(model)]
        loss_of = best(lambda x, y: self.loss(torch, model, x, y))

        def step(x, y):
            optimizer.zero_grad()
            total = 0
            for i in range(self.parts):
                loss = loss_of(x[i], y[i])
                loss.backward()
                total = total + loss.detach()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(means, list(model.parameters()), 0.01)
            return total

        return step

    def jax(self, weights: Arrays) -> tuple[Any, Step]:
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        optimizer = in_jax.adam(**self.options)
        weights = jax.tree.map(jnp.asarray, weights)
        means = jax.tree.map(jnp.array, weights)

        def loss_of(w, x, y):
            h = jax.nn.relu(in_jax.linear(w, "0", x))
            return in_jax.cross_entropy(in_jax.linear(w, "2", h), y) / self.parts

        def step(state, x, y):
            w, moments, means = state

            def once(total, part):
                return jax.tree.map(jnp.add, total, jax.value_and_grad(loss_of)(w, *part)), None

            nothing = jnp.float32(0), jax.tree.map(jnp.zeros_like, w)
            (loss, slopes), _ = jax.lax.scan(once, nothing, (x, y))
            length = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(slopes)))
            slopes = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (length + 1e-6)), slopes)
            w, moments = optimizer.update(w, slopes, moments)
            means = jax.tree.map(lambda mean, p: 0.99 * mean + 0.01 * p, means, w)
            return (w, moments, means), loss

        return (weights, optimizer.start(weights), means), step
