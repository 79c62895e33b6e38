"""The layer, Keras's kind of module: it makes its weights when it first sees an input, and can be called on symbols.

A layer is an `nn.Module` whose parameters Keras calls weights. Called on tensors, it computes. Called on what
`Input` returns, it computes shapes only, and the call is remembered, so that `Model(inputs, outputs)` can repeat it.

Read before: `weights.py`. Read next: `core.py`; `symbols.py` and `input.py` for the calls that are remembered, and
`../models/functional.py` for what becomes of them.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self, TypeVar, overload

from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError, ShapeError
from ...functional import symbol
from ...structure import leaves, mapped, packed_like
from ...tensor import Tensor, as_tensor
from .. import activations, regularizers
from ..absent import NotYetError
from ..arguments import options_of
from ..checks import truth
from ..masks import mask_of, masks_for, masks_of, warn_of_lost_mask, with_masks
from ..naming import unique_name
from ..serialization import Configurable, serialize
from .input_spec import as_input, as_option, check_inputs
from .phase import in_phase, phase
from .shapes import arguments_of, flatten_shapes, map_shapes, shapes_of, symbols_of
from .signatures import marks_as_built, masks_taken, positional, refuse, training_of
from .symbols import OTHER, UNKNOWN, LayerCall, PartialShape, differing, has_unknown, symbols_behind, twin
from .weights import Weights

R = TypeVar("R", covariant=True)


class _Calls(Protocol[R]):
    """What a type checker takes a layer for that is called: the result is that of `call`."""

    def call(self, *inputs: Any, **options: Any) -> R: ...


_adding_losses: weakref.WeakSet[Layer] = weakref.WeakSet()
"""The layers that have ever added a loss: as long as there are none, no call has any to forget."""


class Layer(Configurable, Weights):
    """The base of layers. A subclass makes its weights in `build(input_shape)` and computes in `call(inputs)`.

    name                  by default after the class: dense, dense_1, ...
    trainable             False freezes its weights
    dtype                 float32; others are not offered
    activity_regularizer  a penalty on the output, divided by the size of the batch
    input_shape           the shape of an input without the batch, for the first layer of a `Sequential`;
                          `input_dim` is the same for a single axis

    input_spec            an attribute: an `InputSpec`, or a list of such, which inputs are compared with
    """

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        input_dim: int | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        **unknown: Any,
    ):
        refuse(type(self).__name__, unknown, options_of(type(self)))
        if dtype not in (None, "float32") and dtypes.as_dtype(getattr(dtype, "name", dtype)) != DEFAULT_FLOAT:
            raise OptionError(f"{type(self).__name__}: layers compute in float32, and not in {dtype}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise OptionError(f"name={name!r} must be a string without /")
        if batch_input_shape is not None:
            self.given_input_shape = tuple(batch_input_shape)[1:]
        elif input_dim is not None:
            self.given_input_shape = (input_dim,)
        else:
            self.given_input_shape = None if input_shape is None else tuple(input_shape)
        self.name = unique_name(type(self)) if name is None else name
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = truth(f"{type(self).__name__}: trainable", trainable)

    dtype = variable_dtype = compute_dtype = "float32"
    supports_masking = False  # whether masks of inputs go on to outputs, as `compute_mask` says
    input_spec: Any = None
    _calls: list[LayerCall]
    _build_shapes: Mapping[str, Any] | None = None  # what `build` was given
    _added_losses: tuple = ()
    _training: tuple[bool, bool | None] = (False, None)  # whether `call` takes `training`, and by default which
    _takes_masks: frozenset[str] = frozenset()  # the arguments of `call` that are masks

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls, *args, **kwargs)
        object.__setattr__(made, "_calls", [])
        return made

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "build" in vars(cls):
            cls.build = marks_as_built(cls.build)
        if "call" in vars(cls):
            cls._training, cls._takes_masks = training_of(cls.call), masks_taken(cls.call)
        if "compute_mask" in vars(cls):
            cls.supports_masking = True

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes over: all but the symbols that the layer was called on."""
        return {**vars(self), "_calls": [], "_added_losses": ()}

    def build(self, *input_shape: Any, **shapes: Any) -> None:
        """Make the weights for inputs of this shape, whose first entry, the batch, is None.

        A `build` of several arguments `a_shape`, `b_shape` is given the shapes of the arguments `a`, `b` of `call`. Where
        there is no `build` of its own, a layer is run on symbols, so that the layers inside make their weights.
        """
        if type(self).call is not Layer.call and any(not getattr(part, "built", True) for part in self._sublayers()):
            self._run(*arguments_of(input_shape, shapes))

    def call(self, *inputs: Any, **options: Any) -> Any:
        """What the layer computes. It may take `training=`, and `mask=`: the mask of the input, where it has one."""
        raise NotImplementedError(f"{type(self).__name__} is a layer without call(): define call(self, inputs)")

    def compute_output_shape(self, *input_shape: Any, **shapes: Any) -> Any:
        """The shape of the output for an input of this shape; the batch is what it was there, None what is unknown."""
        every = flatten_shapes((*input_shape, *shapes.values()))

        def run(unknown: int) -> Any:
            given, named = arguments_of(input_shape, shapes, unknown)
            if not self.built:
                self._build(*given, **named)
            return self._run(given, named)

        output = other = run(UNKNOWN)
        if any(None in shape[1:] for shape in every):
            other = run(OTHER)
        first = next((shape for shape in every if shape), (None,))
        pairs = zip(leaves(output), leaves(other), strict=True)
        return packed_like(output, [(first[0], *differing(a.shape, b.shape)[1:])[: a.ndim] for a, b in pairs])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the output, from that of the inputs: it stays, if the layer says `supports_masking`."""
        return previous_mask

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """The symbols that come out for these symbols, or for tensors of these shapes."""
        if self._tells_shape:
            return symbols_of(
                self._call_with_shapes("compute_output_shape", self._shapes_of_arguments(inputs, options))
            )
        given = [mapped(lambda t: symbol(t.shape, t.dtype), one) for one in inputs]
        if not self.built:
            self._build(*given)
        return self._run(given, options)

    @property
    def _tells_shape(self) -> bool:
        """Whether a `compute_output_shape` of its own tells what comes out, so that `call` need not run on symbols."""
        return type(self).compute_output_shape is not Layer.compute_output_shape

    def _run(self, inputs: list, options: dict[str, Any]) -> Any:
        """Compute on symbols that nobody remembers."""
        with in_phase(phase.training, True):
            output = super().__call__(*inputs, **(options | self._training_for(None)))
        self._forget_losses()
        return output

    def add_loss(self, loss: Any) -> None:
        """Penalties of this call, to be added to the loss: a 0-d tensor, or a list of such."""
        for one in leaves(loss):
            one = one if callable(one) else as_tensor(one)
            if isinstance(one, Tensor) and one.ndim:
                raise ShapeError(f"add_loss takes a 0-d tensor, and not {one._described()}: sum it, or take its mean")
            self._added_losses = (*self._added_losses, one)
        _adding_losses.add(self)

    @overload
    def __call__(self: _Calls[R], *inputs: Any, training: bool | None = None, **options: Any) -> R: ...

    @overload
    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any: ...

    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """Compute; or, on symbols, remember the call.

        training  whether layers such as dropout act as in training; by default as the call around this one, or as the
                  layer's `call` has it by default
        """
        if "name" not in vars(self):
            raise OptionError(f"{type(self).__name__} does not call super().__init__() in its __init__: do so first")
        inputs, options = mapped(as_input, inputs), {name: as_option(value) for name, value in options.items()}
        told = self._training_for(training)
        outermost = not phase.inside
        if outermost:
            self._forget_losses()
        if self.input_spec is not None and inputs:
            check_inputs(self.name, self.input_spec, inputs[0])
        recorded = outermost and any(map(symbols_behind, leaves((inputs, list(options.values())))))
        with in_phase(told.get("training", phase.training if training is None else training), True):
            if not self.built:
                self._build(*inputs, **options)
            given = options | self._masks(inputs, options) | told
            output = self._with_masks(self._outcome(inputs, given, recorded), inputs, given)
            shapes = self._shapes_out(output, inputs, given) if recorded else None
        if self.activity_regularizer is not None:
            for tensor in leaves(output):
                self.add_loss(self.activity_regularizer(tensor) / max(tensor.shape[0], 1))
        if recorded:
            self._forget_losses()
            call = LayerCall(self, inputs, options if training is None else options | {"training": training})
            return call.returned(output, shapes)
        return output

    def _outcome(self, inputs: tuple, options: dict[str, Any], recorded: bool) -> Any:
        """What comes out: where the call is recorded, symbols of the shapes that the layer tells, if it does."""
        output = self._ask_for_output(inputs, options) if recorded else None
        return super().__call__(*inputs, **options) if output is None else output

    def _masks(self, inputs: tuple, options: dict[str, Any]) -> dict[str, Any]:
        """The masks that `call` takes, and was not given."""
        if not self._takes_masks or not any(
            mask_of(leaf) is not None for leaf in leaves((inputs, list(options.values())))
        ):
            return {}
        return masks_for(inspect.signature(self.call).bind_partial(*inputs, **options).arguments, self._takes_masks)

    def _with_masks(self, output: Any, inputs: tuple, options: dict[str, Any]) -> Any:
        """The output with the masks that `compute_mask` says."""
        first = inputs[0] if inputs else next(iter(options.values()), None)
        before = masks_of(first) if options.get("mask") is None else options["mask"]
        if self.supports_masking:
            if before is None and type(self).compute_mask is Layer.compute_mask:
                return output
            return with_masks(output, self.compute_mask(first, before))
        if before is not None:
            warn_of_lost_mask(self)
        return output

    def _shapes_out(self, output: Any, inputs: tuple, options: dict[str, Any]) -> list[PartialShape]:
        """The shapes of what comes out, None where a size depends on one that is unknown."""
        parts = leaves(output)
        if not any(map(has_unknown, leaves((inputs, list(options.values()))))):
            return [(None, *tensor.shape[1:]) for tensor in parts]
        other = leaves(self._outcome(mapped(twin, inputs), mapped(twin, options), True))
        return [differing(a.shape, b.shape) for a, b in zip(parts, other, strict=True)]

    def _ask_for_output(self, inputs: tuple, options: dict[str, Any]) -> Any:
        """What a method of the layer's own says that comes out; None if there is none."""
        if type(self).compute_output_spec is Layer.compute_output_spec and not self._tells_shape:
            return None
        try:
            return self.compute_output_spec(*inputs, **options)
        except NotImplementedError:
            return None

    def forward(self, *inputs: Any, **options: Any) -> Any:
        around, phase.calling = phase.calling, self
        try:
            return self.call(*inputs, **options)
        finally:
            phase.calling = around

    def _training_for(self, training: bool | None) -> dict[str, bool | None]:
        """What `call` is told: what the caller says, or the call around this one, or else what it has by default."""
        takes, default = self._training
        if not takes:
            return {}
        now = next((one for one in (training, phase.training, default) if one is not None), None)
        return {"training": None if now is None else bool(now)}

    def _build(self, *inputs: Any, **options: Any) -> None:
        """Make the weights, from the first inputs that the layer sees."""
        shapes = self._shapes_of_arguments(inputs, options)
        if type(self).build is Layer.build:  # the layers inside build themselves as `call` comes to them
            self._build_shapes = {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else shapes
        else:
            self._call_with_shapes("build", shapes)
        self.built = True

    def _call_with_shapes(self, method: str, shapes: dict[str, Any]) -> Any:
        """What `build` or the like returns for the shapes of arguments: the first, if it takes one, else those by name."""
        names = positional(getattr(type(self), method))
        if len(names) < 2:
            return getattr(self, method)(*[next(iter(shapes.values()), None)][: len(names)])
        needed = inspect.signature(getattr(self, method)).parameters
        if missing := [
            name for name in names if name not in shapes and needed[name].default is inspect.Parameter.empty
        ]:
            raise OptionError(
                f"{method} of {type(self).__name__} takes {', '.join(names)}: each must be an argument of call with _shape "
                f"after its name, and {', '.join(missing)} is not"
            )
        return getattr(self, method)(**{name: shapes[name] for name in names if name in shapes})

    def _shapes_of_arguments(self, inputs: tuple, options: Mapping[str, Any]) -> dict[str, Any]:
        """{name of an argument of `call` with _shape after it: the shapes of the tensors in it}."""
        given = inspect.signature(self.call).bind_partial(*inputs, **options).arguments
        named = {f"{name}_shape": shapes_of(value) for name, value in given.items() if name not in self._takes_masks}
        return {name: shape for name, shape in named.items() if any(flatten_shapes(shape))}

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build` was given, so that a copy can be built alike; None before."""
        if self._build_shapes is None:
            return None
        shapes = dict(self._build_shapes)
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build as `get_build_config` says."""
        given = config.get("shapes_dict") or config
        shapes = {name: map_shapes(tuple, shape) for name, shape in given.items() if shape is not None}
        if not self.built and shapes:
            self.build(shapes["input_shape"]) if set(shapes) == {"input_shape"} else self.build(**shapes)

    @property
    def losses(self) -> list[Tensor]:
        """The penalties on weights, and those of the last call on outputs."""
        own = [regularizer(weight) for regularizer, weight in self._regularized if weight.requires_grad]
        inner = [loss for layer in self._sublayers() if isinstance(layer, Layer) for loss in layer.losses]
        return own + [loss() if callable(loss) else loss for loss in self._added_losses] + inner

    def _own_layers(self) -> Iterator[Layer]:
        """This layer and all inside it."""
        return (module for module in self.modules() if isinstance(module, Layer))

    def _forget_losses(self) -> None:
        """Forget the penalties of the last call."""
        for layer in self._own_layers() if _adding_losses else ():
            layer._added_losses = ()

    def _only_call(self) -> LayerCall:
        if len(self._calls) != 1:
            times = "not been called on a symbol" if not self._calls else "been called several times"
            kind = OptionError if self._calls else NotYetError
            raise kind(f"layer {self.name!r} has {times}, so it has no one input and output")
        return self._calls[0]

    @property
    def input(self) -> Any:
        """The symbol that the layer was called on, if that happened once."""
        inputs = self._only_call().inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbol that came out of the layer, if it was called on one once."""
        return self._only_call().output

    @property
    def output_shape(self) -> Any:
        """The shape of `output`; the batch is None."""
        return shapes_of(self.output)

    @property
    def input_shape(self) -> Any:
        """The shape of `input`; the batch is None."""
        return shapes_of(self.input)

    def _options(self, kind: type) -> dict[str, Any]:
        base = {"name": self.name, "trainable": self._trainable, "dtype": "float32"}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = serialize(self.activity_regularizer)
        own = {
            name: self._option(name, default)
            for name, default in options_of(kind, Layer).items()
            if name not in _NOT_WRITTEN and name not in base
        }
        taken = options_of(kind)
        base = {name: value for name, value in base.items() if name in taken}
        named = {name: activations.name_of(value) for name, value in own.items() if name.endswith("activation")}
        return base | {name: serialize(value) for name, value in (own | named).items()}

    def extra_repr(self) -> str:
        return f"name={self.name!r}"


_NOT_WRITTEN = {"activity_regularizer", "input_length", "flash_attention", "use_cudnn", "weights"}
"""Options that `Layer` writes itself, or that need not be written."""

Layer.build = marks_as_built(Layer.build)
