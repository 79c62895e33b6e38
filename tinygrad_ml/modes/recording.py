"""`no_grad` and `enable_grad`: whether operations are recorded.

The only subtle part is `no_grad` inside a generator. Between two `next()` calls the generator's
`with` block is still open, yet the code that runs then is the caller's, to which the block does not
apply. A block that was opened by a generator's (or coroutine's) frame therefore counts only while
that frame is on the stack.
"""

import functools
import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple, TypeVar, cast

from ..state import modes

Function = TypeVar("Function", bound=Callable)

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class _Depends:
    """A truth value that depends on which frames are on the stack right now."""

    def __bool__(self) -> bool:
        stack = set()
        frame = sys._getframe(1)
        while frame is not None:
            stack.add(id(frame))
            frame = frame.f_back
        for block in reversed(modes.blocks):
            if block.frame is None or block.frame in stack:
                return block.mode.enabled
        return True


class GradMode:
    """A context manager, and a decorator, that switches recording on or off for this thread.

    Nests, is undone by an exception, and does not leak out of a generator that yields inside it.
    """

    enabled: bool
    loose = False  # whether it was switched by a call, without a block that ends

    def __enter__(self) -> None:
        _set_blocks((*modes.blocks, _Block(self, _suspendable(sys._getframe(1)))))

    def __exit__(self, *_: object) -> None:
        # One object may be open several times, in other threads and generators too: this closes its own block.
        frame, blocks = _suspendable(sys._getframe(1)), modes.blocks
        own = len(blocks) - 1
        while blocks[own].mode is not self or blocks[own].frame != frame:
            own -= 1
        _set_blocks((*blocks[:own], *[block for block in blocks[own + 1 :] if not block.mode.loose]))

    def __call__(self, function: Function) -> Function:
        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            with self:  # this wrapper is a generator itself, so the block does not leak
                return (yield from function(*args, **kwargs))

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(Function, generator if inspect.isgeneratorfunction(function) else wrapped)


def _suspendable(frame: FrameType) -> int | None:
    """What identifies the frame of a generator or coroutine; None for a function's, which is never suspended."""
    return id(frame) if frame.f_code.co_flags & _SUSPENDABLE else None


class _Block(NamedTuple):
    mode: GradMode
    frame: int | None


def _set_blocks(blocks: tuple) -> None:
    modes.blocks = blocks
    modes.grad = blocks[-1].mode.enabled if blocks else True
    for block in blocks:
        if block.frame is not None:
            modes.grad = _Depends()


class no_grad(GradMode):
    """Inside, operations of this thread are computed and not recorded: results do not require gradients.

    Threads that are started inside begin without it; decorate the function that they run.

    ``with tg.no_grad(): ...`` or ``@tg.no_grad()`` above a function.
    """

    enabled = False


class enable_grad(GradMode):
    """Inside, operations are recorded again, within a `no_grad` block around it too."""

    enabled = True


class set_grad_enabled(GradMode):
    """Whether operations are recorded: from the call on, in this thread; or inside of `with`, or of a function below it.

    ``tg.set_grad_enabled(False)``, or ``with tg.set_grad_enabled(training): ...``
    """

    loose = True

    def __init__(self, mode: bool):
        self.enabled, self._outer = bool(mode), modes.blocks
        while self._outer and self._outer[-1].mode.loose:
            self._outer = self._outer[:-1]
        _set_blocks((*self._outer, _Block(self, _suspendable(sys._getframe(1)))))

    def __enter__(self) -> None:
        if not self.loose:  # it was a block before
            _set_blocks((*modes.blocks, _Block(self, _suspendable(sys._getframe(1)))))
        self.loose = False

    def __call__(self, function: Function) -> Function:
        _set_blocks(self._outer)
        return (enable_grad if self.enabled else no_grad)()(function)
