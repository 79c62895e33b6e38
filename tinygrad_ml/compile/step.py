"""`tg.compile`: a function that is recorded once, and then replayed.

Read next: `program.py`, `record/`, `guards/`, `compiled.py`, `passes/`, `cpu/`, `gpu/`.
"""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ..backend import Device, absent
from ..errors import CompileError, OptionError
from ..modes import modes
from .alike import look_for_holders
from .compiled import Compiled
from .engines import ENGINES, device_of
from .explain import Explanation
from .gpu.blas import PRECISIONS
from .guards.method import HeldMethod
from .guards.signature import Arguments, difference
from .passes import ROLLING
from .program import Program
from .recording import record
from .turn import Turn
from .uncollected import uncollected

OPTIONAL = (*ROLLING, "fusion", "in_place", "loops", "persistent")
KEPT_PROGRAMS = 32
"""Programs that a step keeps by default: one for each combination of shapes, options and modes."""


def compile(
    function: Callable | None = None,
    *,
    without: Sequence[str] = (),
    products: str = "float32",
    programs: int = KEPT_PROGRAMS,
) -> Callable:
    """`function`, which computes with tensors, as a step that is recorded once and then replayed.

    function  any function of tensors: a network, a loss, or a whole training step with `backward()`,
              clipping, an optimiser's and a schedule's `step()`. It is called once for each combination of shapes,
              dtypes and devices of its tensors, values of its other arguments, and modes of its modules
    without   the passes to leave out, of "dead", "rolled at once", "algebra", "one_hot", "equal", "rolled", "fusion",
              "in_place", "loops", "persistent"
    products  what a GPU computes matrix products of float32 with: "float32"; "tf32", on tensor cores, of numbers
              rounded to 10 binary digits after the first; or "float16", where they may be rounded to float16, whose
              largest is 65504. Sums are float32 with each, and on the CPU all is, whatever this says
    programs  how many it keeps, of as many combinations of shapes, options and modes. When there is another one, the least
              recently used program goes, and one warning says what it is that changes so often

    Returns a `Step`, which is called as the function is. `step.repeat(times, ...)` is several calls in one. To look at it:
    `step.program`, `step.stages` (before and after each pass), `step.explain()` (kernels and what they cost), `step.source`.
    Can be used as a decorator, of methods too.

    What is replayed is the operations on tensors, and what optimisers, schedules and `tg.random` do besides. All else
    happens once, when the function is recorded: printing, appending to a list, counting in Python, random numbers of NumPy
    or Python, the clock, files, hooks that do more than to operate on tensors. A number that the code reads from a variable
    or an attribute is a part of the program; if it is another one in a later call, the function is recorded anew.

    Any thread may call it, and one call runs after the other; what threads do that the function starts is not recorded. A
    step that is called while it runs in the same thread, by a finalizer or a handler of signals, runs eagerly. Results are
    outside of every graph, so `backward()` belongs inside: of a loss that is the sum of a compiled part and an eager one,
    `backward()` outside would give the gradient of the eager part only.

    Raises `CompileError` for a function that reads numbers (`float(loss)`, `if loss > 1`), or keeps tensors that it makes
    elsewhere than in its result; for tensors on several devices, and arguments that overlap and are overwritten.
    `OptionError` for what is no function, a generator, and a pass or a precision that there is not.

    >>> @tg.compile
    ... def step(images, labels):
    ...     optimizer.zero_grad()
    ...     loss = cross_entropy(model(images), labels)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    """
    if function is None:
        return functools.partial(compile, without=without, products=products, programs=programs)
    return Step(function, without, products, programs)


def _runs_later(function: Any) -> bool:
    """Whether calling it gives a generator or a coroutine."""
    kinds = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    called = function if inspect.isroutine(function) else getattr(function, "forward", type(function).__call__)
    return any(kind(part) for kind in kinds for part in (function, called))


class Step:
    """A compiled function. Call it as the function; print `step.program`, `step.explain()`, `step.source`."""

    __name__: str
    __qualname__: str

    def __init__(self, function: Callable, without: Sequence[str], products: str, programs: int):
        if not callable(function):
            hint = ": put @classmethod above @tg.compile" if isinstance(function, classmethod) else ""
            raise OptionError(f"tg.compile takes a function of tensors, and not {function!r}{hint}")
        functools.update_wrapper(self, function)
        named: Any = function
        while isinstance(named, functools.partial):
            named = named.func
        for attribute in ("__name__", "__qualname__"):  # an object that can be called is called by its class
            setattr(self, attribute, getattr(named, attribute, None) or getattr(type(named), attribute))
        if _runs_later(named):
            raise OptionError(
                f"tg.compile takes a function that returns its results, and {self.__name__} is a generator or a coroutine, "
                f"which runs piece by piece. Compile a function that does one step, and call it in a loop"
            )
        if isinstance(without, str):
            raise OptionError(f"without={without!r} should be a tuple of names of passes: without=({without!r},)")
        for name in without:
            if name not in OPTIONAL:
                raise OptionError(f"there is no pass {name!r} to leave out; there are {', '.join(OPTIONAL)}")
        if products not in PRECISIONS:
            raise OptionError(f"products={products!r} is none of {', '.join(map(repr, PRECISIONS))}")
        if isinstance(programs, bool) or not isinstance(programs, int) or programs < 1:
            raise OptionError(f"programs={programs!r} should say how many programs are kept: one or more")
        self.function = function
        self.without, self.products, self.programs = self._options = tuple(without), products, programs
        self._programs: list[Compiled] = []  # the one that was used last comes first
        self._memory: dict[Device, Any] = {}
        self._newest: tuple = ()  # the program that was recorded last, and the words of its call
        self._warned = False
        self._turn = Turn()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if modes.recorder is not None or modes.watchers:
            # A part of a larger step becomes a part of its program. Where somebody watches (`detect_anomaly`, a
            # picture), there has to be something to see.
            return self.function(*args, **kwargs)
        with self._turn as mine:
            if not mine:  # it was called while it runs, by a finalizer or a handler of signals
                return self.function(*args, **kwargs)
            if (programs := self._programs) and (glance := programs[0].glance) is not None:
                result = glance(args, kwargs)
                if result is not NotImplemented:
                    return result
            call = Arguments(self.function, args, kwargs)
            compiled = self._compiled(call)
            compiled.glance_from_now(call, args, kwargs)
            return compiled(call.tensors)

    def repeat(self, times: int, *args: Any, **kwargs: Any) -> Any:
        """Call the step `times` times with the same arguments; the last result.

        What changes from step to step is state: parameters, step counts, schedules, and a position in the data that
        the step advances by `assign`. Afterwards all of it is as after as many calls. On a GPU several steps are one
        launch, and the host computes their learning rates and the like beforehand.

        >>> order, position = tg.random.permutation(60000), tg.tensor(0)
        >>> @tg.compile
        ... def step():
        ...     batch = order[position + tg.arange(100)]
        ...     position.assign((position + 100) % 60000)
        ...     return train(images[batch], labels[batch])
        >>> loss = step.repeat(600)  # an epoch

        Raises `OptionError` for less than one time, and for what is no whole number.
        """
        try:
            times = operator.index(times)
        except TypeError:
            raise OptionError(
                f"repeat takes how often first, a whole number, and not {times!r}: step.repeat(10, x)"
            ) from None
        if times < 1:
            raise OptionError(f"a step can be repeated once or more often, not {times} times")
        with self._turn as mine:
            if modes.recorder is not None or modes.watchers or not mine:
                return [self.function(*args, **kwargs) for _ in range(times)][-1]
            call = Arguments(self.function, args, kwargs)
            while times:
                result = None  # which gives its memory back
                done, result = self._compiled(call).several(times, call.tensors)
                times -= done
            return result

    def _compiled(self, call: Arguments) -> Compiled:
        """The program for such a call, recorded if there is none yet."""
        programs = self._programs
        for place, compiled in enumerate(programs):
            if compiled.key == call.key and compiled.fits(call.tensors):
                if place:
                    programs.insert(0, programs.pop(place))
                break
        else:
            if len(programs) >= self.programs and not self._warned:
                self._warn(call, *self._newest)
            words = call.words  # of the arguments as they are before
            compiled = self._record(call)
            self._newest = compiled, words
            self._programs = [compiled, *[one for one in programs if not one.failed][: self.programs - 1]]
        compiled.refuse_overlaps(call.tensors)
        return compiled

    def __get__(self, instance: Any, owner: type | None = None) -> Step:
        """As a method, it is compiled for each object."""
        if instance is None or isinstance(self.function, staticmethod):
            return self
        inside = getattr(instance, "__dict__", None)
        if inside is None:
            raise CompileError(
                f"a compiled method is kept in the object that it belongs to, and the __slots__ of "
                f"{type(instance).__qualname__} leave no place for {self.__name__}: add '__dict__' and '__weakref__' to them"
            )
        name = f"_compiled_{self.__qualname__}"
        if not self._is_method(inside.get(name), instance):
            with self._turn:
                if not self._is_method(vars(instance).get(name), instance):  # no other thread was first
                    step = Step(HeldMethod(self.function, instance), *self._options)
                    if isinstance(instance, type):  # of which it is a class method
                        setattr(instance, name, step)
                    else:
                        inside[name] = step
        return vars(instance)[name]

    def _reached_by_steps(self) -> tuple:
        """What a step reaches that calls this one: its function, and not the programs that it has."""
        return (self.function,)

    def _is_method(self, step: Any, instance: Any) -> bool:
        """Whether it is this function as a method of that object, and not of another one, of which that is a copy."""
        held = getattr(step, "function", None)
        return isinstance(held, HeldMethod) and held.function is self.function and held.is_of(instance)

    def __reduce__(self) -> str | tuple:
        """A copy, or what is read from a file, has its own programs. Of a method, the object makes a new step."""
        if isinstance(self.function, HeldMethod):
            return type(None), ()
        place = sys.modules.get(self.__module__)
        for name in self.__qualname__.split("."):
            place = getattr(place, name, None)
        return self.__qualname__ if place is self else (Step, (self.function, *self._options))

    @uncollected()
    def _record(self, call: Arguments) -> Compiled:
        for tensor in call.tensors:
            if absent(tensor._data):
                raise CompileError(f"tg.compile needs tensors with numbers, and {tensor._described()} has none")
        # What the function changes besides tensors when it is recorded, such as a counter, is no reason to record it again.
        current = [compiled for compiled in self._programs if compiled.recording.watch.same()]
        recording = record(call)
        look_for_holders(recording.program)
        for compiled in current:
            compiled.recording.watch.renew()
        for compiled in [one for one in self._programs if one.key == call.key]:
            again = compiled.again(recording, call.tensors)
            if again is not None:
                # If it differs in numbers of arrays of the outside only, it may do so each time.
                if compiled.recording.holds() and compiled.recording.watch.same(numbers=False):
                    self._programs.remove(compiled)
                return again
        device = device_of(recording.program, call.tensors)
        engine = ENGINES[device.kind]
        if device not in self._memory:
            self._memory[device] = engine.memory(device.index, self.products)
        return Compiled(recording, call, engine, self._memory[device], self.without)

    def _warn(self, call: Arguments, last: Compiled, its_words: dict) -> None:
        """Say, once, what it is that changes so often."""
        self._warned = True
        why = difference(call.words, its_words) if call.key != last.key else last.recording.change()
        warnings.warn(
            f"{self.__name__} has been recorded for {self.programs} combinations of shapes, options and modes, and this call "
            f"is yet another one: {why}. From now on the program that was not used for longest goes when there is another "
            f"one, and to record takes much longer than a step. Keep the shapes of its tensors the same (pad them, drop a "
            f"last, smaller batch), pass numbers that vary as tensors, or let it keep more: tg.compile(..., programs=100)",
            stacklevel=4,
        )

    @property
    def _latest(self) -> Compiled:
        with self._turn:  # a call of another thread may be about to make it
            if not self._programs:
                raise CompileError(f"{self.__name__} has not been called yet, so nothing is recorded")
            return self._programs[0]

    @property
    def program(self) -> Program:
        """What the last call ran. `step.stages` has it as it was recorded, and after each pass."""
        return self._latest.program

    @property
    def stages(self) -> dict[str, Program]:
        """The program of the last call as it was recorded, and after each pass, by the pass's name."""
        return self._latest.stages

    @property
    def source(self) -> str:
        """The Python function that runs the program; on a GPU, the CUDA source of its kernels."""
        return self._latest.executable.text

    @property
    def explanation(self) -> Explanation:
        """The kernels of the last call, and what they cost, as data."""
        with self._turn:
            return Explanation(self._latest.recording, self._latest.stages, self._latest.executable)

    def explain(self) -> str:
        """The kernels of the last call: what each does, moves and computes; and the memory of the whole, against eager."""
        return str(self.explanation)

    def __repr__(self) -> str:
        count = len(self._programs)
        return f"<compiled {self.__name__}, {count} program{'s' * (count != 1)}>"
