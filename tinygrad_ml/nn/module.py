"""The base of all layers and networks: a module is what its attributes are.

    class Perceptron(nn.Module):
        def __init__(self):
            self.hidden = nn.Linear(784, 500)
            self.output = nn.Linear(500, 10)

        def forward(self, x):
            return self.output(F.sigmoid(self.hidden(x)))

Parameters, buffers and modules among the attributes are found in the order in which they were first
assigned; nothing has to be registered, and `super().__init__()` has nothing to do. An assignment
does one more thing: it tells what was assigned its path, `hidden.weight`, by which errors, pictures
and checkpoints call it.

Read before: `parameter.py`. Read next: `linear.py`, `containers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, ParamSpec, Protocol, Self, TypeVar
from weakref import ref

from ..backend import Device, dtypes
from ..errors import CheckpointError, DTypeError, OptionError
from ..functional import asarray, zeros_like
from ..modes import Place, modes
from ..spellings import Speller
from ..tensor import Tensor, TensorLike, as_tensor
from .parameter import Parameter, put

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class _Forwards(Protocol[P, R]):
    """What a type checker takes a module for that is called: the call has the arguments and the result of `forward`."""

    _called: str
    _hooks: tuple[Callable, ...]

    def forward(self, *inputs: P.args, **options: P.kwargs) -> R: ...


class Module(Speller):
    """The base class of networks and their parts. A subclass writes `forward`, and is called.

    training    whether it is being trained: layers like dropout and batch norm then act differently
    """

    training: bool = True
    _in_the_table = "model"
    _path: str = ""  # from the outermost module, in dots
    _called: str = ""  # what the module around it calls it; the outermost one has no name
    _buffers: Mapping[str, bool] = MappingProxyType({})  # name -> whether it goes into the state_dict
    _hooks: tuple[Callable, ...] = ()
    _given: frozenset[str] = frozenset()  # names of parameters and buffers for which `functional_call` has others

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the module computes. Call the module itself, which keeps track of where operations are made."""
        raise NotImplementedError(f"{type(self).__name__} is a module without forward(): define forward(self, x)")

    def __call__(self: _Forwards[P, R], *inputs: P.args, **options: P.kwargs) -> R:
        outer, busy = modes.scope, modes.busy
        modes.scope, modes.busy = (*outer, Place(self._called, type(self).__name__, ref(self))), True
        try:
            output = self.forward(*inputs, **options)
        finally:
            modes.scope, modes.busy = outer, busy
        for hook in self._hooks:
            replaced = hook(self, inputs, output)
            output = output if replaced is None else replaced
        return output

    def register_forward_hook(self, hook: Callable) -> _ForwardHook:
        """Call `hook(module, inputs, output)` after each forward; what it returns, if not None, is the output.

        Returns an object whose `remove()` takes the hook away.
        """
        return _ForwardHook(self, hook)

    def _relied_on_by_steps(self) -> dict[str, Any]:
        """What a compiled step takes for granted: the mode, who listens, which parameters and parts there are, and plain
        attributes such as a dropout's p."""
        public = {name: value for name, value in list(vars(self).items()) if name[0] != "_"}
        return public | {"_hooks": self._hooks, "training": self.training}

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Module):
            self._adopt(name, value)
        elif isinstance(value, Parameter) or (isinstance(value, Tensor) and name in self._buffers):
            if value.name is None:
                value.name = _join(self._path, name)
        elif value is not None and isinstance(vars(self).get(name), Parameter):
            what = value._described() if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise DTypeError(
                f"{name!r} of {type(self).__name__} is a parameter and cannot become {what}: assign nn.Parameter(...), or "
                f"overwrite its numbers with {name}.assign(...)"
            )
        object.__setattr__(self, name, value)

    def _adopt(self, name: str, child: Module) -> None:
        """Tell a module the name under which it becomes a part of this one."""
        if not any(child is known for known in vars(self).values()):
            child._call_it(self._name_of_part(name))
            child._place(_join(self._path, name))

    def _name_of_part(self, name: str) -> str:
        """What operations made in a part are filed under, inside of this module's own name.

        A list of modules is not called itself, and leaves no trace there: its parts bring its name along.
        """
        return _join(self._called, name) if type(self).forward is Module.forward else name

    def _call_it(self, name: str) -> None:
        self._called = name
        if type(self).forward is Module.forward:
            for part, child in self.named_children():
                child._call_it(self._name_of_part(part))

    def _place(self, path: str) -> None:
        """Rename what was named after the old path. Tied tensors are named after their first place, and keep that."""
        old = self._path
        for name, tensor in (*self._own_parameters(), *self._own_buffers()):
            if tensor.name == _join(old, name):
                tensor.name = _join(path, name)
        for name, child in self.named_children():
            if child._path == _join(old, name):
                child._place(_join(path, name))
        self._path = path

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as `self.name = param`."""
        setattr(self, self._free(name), param)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `self.name = module`."""
        setattr(self, self._free(name), module)

    add_module = register_module

    def register_buffer(self, name: str, tensor: TensorLike | None, persistent: bool = True) -> None:
        """A tensor that is state and not trained, such as a running mean: it moves and is saved with the module.

        persistent  whether it is part of the `state_dict`
        """
        self._buffers = {**self._buffers, self._free(name): persistent}
        setattr(self, name, None if tensor is None else as_tensor(tensor))

    def _free(self, name: str) -> str:
        if hasattr(type(self), name) or not name or "." in name:
            why = (
                "has a meaning of its own in every module"
                if hasattr(type(self), name)
                else "is empty or has a dot in it"
            )
            raise OptionError(f"{name!r} cannot name a part of a {type(self).__name__}: it {why}. Choose another name.")
        return name

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        given = self._given.difference(self._buffers)
        return ((name, value) for name, value in [*vars(self).items()] if isinstance(value, Parameter) or name in given)

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, vars(self)[name]) for name in self._buffers if vars(self).get(name) is not None)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules directly inside this one."""
        items = [*vars(self).items()]  # to which another thread may add one meanwhile
        return ((name, value) for name, value in items if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules directly inside this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module and all inside it, each before its parts.

        prefix            the path of this module
        remove_duplicate  hand out a module that stands in several places only once
        """
        return self._named_modules(prefix, set() if remove_duplicate else None)

    def _named_modules(self, prefix: str, seen: set[Module] | None) -> Iterator[tuple[str, Module]]:
        if seen is not None:
            if self in seen:
                return
            seen.add(self)
        yield prefix, self
        for name, child in self.named_children():
            yield from child._named_modules(_join(prefix, name), seen)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter), in the order of definition. Tied parameters come once, under their first path.

        prefix            the path of this module
        recurse           also those of the modules inside
        remove_duplicate  False also hands out the other paths of tied parameters
        """
        return self._collect(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, in the order of definition, each once: what an optimiser is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer), as `named_parameters`."""
        return self._collect(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _collect(self, own: Callable, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        modules = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, tensor in own(module):
                if not (remove_duplicate and tensor in seen):
                    seen.add(tensor)
                    yield _join(path, name), tensor

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        """What is saved, under every path: module by module, parameters before buffers."""
        for path, module in self.named_modules(remove_duplicate=False):
            for name, parameter in module._own_parameters():
                yield _join(path, name), parameter
            for name, buffer in module._own_buffers():
                if module._buffers[name]:
                    yield _join(path, name), buffer

    def state_dict(self) -> dict[str, Tensor]:
        """{path: tensor} of all parameters and persistent buffers, as they are now.

        The tensors are copies, on the device of the module: training on does not change them. Tied
        parameters are one tensor under each of their paths, and `tg.save` writes it once.
        """
        copies: dict[Tensor, Tensor] = {}
        state = {}
        for path, tensor in self._state():
            if tensor not in copies:
                copies[tensor] = Tensor(tensor._data if tensor.symbolic else tensor._data.copy())
            state[path] = copies[tensor]
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadedKeys:
        """Overwrite parameters and buffers by the numbers in `state_dict`; they stay on their device, in their dtype.

        state_dict  {path: tensor or array}
        strict      whether missing and extra entries are errors; entries of a wrong shape always are

        Returns the missing and the extra paths. Raises `CheckpointError`, which lists *all* that does
        not fit, before anything has been overwritten.
        """
        own = dict(self._state())
        given = {tensor for path, tensor in own.items() if path in state_dict}
        missing = [path for path, tensor in own.items() if tensor not in given]
        extra = [path for path in state_dict if path not in own]
        problems = []
        if strict:
            problems += [f"missing: {path}, of shape {own[path].shape}" for path in missing]
            problems += [f"extra: {path}, {_form(state_dict[path])}" for path in extra]
        for path, tensor in own.items():
            if path in state_dict and _form(state_dict[path]) != _form(tensor):
                problems.append(f"wrong shape: {path} is {_form(state_dict[path])}, and must be {_form(tensor)}")
        if problems:
            raise CheckpointError(
                f"this state does not fit {type(self).__name__}: it belongs to another architecture, or to a part of "
                "one. Nothing was loaded.\n  " + "\n  ".join(problems)
            )
        for path, tensor in own.items():
            if path in state_dict:
                _load(tensor, state_dict[path])
        return LoadedKeys(missing, extra)

    def train(self, mode: bool = True) -> Self:
        """Make this module and all inside it act as in training (or, with False, as in use). Returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The same as `train(False)`."""
        return self.train(False)

    def to(self, device: str | Device | None = None, dtype: Any = None) -> Self:
        """Move all parameters, their gradients, and buffers to a device, and convert the floating ones to a dtype.

        They stay the same objects, so an optimiser that was given them goes on with them. Returns the module.
        """
        for tensor in (*self.parameters(), *self.buffers()):
            put(tensor, _move(tensor, device, dtype))
            if tensor.grad is not None:
                tensor.grad = Tensor(_move(tensor.grad, device, dtype))
        return self

    def astype(self, dtype: Any) -> Self:
        """Convert all floating parameters, their gradients, and buffers to a dtype. Returns the module."""
        return self.to(dtype=dtype)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with `set_to_none=False`, make them zeros."""
        for parameter in self.parameters():
            forget_gradient(parameter, set_to_none)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters require gradients, or freeze them. Returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` on every module inside, and on this one last. Returns the module."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def extra_repr(self) -> str:
        """The options of the module, as they stand between the brackets of its `repr`."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        body = "\n  ".join(([extra] if extra else []) + lines)
        return f"{type(self).__name__}(\n  {body}\n)"


class LoadedKeys(NamedTuple):
    """What `load_state_dict` found no entry for, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class _ForwardHook:
    """Takes a forward hook away again."""

    def __init__(self, module: Module, hook: Callable):
        self._module, self._hook = module, hook
        module._hooks = (*module._hooks, hook)

    def remove(self) -> None:
        self._module._hooks = tuple(hook for hook in self._module._hooks if hook is not self._hook)


def forget_gradient(tensor: Tensor, set_to_none: bool) -> None:
    """Drop the gradient of a tensor, whether there is one or not, or overwrite it by zeros."""
    if set_to_none:
        tensor.grad = None
    elif tensor.grad is not None:
        tensor.grad = zeros_like(tensor.grad)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _form(value: Any) -> str:
    return f"of shape {tuple(value.shape)}" if hasattr(value, "shape") else f"a {type(value).__name__}"


def _load(target: Tensor, value: Any) -> None:
    if target.symbolic:  # the module was made without memory, and gets it now
        put(target, asarray(value, target.dtype, copy=True)._data)
    else:
        target.assign(as_tensor(value, target.dtype, target.device))


def _move(tensor: Tensor, device: str | Device | None, dtype: Any) -> Any:
    """The array of `tensor` on another device, or in another floating dtype; itself where nothing is to do."""
    moved = tensor.detach()
    if dtype is not None and dtypes.is_float(tensor.dtype):
        moved = moved.astype(dtype)
    return (moved if device is None else moved.to(device))._data
