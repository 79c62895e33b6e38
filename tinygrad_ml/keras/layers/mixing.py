"""Images of which parts are erased, or mixed with others of their batch; and changes one after the other, some at random.

Read before: `augmentation.py`, `geometry.py`, `colors.py`.
"""

from __future__ import annotations

from typing import Any

from ... import random
from ...errors import OptionError
from ...functional import arange, argmax, asarray, clip, log, maximum, sigmoid, softmax, sqrt, take_along_axis, where
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of, whole
from ..serialization import serialize
from .augmentation import VALUES, Augmentation, Transformation, between, by_image, checked_range
from .base import Layer
from .colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    RandomSharpness,
    Solarization,
)
from .geometry import INTERPOLATIONS, RandomRotation, RandomShear, RandomTranslation
from .shades import AutoContrast, Equalization


def random_box(layer: Augmentation, images: Tensor, tall: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
    """A box at a random place in each image: whether a pixel lies in it, (batch, height, width, 1); and how large a part it is.

    tall, wide  which part of the height and of the width it is, (batch,)
    """
    inside, part = None, 1.0
    for axis, share in ((1, tall), (2, wide)):
        size = images.shape[axis]
        length = share * size
        first = layer.draw(0, 1, images) * (size - length)
        shape = [-1 if i == axis else 1 for i in range(4)]
        at = arange(size, dtype="float32", device=images.device).reshape(shape)
        within = (at >= by_image(first)) & (at < by_image(first + length))
        inside, part = within if inside is None else inside & within, part * share
    assert inside is not None and isinstance(part, Tensor)
    return inside, part


class RandomErasing(Augmentation):
    """Images of which a random box is filled with something else.

    factor       how probable it is that an image is changed, a number or (lowest, highest)
    scale        how large the box is, as a part of the image: between these, from 0 to 1; a number is (0, number)
    fill_value   what fills it: a number, or one for each channel; by default noise
    value_range  what the numbers of images lie between
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = VALUES,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = between(factor, "factor", 0), between(scale, "scale", 0)
        self.fill_value, self.value_range = fill_value, checked_range(value_range)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        sides = [sqrt(self.draw(*self.scale, data)) for _ in range(2)]
        inside, _ = random_box(self, data, *sides)
        if self.fill_value is None:
            filling = random.normal(0, 1, data.shape, device=data.device) * self.value_range[1]
        else:
            filling = asarray(self.fill_value, device=data.device).astype("float32").broadcast_to(data.shape)
        return {
            "apply_erasing": self.chosen(self.factor, data).reshape(-1),
            "batch_masks": inside,
            "fill_value": clip(filling, *self.value_range),
        }

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        erased = transformation["batch_masks"] & by_image(transformation["apply_erasing"])
        return where(erased, transformation["fill_value"], images)


class Pipeline(Layer):
    """Layers one after the other, as one layer, that are no model: for what is done with data before it.

    layers  a list of layers
    """

    def __init__(self, layers: Any, name: str | None = None, **options: Any):
        super().__init__(name=name, **options)
        self.layers = list(layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self.layers:
            inputs = layer(inputs, training=training)
        return inputs

    def _options(self, kind: type) -> dict[str, Any]:
        return super()._options(kind) | {"layers": [serialize(layer) for layer in self.layers]}


_GEOMETRIC = (RandomShear, RandomTranslation, RandomRotation)
_OF_VALUES = (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness, Solarization)


def _changes(factor: tuple[float, float], value_range: Any, interpolation: str) -> dict[str, Augmentation]:
    """The changes of which `RandAugment` and its like choose, {name: layer}."""
    ways = {"value_range": value_range}
    made: list[Augmentation] = [kind(factor, factor, interpolation=interpolation) for kind in _GEOMETRIC[:2]]
    made += [RandomRotation(factor, interpolation=interpolation)]
    made += [kind(factor, **ways) for kind in _OF_VALUES[:-1]]
    made += [Solarization(factor, factor, **ways), RandomPosterization(max(1, int(8 * factor[1])), **ways)]
    made += [AutoContrast(**ways), Equalization(**ways)]
    return {type(layer).__name__: layer for layer in made}


class RandAugment(Augmentation):
    """Some changes, chosen at random, one after the other: shear, translation, rotation, brightness, colours, contrast, sharpness,
    fewer shades, solarisation, spread and evened shades.

    num_ops        how many
    factor         how strong they are, a number or (lowest, highest), from 0 to 1
    value_range    what the numbers of images lie between
    interpolation  "bilinear" or "nearest"

    Source: E. Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space" (2020).
    """

    def __init__(
        self,
        value_range: Any = VALUES,
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.value_range, self.num_ops = checked_range(value_range), whole("num_ops", num_ops)
        self.factor = between(factor, "factor", least=0)
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATIONS)
        self.changes = _changes(self.factor, value_range, interpolation)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        drawn = {name: change.get_random_transformation(data, training) for name, change in self.changes.items()}
        chosen = random.integers(0, len(self.changes), (self.num_ops,), device=data.device)
        return {"transforms": drawn, "layer_idxes": chosen}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        for i in range(self.num_ops):
            before, chosen = images, transformation["layer_idxes"][i]
            for at, (name, drawn) in enumerate(transformation["transforms"].items()):
                images = where(chosen == at, self.changes[name].transform_images(before, drawn, training), images)
        return images


TRIALS = 8
"""How often a number is drawn anew that was refused: each time one in twenty is, at most."""


def log_gammas(alpha: Any, shape: tuple[int, ...], device: Any) -> Tensor:
    """The logarithms of numbers with the density x^(alpha - 1)·exp(-x), up to a factor.

    From these come shares: softmax gives Dirichlet's, and the sigmoid of the difference of two Beta's. In logarithms, as for a
    small alpha most numbers are too near 0 to be told from it. Source: G. Marsaglia, W. Tsang, "A Simple Method for Generating
    Gamma Variables" (2000).
    """
    d = alpha + 2 / 3
    x = random.normal(0, 1, (*shape, TRIALS), device=device)
    v = (1 + x / (9 * d) ** 0.5) ** 3
    log_v = log(maximum(v, 1e-30))
    taken = (v > 0) & (
        log(random.uniform(1e-30, 1, (*shape, TRIALS), device=device)) < 0.5 * x * x + d * (1 - v + log_v)
    )
    first = argmax(taken.astype("int64"), axis=-1, keepdims=True)
    one_more = log(random.uniform(1e-30, 1, shape, device=device)) / alpha
    return take_along_axis(log_v, first, axis=-1).squeeze(-1) + log(as_tensor(d, device=device)) + one_more


def betas(alpha: Any, shape: tuple[int, ...], device: Any) -> Tensor:
    """Numbers of the distribution Beta(alpha, alpha), from 0 to 1."""
    return sigmoid(log_gammas(alpha, shape, device) - log_gammas(alpha, shape, device))


class _Mixing(Augmentation):
    """Images mixed with others of their batch, and labels with theirs, in the same shares; images alone stay."""

    def order(self, images: Tensor) -> Tensor:
        """For each image another one of the batch."""
        return random.permutation(images.shape[0], device=images.device)

    def transform_labels(self, labels: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        """Labels (batch, classes), as numbers."""
        if labels.dtype.kind in "iu" or labels.ndim != 2:
            raise OptionError(
                f"{self.name} mixes labels (batch, classes) of floats, as keras.utils.to_categorical makes them, but got "
                f"{labels._described()}"
            )
        share = transformation["mix_weight"].reshape((-1, 1))
        return share * labels + (1 - share) * labels[transformation["permutation_order"]]


class MixUp(_Mixing):
    """y = s · x + (1 - s) · x′, x′ being another image of the batch, and s drawn from Beta(alpha, alpha); labels alike.

    Called on {"images": x, "labels": (batch, classes)}. Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018).
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, data_format, **options)
        self.alpha = number("alpha", alpha, 1e-6)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        share = betas(self.alpha, (data.shape[0],), data.device)
        return {"mix_weight": share, "permutation_order": self.order(data)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        share = by_image(transformation["mix_weight"])
        return share * images + (1 - share) * images[transformation["permutation_order"]]


class CutMix(_Mixing):
    """Images of which a random box is that of another image of the batch; labels are mixed in the shares of the areas.

    factor  the box is 1 - s of the image, s drawn from Beta(a, a), and a from these: a number, or (lowest, highest), from 0 to 1

    Called on {"images": x, "labels": (batch, classes)}. Source: S. Yun et al., "CutMix" (2019).
    """

    def __init__(self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **options: Any):
        super().__init__(seed, data_format, **options)
        self.factor = between(factor, "factor", least=0)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        a = random.uniform(*self.factor, (), device=data.device) + 1e-6
        side = sqrt(1 - betas(a, (data.shape[0],), data.device))
        inside, part = random_box(self, data, side, side)
        return {"permutation_order": self.order(data), "batch_masks": inside, "mix_weight": 1 - part}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return where(transformation["batch_masks"], images[transformation["permutation_order"]], images)


class AugMix(Augmentation):
    """s · x + (1 - s) · Σ over chains of w · what a chain of random changes makes of x; s from Beta, w from Dirichlet(alpha).

    num_chains   how many chains
    chain_depth  how many changes a chain has, of which some are none
    factor       how strong they are, a number or (lowest, highest), from 0 to 1
    all_ops      whether changes of brightness, colours, contrast and sharpness are among them
    The rest is as in `RandAugment`. Source: D. Hendrycks et al., "AugMix" (2020).
    """

    def __init__(
        self,
        value_range: Any = VALUES,
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.value_range, self.factor = checked_range(value_range), between(factor, "factor", least=0)
        self.num_chains, self.chain_depth = whole("num_chains", num_chains), whole("chain_depth", chain_depth)
        self.alpha, self.all_ops = number("alpha", alpha, 1e-6), all_ops
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATIONS)
        left_out = set() if all_ops else {kind.__name__ for kind in _OF_VALUES[:-1]}
        changes = _changes(self.factor, value_range, interpolation)
        self.changes = {name: change for name, change in changes.items() if name not in left_out}

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        shares = softmax(log_gammas(self.alpha, (self.num_chains,), data.device), axis=0)
        sizes = self.num_chains, self.chain_depth
        drawn = [
            [
                {name: change.get_random_transformation(data) for name, change in self.changes.items()}
                for _ in range(sizes[1])
            ]
            for _ in range(sizes[0])
        ]
        return {
            "chain_mixing_weights": shares,
            "weight_sample": betas(self.alpha, (), data.device),
            "chosen": random.integers(0, len(self.changes) + 1, sizes, device=data.device),
            "chain_transforms": drawn,
        }

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        mixed = images * 0
        for chain, steps in enumerate(transformation["chain_transforms"]):
            x = images
            for step, drawn in enumerate(steps):
                before, chosen = x, transformation["chosen"][chain, step]
                for at, (name, change) in enumerate(self.changes.items()):
                    x = where(chosen == at, change.transform_images(before, drawn[name], training), x)
            mixed = mixed + x * transformation["chain_mixing_weights"][chain]
        share = transformation["weight_sample"]
        return clip(share * images + (1 - share) * mixed, *self.value_range)
