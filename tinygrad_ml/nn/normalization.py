"""Normalisation layers. What they compute is in `functional/normalization.py`."""

from ..errors import OptionError, ShapeError
from ..functional import asarray, ones, zeros
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike, ShapeLike
from . import functional as F
from .functional.normalization import overwrite
from .init import ones_, zeros_
from .module import Module
from .parameter import new_parameter


class _Affine(Module):
    """γ and β, which start at 1 and 0; None if they are not wanted."""

    def _make_affine(self, shape: tuple[int, ...], weight: bool, bias: bool, device, dtype) -> None:
        self.weight = new_parameter(shape, device, dtype) if weight else None
        self.bias = new_parameter(shape, device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from 1 and 0 again."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)


class _BatchNorm(_Affine):
    """y = (x - μ) / √(σ² + ε) · γ + β, with mean μ and variance σ² of each channel (axis 1).

    In training the moments are those of the batch. Otherwise they are the running ones, which
    training moves: r ← (1 - momentum)·r + momentum·(moment of the batch, the variance with n - 1).

    num_features         the number of channels
    eps                  ε, keeps the division finite
    momentum             how fast the running moments move; None takes the mean over all batches
    affine               whether γ and β are there to be learnt
    track_running_stats  whether running moments are kept; without, those of the batch are used always

    Raises `ShapeError` in training for a single value per channel, which has no variance.
    Source: S. Ioffe, C. Szegedy, "Batch Normalization" (2015).
    """

    axes: tuple[int, ...]  # how many the input may have
    shapes: str
    _batch_norm = staticmethod(F.batch_norm)  # `distributed` puts here what takes the batches of all processes as one
    running_mean: Tensor  # this and the next two are None without track_running_stats
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._make_affine((num_features,), affine, affine, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", asarray(0, device=device, copy=True) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        if self.track_running_stats:
            zeros_(self.running_mean)
            ones_(self.running_var)
            zeros_(self.num_batches_tracked)

    def forward(self, input: TensorLike) -> Tensor:
        input = as_tensor(input)
        if input.ndim not in self.axes or input.shape[1] != self.num_features:
            self._refuse(input)
        momentum = self.momentum
        if self.training and self.track_running_stats and not input.symbolic:
            overwrite(self.num_batches_tracked, self.num_batches_tracked + 1)
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.astype(self.running_mean.dtype)
        return self._batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def _refuse(self, input: Tensor) -> None:
        raise ShapeError(
            f"{self} needs an input {self.shapes} with {self.num_features} channels, but got {input._described()}"
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    __doc__ = f"Batch normalisation of (batch, features) or (batch, channels, length): {_BatchNorm.__doc__}"
    axes, shapes = (2, 3), "(batch, channels) or (batch, channels, length)"


class BatchNorm2d(_BatchNorm):
    __doc__ = f"Batch normalisation of (batch, channels, height, width): {_BatchNorm.__doc__}"
    axes, shapes = (4,), "(batch, channels, height, width)"


class BatchNorm3d(_BatchNorm):
    __doc__ = f"Batch normalisation of (batch, channels, depth, height, width): {_BatchNorm.__doc__}"
    axes, shapes = (5,), "(batch, channels, depth, height, width)"


class _InstanceNorm(_BatchNorm):
    """y = (x - μ) / √(σ² + ε) · γ + β, with mean μ and variance σ² of each channel of each sample.

    num_features         the number of channels
    eps                  ε, keeps the division finite
    momentum             how fast running moments move
    affine               whether γ and β, one for each channel, are there to be learnt
    track_running_stats  whether running moments are kept, and used in place of the sample's own outside of training

    The batch may be left out. Raises `ShapeError` for a single element per channel, which has no variance.
    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance Normalization" (2016).
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        input = as_tensor(input)
        batched = input.ndim == self.axes[0]
        if not batched and input.ndim != self.axes[0] - 1:
            self._refuse(input)
        samples = input if batched else input.expand_dims(0)
        if samples.shape[1] != self.num_features:
            self._refuse(input)
        y = F.instance_norm(
            samples,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y if batched else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"Instance normalisation of (batch, channels, length): {_InstanceNorm.__doc__}"
    axes, shapes = (3,), "(batch, channels, length)"


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"Instance normalisation of (batch, channels, height, width): {_InstanceNorm.__doc__}"
    axes, shapes = (4,), "(batch, channels, height, width)"


class InstanceNorm3d(_InstanceNorm):
    __doc__ = f"Instance normalisation of (batch, channels, depth, height, width): {_InstanceNorm.__doc__}"
    axes, shapes = (5,), "(batch, channels, depth, height, width)"


class LayerNorm(_Affine):
    """y = (x - μ) / √(σ² + ε) · γ + β, with μ and σ² of each sample over its last axes.

    normalized_shape    the sizes of these axes; a number for the last one alone
    elementwise_affine  whether γ and β, of that shape, are there to be learnt; `bias` alone decides on β

    Source: J. Ba, J. Kiros, G. Hinton, "Layer Normalization" (2016).
    """

    def __init__(
        self,
        normalized_shape: ShapeLike,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """y = (x - μ) / √(σ² + ε) · γ + β, with μ and σ² of each sample over each group of channels.

    num_groups, num_channels  how many groups, and how many channels (axis 1), which they divide
    affine                    whether γ and β, one for each channel, are there to be learnt

    Source: Y. Wu, K. He, "Group Normalization" (2018).
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if num_channels % num_groups:
            raise OptionError(f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make_affine((num_channels,), affine, affine, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class RMSNorm(_Affine):
    """y = x / √(mean x² + ε) · γ, the mean being that of each sample over its last axes.

    normalized_shape    the sizes of these axes; a number for the last one alone
    eps                 ε; the distance from 1 to the next number of the dtype by default
    elementwise_affine  whether γ, of that shape, is there to be learnt

    Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
    """

    def __init__(
        self,
        normalized_shape: ShapeLike,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, False, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """y = x / (k + α · mean x²)^β, the mean being that over `size` channels around each, with zeros beyond the ends.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks"
    (2012).
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: TensorLike) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
