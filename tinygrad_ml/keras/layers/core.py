"""Dense, Activation, Embedding, Lambda; and, as in Keras's first version, the other layers one begins with.

Read before: `base.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...backend import dtypes
from ...errors import OptionError
from ...functional import tanh, tensordot
from ...nn import functional as F
from ...structure import leaves
from ...tensor import Tensor, as_tensor
from .. import activations
from ..absent import not_offered
from ..arguments import accepts_old
from ..checks import number, whole
from ..masks import with_masks
from ..serialization import serialize
from .base import Layer
from .input import Input, InputLayer  # noqa: F401  where old courses import them from, and those below
from .input_spec import InputSpec
from .regularization import Dropout  # noqa: F401
from .reshaping import Flatten, Permute, RepeatVector, Reshape  # noqa: F401

OLD_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
"""What Keras's first version called the options of a kernel and a bias."""


class Dense(Layer):
    """y = g(x·W + b), W being `kernel` of shape (in, units), b `bias` of shape (units,).

    units                the size of the output's last axis; all axes before it are batches
    activation           g, by name or as a function; none by default
    use_bias             whether b is added
    kernel_initializer, bias_initializer                      by default glorot_uniform, zeros
    kernel_regularizer, bias_regularizer, activity_regularizer   penalties added to the loss
    kernel_constraint, bias_constraint                        what holds again after each update
    """

    supports_masking = True

    @accepts_old(output_dim="units", **OLD_KERNEL)
    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.units, self.activation, self.use_bias = whole("units", units), activations.get(activation), use_bias
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        self.kernel = self._weight("kernel", (input_shape[-1], self.units))
        self.bias = self._weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs)
        inputs = inputs if dtypes.is_float(inputs.dtype) else inputs.astype(self.kernel.dtype)
        # Not F.linear: the gradient of x·W comes in the memory order in which Keras lays out W.
        y = inputs @ self.kernel if inputs.ndim == 2 else tensordot(inputs, self.kernel, axes=1)
        y = y if self.bias is None else y + self.bias
        return y if self.activation is None else self.activation(y)


class Activation(Layer):
    """y = g(x), g an activation function by name, or any function of a tensor."""

    supports_masking = True

    def __init__(self, activation: str | Callable, **options: Any):
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Tensor:
        return self.activation(inputs)


class Identity(Layer):
    """y = x."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Embedding(Layer):
    """y[..., :] = W[x[...], :] for integers x; W is `embeddings` of shape (input_dim, output_dim).

    input_dim   how many rows W has, the largest x plus 1
    output_dim  how long they are
    mask_zero   whether x = 0 is no word but fills up: then the output has a mask, and the layers behind leave it out
    embeddings_initializer  by default uniform on ±0.05
    weights     W to begin with
    """

    @accepts_old(init="embeddings_initializer", W_regularizer="embeddings_regularizer")
    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        input_length: int | None = None,
        weights: Any = None,
        **options: Any,
    ):
        super().__init__(**options, input_shape=None if input_length is None else (input_length,))
        self.input_dim, self.output_dim = whole("input_dim", input_dim), whole("output_dim", output_dim)
        self.mask_zero = self.supports_masking = bool(mask_zero)
        self._options_of("embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs)
        return F.embedding(inputs if inputs.dtype.kind in "iu" else inputs.astype("int64"), self.embeddings)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        """Where the inputs are not 0, with `mask_zero`."""
        return as_tensor(inputs) != 0 if self.mask_zero else None


class ReversibleEmbedding(Embedding):
    """`Embedding`, and the way back: called with reverse=True on x (..., output_dim), y = x·Wᵀ, (..., input_dim).

    tie_weights     False: the way back has a matrix of its own, `reverse_embeddings` (output_dim, input_dim)
    logit_soft_cap  if given, y = cap · tanh(x·Wᵀ / cap)
    reverse_dtype   float32; others are not offered. The rest is as in `Embedding`
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **options: Any,
    ):
        rules = (embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        super().__init__(input_dim, output_dim, *rules, mask_zero, **options)
        if reverse_dtype not in (None, "float32"):
            raise OptionError(
                f"ReversibleEmbedding: layers compute in float32, and not in reverse_dtype={reverse_dtype!r}"
            )
        self.tie_weights, self.reverse_dtype = tie_weights, reverse_dtype
        self.logit_soft_cap = None if logit_soft_cap is None else number("logit_soft_cap", logit_soft_cap)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            sizes, start = (self.output_dim, self.input_dim), vars(self)["embeddings_initializer"]
            self.reverse_embeddings = self.add_weight(sizes, start, name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Tensor:
        if not reverse:
            y = super().call(inputs)
            return with_masks(y, Embedding.compute_mask(self, inputs))
        logits = as_tensor(inputs) @ (self.embeddings.T if self.tie_weights else self.reverse_embeddings)
        return logits if self.logit_soft_cap is None else tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: `call` gives the mask itself, as only one of the ways has one."""


class Masking(Layer):
    """y = x, with a mask: a step counts if one of its features is not `mask_value`; those that do not count become 0."""

    def __init__(self, mask_value: Any = 0.0, **options: Any):
        super().__init__(**options)
        self.mask_value = mask_value

    def call(self, inputs: Any) -> Tensor:
        return self.compute_mask(inputs).expand_dims(-1).where(inputs, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor:
        """Where a feature is not `mask_value`."""
        return (as_tensor(inputs) != self.mask_value).any(axis=-1)


class Lambda(Layer):
    """y = f(x), f any function of tensors. It cannot be saved, unless f is registered by name.

    output_shape  of a sample, or a function of the input's shape, if it is to be told; it is found out otherwise
    arguments     options of f
    mask          of the output, or a function of the inputs and their mask
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        if not callable(function):
            raise OptionError(f"Lambda takes a function of tensors, and {function!r} is none")
        self.mask, self.supports_masking = mask, mask is not None
        self.function, self.arguments = function, arguments or {}
        self.output_shape_given: Any = output_shape

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        taken, given = inspect.signature(self.function).parameters, {"training": training, "mask": mask}
        told = {name: value for name, value in given.items() if name in taken}
        return self.function(inputs, **self.arguments | told)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    @property
    def _tells_shape(self) -> bool:
        return self.output_shape_given is not None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self.output_shape_given is None:
            return super().compute_output_shape(input_shape)
        given = self.output_shape_given
        told: Any = given(input_shape) if callable(given) else (leaves(input_shape)[0], *given)
        return tuple(told)

    def _options(self, kind: type) -> dict[str, Any]:
        return super()._options(kind) | {"output_shape": serialize(self.output_shape_given)}


__getattr__ = not_offered(
    "keras.layers.core",
    {
        "MaxoutDense": "use Dense(units * pieces), then Maxout(units)",
        "Highway": "write it as a Layer with two Dense inside",
    },
)
