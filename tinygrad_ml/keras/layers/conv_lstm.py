"""Recurrent layers whose steps are images (or sequences, or volumes): an LSTM with convolutions in place of products.

Read before: `recurrent.py`, `convolutional.py`.
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError, ShapeError
from ...functional import split, zeros
from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor
from ..checks import whole
from . import cells
from .channels import channels_first, channels_of, checked_format, checked_padding, padding_of
from .input_spec import InputSpec
from .recurrent import FLAGS, SEQUENCES, WithCell
from .windows import CONVOLVE, turned

WINDOW = {"strides": 1, "padding": "valid", "data_format": None, "dilation_rate": 1}
_FLAGS = {name: value for name, value in FLAGS.items() if name != "unroll"}


class ConvLSTMCell(cells.LSTMCell):
    """A step of `ConvLSTM1D` and its like; rank is the number of axes in space."""

    def __init__(self, filters: int, kernel_size: Any, rank: int, **options: Any):
        window = {name: options.pop(name) for name in WINDOW}
        super().__init__(whole("filters", filters), **options)
        self.rank, self.filters = rank, self.units
        self.kernel_size = per_axis(kernel_size, rank, "kernel_size")
        self.strides = per_axis(window["strides"], rank, "strides")
        self.dilation_rate = per_axis(window["dilation_rate"], rank, "dilation_rate")
        self.padding, self.data_format = checked_padding(window["padding"]), checked_format(window["data_format"])
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise OptionError(f"strides={self.strides} and dilation_rate={self.dilation_rate} cannot both be above 1")

    @property
    def _channels(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Any) -> None:
        if None in input_shape[1:]:
            raise ShapeError(f"ConvLSTM: the sizes of images and channels must be known, and steps are {input_shape}")
        gates = self.gates * self.filters
        self.kernel = self._weight("kernel", (*self.kernel_size, channels_of(input_shape, self.data_format), gates))
        self.recurrent_kernel = self._weight("recurrent_kernel", (*self.kernel_size, self.filters, gates), "recurrent")
        self.bias = self._bias(gates) if self.use_bias else None
        self._out = self.image_shape(input_shape)[1:]

    def image_shape(self, input_shape: Any) -> tuple:
        """The shape of what comes out of steps of this shape."""
        space = input_shape[2:] if self.data_format == "channels_first" else input_shape[1:-1]
        reach = [(k - 1) * d for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        cut = reach if self.padding == "valid" else [0] * self.rank
        sizes = [(n - c - 1) // s + 1 if n else n for n, c, s in zip(space, cut, self.strides, strict=True)]
        first = self.data_format == "channels_first"
        return (input_shape[0], self.filters, *sizes) if first else (input_shape[0], *sizes, self.filters)

    def blank_output(self, batch_size: int, device: Any = None) -> Tensor:
        return zeros((batch_size, *self._out), device=device)

    def get_initial_state(self, batch_size: int, device: Any = None) -> cells.State:
        return [self.blank_output(batch_size, device) for _ in range(2)]

    def ready(self, x: Tensor, training: bool) -> cells.Ready:
        def kept(shape: tuple[int, ...], rate: float) -> Tensor | None:
            return F.dropout(zeros(shape, device=x.device) + 1, rate) if training and rate else None

        with self.stream():
            return cells.Ready(
                self.recurrent_kernel,
                None,
                kept(x.shape, self.dropout),
                kept((x.shape[0], *self._out), self.recurrent_dropout),
            )

    def project(self, x: Tensor, ready: cells.Ready) -> Tensor:
        """The convolution of one step (batch, ...), or of all at once (steps, batch, ...)."""
        x = x if ready.keep_in is None else x * ready.keep_in
        images = x.reshape((-1, *x.shape[x.ndim - self.rank - 1 :]))
        space = images.shape[2:] if self.data_format == "channels_first" else images.shape[1:-1]
        padding = padding_of(self.padding, space, self.kernel_size, self.strides, self.dilation_rate)
        y = self._convolve(images, self.kernel, self.bias, self.strides, padding, self.dilation_rate)
        return y.reshape((*x.shape[: x.ndim - self.rank - 1], *y.shape[1:]))

    def _convolve(self, x: Tensor, kernel: Tensor, *options: Any) -> Tensor:
        convolve = CONVOLVE[self.rank - 1]
        return channels_first(lambda images: convolve(images, turned(kernel), *options), x, self.data_format, self.rank)

    def step(self, projected: Tensor, states: cells.State, ready: cells.Ready) -> cells.State:
        h, c = states
        h = h if ready.keep_hidden is None else h * ready.keep_hidden
        sums = projected + self._convolve(h, ready.weight, None, 1, "same")
        i, f, g, o = split(sums, self.filters, axis=self._channels)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return [self.recurrent_activation(o) * self.activation(c), c]


class _ConvLSTM(WithCell):
    rank: int
    _cell = ConvLSTMCell

    @cells.takes(
        "filters",
        "kernel_size",
        **WINDOW,
        **cells.ACTIVATIONS,
        **cells.STARTS,
        unit_forget_bias=True,
        **cells.REGULARIZERS,
        activity_regularizer=None,
        **cells.CONSTRAINTS,
        **cells.DROPOUT,
        seed=None,
        **_FLAGS,
    )
    def __init__(self, filters: int, kernel_size: Any, **options: Any):
        super().__init__(filters, kernel_size, rank=self.rank, **{"unroll": False} | options)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    @classmethod
    def _of_cell(cls) -> list[str]:
        return [*super()._of_cell(), *WINDOW, "filters", "kernel_size", "rank"]

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, steps, *step = sequences_shape
        state = self.cell.image_shape((batch, *step))
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output


def _documented(rank: int, space: str) -> str:
    return f"""i, f, g, o = the quarters of W∗x + U∗h + b; c ← σ(f)·c + σ(i)·tanh(g); h ← σ(o)·tanh(c): ∗ is a convolution.

    x is (batch, steps, {space}, channels), or with data_format="channels_first" (batch, steps, channels, {space}). W is `kernel`
    (*kernel_size, channels, 4·filters), U `recurrent_kernel` (*kernel_size, filters, 4·filters), b `bias` (4·filters,).

    filters, kernel_size, strides, padding, data_format, dilation_rate   those of W, as in `Conv{rank}D`; U has strides 1 and "same"
    The other options are those of `LSTM`.
{SEQUENCES}
    Source: X. Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting" (2015).
    """


class ConvLSTM1D(_ConvLSTM):
    __doc__ = _documented(1, "length")
    rank = 1


class ConvLSTM2D(_ConvLSTM):
    __doc__ = _documented(2, "height, width")
    rank = 2


class ConvLSTM3D(_ConvLSTM):
    __doc__ = _documented(3, "depth, height, width")
    rank = 3
