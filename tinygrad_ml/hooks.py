"""What happens when a gradient is complete: hooks, the `.grad` of computed tensors, and what waits for the end of `backward`.

Read before: `graph/walk.py`, which calls them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from .errors import GradientError
from .graph import Node
from .state import modes
from .tensor import hang


class _Hook:
    """Takes a hook away again."""

    def __init__(self, node: Node, hook: Callable):
        self._node, self._hook = node, hook
        node.hooks = (*node.hooks, hook)

    def remove(self) -> None:
        self._node.hooks = tuple(hook for hook in self._node.hooks if hook is not self._hook)


class Hooks:
    """Methods of the class Tensor for gradients that arrive."""

    def retain_grad(self: Any) -> None:
        """Let `backward` store the gradient of this computed tensor in `.grad` too."""
        if not self._needs:
            raise GradientError(f"{self._described()} does not require a gradient, so there is none to retain")
        self.node.tensor = weakref.ref(self)

    def register_hook(self: Any, hook: Callable) -> _Hook:
        """Call `hook(gradient)` when the gradient of this tensor is complete, in each backward pass.

        What it returns, if not None, takes the gradient's place. Returns an object whose
        `remove()` takes the hook away.
        """
        if not self._needs:
            raise GradientError(f"{self._described()} does not require a gradient, so a hook would never be called")
        return _Hook(self.node, hook)


def after_backward(ending: Callable[[], None]) -> None:
    """Call a function when the `backward` that runs, and whose hook is asking for it, has put its gradients in place."""
    assert modes.endings is not None, "no backward is running"
    modes.endings.append(ending)


hang(Hooks)
