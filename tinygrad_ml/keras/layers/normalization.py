"""Batch and layer normalisation with Keras's defaults, and their kin. What they compute is in `nn.functional`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import OptionError, ShapeError
from ...functional import moveaxis, zeros
from ...modes import no_grad
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from .. import initializers
from ..checks import number, whole
from ..distribution import shared
from .base import Layer
from .input_spec import InputSpec
from .preprocessing import Normalization, Rescaling  # noqa: F401


class BatchNormalization(Layer):
    """y = (x - μ) / √(σ² + epsilon) · gamma + beta, with mean μ and variance σ² of each channel.

    In training the moments are those of the batch; otherwise the moving ones, which training moves:
    moving ← momentum · moving + (1 - momentum) · moment. Note the differences from `nn.BatchNorm1d`: momentum is
    what *stays*, epsilon is larger, and the moving variance is that of the batch with n instead of n - 1.
    A layer that is not `trainable` uses the moving moments in training, too. Steps that a mask leaves out do not count.

    axis     the channels
    center, scale   whether there are beta and gamma
    weights  gamma, beta, moving_mean, moving_variance, each of shape (channels,)

    Source: S. Ioffe, C. Szegedy, "Batch Normalization" (2015).
    """

    supports_masking = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(**options)
        if not 0 <= momentum <= 1:
            raise OptionError(f"momentum lies between 0 and 1, not at {momentum}")
        self.axis, self.momentum, self.center, self.scale = axis, momentum, center, scale
        self.epsilon = number("epsilon", epsilon)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise OptionError(f"axis={axis!r} must be an integer, the axis of the channels")
        self._options_of("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._options_of("beta", beta_initializer, beta_regularizer, beta_constraint)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: input_shape[self.axis]})
        self.gamma = self._weight("gamma", shape) if self.scale else None
        self.beta = self._weight("beta", shape) if self.center else None
        state = {"shape": shape, "trainable": False}
        self.moving_mean = self.add_weight(initializer=self.moving_mean_initializer, name="moving_mean", **state)
        self.moving_variance = self.add_weight(
            initializer=self.moving_variance_initializer, name="moving_variance", **state
        )

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Tensor:
        x = moveaxis(inputs, self.axis, 1)
        if not (training and self.trainable):
            y = self._normalise(x, self.moving_mean, self.moving_variance)
        elif mask is None:
            y = self._in_training(x)
        else:
            y = self._of_those_that_count(x, moveaxis(as_tensor(mask).expand_dims(-1), self.axis, 1))
        return moveaxis(y, 1, self.axis)

    def _normalise(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return F.batch_norm(x, mean, variance, self.gamma, self.beta, eps=self.epsilon)

    def _in_training(self, x: Tensor) -> Tensor:
        if (ranks := shared()) is not None and not x.symbolic:
            y, mean, variance = ranks.normalised(x, self.gamma, self.beta, self.epsilon, self.name)
            self._move(mean, variance)
            return y
        count = x.size // x.shape[1]
        mean, variance = (zeros(x.shape[1], device=x.device) for _ in range(2))
        if count == 1:  # PyTorch's refuses; to Keras the variance of one number is 0
            mean = x.reshape(-1)
            y = self._normalise(x, mean, variance)
        else:  # with momentum 1 the running moments become those of this batch
            y = F.batch_norm(x, mean, variance, self.gamma, self.beta, training=True, momentum=1.0, eps=self.epsilon)
            variance = variance * ((count - 1) / count)
        self._move(mean, variance)
        return y

    def _of_those_that_count(self, x: Tensor, mask: Tensor) -> Tensor:
        """Normalised by the moments of what a mask lets count."""
        axes = (0, *range(2, x.ndim))
        counts = mask.broadcast_to(x.shape)
        count = counts.astype(x.dtype).sum(axes, keepdims=True) + 1e-7
        mean = counts.where(x, 0.0).sum(axes, keepdims=True) / count
        variance = (counts.where(x - mean, 0.0) ** 2).sum(axes, keepdims=True) / count
        self._move(mean.reshape(-1), variance.reshape(-1))
        scale, shift = (None if w is None else w.reshape(mean.shape[1:]) for w in (self.gamma, self.beta))
        y = (x - mean) / (variance + self.epsilon).sqrt()
        y = y if scale is None else y * scale
        return y if shift is None else y + shift

    def _move(self, mean: Tensor, variance: Tensor) -> None:
        """Let the moving moments come nearer to these."""
        with no_grad():
            for moving, moment in ((self.moving_mean, mean), (self.moving_variance, variance)):
                if not moment.symbolic:
                    moving.assign(moving * self.momentum + moment.detach() * (1 - self.momentum))


class LayerNormalization(Layer):
    """y = (x - μ) / √(σ² + epsilon) · gamma + beta, with μ and σ² of each sample over `axis`.

    axis     one, or a list of such
    center, scale   whether there are beta and gamma, of the shape of these axes

    Source: J. Ba, J. Kiros, G. Hinton, "Layer Normalization" (2016).
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(**options)
        axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        if not all(isinstance(one, int) for one in axes):
            raise OptionError(f"axis={axis!r} must be an integer, or a list of integers")
        self.axis, self.center, self.scale = axis, center, scale
        self.epsilon = number("epsilon", epsilon)
        self._options_of("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._options_of("beta", beta_initializer, beta_regularizer, beta_constraint)

    def build(self, input_shape: Any) -> None:
        self.normalized = _sizes(self, self.axis, input_shape)
        self.input_spec = InputSpec(axes=self.normalized)
        sizes = tuple(self.normalized.values())
        self.gamma = self._weight("gamma", sizes) if self.scale else None
        self.beta = self._weight("beta", sizes) if self.center else None

    def call(self, inputs: Any) -> Tensor:
        sizes = tuple(self.normalized.values())
        return _along(
            lambda x: F.layer_norm(x, sizes, self.gamma, self.beta, self.epsilon), inputs, tuple(self.normalized)
        )


class GroupNormalization(Layer):
    """y = (x - μ) / √(σ² + epsilon) · gamma + beta, with μ and σ² of each sample over each of `groups` groups of channels.

    groups   how many; -1: each channel is one, which is instance normalisation
    axis     the channels
    center, scale   whether there are beta and gamma, a number for each channel

    Source: Y. Wu, K. He, "Group Normalization" (2018).
    """

    supports_masking = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.groups = groups if groups == -1 else whole("groups", groups)
        self.axis, self.epsilon, self.center, self.scale = axis, number("epsilon", epsilon), center, scale
        self._options_of("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._options_of("beta", beta_initializer, beta_regularizer, beta_constraint)

    def build(self, input_shape: Any) -> None:
        channels = input_shape[self.axis]
        if channels is None:
            raise ShapeError(f"{self.name}: the size of axis {self.axis} must be known, and the input is {input_shape}")
        if self.groups > 0 and channels % self.groups:
            raise ShapeError(f"{self.name}: {channels} channels cannot be cut into groups={self.groups} equal parts")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self.gamma = self._weight("gamma", (channels,)) if self.scale else None
        self.beta = self._weight("beta", (channels,)) if self.center else None

    def call(self, inputs: Any) -> Tensor:
        x = moveaxis(inputs, self.axis, 1)
        groups = x.shape[1] if self.groups == -1 else self.groups
        return moveaxis(F.group_norm(x, groups, self.gamma, self.beta, self.epsilon), 1, self.axis)


class RMSNormalization(Layer):
    """y = x / √(mean x² + epsilon) · scale, the mean being that of each sample over `axis`.

    axis     one, or a list of such; `scale` is of the shape of these

    Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **options: Any):
        super().__init__(**options)
        self.axis, self.epsilon = axis, number("epsilon", epsilon)

    def build(self, input_shape: Any) -> None:
        self.normalized = _sizes(self, self.axis, input_shape)
        self.input_spec = InputSpec(axes=self.normalized)
        self.scale = self.add_weight(tuple(self.normalized.values()), "ones", name="scale")

    def call(self, inputs: Any) -> Tensor:
        sizes = tuple(self.normalized.values())
        return _along(lambda x: F.rms_norm(x, sizes, self.scale, self.epsilon), inputs, tuple(self.normalized))


class UnitNormalization(Layer):
    """y = x / √(Σ x²), the sum being that over `axis`, an axis or a list of such: vectors of length 1. Zeros stay."""

    supports_masking = True

    def __init__(self, axis: Any = -1, **options: Any):
        super().__init__(**options)
        axes = axis if isinstance(axis, (list, tuple)) else [axis]
        if not all(isinstance(one, int) for one in axes):
            raise OptionError(f"axis={axis!r} must be an integer, or a list of integers")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, inputs: Any) -> Tensor:
        return F.normalize(inputs, dim=tuple(self.axis) if isinstance(self.axis, list) else self.axis)


def _sizes(layer: Layer, axis: Any, shape: Any) -> dict[int, int]:
    """The axes of an input that `axis` says, in their order, and their sizes."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    if any(not -len(shape) <= one < len(shape) for one in axes):
        raise OptionError(f"{type(layer).__name__}: axis={axis} is not in an input of shape {tuple(shape)}")
    axes = sorted({one % len(shape): one for one in axes}.items())
    if any(shape[one] is None for _, one in axes):
        raise ShapeError(f"{layer.name}: the sizes of axis={axis} must be known, and the input is {tuple(shape)}")
    return {one: shape[one] for _, one in axes}


def _along(function: Callable[[Tensor], Tensor], inputs: Any, axes: Sequence[int]) -> Tensor:
    """`function`, which goes along the last axes, along others."""
    x = as_tensor(inputs)
    places, last = (tuple(axis % x.ndim for axis in some) for some in (axes, range(-len(axes), 0)))
    return function(x) if places == last else moveaxis(function(moveaxis(x, places, last)), last, places)
