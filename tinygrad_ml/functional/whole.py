"""Functions of several operations that eager mode computes as a whole, where the numbers are NumPy's.

A softmax is five operations, and on small tensors each of them takes as long in Python as its arithmetic. So such a function
is stated twice: of operations, which is what it means, and as two functions of arrays (`../kernels/`), its value and its
gradient. In the graph it is one node then. Whoever wants more of that than a first gradient (a derivative of a derivative,
a picture, a summary) does not notice: `topological` takes the node apart first, and the operations stand in its place.
Steps that are compiled, loops, symbols and other devices have the operations from the beginning.

Read before: `../ops/primitive.py`, `../graph/node.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy

from ..backend import Absent, Array, dtypes
from ..graph import Node, topological
from ..modes import enable_grad, modes
from ..ops import Primitive
from ..ops.shapes import same
from ..origins import Origin
from ..tensor import Tensor, record
from ..writes import tick


def as_a_whole(
    value: Callable,
    gradient: Callable,
    left: tuple[str, ...] = (),
    worth: Callable[..., bool] | None = None,
    take_apart: Callable | None = None,
    quiet: bool = True,
) -> Callable[[Callable], Any]:
    """Let eager mode compute a function of tensors by functions of NumPy's arrays.

    value     `value(*arrays, **parameters)`: the result, and behind it the arrays that it leaves for the gradient
    gradient  `gradient(g, ..., needed)`: for each input its share of the gradient, if its position is in `needed`, summed
              to its shape. It names what it takes: inputs (all that its operations want to have, too), parameters, and
    left      the names of those arrays; `y` is the result
    worth     `worth(*arrays, **parameters)`: whether it is done for these; by default always
    quiet     whether overflows, and infinities minus infinities, are its own affair
    take_apart  `take_apart(node)` puts the operations in its place, where that takes less than to compute them again

    The function takes tensors, and parameters by name only. It checks nothing: who calls it has done that. Whether it would
    be done as a whole for these tensors says `function.done_for(*tensors, **parameters)`.
    """

    def decorate(function: Callable) -> Callable:
        names = tuple(function.__code__.co_varnames[: function.__code__.co_argcount])
        row = Primitive(
            function.__name__.lstrip("_"),
            value,  # which is called below, and by nobody else, and nobody asks for the shape of what is taken apart
            same,
            (gradient,),
            inputs=(*names, *left),
            formula="several operations",
            local=("theirs",) * len(names),
            joint=True,
            take_apart=take_apart or partial(_take_apart, function),
        )

        def done_for(*tensors: Tensor, **params: Any) -> bool:
            arrays = [tensor._data for tensor in tensors]
            return _plain(tensors, arrays) and (worth is None or worth(*arrays, **params))

        @wraps(function)
        def call(*tensors: Tensor, **params: Any) -> Tensor:
            arrays = [tensor._data for tensor in tensors]
            if not _plain(tensors, arrays) or not (worth is None or worth(*arrays, **params)):
                return function(*tensors, **params)
            if quiet:
                with numpy.errstate(all="ignore"):
                    found = value(*arrays, **params)
            else:
                found = value(*arrays, **params)
            return record(row, tensors, (*arrays, *found[1:]), params, found[0])

        call.done_for = done_for  # type: ignore[attr-defined]
        return call

    return decorate


def _plain(tensors: tuple[Tensor, ...], arrays: list[Array]) -> bool:
    """Whether nobody is interested in the single operations, and the arrays are NumPy's, and floats of one dtype."""
    if modes.watchers or modes.tracer is not None or modes.apart:
        return False
    dtype = arrays[0].dtype
    if dtype is not dtypes.float32 and dtype is not dtypes.float64:
        return False
    for array in arrays:
        if type(array) is not numpy.ndarray or (array.dtype is not dtype and array.dtype.kind == "f"):
            return False
    return True


def _take_apart(function: Callable, node: Node) -> None:
    """Put the operations of which a function is composed in the place of its node."""
    plan, saved = node.plan, node.saved
    known = {} if plan is None or saved is None else dict(zip(plan.kept, saved, strict=True))
    tensors = []
    for position, parent in enumerate(node.inputs):
        array = known.get(position, parent.value) if node.needs_grad else None  # nobody records operations on numbers
        array = Absent(parent.shape, parent.dtype) if array is None else array
        tensors.append(Tensor(array, parent, parent.needs_grad))
    before, start = (modes.scope, modes.watchers, modes.busy, modes.apart), tick()
    modes.scope, modes.watchers, modes.busy, modes.apart = node.scope, (), True, True
    try:
        with enable_grad(), numpy.errstate(all="ignore"):
            last = function(*tensors, **node.params).node
    finally:
        modes.scope, modes.watchers, modes.busy, modes.apart = before
    parts = topological([last], lambda part: part.inputs if part.number > start else ())
    parts = [part for part in parts if part.number > start]
    same = {} if node.needs_grad else {id(x._data): parent for x, parent in zip(tensors, node.inputs, strict=True)}
    span = tick() - start

    def earlier(number: float) -> float:  # behind the inputs, and in front of whoever takes the result
        if number > start:
            return node.number - 1 + (number - start) / span
        return number if number < node.number else node.number - 1  # a constant that something later has made, too

    for part in parts:
        part.number = earlier(part.number)
        # Not what was detached of the inputs, but they themselves.
        part.inputs = tuple([same.get(id(parent.value), parent) for parent in part.inputs])
        for constant in part.inputs:
            if constant.op is None:
                _renumber(constant, earlier)
        if saved is None and part.plan is not None and part.plan.kept:
            part.saved = None
    node.op, node.inputs, node.params = last.op, last.inputs, last.params
    node.plan, node.saved, node.scope = last.plan, last.saved, last.scope


def _renumber(made: Node | Origin, earlier: Callable[[float], float]) -> None:
    """Number a constant, and what it was made of, as if they had been made where the function was called."""
    made.number = earlier(made.number)
    before = made.inputs if isinstance(made, Origin) else [made.origin]
    for each in before:
        if isinstance(each, (Node, Origin)):
            _renumber(each, earlier)
