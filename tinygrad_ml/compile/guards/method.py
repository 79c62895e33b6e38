"""A method of an object that keeps its compiled steps."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

from ...errors import CompileError


class HeldMethod:
    """A method of an object that holds on to it, as a function: it does not hold on to the object.

    So an object and its compiled methods, with all the memory that these have planned, go when nobody wants them.
    """

    __name__: str

    def __init__(self, function: Any, instance: Any):
        self.function: Callable = function
        self._instance = weakref.ref(instance)
        functools.update_wrapper(self, function, updated=())
        vars(self).pop("__wrapped__")  # which takes the object, too
        self.__signature__ = inspect.signature(function.__get__(instance))

    def is_of(self, thing: Any) -> bool:
        """Whether it is a method of that very object."""
        return self._instance() is thing

    @property
    def instance(self) -> Any:
        """The object. `CompileError` if it is gone."""
        instance = self._instance()
        if instance is None:
            raise CompileError(
                f"the object whose method {self.__name__} this is, is gone: keep it as long as you call it"
            )
        return instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self.instance, *args, **kwargs)

    def _reached_by_steps(self) -> tuple:
        return self.instance, self.function
