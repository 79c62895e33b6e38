"""From what `fit` was given to batches: arrays are put on the device once, and `data.DataLoader` gathers from there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT, Device
from ...data import DataLoader, Dataset, TensorDataset
from ...errors import DTypeError, OptionError, ShapeError
from ...structure import leaves, mapped
from ...tensor import Tensor, as_tensor
from ..checks import whole
from ..distribution import DataParallel
from ..py_dataset import Epochs, PyDataset
from ..samples import as_floats
from ..warn import warn


def as_data(value: Any, device: Device) -> Tensor:
    """An array of samples as a tensor on the device; float64 becomes float32, bytes and integers stay. Tables of pandas whose
    columns are of several dtypes become float32."""
    if not isinstance(value, Tensor):
        try:
            value = value.detach().cpu() if hasattr(value, "detach") else value  # a tensor of PyTorch
            value = numpy.asarray(value)
            if value.dtype == object and any(each is None for each in value.flat):  # which NumPy makes nan of
                raise ValueError("None stands in it")
            value = value.astype(DEFAULT_FLOAT) if value.dtype == object else value
        except (ValueError, TypeError) as error:
            raise DTypeError(f"data of type {type(value).__name__} is no array of numbers: {error}") from None
        if value.dtype.kind in "US":
            raise DTypeError(
                f"data of type {type(value).__name__} hold texts, such as {_first(value)}, and a model computes with "
                "numbers: layers.TextVectorization and layers.StringLookup make these of texts"
            )
        if value.dtype.kind == "f" and value.dtype != DEFAULT_FLOAT:
            value = value.astype(DEFAULT_FLOAT)
        value = as_tensor(numpy.ascontiguousarray(value), device=device)
    return value.detach().to(device)


def _first(texts: numpy.ndarray) -> str:
    return next((repr(str(text)) for text in texts.flat), "''")


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what a data set yields, or of `validation_data`: x; (x, y); or (x, y, sample_weight)."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if len(data) > 3 or not data:
        raise OptionError(f"data must be x, (x, y) or (x, y, sample_weight), and not {len(data)} things")
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


class Batches:
    """Batches of (x, y, sample_weight) as structures of tensors; each loop over it is an epoch.

    x             arrays, in lists or dictionaries where the model has several inputs; or whatever yields batches: a
                  `DataLoader` of this library or of PyTorch, a `PyDataset`, a generator, a data set of tf.data
    batch_size    by default 32, or so that there are `steps` batches
    steps         how many batches an epoch has, where that is not all; the next epoch goes on from there, until the data end
    class_weight  {class: factor}: samples weigh as much as their class
    ranks         among whom each batch is divided
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        steps: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        device: Device,
        ranks: DataParallel | None = None,
    ):
        self.ranks = ranks
        self.device, self.class_weight = device, class_weight
        self.steps = steps if steps is None else whole("steps", steps)
        self._begun: Iterator | None = None
        self._seen = 0
        self._done = 0  # steps that the next epoch has had already
        if yields_batches(x):
            if y is not None or sample_weight is not None:
                raise OptionError(
                    "x yields batches with their targets in them, so y and sample_weight must not be given"
                )
            if isinstance(x, PyDataset):
                x = Epochs(x, bool(shuffle))
            elif isinstance(x, Dataset) and not isinstance(x, DataLoader):
                x = DataLoader(x, batch_size or 32, shuffle=shuffle)
            self.source, self.parts = x, None
            self.count = steps or _length(x)
            return
        self.parts = (x, y, sample_weight)
        for name, part in zip(("x", "y", "sample_weight"), self.parts, strict=True):
            if any(isinstance(leaf, (int, float)) for leaf in leaves(part)):
                raise DTypeError(
                    f"{name} is a list of numbers, and a list is of several arrays, one for each input or output: "
                    f"pass numpy.array({name})"
                )
        arrays = [as_data(leaf, device) for leaf in leaves(self.parts) if leaf is not None]
        lengths = [array.shape[0] if array.ndim else None for array in arrays]
        if len(set(lengths)) > 1 or None in lengths:
            raise ShapeError(f"x, y and sample_weight must have as many samples as each other, but have {lengths}")
        if not lengths[0]:
            raise ShapeError("there are no samples in x")
        self.samples = lengths[0]
        batch_size = (
            whole("batch_size", batch_size)
            if batch_size is not None
            else (math.ceil(self.samples / steps) if steps else 32)
        )
        self.source = DataLoader(TensorDataset(*arrays), batch_size, shuffle=bool(shuffle))
        self.count = len(self.source) if steps is None else steps

    def __iter__(self) -> Iterator[Any]:
        """An epoch of batches as they were given: x; (x, y); or (x, y, sample_weight)."""
        for x, y, weight in self.triples():
            if y is None and weight is None:
                yield (x,) if isinstance(x, (tuple, list)) else x
            else:
                yield (x, y) if weight is None else (x, y, weight)

    def triples(self) -> Iterator[tuple[Any, Any, Any]]:
        """An epoch of batches as (x, y, sample_weight), None standing for what there is not."""
        for batch in self._epoch():
            if self.parts is None:
                x, y, weight = mapped(lambda leaf: None if leaf is None else as_data(leaf, self.device), unpack(batch))
            else:
                rest = iter(batch)
                x, y, weight = mapped(lambda part: None if part is None else next(rest), self.parts)  # noqa: B023
            if self.ranks is not None:
                x, y, weight = self.ranks.part((x, y, weight))
            yield x, y, self._weigh(y, weight)

    def restart(self) -> None:
        """Let the next epoch begin at the first batch, where the last one has ended in the middle."""
        self._begun = None

    def state_dict(self) -> dict[str, Any]:
        """Where the data are, as plain values; None for the loader, if they come from something else."""
        loader = self.source.state_dict() if isinstance(self.source, DataLoader) else None
        return {"loader": loader, "seen": None if self._begun is None else self._seen}

    def load_state_dict(self, state: Mapping[str, Any], done: int) -> None:
        """Go on from where `state_dict` was taken, after `done` batches of an epoch; from something else than a
        `DataLoader`, with what comes next."""
        if isinstance(self.source, DataLoader) and state["loader"] is not None:
            self.source.load_state_dict(state["loader"])
            self._done = done
            if state["seen"] is not None:
                self._begun, self._seen = iter(self.source), state["seen"]

    def _epoch(self) -> Iterator:
        done, self._done = self._done, 0
        if self.steps is None:
            yield from self.source
            return
        length = _length(self.source)
        if self._begun is None:
            self._begun, self._seen = iter(self.source), 0
        for step in range(done, self.steps):
            batch = None if self._seen == length else next(self._begun, None)
            if batch is None:
                warn(
                    f"x has ended after {step} of the {self.steps} steps that were asked for, and so does this epoch: give "
                    f"more data, or fewer steps"
                )
                self._begun = None
                return
            self._seen += 1
            yield batch
        if self._seen == length:
            next(self._begun, None)  # so that it comes to its end, and knows
            self._begun = None

    def _weigh(self, y: Any, weight: Any) -> Any:
        if not self.class_weight:
            return weight
        if not isinstance(y, Tensor):
            raise OptionError("class_weight is for models with one output; give sample_weight instead")
        if y.ndim > 2:
            raise OptionError(f"class_weight is for targets (batch,), (batch, 1) or (batch, classes), not {y.shape}")
        classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1).round().astype("int64")
        least, most = min(self.class_weight), max(self.class_weight)
        table = numpy.array([self.class_weight.get(label, 1) for label in range(int(least), int(most) + 1)], "float32")
        known = (classes >= least) & (classes <= most)
        factors = known.where(as_tensor(table, device=self.device)[known.where(classes - int(least), 0)], 1)
        if weight is None:
            return factors
        weight = as_floats(weight, factors)
        return factors.reshape(factors.shape + (1,) * (weight.ndim - 1)) * weight


def _length(source: Any) -> int | None:
    """How many batches there are, if anybody knows. A loader over an endless data set may have `__len__`, and raise; a data set
    of tf.data has a `cardinality`, below 0 where there is no end, or nobody knows."""
    if isinstance(source, Epochs):
        return source.num_batches
    try:
        return len(source)
    except TypeError:
        count = int(source.cardinality()) if hasattr(source, "cardinality") else -1
        return None if count < 0 else count


def yields_batches(x: Any) -> bool:
    """Whether it is no array, nor a structure of such, but yields batches of them."""
    arrays = isinstance(x, (Tensor, numpy.ndarray, list, tuple, Mapping)) or hasattr(x, "__array__")
    return (not arrays and hasattr(x, "__iter__")) or isinstance(x, Dataset)


def split_validation(data: tuple, fraction: float) -> tuple[tuple, tuple]:
    """(x, y, sample_weight) cut into training data and validation data, which is the last part, unshuffled."""
    if not 0 < fraction < 1:
        raise OptionError(f"validation_split lies between 0 and 1, not at {fraction}")
    if any(yields_batches(leaf) for leaf in leaves(data) if leaf is not None):
        raise OptionError("validation_split needs arrays; give validation_data instead")
    data = mapped(lambda leaf: leaf if leaf is None or isinstance(leaf, Tensor) else numpy.asarray(leaf), data)
    samples = next(leaf for leaf in leaves(data) if leaf is not None).shape[0]
    at = math.floor(samples * (1 - fraction))
    if at in (0, samples):
        raise OptionError(f"validation_split={fraction} of {samples} samples leaves nothing on one side")
    first, last = (
        mapped(lambda leaf, part=part: None if leaf is None else leaf[part], data)
        for part in (slice(at), slice(at, None))
    )
    return first, last
