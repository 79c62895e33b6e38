"""The steps of a model as `fit`, `evaluate` and `predict` call them: compiled, where that changes nothing but the time.

What is done with a batch runs operation by operation the first time: then layers make their weights, and losses find
their outputs. When a batch of the same shapes comes again, `tg.compile` records it, for all that follow. What comes but
once, such as a last, smaller batch, is not worth it.

A recorded step is its operations on tensors, and nothing else that Python does. So it is watched while it is recorded:
a step that reads numbers, prints, draws random numbers that are not this library's, or changes a variable or an attribute
cannot be compiled. Its model then runs operation by operation, and one warning says why. And where a loss, a metric, a
regularizer, or code that is not this library's may read a number in a variable or an attribute, the step is recorded for
each value that stays for longer than a step. While hooks listen to a layer or a weight, nothing is compiled.

Steps of one model take turns, whichever threads call them: `predict` beside a `fit` sees the weights as they are between
two updates.

Read next: `training.py`.
"""

from __future__ import annotations

import io
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

import numpy

from ...compile import compile as compiled_step
from ...compile.guards.reach import Reach
from ...compile.guards.snapshots import Snapshot, plain_values
from ...compile.turn import Turn
from ...errors import CompileError
from ...modes import modes
from ...nn import Module
from ...structure import leaves
from ...tensor import Tensor
from ..warn import warn
from .logs import Logs, stored

_OUTSIDE = [(numpy.random.get_state.__self__, "numpy.random"), (random.getstate.__self__, "random")]
"""Streams of random numbers that everybody shares, and what to call them."""


class _Progress:
    """Whether the recording of a step has begun, and is done. In slots, which a failed recording does not put back."""

    __slots__ = ("begun", "done")


class ModelStep:
    """One of a model's steps; it is called with a batch.

    model     whose method `name` it calls
    name      "train_step", "test_step" or "predict_step"
    compiled  the step of `tg.compile`: `print(model.train_function.compiled.explain())`
    """

    def __init__(self, model: Any, name: str):
        self.model, self.name = model, name
        self._met: dict[tuple, tuple | None] = {}  # shapes of a batch -> the numbers when they came last, if known
        self._logs: dict[tuple, dict] = {}  # shapes -> the functions that compute its logs, which is no part of a step
        self._modules: list[Module] | None = (
            None  # that it calls, and the tensors that it reaches, as soon as they are known
        )
        self._tensors: list[Tensor] = []
        self._numbers: tuple[Callable[[], tuple], ...] = ()
        self._progress = _Progress()
        self._turn = vars(model).setdefault("_turn", Turn())  # one of all its steps, which share the weights

        def step(batch: Any, numbers: tuple) -> Any:
            return self._record(batch)

        step.__name__ = name
        self.compiled: Any = compiled_step(step)

    @property
    def why_not(self) -> str | None:
        """Why it runs operation by operation; None if it is compiled, as soon as shapes come again."""
        model = self.model
        if model.run_eagerly:
            return "run_eagerly=True"
        if not model.jit_compile:
            return f"jit_compile={model.jit_compile}"
        if model.jit_compile == "auto" and getattr(self._method, "__module__", "") != f"{__package__}.learner":
            return f"{self.name} is the model's own, which only jit_compile=True compiles"
        return model._not_compiled

    @property
    def _method(self) -> Callable:
        return getattr(self.model, self.name)

    def __call__(self, batch: Any) -> Any:
        with nullcontext() if modes.recorder is not None else self._turn:  # a larger step has its own turn
            found = self._run(batch)
        return {} if found is None else found

    def _run(self, batch: Any) -> Any:
        shapes = tuple(None if leaf is None else (leaf.shape, leaf.dtype) for leaf in leaves(batch))
        if shapes not in self._met or self.why_not is not None:
            self._met.setdefault(shapes)
            found = self._method(batch)
            if isinstance(found, Logs) and found.unread():
                self._logs[shapes] = dict(stored(found))
            return found
        if self._modules is None:
            reached = Reach(self._method)
            self._modules = [thing for thing in reached.reporters if isinstance(thing, Module)]
            self._tensors = list(reached.tensors)
            settings = Reach(*self.model._settings())
            theirs = [holder for holder, owner in reached.holders if owner is not None]
            self._numbers = plain_values(theirs), plain_values([holder for holder, _ in settings.holders])
        numbers = tuple(getattr(module, "trainable", True) for module in self._modules)
        for read in self._numbers:
            numbers += read()
        before, self._met[shapes] = self._met[shapes], numbers
        if (before is not None and before != numbers) or self._somebody_listens():
            return self._method(batch)
        self._progress.begun = self._progress.done = False
        try:
            found = self.compiled(batch, numbers)
            return Logs(self._logs[shapes], numbers=False) if found is None and shapes in self._logs else found
        except Exception as error:
            # A mistake that shows in a replay, such as a label out of range, is the caller's.
            cannot = isinstance(error, CompileError) or (self._progress.begun and not self._progress.done)
            if self.model.jit_compile is True or not cannot:
                raise
            self._explain(error)
        return self._method(batch)

    def _somebody_listens(self) -> bool:
        """Whether there are hooks, which want to be called in each step."""
        return any(module._hooks for module in self._modules or ()) or any(
            tensor._node is not None and tensor._node.hooks for tensor in self._tensors
        )

    def _record(self, batch: Any) -> Any:
        if modes.recorder is None:  # somebody watches the operations, so they are not compiled
            return self._method(batch)
        self._progress.begun = True
        self.model._forget_losses()  # tensors, which a recording must not leave behind
        with _only_tensors(self._method):
            result = self._method(batch)
            if isinstance(result, Logs):
                result = None if result.unread() else dict(result)
            self.model._forget_losses()
        self._progress.done = True
        return result

    def _reached_by_steps(self) -> tuple:
        """What it calls. What it remembers leads to all variables of the user's files, also to those that no step names."""
        return self.model, self._method

    def _explain(self, error: Exception) -> None:
        """Warn, once."""
        why = f"runs operation by operation, because it cannot be compiled: {error}"
        self.model._not_compiled = why
        warn(f"{self.name} of {self.model.name!r} {why}. compile(run_eagerly=True) says that this is meant")

    def __repr__(self) -> str:
        how = repr(self.compiled) if self.why_not is None else f"operation by operation: {self.why_not}"
        return f"<{self.name} of {self.model.name!r}, {how}>"


@contextmanager
def _only_tensors(step: Callable) -> Iterator[None]:
    """Inside, a step is recorded; `CompileError` if it does more than to operate on tensors, which is then undone."""
    before = Snapshot([*Reach(step).holders, *_OUTSIDE])
    try:
        with _printing_of_this_thread() as printed:
            yield
        if printed:
            raise CompileError(f"it prints {''.join(printed).strip()!r}, which a recorded step would not")
        changed = before.change()
        if changed is not None:
            raise CompileError(f"it changes {changed}, which a recorded step would not")
    except BaseException:
        before.restore()
        raise


class _Ear(io.TextIOBase):
    """Stands for a stream: keeps what one thread writes, and hands on what others do."""

    def __init__(self, stream: Any):
        self.stream, self.thread, self.heard = stream, threading.get_ident(), []

    def write(self, text: str) -> int:
        if threading.get_ident() != self.thread:
            return self.stream.write(text)
        self.heard.append(text)
        return len(text)


@contextmanager
def _printing_of_this_thread() -> Iterator[list[str]]:
    """What this thread prints inside, and so does not print."""
    ear = _Ear(sys.stdout)
    with redirect_stdout(ear):
        yield ear.heard
