"""Folders of files as data sets: one folder a class. What images, texts and sounds have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy

from ...data import DataLoader, Dataset
from ...errors import DataError, OptionError
from ...tensor import as_tensor
from ..checks import number, one_of
from .np_utils import to_categorical


class Files(Dataset):
    """Files and their labels; the files are read as they are asked for.

    read  makes the sample of a file
    """

    def __init__(
        self, paths: list[Path], labels: numpy.ndarray | None, class_names: list[str], read: Callable[[Path], Any]
    ):
        self.file_paths, self.labels, self.class_names, self._read = paths, labels, class_names, read

    def __len__(self) -> int:
        return len(self.file_paths)

    def __getitem__(self, index: int) -> Any:
        sample = self._read(self.file_paths[index])
        return sample if self.labels is None else (sample, self.labels[index])

    def gather(self, indices: Any) -> Any:
        """The samples and labels at `indices`, put together: texts as an array of strings."""
        rows = [int(index) for index in numpy.asarray(indices)]
        samples: Any = numpy.stack([numpy.asarray(self._read(self.file_paths[row])) for row in rows])
        samples = samples if samples.dtype.kind in "US" else as_tensor(samples)
        return samples if self.labels is None else (samples, as_tensor(self.labels[rows]))


class FolderLoader(DataLoader):
    """Batches of samples and labels; `class_names` says what the labels mean."""

    class_names: list[str]
    file_paths: list[str]

    def map(self, function: Callable, num_parallel_calls: Any = None) -> MappedBatches:
        """The batches that a function makes of these: of (samples, labels), or of samples where there are no labels.

        num_parallel_calls  is accepted, and changes nothing
        """
        return MappedBatches(self, function)


class MappedBatches:
    """Batches that a function makes of those of a loader; each loop over it is an epoch."""

    def __init__(self, loader: Any, function: Callable):
        self.loader, self.function = loader, function
        self.class_names = getattr(loader, "class_names", None)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            yield self.function(*batch) if isinstance(batch, (tuple, list)) else self.function(batch)

    map = FolderLoader.map


def loader_of_folder(
    directory: Any,
    read: Callable[[Path], Any],
    endings: Sequence[str],
    labels: Any,
    label_mode: str | None,
    class_names: list[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    verbose: bool,
) -> Any:
    """The batches that `image_dataset_from_directory` and its like return: its options, and

    read     makes the sample of a file
    endings  of the files that are taken
    """
    root = Path(directory)
    if not root.is_dir():
        raise DataError(f"{root} is no folder: give one that has a folder for each class")
    one_of("label_mode", label_mode, ("int", "categorical", "binary", None))
    if validation_split is not None and not 0 < number("validation_split", validation_split, 0, 1) < 1:
        raise OptionError(f"validation_split={validation_split} must be above 0 and below 1: it is a part of the files")
    if (subset is None) != (validation_split is None) or subset not in (None, "training", "validation", "both"):
        raise OptionError("give both validation_split and subset ('training', 'validation' or 'both'), or neither")
    paths, numbers, names = _find(root, labels, class_names, endings)
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(names)} classes.")
    order = (
        numpy.random.default_rng(0 if seed is None else seed).permutation(len(paths)) if shuffle else range(len(paths))
    )
    targets = None if label_mode is None or labels is None else _label(numbers, label_mode, len(names))

    def loader(rows: Any, shuffled: bool) -> FolderLoader | Files:
        rows = [int(row) for row in (order if batch_size is None and subset is None else rows)]
        own = None if targets is None else targets[rows]
        files = Files([paths[row] for row in rows], own, names, read)
        if batch_size is None:
            return files
        made = FolderLoader(files, batch_size, shuffle=shuffled, seed=seed)
        made.class_names, made.file_paths = names, [str(path) for path in files.file_paths]
        return made

    if subset is None:
        return loader(range(len(paths)), shuffle)
    kept = len(paths) - int((validation_split or 0) * len(paths))
    training, validation = loader(order[:kept], shuffle), loader(order[kept:], False)
    return {"training": training, "validation": validation, "both": (training, validation)}[subset]


def _find(
    root: Path, labels: Any, class_names: list[str] | None, endings: Sequence[str]
) -> tuple[list[Path], list[int], list[str]]:
    """All files, their class numbers, and the names of the classes."""
    if isinstance(labels, str) and labels == "inferred":
        there = sorted(path.name for path in root.iterdir() if path.is_dir())
        names = there if class_names is None else list(class_names)
        if sorted(names) != there:
            raise OptionError(f"class_names={names} are not the folders in {root}, which are {there}")
        found = [(path, number) for number, name in enumerate(names) for path in _files(root / name, endings)]
    else:
        names = list(class_names or [])
        files = _files(root, endings)
        given: list[Any] = [0] * len(files) if labels is None else list(labels)
        if len(given) != len(files):
            raise OptionError(f"there are {len(given)} labels for {len(files)} files in {root}")
        names = names or sorted({str(label) for label in given})
        found = list(zip(files, given, strict=True))
    if not found:
        raise DataError(f"there are no files ({', '.join(endings)}) in {root}, which needs a folder for each class")
    return [path for path, _ in found], [number for _, number in found], names


def _files(folder: Path, endings: Sequence[str]) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)


def _label(numbers: list[int], label_mode: str, classes: int) -> numpy.ndarray:
    if label_mode == "categorical":
        return to_categorical(numbers, classes).astype("float32")
    if label_mode == "binary":
        if classes != 2:
            raise OptionError(f"label_mode='binary' needs 2 classes, and there are {classes}")
        return numpy.asarray(numbers, "float32")[:, None]
    return numpy.asarray(numbers, "int64")
