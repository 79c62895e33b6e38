"""Derivatives to any order: everything here is a use of one walk, `graph.backpropagate`.

`grad` is the base: it returns gradients and changes nothing. `backward` is sugar for training
loops: it stores them in `.grad`. The others differentiate functions:

    vjp       vᵀ·J      one walk back
    jvp       J·v       two walks back: the vjp is linear in v, and its derivative is J·v
    hvp       H·v       the gradient of gradᵀ·v
    jacobian, hessian   a walk for each row

Read before: `graph.py`. Read next: `functional/`.
"""

import sys
from collections.abc import Callable, Sequence

import numpy

from . import backend
from .backend import Absent, is_float, owner
from .errors import AnomalyError, DeviceError, DTypeError, GradientError, ShapeError
from .graph import ZERO, backpropagate
from .modes import differentiating, enable_grad, inside, modes, no_grad, watching
from .ops import OUTPUT
from .ops.elementwise import constant_in
from .tensor import Tensor, apply, beside, filled, tensor

__all__ = [
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "vjp",
]


def backward(self, gradient=None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add the gradient of this tensor to the `.grad` of every leaf that requires one.

    gradient      ∂L/∂self, in the shape of the tensor; 1 by default, for a tensor of one element
    retain_graph  keep what the graph has saved, so that it can be walked again
    create_graph  record the walk itself, so that `.grad` can be differentiated; retains too

    Raises `GradientError` for a tensor that does not require a gradient, a tensor of several
    elements without `gradient`, a graph that was freed, or saved numbers that were overwritten.
    """
    seeds = _seeds((self,), None if gradient is None else (gradient,))
    free = not (retain_graph or create_graph)
    taken = _owners(seeds)
    for node, g in _walk(seeds, None, create_graph, free).items():
        target = node.tensor()
        if target is None:
            continue
        g = _zeros(node) if g is ZERO else g
        if target.grad is not None:
            g = target.grad + g
        target.grad = _own(g, create_graph, taken)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of Σ outputs with respect to each of the inputs, as a tuple.

    outputs       tensors; of one element each, unless `grad_outputs` is given
    inputs        tensors that require gradients, leaves or computed ones
    grad_outputs  ∂L/∂output for each output, of its shape; None means ones
    create_graph  record the computation, so that the result can be differentiated in turn
    allow_unused  return None for an input that the outputs do not depend on, instead of an error

    Nothing is stored and nothing is freed. A gradient that is zero everywhere, such as the second
    derivative of a linear function, comes out as zeros.

    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (dy,) = tg.grad(x**3, x, create_graph=True)         # 27
    >>> tg.grad(dy, x)                                      # (18,)
    """
    inputs = _as_tuple(inputs)
    for x in inputs:
        if not isinstance(x, Tensor) or not x.requires_grad:
            what = x._described() if isinstance(x, Tensor) else repr(x)
            raise GradientError(
                f"grad with respect to {what}, which does not require a gradient: set requires_grad=True before computing with it"
            )
    outputs = _as_tuple(outputs)
    seeds = _seeds(outputs, None if grad_outputs is None else _as_tuple(grad_outputs))
    found = _walk(seeds, [x.node for x in inputs], create_graph, free=False)
    results: list[Tensor | None] = []
    taken = _owners(seeds)
    for x in inputs:
        g = found.get(x.node)
        if g is None and not allow_unused:
            raise GradientError(
                f"the outputs do not depend on {x._described()} in this graph. Pass allow_unused=True to get None for it."
            )
        if g is ZERO:
            g = _zeros(x.node)
        if g is not None and create_graph:
            # A gradient that is constant is a function of the inputs too, and of the gradients given:
            # one with derivative 0.
            with enable_grad():
                g = apply(constant_in, (g, *inputs, *[seed for seed in seeds.values() if seed._needs]))
        results.append(g if g is None else _own(g, create_graph, taken))
    return tuple(results)


def _walk(seeds, wanted, create_graph: bool, free: bool) -> dict:
    here = backend.of(next(iter(seeds.values()))._data)
    with here.quiet():  # an infinite slope is an answer
        if create_graph:
            with enable_grad(), differentiating() as follow:
                return backpropagate(seeds, wanted, _restored_in_graph, observe=follow)
        return backpropagate(seeds, wanted, _restored, free=free)


def _restored(arrays: tuple, node) -> list[Tensor]:
    """What a node had saved, as constants."""
    return list(map(Tensor, arrays))


def _restored_in_graph(arrays: tuple, node) -> list[Tensor]:
    """What a node had saved, as the functions of the inputs that they are: to be differentiated again."""
    sources = [node if place == OUTPUT else node.inputs[place] for place in node.plan.kept]
    return [Tensor(array, source, source.needs_grad) for array, source in zip(arrays, sources, strict=True)]


def _as_tuple(what) -> tuple:
    return tuple(what) if isinstance(what, (tuple, list)) else (what,)


def _seeds(outputs: tuple[Tensor, ...], gradients: tuple | None) -> dict:
    """The gradient with which the walk starts at each output."""
    if gradients is not None and len(gradients) != len(outputs):
        raise GradientError(f"{len(gradients)} gradients given for {len(outputs)} outputs")
    seeds: dict = {}
    for position, output in enumerate(outputs):
        if not isinstance(output, Tensor) or not output.requires_grad:
            what = output._described() if isinstance(output, Tensor) else repr(output)
            raise GradientError(
                f"no gradient can flow from {what}: it was not computed from tensors with requires_grad=True, "
                f"it was computed inside no_grad(), or by a function that tg.compile has made a step of: what that returns is "
                f"outside of every graph, so call backward() inside of the function"
            )
        given = gradients[position] if gradients is not None else None
        seed = _ones(output) if given is None else _fitting(given, output)
        seeds[output.node] = seeds[output.node] + seed if output.node in seeds else seed
    return seeds


def _ones(output: Tensor) -> Tensor:
    if output.size != 1:
        raise GradientError(
            f"the gradient of {output._described()} needs a starting gradient of the same shape, because it has "
            f"{output.size} elements. Reduce it to one number first, as in y.sum(), or pass one."
        )
    return filled(output.shape, 1, output.dtype, output.device)


def _zeros(node) -> Tensor:
    return filled(node.shape, 0, node.dtype, node.device)


def _fitting(given, output: Tensor) -> Tensor:
    given = beside(given, output)
    problems = []
    if given.shape != output.shape:
        problems.append(f"shape {given.shape} instead of {output.shape}")
    if given.dtype != output.dtype:
        problems.append(f"dtype {given.dtype} instead of {output.dtype}")
    if given.device != output.device:
        problems.append(f"device {given.device} instead of {output.device}")
    if problems:
        kind = ShapeError if given.shape != output.shape else DTypeError if given.dtype != output.dtype else DeviceError
        raise kind(f"the gradient given for {output._described()} has {', '.join(problems)}")
    return given


def _owners(seeds: dict) -> set[int]:
    """The memory of the seeds, which somebody else can see."""
    return {id(owner(seed._data)) for seed in seeds.values()}


def _own(g: Tensor, in_graph: bool, taken: set[int]) -> Tensor:
    """The gradient g as a tensor that shares nothing with another that can be written to.

    taken  the owners of the memory that is spoken for; that of g joins them
    """
    if in_graph and g._needs:
        return Tensor(g._data, g._node, True)  # memory inside of a graph is never overwritten
    array = g._data
    if isinstance(array, (numpy.generic, Absent)):
        return Tensor(array)
    if id(owner(array)) in taken or 0 in array.strides:  # a stride of 0: one number shown many times
        array = array.copy()
    taken.add(id(owner(array)))
    return Tensor(array)


# -- derivatives of functions ------------------------------------------------------------------------


def _leaves(x) -> tuple[Tensor, ...]:
    """Fresh leaves with the numbers of x, so that differentiating a function leaves no trace."""
    return tuple(
        tensor(part.detach() if isinstance(part, Tensor) else part, requires_grad=True) for part in _as_tuple(x)
    )


def _like_given(results: Sequence, given):
    """A tuple where a tuple of inputs was given, a single tensor where one was."""
    return tuple(results) if isinstance(given, (tuple, list)) else results[0]


def vjp(f: Callable, *x: Tensor) -> tuple:
    """f(*x) and the function v -> vᵀ·J, J being the Jacobian of f at x.

    Returns (y, pullback). `pullback(v)`, with v of the shape of y, returns a tuple: the gradient of
    Σ v·f with respect to each x. It can be called any number of times.
    """
    inputs = _leaves(x)
    with enable_grad():
        y = f(*inputs)

    def pullback(*v):
        found = grad(y, inputs, v, allow_unused=True)
        return tuple(_zeros(leaf.node) if g is None else g for g, leaf in zip(found, inputs, strict=True))

    return (tuple(part.detach() for part in y) if isinstance(y, (tuple, list)) else y.detach()), pullback


def jvp(f: Callable, x, v) -> tuple[Tensor, Tensor]:
    """f(x) and its derivative in the direction v: (y, J·v).

    x is a tensor, or a tuple of tensors for a function of several; v likewise, of the same shapes.
    Source: the "double backward" identity, J·v = ∂/∂u (uᵀ·J·v), as vᵀ·J is linear in its vector.
    """
    inputs, directions = _leaves(x), _as_tuple(v)
    with enable_grad():
        y = f(*inputs)
    u = tensor(_ones_of(y), requires_grad=True)
    pulled = grad(y, inputs, u, create_graph=True, allow_unused=True)
    used = [(g, beside(d, g)) for g, d in zip(pulled, directions, strict=True) if g is not None]
    if not used:
        return y.detach(), _zeros(y.node)
    (tangent,) = grad([g for g, _ in used], u, [_fitting(d, g) for g, d in used])
    return y.detach(), tangent


def hvp(f: Callable, x, v):
    """H·v, where H is the Hessian of the scalar function f at x: the gradient of gradᵀ·v.

    x and v are tensors of one shape, or tuples of such. Costs about two gradients; H is never built.
    Source: B. Pearlmutter, "Fast Exact Multiplication by the Hessian" (1994).
    """
    inputs, directions = _leaves(x), _as_tuple(v)
    first = _gradient_with_graph(f, inputs)
    second = grad(first, inputs, [_fitting(d, g) for g, d in zip(first, directions, strict=True)])
    return _like_given(second, x)


def jacobian(f: Callable, x):
    """J[i, j] = ∂f(x)ᵢ / ∂xⱼ, of shape (*f(x).shape, *x.shape); for a tuple x a tuple of such.

    One walk back for each element of the output.
    """
    inputs = _leaves(x)
    with enable_grad():
        y = f(*inputs)
    return _like_given(_rows(y, inputs), x)


def hessian(f: Callable, x):
    """H[i, j] = ∂²f(x) / ∂xᵢ∂xⱼ of a scalar function, of shape (*x.shape, *x.shape).

    For a tuple x, a tuple of rows of blocks: hessian(f, (a, b))[0][1] is ∂²f/∂a∂b.
    """
    inputs = _leaves(x)
    first = _gradient_with_graph(f, inputs)
    rows = [tuple(_rows(g, inputs)) for g in first]
    return tuple(rows) if isinstance(x, (tuple, list)) else rows[0][0]


def _gradient_with_graph(f: Callable, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with enable_grad():
        y = f(*inputs)
        if not isinstance(y, Tensor) or y.size != 1:
            given = y._described() if isinstance(y, Tensor) else repr(y)
            raise GradientError(
                f"a Hessian is of a function to one number, but f returned {given}; reduce it, as by sum()"
            )
        found = grad(y, inputs, create_graph=True, allow_unused=True)
        return [
            apply(constant_in, (_zeros(x.node), *inputs)) if g is None else g
            for g, x in zip(found, inputs, strict=True)
        ]


def _rows(y: Tensor, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """The derivative of every element of y with respect to each input: (*y.shape, *x.shape)."""
    here = backend.of(y._data)
    blocks = [here.filled((y.size, *x.shape), 0, x.dtype, y.device.index) for x in inputs]
    for position in range(y.size):
        one = here.filled((y.size,), 0, y.dtype, y.device.index)
        one[position] = 1
        for block, g in zip(blocks, grad(y, inputs, Tensor(one.reshape(y.shape)), allow_unused=True), strict=True):
            if g is not None:
                block[position] = g._data
    return [Tensor(block.reshape((*y.shape, *x.shape))) for block, x in zip(blocks, inputs, strict=True)]


def _ones_of(y: Tensor) -> Tensor:
    return filled(y.shape, 1, y.dtype, y.device)


# -- finding where a nan comes from --------------------------------------------------------------------


class detect_anomaly(watching):
    """Inside, an operation that makes a nan out of numbers raises `AnomalyError` at once.

    In the forward pass the error names the operation, its inputs, its module and the line of the
    program; in the backward pass also the operation whose gradient it was. Every result is looked
    at, which costs time (and on a GPU waits for the device): for finding a fault, not for training.

    >>> with tg.detect_anomaly():
    ...     loss = model(x); loss.backward()
    """

    def __init__(self):
        super().__init__(_stop_at_nan)


def _stop_at_nan(op, inputs, params, output: Tensor) -> None:
    line = _line_of_the_program()
    if output._node is not None:
        output._node.line = line
    if output.symbolic or not _has_nan(output) or any(_has_nan(tensor) for tensor in inputs):
        return
    given = ", ".join(tensor._described() for tensor in inputs)
    raise AnomalyError(f"'{op.name}'{inside(modes.scope)} made nan out of {given}, called at {line}")


def _has_nan(x: Tensor) -> bool:
    return is_float(x.dtype) and bool(backend.of(x._data).isnan(x._data).any())


def _line_of_the_program() -> str:
    """File and line of the innermost caller outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
