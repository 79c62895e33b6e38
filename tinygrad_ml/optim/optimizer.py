"""What all optimisers share: groups of parameters, state for each parameter, and how an update is run.

An optimiser states its update once, as a pure function of tensors that reads like the paper:

    update(p, g, state, n, group) -> (new p, *new state)

with p a parameter, g its gradient, `state` a tuple of tensors of the same shape, and n the numbers of
this step (learning rate, corrections), which `numbers` computes in float64 on the host. It is
elementwise, so it can be run on any piece: on the CPU it becomes a loop over blocks that fit into the
cache (`loop.py`; `together.py` for small parameters), elsewhere it runs on whole tensors.

Read next: `sgd.py`, `adam.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Self, overload

import numpy

from .. import writes
from ..backend import Array
from ..denormals import flushed
from ..errors import CheckpointError, OptionError
from ..functional import full, tensor
from ..functional.reductions import widened
from ..modes import Options, each_time, enable_grad, modes, no_grad, rely_on, updating
from ..nn.module import forget_gradient
from ..spellings import refuse_unknown
from ..tensor import Tensor
from ..totals import accumulator
from .ahead import UpdatesAhead
from .loop import ElementwiseLoop, NotElementwise
from .together import PlainParameter, Together, as_state_of

MOST_TOGETHER = 16
"""Sets of parameters that were updated together of which it is kept how. Usually there is one for each group."""


class Optimizer:
    """The base of optimisers; a subclass gives `initial`, `numbers` and `update`.

    params    the tensors to train, as from `model.parameters()`; or groups, dictionaries with
              `"params"` and options of their own. One that occurs twice is updated once
    defaults  the options, for groups that do not give them

    param_groups  list of dictionaries: the options of each group, and its parameters under "params"
    state         {parameter: {"step": how many updates it has had, name: tensor}}
                  Of parameters of float16 it is float32, in which their updates are computed

    Raises `OptionError` for an option that the optimiser does not have, or an impossible value.
    """

    elementwise = True  # whether `update` is, so that it may run on any piece

    def __new__(cls, *args: Any, **options: Any) -> Self:
        refuse_unknown(cls, args, options)
        known = list(inspect.signature(cls.__init__).parameters)[2:]
        _check_options(cls, [name for name in options if name != "params"], known)
        return super().__new__(cls)

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.held: dict[Tensor, tuple[Tensor, Tensor]] = {}  # (number, gradient) in the place of a parameter's own
        self.begun: set[int] = set()  # the groups whose rate schedules took over, since no state was loaded
        self._loops: dict[tuple, ElementwiseLoop | None] = {}
        self._together: dict[tuple[int, ...], Together] = {}
        if isinstance(params, Tensor):
            raise OptionError(
                f"an optimiser takes several parameters: pass [parameter], not {params._described()} alone"
            )
        if hasattr(params, "parameters"):
            raise OptionError(
                f"an optimiser takes parameters: pass model.parameters(), not the {type(params).__name__}"
            )
        params = list(params)
        if not params:
            raise OptionError(
                "an optimiser needs at least one parameter, but got none: has the model any? Layers in a plain list or "
                "dictionary are not found: nn.ModuleList and nn.ModuleDict hold them"
            )
        for group in params if isinstance(params[0], Mapping) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Train more parameters: {"params": tensors, option: value, ...}; other options are the defaults."""
        if "params" not in param_group:
            raise OptionError('a group of parameters is a dictionary with the key "params"')
        _check_options(type(self), [name for name in param_group if name != "params"], list(self.defaults))
        given = param_group["params"]
        params = list(dict.fromkeys([given] if isinstance(given, Tensor) else given))
        taken = {p for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor) or not p.is_leaf:
                what = p._described() if isinstance(p, Tensor) else repr(p)
                raise OptionError(f"an optimiser changes leaf tensors, such as model.parameters(), and not {what}")
            if p in taken:
                raise OptionError(f"{p._described()} is in another group already: which options should it have?")
        group = {**self.defaults, **param_group, "params": params}
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise `OptionError` for impossible options."""

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        """The state that is kept for each parameter of the group, a tensor of its shape for each name, and what
        number it is full of at the start."""
        return {}

    def shapes(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Which of the state one parameter keeps, in its order, and of which shapes: by default all, of its own shape."""
        return dict.fromkeys(self.initial(group), p.shape)

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        """The numbers in the t-th update (t = 1, 2, ...): all that may change from one to the next."""
        raise NotImplementedError

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        """(new p, *new state), elementwise, or `elementwise` is False. `group` may decide the form, by which options are on; numbers are in `n`."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; with `set_to_none=False`, make them zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                forget_gradient(p, set_to_none)

    @overload
    def step(self) -> None: ...
    @overload
    def step(self, closure: Callable[[], Tensor]) -> Tensor: ...
    @overload
    def step(self, closure: None) -> None: ...
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update all parameters that have a gradient, and are not frozen. Denormal numbers are 0 meanwhile: see
        `denormals.py`.

        closure  clears the gradients, computes the loss, calls backward and returns the loss
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with flushed():
            for group in self.param_groups:
                moved = [p for p in group["params"] if p.grad is not None and p.requires_grad]
                if moved:
                    self._step_group(moved, group)
        return loss

    def _step_group(self, moved: list[Tensor], group: Mapping[str, Any]) -> None:
        """Update these parameters of a group."""
        alike: dict[int, list[Tensor]] = {}
        for p, t in zip(moved, each_time(partial(self._count, moved)), strict=True):
            alike.setdefault(t, []).append(p)
        unseen = self.elementwise and modes.recorder is None and not modes.watchers
        for t, params in alike.items():
            numbers: dict[numpy.dtype, dict[str, float]] = {}
            for p in self._step_together(params, t, group) if unseen else params:
                with no_grad(), updating(p.name, type(self).__name__):
                    self._step_one(p, group, numbers)
            if len(params) > 1:
                rely_on(UpdatesAhead(self, params))

    def _step_together(self, params: list[Tensor], t: int, group: Mapping[str, Any]) -> list[Tensor]:
        """Update for the t-th time those that are plain arrays, with as few calls as possible; the others."""
        given: list[tuple[Any, Any]] = [self.held[p] for p in params] if self.held else [(p, p.grad) for p in params]
        key, told, numbers = tuple(map(id, params)), [*map(bool, group.values())], self.numbers(group, t)
        known = self._together.get(key)
        if known is None or known.told != told or not known.step(self.state, given, numbers):
            if len(self._together) >= MOST_TOGETHER:
                self._together.clear()
            with no_grad():
                found = [self._plain(p, value, numbers, group) for p, (value, _) in zip(params, given, strict=True)]
            known = self._together[key] = Together(found, told)
            known.step(self.state, given, numbers)
        return [params[i] for i in known.others]

    def _plain(
        self, p: Tensor, value: Tensor, numbers: Mapping[str, float], group: Mapping[str, Any]
    ) -> PlainParameter | None:
        """The parameter, whose numbers are those of `value`, and its state as arrays of the host, if they are such, and their
        update is a loop."""
        names, kept, array = self.begin(p, group), self.state[p], value._data
        state = [(name, kept[name], kept[name]._data) for name in names]
        wide = accumulator(p.dtype) is p.dtype
        loop = self._loop_over([array, *[memory for *_, memory in state]], numbers, group) if wide else None
        return None if loop is None else PlainParameter(p, array, kept, state, loop)

    def _step_one(self, p: Tensor, group: Mapping[str, Any], numbers: dict[numpy.dtype, dict[str, float]]) -> None:
        """Update p. `numbers` of this step go by the dtype, for all parameters that have had as many updates."""
        value, gradient = self.held.get(p) or (p, p.grad)
        assert gradient is not None
        state, wide = self.state[p], accumulator(p.dtype)
        if wide not in numbers:
            beside = widened(value.detach())
            numbers[wide] = each_time(lambda: self.numbers(group, self.state[p]["step"]), beside)
        names = self.begin(p, group)
        tensors = (value, as_state_of(gradient, p), *[state[name] for name in names])
        arrays = [tensor._data for tensor in tensors]
        same = arrays[0].dtype == arrays[1].dtype and not modes.watchers
        loop = self._loop_over([value._data, *arrays[2:]], numbers[wide], group) if same else None
        if loop is None:
            self._overwrite(tensors, numbers[wide], group)
            return
        loop(arrays, numbers[wide])
        writes.wrote(value._data)

    def begin(self, p: Tensor, group: Mapping[str, Any]) -> list[str]:
        """Let p have its state, on its own device, if it was not updated yet; the names of what is kept."""
        state, initial, shapes = self.state.setdefault(p, {"step": 0}), self.initial(group), self.shapes(p, group)
        for name, shape in shapes.items():
            if name in state:
                kept = state[name] = as_state_of(state[name], p, shape)
            else:
                kept = state[name] = full(shape, initial[name], dtype=accumulator(p.dtype), device=p.device)
            if kept.name is None:
                kept.name = f"{p.name}.{name}" if p.name else name
        return list(shapes)

    def _count(self, params: list[Tensor]) -> list[int]:
        """Count another update of each of them; how many it has had."""
        known, counts = self.state, []
        for p in params:
            state = known.get(p)
            if state is None:
                state = known[p] = {"step": 0}
            state["step"] = count = state["step"] + 1
            counts.append(count)
        return counts

    def _overwrite(self, tensors: tuple[Tensor, ...], n: dict[str, float], group: Mapping[str, Any]) -> None:
        """Run the update of (p, g, *state), and put what it gives into the memory of p and its state."""
        p, g, *state = tensors
        results = self._updated((widened(p.detach()), g, *state), SimpleNamespace(**n), group)
        for old, new in zip((p, *state), results, strict=True):
            old.assign(new)

    def _updated(self, tensors: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        p, g, *state = tensors
        return self.update(p, -g if group.get("maximize") else g, tuple(state), n, group)

    def _loop_over(
        self, arrays: list[Array], n: Mapping[str, float], group: Mapping[str, Any]
    ) -> ElementwiseLoop | None:
        """The update of (p, g, *state) as a loop over host arrays, p and the state being these. It is made once for each form
        that it takes; None if it has no such form, or these arrays have none."""
        if not self.elementwise or not all(map(_in_order, arrays)):
            return None
        dtype, states = arrays[0].dtype, len(arrays) - 1
        key = dtype, states, *[bool(value) for name, value in group.items() if name != "params"]
        if key not in self._loops:
            try:
                self._loops[key] = ElementwiseLoop(
                    lambda tensors, n: self._updated(tensors, n, group),
                    (0, *range(2, 2 + states)),
                    2 + states,
                    tuple(n),
                    dtype,
                )
            except NotElementwise:
                self._loops[key] = None
        return self._loops[key]

    def _relied_on_by_steps(self) -> dict[str, Any]:
        """What a compiled step takes for granted: which options are 0 (by how much they are not, is asked anew in each
        step), how many parameters there are, and that it is still this state: `load_state_dict` brings another one."""
        return {"state": self.state, "options": Options(self.param_groups)}

    def __getstate__(self) -> dict[str, Any]:
        """What a copy of the optimiser, or a pickle of it, has: all but what it would find anew."""
        return {**self.__dict__, "_loops": {}, "_together": {}}

    def state_dict(self) -> dict[str, Any]:
        """The state and the options as they are now, for `tg.save`; parameters are numbered in order.

        {"state": {number: {"step": t, name: tensor}}, "param_groups": [{option: value, "params": numbers}]}
        """
        number = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        copy = lambda value: Tensor(value._data.copy()) if isinstance(value, Tensor) else value  # noqa: E731
        return {
            "state": {number[p]: {name: copy(value) for name, value in kept.items()} for p, kept in self.state.items()},
            "param_groups": [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned. Tensors go to the devices of the parameters.

        Raises `CheckpointError` for the state of another optimiser, or of other parameters.
        """
        groups = state_dict.get("param_groups", [])
        sizes, own = [len(group["params"]) for group in groups], [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise CheckpointError(f"the state is of groups with {sizes} parameters, but this optimiser has {own}")
        for saved in groups:
            if not saved.keys() >= self.defaults.keys():
                raise CheckpointError(
                    f"the state has the options {', '.join(saved)}; it is of another optimiser than {type(self).__name__}, "
                    f"whose options are {', '.join(self.defaults)}"
                )
        numbered = dict(enumerate((p, group) for group in self.param_groups for p in group["params"]))
        loaded: dict[Tensor, dict[str, Any]] = {}
        for number, kept in state_dict["state"].items():
            p, group = numbered[int(number)]
            loaded[p], shapes = {"step": int(kept["step"])}, self.shapes(p, group)
            for name in [name for name in kept if name != "step"]:
                value = tensor(kept[name])  # a copy, which the next step may overwrite
                shape = shapes.get(name, p.shape)
                if value.shape != shape:
                    raise CheckpointError(
                        f"{name!r} of parameter {number} has shape {value.shape}, but {p._described()} needs {shape}"
                    )
                loaded[p][name] = as_state_of(value, p, shape)
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({name: value for name, value in saved.items() if name != "params"})
        self.state = loaded
        self.begun.clear()

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        counts = [f"{sum(p.size for p in group['params']):,} numbers" for group in self.param_groups]
        return f"{type(self).__name__}({'; '.join(f'{count}: {options}' for count, options in zip(counts, groups, strict=True))})"


def _in_order(array) -> bool:
    return isinstance(array, numpy.ndarray) and array.flags.c_contiguous and array.flags.writeable


def _check_options(optimizer: type, given: list[str], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise OptionError(f"{optimizer.__name__} has no option {name!r}; it has {', '.join(known)}")


def require(group: Mapping[str, Any], **limits: Callable[[Any], bool]) -> None:
    """`OptionError` for each option of the group that its predicate refuses, and for what is no number to it."""
    for name, allowed in limits.items():
        try:
            fits = allowed(group[name])
        except TypeError:
            raise OptionError(
                f"{name}={group[name]!r} is of type {type(group[name]).__name__}, and must be a number"
            ) from None
        if not fits:
            raise OptionError(f"{name}={group[name]!r} is impossible")


def not_negative(value: float) -> bool:
    """Whether a number is 0 or more."""
    return value >= 0


def penalised(g: Tensor, p: Tensor, n: SimpleNamespace, group: Mapping[str, Any]) -> Tensor:
    """The gradient of L + ½λ·|θ|²: what "weight decay" means for most optimisers."""
    return g + p * n.weight_decay if group["weight_decay"] else g
