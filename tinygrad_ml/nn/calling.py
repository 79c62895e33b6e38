"""Modules as functions of their parameters. Read before: `module.py`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import OptionError
from ..functional import stack
from ..tensor import Tensor, TensorLike, as_tensor
from .module import Module

State = Mapping[str, TensorLike]


def functional_call(
    module: Module,
    parameters: State | Sequence[State],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs), with other tensors in the place of its parameters and buffers.

    parameters   {path: tensor}, with the paths of `named_parameters` and `named_buffers`, or several such; what is not among
                 them stays what it is. Gradients flow to these tensors
    args         a tuple of arguments, or a single one
    tie_weights  whether a tensor for one path of a tied parameter takes all its places
    strict       whether a path that is missing is an error

    The module itself does not change, in other threads neither, and also if the call fails: what is called is a copy of it that
    shares all else. Under `tg.vmap` it is a stack of models that is called: see `stack_module_state`. Raises `OptionError` for
    a path that the module does not have, or is given two tensors for.

    >>> model = nn.Linear(3, 2)
    >>> weights = {name: p * 0.5 for name, p in model.named_parameters()}
    >>> y = tg.functional_call(model, weights, tg.ones(3))     # model(tg.ones(3)), with half of each weight
    """
    given = _merged([parameters] if isinstance(parameters, Mapping) else parameters)
    places = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for name, tensor in (*part._own_parameters(), *part._own_buffers()):
            places[f"{path}.{name}" if path else name] = part, name, tensor
    _check_paths(module, given, places, tie_weights, strict)
    own = {part: copy.copy(part) for part in module.modules()}
    for part in own.values():
        vars(part).update({name: own[child] for name, child in part.named_children()})
    for path, tensor in given.items():
        _, _, replaced = places[path]
        for other, (part, name, tied) in places.items():
            if other == path or (tie_weights and tied is replaced):
                vars(own[part]).update({name: tensor, "_given": own[part]._given | {name}})
    before = {part: dict(vars(twin)) for part, twin in own.items()}
    result = own[module](*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    for part, twin in own.items():  # what forward has noted on itself
        changed = {name: value for name, value in vars(twin).items() if before[part].get(name, part) is not value}
        vars(part).update({name: value for name, value in changed.items() if name not in twin._given})
    return result


def _merged(states: Iterable[State]) -> dict[str, Tensor]:
    given: dict[str, Tensor] = {}
    for state in states:
        twice = [path for path in state if path in given]
        if twice:
            raise OptionError(f"functional_call is given two tensors for {', '.join(twice)}")
        given.update((path, as_tensor(tensor)) for path, tensor in state.items())
    return given


def _check_paths(module: Module, given: Mapping[str, Tensor], places: Mapping, tie_weights: bool, strict: bool) -> None:
    kind = type(module).__name__
    unknown = [path for path in given if path not in places]
    if unknown:
        raise OptionError(
            f"functional_call: a {kind} has no parameter or buffer {', '.join(map(repr, unknown))}; it has {', '.join(places)}"
        )
    original = {path: tensor for path, (_, _, tensor) in places.items()}
    if tie_weights:
        for path, tensor in given.items():
            other = next((p for p in given if original[p] is original[path] and given[p] is not tensor), None)
            if other is not None:
                raise OptionError(
                    f"functional_call: {path!r} and {other!r} are one tied parameter of a {kind}, and are given two tensors: give "
                    f"one, or pass tie_weights=False"
                )
    reached = [original[path] for path in given] if tie_weights else []
    missing = [path for path in places if path not in given and not any(original[path] is tensor for tensor in reached)]
    if strict and missing:
        raise OptionError(f"functional_call: nothing is given for {', '.join(missing)} of a {kind}, and strict=True")


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of models of one architecture, each stacked along a new first axis: an ensemble.

    >>> parameters, buffers = tg.stack_module_state(models)
    >>> call = lambda p, b, x: tg.functional_call(models[0], (p, b), x)
    >>> ys = tg.vmap(call, in_axes=(0, 0, None))(parameters, buffers, x)     # (models, ...)

    They are leaves, and the parameters require gradients as those of the first model do.
    """
    if not models or len({type(model) for model in models}) > 1:
        raise OptionError("stack_module_state stacks the parameters of models of one class, at least one")
    found: tuple[dict[str, Tensor], dict[str, Tensor]] = {}, {}
    for state, named in zip(found, (Module.named_parameters, Module.named_buffers), strict=True):
        each = [dict(named(model)) for model in models]
        if len({tuple(part) for part in each}) > 1:
            raise OptionError("stack_module_state: the models do not have the same parameters and buffers")
        for path, first in each[0].items():
            state[path] = stack([part[path].detach() for part in each])
            state[path].requires_grad = first.requires_grad
    return found
