"""Image data sets: MNIST (its files are part of this package), Fashion-MNIST, CIFAR-10 and CIFAR-100.

Each keeps all its images in one array of bytes. `tensors()` turns the whole of it into tensors on a device, which
is how a training that never waits for data begins:

    train = MNIST(train=True)
    loader = DataLoader(TensorDataset(*train.tensors(flatten=True)), batch_size=100, shuffle=True)

Read next: `transforms.py` for changing batches on their way, `download.py` for how files are fetched.
"""

from __future__ import annotations

import io
import math
import os
import tarfile
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy

from ..backend import Device
from ..errors import DataError, OptionError
from ..functional import tensor
from ..tensor import Tensor
from .dataset import Dataset
from .files import damaged, read_bytes
from .idx import read_idx

_EMBEDDED = Path(__file__).parent / "mnist"

_FINE = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
    "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish "
    "forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle "
    "mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine "
    "possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar "
    "sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale "
    "willow_tree wolf woman worm"
)
_COARSE = (
    "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture "
    "insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores "
    "medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2"
)

Transform = Callable[[numpy.ndarray], numpy.ndarray]


def fetch(urls: Sequence[str], path: Path, checksum: str | None) -> Path:
    """See `download.py`, which is imported when a file is missing: all that Python needs to talk with servers takes a
    third as long to import as this library."""
    return import_module(".download", __package__).download(urls, path, checksum)


class ImageDataset(Dataset):
    """Images of one size with a class label each, held in two arrays.

    images     uint8 of shape (N, H, W), or (N, C, H, W) with channels
    labels     integers of shape (N,), below the number of `classes`
    transform  applied to each batch of images as it is taken out, as an array with the batch dimension first; see
               `transforms.py`

    images, labels  the whole arrays; labels are int64
    classes         the name of each class, in the order of the labels; a derived class sets it,
    mean, std       and these: per channel, of the training images scaled to [0, 1]
    """

    classes: tuple[str, ...] = ()
    mean: ClassVar[tuple[float, ...]] = ()
    std: ClassVar[tuple[float, ...]] = ()

    def __init__(self, images: numpy.ndarray, labels: numpy.ndarray, transform: Transform | None = None):
        self.images = images
        self.labels = labels.astype(numpy.int64)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[numpy.ndarray, int]:
        """Image `index` (transformed, without batch dimension) and its label."""
        image = self.images[index]
        if self.transform is not None:
            image = self.transform(image[None])[0]
        return image, int(self.labels[index])

    def gather(self, indices: numpy.ndarray) -> tuple[Tensor, Tensor]:
        """The images (transformed) and labels at `indices`, as tensors on the default device."""
        images = self.images[indices]
        if self.transform is not None:
            images = self.transform(images)
        return tensor(images), tensor(self.labels[indices])

    def tensors(
        self,
        flatten: bool = False,
        normalize: bool = False,
        dtype: str | numpy.dtype = "float32",
        device: str | Device | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The whole data set as two tensors, pixels scaled to [0, 1].

        flatten    one row of numbers for an image, as a dense layer reads it
        normalize  shift and scale each channel to mean 0 and standard deviation 1 over the training images
        dtype      of the images; the labels are int64
        device     where the tensors live; None is the default device

        Returns images of shape (N, C, H, W), or (N, C·H·W) if flattened, and labels of shape (N,). `transform` is not
        applied.

        Raises `OptionError`: `normalize` was asked of a data set without `mean` and `std`.
        """
        if normalize and not self.mean:
            raise OptionError(f"{type(self).__name__} has no mean and std to normalize with; set them on the class")
        # The bytes travel to the device, a quarter of the size of the floats they become there.
        pixels = tensor(self.images, device=device)
        height, width = self.images.shape[-2:]
        images = pixels.astype(dtype).reshape((len(self), -1, height, width)) / 255
        if normalize:
            mean, std = (tensor(numpy.array(v, dtype).reshape(-1, 1, 1), device=device) for v in (self.mean, self.std))
            images = (images - mean) / std
        if flatten:
            images = images.reshape((len(self), -1))
        return images.detach(), tensor(self.labels, device=device)

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.images.shape[1:]))
        return f"{type(self).__name__}({len(self)} images of {size}, {len(self.classes)} classes)"


class _IDXImages(ImageDataset):
    """Grey images of 28 x 28 published as the four IDX files of MNIST, under `root` or `root/<class name>/raw`."""

    md5: ClassVar[dict[str, str]]  # by file name
    mirrors: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        *,
        download: bool = False,
        transform: Transform | None = None,
    ):
        part = "train" if train else "t10k"
        paths = [self._locate(root, f"{part}-{kind}-ubyte.gz", download) for kind in ("images-idx3", "labels-idx1")]
        # Checksums are published for the compressed files only; what was unpacked is checked by its header.
        images, labels = (read_idx(path, self.md5.get(path.name)) for path in paths)
        if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1] or (labels >= len(self.classes)).any():
            raise DataError(
                f"{paths[0]} and {paths[1]} do not belong together: images {images.shape} and labels {labels.shape} "
                f"up to {labels.max(initial=0)}; expected (N, 28, 28) and (N,) below {len(self.classes)}. Fetch both."
            )
        super().__init__(images, labels, transform)

    def _locate(self, root: str | os.PathLike[str], name: str, download: bool) -> Path:
        """The path of the file `name`, which is there."""
        folders = (Path(root), Path(root, type(self).__name__, "raw"))
        candidates = [folder / file for folder in folders for file in (name, name.removesuffix(".gz"))]
        path = next((path for path in candidates if path.is_file()), folders[1] / name)
        return _must_exist(self._fetch(path) if download and path.name == name else path)

    def _fetch(self, path: Path) -> Path:
        """The path of a whole copy of the file: `path`, once it has been fetched there."""
        return fetch([mirror + path.name for mirror in self.mirrors], path, self.md5[path.name])


class MNIST(_IDXImages):
    """MNIST: 60,000 training and 10,000 test images (28 x 28, grey) of handwritten digits.

    The files are part of this package, under CC BY-SA 3.0: see `mnist/NOTICE.md`.

    root       None for the files of this package; else the folder of the four IDX files (compressed or not), or one in
               which they lie under `MNIST/raw/`
    train      the training images, or else the test images
    download   with a `root` that has no such files, take those of this package. Nothing is ever fetched.
    transform  applied to batches of images as they are taken out; see `ImageDataset`

    Raises `DataError`: a file is missing or damaged.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (11), 1998.
    """

    classes = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    mean, std = (0.1307,), (0.3081,)
    md5 = {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    }

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        *,
        download: bool = False,
        transform: Transform | None = None,
    ):
        super().__init__(_EMBEDDED if root is None else root, train, download=download, transform=transform)

    def _fetch(self, path: Path) -> Path:
        return path if path.is_file() else _EMBEDDED / path.name


class FashionMNIST(_IDXImages):
    """Fashion-MNIST: 60,000 training and 10,000 test images (28 x 28, grey) of ten kinds of clothing.

    root       the folder of the four IDX files (compressed or not), or one in which they lie under
               `FashionMNIST/raw/`, where `download` puts them
    train      the training images, or else the test images
    download   fetch the files that are missing or damaged
    transform  applied to batches of images as they are taken out; see `ImageDataset`

    Raises `DataError`: a file is missing, damaged, or could not be downloaded.

    Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747, 2017.
    """

    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    mean, std = (0.2860,), (0.3530,)
    md5 = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    mirrors = (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )


class CIFAR10(ImageDataset):
    """CIFAR-10: 50,000 training and 10,000 test photographs (32 x 32, colour) of ten kinds of things.

    Read from the "binary version", whose records are plain bytes: one label, then 1024 red, green and blue values
    each. (The better known "python version" consists of pickles, and loading a pickle runs code.) The archive is
    read as it is, never unpacked to the disk.

    root       the folder of `cifar-10-binary.tar.gz`, where `download` puts it, or of the unpacked
               `cifar-10-batches-bin/`
    train      the training images, or else the test images
    download   fetch the archive (162 MiB) if it is missing or damaged
    transform  applied to batches of images as they are taken out; see `ImageDataset`. Images are (3, 32, 32).

    Raises `DataError`: a file is missing, damaged, or could not be downloaded.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    archive = "cifar-10-binary.tar.gz"
    md5 = "c32a1d4ab5d03f1284b67883e8d87530"
    # The authors' own server, the last, is by far the slowest.
    mirrors = (
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
        "https://www.cs.toronto.edu/~kriz/",
    )
    folder = "cifar-10-batches-bin"
    files: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]] = (
        tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        ("test_batch.bin",),
    )
    records_per_file = (10_000, 10_000)  # in each file: those of the training images, and of the others
    label_bytes, label_byte = 1, 0  # how many stand before an image, and which of them is meant
    shape = (3, 32, 32)

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        *,
        download: bool = False,
        transform: Transform | None = None,
    ):
        names = self.files[0 if train else 1]
        folder, archive = Path(root, self.folder), Path(root, self.archive)
        if folder.is_dir():
            source, contents = folder, {name: read_bytes(folder / name) for name in names}
        else:
            if download:
                fetch([mirror + self.archive for mirror in self.mirrors], archive, self.md5)
            source, contents = archive, self._unpack(_must_exist(archive), names)

        record = self.label_bytes + math.prod(self.shape)
        wanted = self.records_per_file[0 if train else 1] * record
        for name in names:
            if len(contents.get(name, b"")) != wanted:
                found = f"{len(contents[name])} bytes" if name in contents else "nothing"
                raise damaged(source, f"{name} should have {wanted} bytes; found {found}")
        records = numpy.concatenate(
            [numpy.frombuffer(contents[name], numpy.uint8).reshape(-1, record) for name in names]
        )
        labels = records[:, self.label_byte]
        if labels.max() >= len(self.classes):
            raise damaged(source, f"it has a label {labels.max()}; expected 0 to {len(self.classes) - 1}")
        super().__init__(records[:, self.label_bytes :].reshape(-1, *self.shape), labels, transform)

    def _unpack(self, archive: Path, names: Sequence[str]) -> dict[str, bytes]:
        """The content of the files `names` in the archive, read in one pass and in memory."""
        packed = io.BytesIO(read_bytes(archive, self.md5))
        contents = {}
        try:
            with tarfile.open(fileobj=packed, mode="r|gz") as tar:
                for member in tar:
                    name = member.name.removeprefix(self.folder + "/")
                    if name in names and member.isfile() and (file := tar.extractfile(member)):
                        contents[name] = file.read()
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise damaged(archive, f"it does not unpack ({error})") from error
        return contents


class CIFAR100(CIFAR10):
    """CIFAR-100: 50,000 training and 10,000 test photographs (32 x 32, colour) of a hundred kinds of things.

    root, train, download, transform  as for `CIFAR10`, the archive being `cifar-100-binary.tar.gz`
    coarse  labels that say which of 20 groups a thing belongs to, as fish or trees

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    classes = tuple(_FINE.split())
    mean, std = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
    archive = "cifar-100-binary.tar.gz"
    md5 = "03b5dce01913d631647c71ecec9e9cb8"
    mirrors = ("https://www.cs.toronto.edu/~kriz/",)
    folder = "cifar-100-binary"
    files = (("train.bin",), ("test.bin",))
    records_per_file = (50_000, 10_000)
    label_bytes = 2

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        *,
        coarse: bool = False,
        download: bool = False,
        transform: Transform | None = None,
    ):
        self.label_byte = 0 if coarse else 1
        if coarse:
            self.classes = tuple(_COARSE.split())
        super().__init__(root, train, download=download, transform=transform)


def _must_exist(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path} does not exist. Put the file there, or pass download=True.")
    return path
