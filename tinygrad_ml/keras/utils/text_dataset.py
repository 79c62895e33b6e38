"""Folders of texts and of sounds as data sets: one folder a class."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy

from ...errors import DataError, OptionError
from ..checks import whole
from .folders import loader_of_folder


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the texts in a folder with a folder for each class in it: files `.txt`, in UTF-8.

    max_length  of a text in characters; the rest is cut off
    The other options are those of `image_dataset_from_directory`.

    A batch has an array of strings, which no tensor holds; its `map` makes numbers of them:

    >>> train = text_dataset_from_directory("reviews").map(lambda texts, labels: (vectorize(texts), labels))
    """
    if max_length is not None:
        whole("max_length", max_length)

    def read(path: Path) -> numpy.ndarray:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read as a text in UTF-8: {error}") from error
        return numpy.array(text if max_length is None else text[:max_length])

    options = {"validation_split": validation_split, "subset": subset, "verbose": verbose, "seed": seed}
    options |= {"label_mode": label_mode, "class_names": class_names, "batch_size": batch_size, "shuffle": shuffle}
    return loader_of_folder(directory, read, (".txt",), labels=labels, **options)


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches (batch, samples, channels) of the sounds in a folder with a folder for each class in it: files `.wav` of 16 bits.

    output_sequence_length  of a sound in samples: what is longer is cut off, and what is shorter ends in silence. Without it
                            all must be of one length
    sampling_rate           is compared with that of the files, in samples a second; sounds are not resampled
    The other options are those of `image_dataset_from_directory`.

    Sounds are float32 from -1 to 1.
    """
    if ragged:
        raise OptionError("audio_dataset_from_directory: there are no ragged tensors; give output_sequence_length")
    if output_sequence_length is not None:
        whole("output_sequence_length", output_sequence_length)

    def read(path: Path) -> numpy.ndarray:
        sound, rate = _sound(path)
        if sampling_rate not in (None, rate):
            raise DataError(f"{path} has {rate} samples a second, and not {sampling_rate}: resample it before")
        if output_sequence_length is None:
            return sound
        cut = sound[:output_sequence_length]
        return numpy.pad(cut, ((0, output_sequence_length - len(cut)), (0, 0)))

    options = {"validation_split": validation_split, "subset": subset, "verbose": verbose, "seed": seed}
    options |= {"label_mode": label_mode, "class_names": class_names, "batch_size": batch_size, "shuffle": shuffle}
    return loader_of_folder(directory, read, (".wav",), labels=labels, **options)


_BYTES_A_NUMBER = 2
_LOUDEST = 2**15


def _sound(path: Path) -> tuple[numpy.ndarray, int]:
    """A sound (samples, channels), and its samples a second."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, count, *_ = file.getparams()
            content = file.readframes(count)
    except (wave.Error, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a sound: {error}") from error
    if width != _BYTES_A_NUMBER:
        raise DataError(f"{path} has numbers of {8 * width} bits, and only those of 16 are read")
    return numpy.frombuffer(content, "<i2").reshape(-1, channels).astype("float32") / _LOUDEST, rate
