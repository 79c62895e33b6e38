"""Activations that have options, or weights of their own, as layers."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError, ShapeError
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from .. import activations
from ..arguments import accepts_old
from ..checks import number
from .base import Layer
from .input_spec import InputSpec


class ReLU(Layer):
    """y = min(x, max_value) if x > threshold, else negative_slope · (x - threshold)."""

    supports_masking = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **options: Any
    ):
        super().__init__(**options)
        self.max_value = None if max_value is None else number("max_value", max_value, 0)
        self.negative_slope = number("negative_slope", negative_slope, 0)
        self.threshold = number("threshold", threshold, 0)

    def call(self, inputs: Any) -> Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """y = x if x > 0, else negative_slope · x."""

    supports_masking = True

    @accepts_old(alpha="negative_slope")
    def __init__(self, negative_slope: float = 0.3, **options: Any):
        super().__init__(**options)
        self.negative_slope = number("negative_slope", negative_slope, 0)

    def call(self, inputs: Any) -> Tensor:
        return F.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """y = x if x > 0, else alpha · x, where `alpha` is learnt: a number for each input of the layer.

    shared_axes  axes along which it is the same number, counted with the batch as 0: [1, 2] for images

    Source: K. He et al., "Delving Deep into Rectifiers" (2015).
    """

    supports_masking = True

    @accepts_old(init="alpha_initializer")
    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **options: Any,
    ):
        super().__init__(**options)
        self._options_of("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def build(self, input_shape: Any) -> None:
        shape = [1 if axis in (self.shared_axes or ()) else size for axis, size in enumerate(input_shape)][1:]
        self.alpha = self._weight("alpha", tuple(shape))
        self.input_spec = (
            InputSpec(ndim=len(input_shape), axes=dict(enumerate(input_shape))) if not self.shared_axes else None
        )

    def call(self, inputs: Any) -> Tensor:
        return F.relu(inputs) - self.alpha * F.relu(-as_tensor(inputs))


class ELU(Layer):
    """y = x if x > 0, else alpha · (eˣ - 1). Source: D. Clevert et al. (2015)."""

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **options: Any):
        super().__init__(**options)
        self.alpha = number("alpha", alpha)

    def call(self, inputs: Any) -> Tensor:
        return F.elu(inputs, self.alpha)


class Softmax(Layer):
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along `axis`. With a `mask` in the shape of x, what it leaves out is 0, and no part of the sum."""

    supports_masking = True

    def __init__(self, axis: int = -1, **options: Any):
        super().__init__(**options)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Tensor:
        if mask is None:
            return F.softmax(inputs, dim=self.axis)
        counts = as_tensor(mask)
        counts = counts if counts.dtype == bool else counts > 0.5
        return counts.where(F.softmax(counts.where(inputs, -1e9), dim=self.axis), 0.0)


class Maxout(Layer):
    """yⱼ = the largest of the j-th group of the inputs, which are cut into `num_units` groups of equal size.

    A learnt activation: after Dense(num_units * k) it is the largest of k linear functions, and so
    any convex function with k pieces. ReLU is that of x and 0.

    axis  along which is grouped, by default the last

    Source: I. Goodfellow et al., "Maxout Networks" (2013). The options are those of TensorFlow Addons.
    """

    def __init__(self, num_units: int, axis: int = -1, **options: Any):
        super().__init__(**options)
        if num_units < 1:
            raise OptionError(f"Maxout needs 1 unit or more, not {num_units}")
        self.num_units, self.axis = num_units, axis

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs)
        axis = self.axis % inputs.ndim
        if inputs.shape[axis] % self.num_units:
            raise ShapeError(
                f"Maxout cannot cut axis {axis} of {inputs._described()} into {self.num_units} groups of equal size"
            )
        groups = (*inputs.shape[:axis], self.num_units, -1, *inputs.shape[axis + 1 :])
        return inputs.reshape(groups).max(axis=axis + 1)
