"""`grad` and `backward`, two ways to start the walk back.

`grad` is the base: it returns gradients and changes nothing. `backward` is sugar for training loops: it stores them.

Read before: `graph/walk.py`. Read next: `../derivatives.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, overload

from .. import backend
from ..backend import Absent, owner
from ..backend.arrays import HOST
from ..errors import DeviceError, DTypeError, GradientError, ShapeError
from ..graph import ZERO, Node, backpropagate
from ..modes import differentiating, enable_grad
from ..ops.movement import constant_in
from ..state import modes
from ..tensor import Tensor, TensorLike, apply, beside, filled

Tensors: TypeAlias = Tensor | Sequence[Tensor] | Iterator[Tensor]
Gradients: TypeAlias = TensorLike | Sequence[TensorLike | None] | None


def backward(
    self: Tensor, gradient: TensorLike | None = None, retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Add the gradient of this tensor to the `.grad` of every leaf that requires one.

    gradient      ∂L/∂self, in the shape of the tensor; 1 by default, for a tensor of one element
    retain_graph  keep what the graph has saved, so that it can be walked again
    create_graph  record the walk itself, so that `.grad` can be differentiated; retains too

    Raises `GradientError` for a tensor that does not require a gradient, a tensor of several
    elements without `gradient`, a graph that was freed, or saved numbers that were overwritten.
    """
    seeds = _seeds((self,), None if gradient is None else (gradient,))
    outer, modes.endings = modes.endings, (endings := [])
    try:
        taken = {id(owner(seed._data)) for seed in seeds.values()}  # which somebody else can see
        _put(_walk(seeds, None, create_graph, free=not (retain_graph or create_graph)), create_graph, taken)
    finally:
        modes.endings = outer
    for ending in endings:
        ending()


def _put(gradients: dict[Node, Any], create_graph: bool, taken: set[int]) -> None:
    """Add gradients to what is in `.grad`."""
    for node, g in gradients.items():
        target = node.tensor()
        if target is None:
            continue
        g = zeros(node) if g is ZERO else g
        if modes.tracer is not None and getattr(g._data, "depth", 0) > getattr(target._data, "depth", 0):
            raise GradientError(
                f"backward() would keep in .grad of {target._described()} the gradient of one round, or sample ({g._data.inside}): "
                f"call tg.grad there, and return what it gives"
            )
        g = g if target._grad is None else target._grad + g
        target._grad = _own(g, create_graph, taken)


@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, create_graph: bool = False
) -> tuple[Tensor, ...]: ...
@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, create_graph: bool = False, *, allow_unused: bool
) -> tuple[Tensor | None, ...]: ...
def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Gradients = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of Σ outputs with respect to each of the inputs, as a tuple.

    outputs       tensors; of one element each, unless `grad_outputs` is given
    inputs        tensors that require gradients, leaves or computed ones; also as `model.parameters()` gives them
    grad_outputs  ∂L/∂output for each output, of its shape; None means ones
    create_graph  record the computation, so that the result can be differentiated in turn
    allow_unused  return None for an input that the outputs do not depend on, instead of an error

    Nothing is stored and nothing is freed. A gradient that is zero everywhere, such as the second
    derivative of a linear function, comes out as zeros.

    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (dy,) = tg.grad(x**3, x, create_graph=True)         # 27
    >>> tg.grad(dy, x)                                      # (18,)
    """
    inputs = as_tuple(inputs)
    for x in inputs:
        if not isinstance(x, Tensor) or not x.requires_grad:
            raise GradientError(
                f"grad with respect to {_words(x)}, which does not require a gradient: set requires_grad=True before computing with it"
            )
    outputs = as_tuple(outputs)
    seeds = _seeds(outputs, None if grad_outputs is None else as_tuple(grad_outputs))
    gradients = _walk(seeds, [x.node for x in inputs], create_graph, free=False)
    for x in inputs:
        if x.node not in gradients and not allow_unused:
            raise GradientError(
                f"the outputs do not depend on {x._described()} in this graph. Pass allow_unused=True to get None for it."
            )
    results = [zeros(x.node) if (g := gradients.get(x.node)) is ZERO else g for x in inputs]
    if create_graph:
        # A gradient that is constant is a function of the inputs too, and of the gradients given: one with derivative 0.
        others = *inputs, *[seed for seed in seeds.values() if seed._needs]
        with enable_grad():
            if len(results) > 1:  # one node that takes them all, so that each result takes two
                others = (apply(constant_in, (next(iter(seeds.values())), *others)),)
            results = [g if g is None else apply(constant_in, (g, *others)) for g in results]
    taken = {id(owner(seed._data)) for seed in seeds.values()}
    return tuple([g if g is None else _own(g, create_graph, taken) for g in results])


def _walk(seeds, wanted, create_graph: bool, free: bool) -> dict:
    here = backend.of(next(iter(seeds.values()))._data)
    with here.quiet(), differentiating() as follow:  # an infinite slope is an answer
        if create_graph:
            with enable_grad():
                return backpropagate(seeds, wanted, restore_in_graph, follow=follow)
        # A compiled step says of which layers its kernels compute the gradients.
        follow, plain = modes.recorder and follow, Tensor if here is HOST and not modes.watchers else None
        constants = lambda arrays, node: list(map(Tensor, arrays))  # noqa: E731
        return backpropagate(seeds, wanted, constants, free=free, plain=plain, follow=follow)


def restore_in_graph(arrays: tuple, node: Node) -> list[Tensor]:
    """What a node had saved, as the functions of the inputs that they are: to be differentiated again."""
    return [Tensor(array, source, source.needs_grad) for array, source in zip(arrays, node.saved_from, strict=True)]


def as_tuple(what: Any) -> tuple:
    """One thing, or several, as a tuple of them."""
    return tuple(what) if isinstance(what, (tuple, list, Iterator)) else (what,)


def _seeds(outputs: tuple[Tensor, ...], gradients: tuple | None) -> dict[Node, Tensor]:
    """The gradient with which the walk starts at each output."""
    gradients = (None,) * len(outputs) if gradients is None else gradients
    if len(gradients) != len(outputs):
        raise GradientError(f"{len(gradients)} gradients given for {len(outputs)} outputs")
    seeds: dict[Node, Tensor] = {}
    for output, gradient in zip(outputs, gradients, strict=True):
        if not isinstance(output, Tensor) or not output.requires_grad:
            raise GradientError(
                f"no gradient can flow from {_words(output)}: it was not computed from tensors with requires_grad=True, "
                f"it was computed inside no_grad(), or by a function that tg.compile has made a step of: what that returns is "
                f"outside of every graph, so call backward() inside of the function"
            )
        if gradient is None and output.size != 1:
            raise GradientError(
                f"the gradient of {output._described()} needs a starting gradient of the same shape, because it has "
                f"{output.size} elements. Reduce it to one number first, as in y.sum(), or pass one."
            )
        seed = filled(output.shape, 1, output.dtype, output.device) if gradient is None else fitting(gradient, output)
        seeds[output.node] = seeds[output.node] + seed if output.node in seeds else seed
    return seeds


def _words(what: Any) -> str:
    return what._described() if isinstance(what, Tensor) else repr(what)


def zeros(node: Node) -> Tensor:
    """The gradient of a node on which nothing depends."""
    return filled(node.shape, 0, node.dtype, node.device)


def fitting(gradient: TensorLike, output: Tensor) -> Tensor:
    """The gradient that is given for an output, or an error if it is not of its shape, dtype and device."""
    seed = beside(gradient, output)
    kinds = {"shape": ShapeError, "dtype": DTypeError, "device": DeviceError}
    different = [what for what in kinds if getattr(seed, what) != getattr(output, what)]
    if different:
        problems = [f"{what} {getattr(seed, what)} instead of {getattr(output, what)}" for what in different]
        raise kinds[different[0]](f"the gradient given for {output._described()} has {', '.join(problems)}")
    return seed


def _own(g: Tensor, in_graph: bool, taken: set[int]) -> Tensor:
    """The gradient g as a tensor that shares nothing with another that can be written to.

    taken  the owners of the memory that is spoken for; that of g joins them
    """
    if in_graph and g._needs:
        return Tensor(g._data, g._node, True)  # memory inside of a graph is never overwritten
    array = g._data
    if isinstance(array, Absent) or backend.of(array).is_number(array):
        return Tensor(array)
    if id(owner(array)) in taken or 0 in array.strides:  # a stride of 0: one number shown many times
        array = array.copy()
    taken.add(id(owner(array)))
    return Tensor(array)
