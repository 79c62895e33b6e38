"""Layers around another layer: one for each step of a sequence, and one for each of its directions.

Read before: `recurrent.py`.
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError, ShapeError
from ...functional import concat, flip, stack, unstack
from ...modes import no_grad
from ...nn import functional as F
from ...structure import leaves
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from ..initializers import TruncatedNormal
from ..serialization import serialize
from .base import Layer
from .recurrent import RNN

MERGE_MODES = ("concat", "sum", "ave", "mul", None)


class Wrapper(Layer):
    """A layer that is made of another one, `layer`."""

    def __init__(self, layer: Layer, **options: Any):
        if not isinstance(layer, Layer):
            raise OptionError(f"{type(self).__name__} is made of a layer, and {layer!r} is none")
        super().__init__(**options)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)


class TimeDistributed(Wrapper):
    """y[:, t] = layer(x[:, t]) for each step t of sequences x (batch, steps, ...).

    Layers that keep state, such as batch norm, see one step after the other; all others all steps at once. A mask is handed
    on to a layer that takes one.
    """

    supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        super().build(_without_steps(input_shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *rest = self.layer.compute_output_shape(_without_steps(input_shape))
        return (batch, input_shape[1], *rest)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Tensor:
        x = as_tensor(inputs)
        batch, steps = x.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (batch, steps):
            raise ShapeError(f"{self.name}: a mask of shape {mask.shape} does not fit sequences of {(batch, steps)}")
        told = {"training": training} if self.layer._training[0] else {}
        if mask is not None and "mask" in self.layer._takes_masks:
            masks = unstack(mask, axis=1)
            return stack([self.layer(part, mask=m, **told) for part, m in zip(unstack(x, 1), masks, strict=True)], 1)
        if any(not weight.requires_grad for weight in self.layer.weights):
            return stack([self.layer(part, **told) for part in unstack(x, axis=1)], axis=1)
        y = self.layer(x.reshape((batch * steps, *x.shape[2:])), **told)
        return y.reshape((batch, steps, *y.shape[1:]))


def _without_steps(shape: Any) -> tuple:
    if shape is None or len(shape) < 3:
        raise ShapeError(f"TimeDistributed takes sequences (batch, steps, ...), of 3 axes or more, and not {shape}")
    return (shape[0], *shape[2:])


class SpectralNormalization(Wrapper):
    """A layer whose kernel W is divided by its largest singular value σ, as it is called in training: W ← W / σ.

    layer             one with a `kernel`, or `embeddings`; its rows and columns are all axes but the last, and that
    power_iterations  how many steps of v ← u·Wᵀ/‖u·Wᵀ‖, u ← v·W/‖v·W‖ are made; then σ = v·W·uᵀ, and u is kept, `vector_u`

    Source: T. Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (2018).
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **options: Any):
        super().__init__(layer, **options)
        self.power_iterations = whole("power_iterations", power_iterations)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if kernel is None:
            raise OptionError(f"{self.name}: layer {self.layer.name!r} has neither a kernel nor embeddings")
        self.kernel: Tensor = kernel
        start = TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight((1, kernel.shape[-1]), start, trainable=False, name="vector_u")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self._normalize()
        return self.layer(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def _own_variables(self) -> list[Tensor]:
        return [self.kernel, self.vector_u]  # of which Keras counts the first, too

    def _normalize(self) -> None:
        """Divide the kernel by σ. One of zeros stays as it is."""
        kernel = self.kernel
        with no_grad():
            w, u = kernel.detach().reshape((-1, kernel.shape[-1])), self.vector_u.detach()
            for _ in range(self.power_iterations):
                v = F.normalize(u @ w.T, eps=1e-7)
                u = F.normalize(v @ w, eps=1e-7)
            sigma, some = v @ w @ u.T, (w != 0).any()
            self.vector_u.assign(some.where(u, self.vector_u))
            kernel.assign(kernel.detach() / some.where(sigma.reshape(()), 1.0))


class Bidirectional(Layer):
    """A recurrent layer that goes from the first step to the last, and another from the last to the first, merged.

    layer           the recurrent layer; it is copied, as `forward_layer`, and again as `backward_layer`
    merge_mode      what becomes of both outputs: "concat", one behind the other; "sum", "ave", the mean, "mul"; None, a pair
    backward_layer  for the way back, if it is to be another one: it goes backwards
    weights         to begin with, those of both layers

    With return_state=True the states of both come behind the output. Source: M. Schuster, K. Paliwal, "Bidirectional Recurrent
    Neural Networks" (1997).
    """

    supports_masking = True
    stateful: bool
    return_sequences: bool
    return_state: bool
    _unwritten = ("weights",)

    def __init__(
        self,
        layer: RNN,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: RNN | None = None,
        **options: Any,
    ):
        for one in (layer, backward_layer):
            if one is not None and not (isinstance(one, Layer) and hasattr(one, "go_backwards")):
                raise OptionError(f"Bidirectional is made of a recurrent layer, and {one!r} is none")
        super().__init__(**options)
        self.merge_mode = one_of("merge_mode", merge_mode, MERGE_MODES)
        self.forward_layer = _copy(layer, "forward_")
        self.backward_layer = _copy(layer, "backward_", go_backwards=True) if backward_layer is None else backward_layer
        for what in ("stateful", "return_sequences", "return_state"):
            here, there = (getattr(one, what) for one in (self.forward_layer, self.backward_layer))
            if here != there:
                raise OptionError(
                    f"Bidirectional: {what} is {here} of the forward layer, and {there} of the backward one"
                )
            setattr(self, what, here)
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise OptionError(
                "Bidirectional: one of the layers goes backwards, go_backwards=True, and the other does not"
            )
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = one.return_sequences
        self.input_spec = layer.input_spec
        self._first_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
        if self._first_weights:
            self.set_weights(self._first_weights)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        shapes = [one.compute_output_shape(sequences_shape) for one in (self.forward_layer, self.backward_layer)]
        firsts = [shape[0] if self.return_state else shape for shape in shapes]
        output = firsts if self.merge_mode is None else [firsts[0]]
        if self.merge_mode == "concat":
            output = [(*firsts[0][:-1], firsts[0][-1] + firsts[1][-1])]
        states = [state for shape in shapes for state in shape[1:]] if self.return_state else []
        return output[0] if len(output) + len(states) == 1 else (*output, *states)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the inputs, if all steps come out."""
        mask = leaves(mask)[0] if self.return_sequences else None
        outputs = [mask] * (2 if self.merge_mode is None else 1)
        return outputs[0] if len(outputs) == 1 and not self.return_state else outputs

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        half = len(initial_state) // 2 if initial_state is not None else 0
        begin = (None, None) if initial_state is None else (initial_state[:half], initial_state[half:])
        y, back = (
            one(sequences, initial_state=state, mask=mask, training=training)
            for one, state in zip((self.forward_layer, self.backward_layer), begin, strict=True)
        )
        states: tuple = ()
        if self.return_state:
            (y, *first), (back, *second) = y, back
            states = (*first, *second)
        if self.return_sequences:
            back = flip(back, axis=1)
        output = self._merge(y, back)
        return output[0] if len(output) + len(states) == 1 else (*output, *states)

    def _merge(self, y: Tensor, back: Tensor) -> tuple[Tensor, ...]:
        if self.merge_mode is None:
            return y, back
        if self.merge_mode == "concat":
            return (concat([y, back], axis=-1),)
        if self.merge_mode == "mul":
            return (y * back,)
        return ((y + back) / 2 if self.merge_mode == "ave" else y + back,)

    @property
    def states(self) -> tuple | None:
        """What both keep, if they are stateful and have begun."""
        first, second = self.forward_layer.states, self.backward_layer.states
        return None if first is None or second is None else (*first, *second)

    def reset_state(self) -> None:
        """Begin with zeros again."""
        if not self.stateful:
            raise OptionError(f"{self.name} is not stateful, so nothing is kept that reset_state() would reset")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def _options(self, kind: type) -> dict[str, Any]:
        return super()._options(kind) | {
            "layer": serialize(self.forward_layer),
            "backward_layer": serialize(self.backward_layer),
        }


def _copy(layer: Any, prefix: str, **changed: Any) -> Any:
    """A layer of the same options, without the weights."""
    config = layer.get_config() | {"name": prefix + layer.name.removeprefix(prefix)} | changed
    return type(layer).from_config(config)
