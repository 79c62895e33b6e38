"""IDX files, data sets, splits, the image sets and the transforms. Batches are in `test_loader.py`."""

import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ml import Tensor, tensor
from tinygrad_ml.backend import Device
from tinygrad_ml.data import (
    CIFAR10,
    MNIST,
    Dataset,
    FashionMNIST,
    Subset,
    TensorDataset,
    random_split,
    read_idx,
    transforms,
)
from tinygrad_ml.errors import DataError, DeviceError, OptionError, RangeError, ShapeError
from tinygrad_ml.random import streams

IDX_TYPES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array):
    """The content of an IDX file, written down independently of the reader."""
    header = bytes([0, 0, IDX_TYPES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


arrays = st.sampled_from(sorted(IDX_TYPES)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


# -- IDX ---------------------------------------------------------------------------------------------


@given(array=arrays, compressed=st.booleans())
def test_idx_reads_every_type_and_shape(array, compressed, tmp_path_factory):
    path = tmp_path_factory.mktemp("idx") / "array"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if compressed else content)
    read = read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative and read.shape == array.shape
    np.testing.assert_array_equal(read, array)
    assert read.flags.writeable


@settings(max_examples=300)
@given(content=st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda rest: b"\0\0\x08" + rest)))
def test_idx_of_arbitrary_bytes_is_an_array_or_one_clear_error(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("idx") / "noise"
    path.write_bytes(content)
    try:
        assert isinstance(read_idx(path), np.ndarray)
    except DataError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("keep", [0, 1, 3, 7, 15, 16, 20, -1])
@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_idx_names_the_file_and_the_way_out(tmp_path, keep, compressed):
    path = tmp_path / "train-images-idx3-ubyte"
    content = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    path.write_bytes((gzip.compress(content) if compressed else content)[:keep])
    with pytest.raises(DataError, match="train-images.*fetch a fresh copy"):
        read_idx(path)


def test_idx_with_bytes_too_many_says_how_many(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(np.zeros(5, np.uint8)) + b"!")
    with pytest.raises(DataError, match=r"\(5,\).*13 bytes; found 14"):
        read_idx(path)


def test_wrong_checksum_names_both_sums(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="labels.*5d41402abc4b2a76b9719d911017c592, expected 00ff"):
        read_idx(path, md5="00ff" * 8)


def test_missing_file_and_folder_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


# -- data sets -----------------------------------------------------------------------------------------


def test_tensor_dataset_gives_rows():
    data = TensorDataset(tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([7, 8]))
    x, y = data[1]
    assert len(data) == 2
    assert x.numpy().tolist() == [3.0, 4.0] and y.numpy().item() == 8
    x, y = data.gather(np.array([1, 0, 1]))
    assert x.numpy().tolist() == [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]] and y.numpy().tolist() == [8, 7, 8]


def test_a_batch_is_no_part_of_the_graph_and_no_view_of_the_data():
    x = tensor([[1.0], [2.0]], requires_grad=True)
    (batch,) = TensorDataset(x).gather(np.array([0, 1]))
    assert not batch.requires_grad
    batch.assign(np.zeros((2, 1), np.float32))
    assert x.numpy().tolist() == [[1.0], [2.0]]


def test_tensor_dataset_refuses_what_does_not_fit():
    with pytest.raises(OptionError, match="at least one"):
        TensorDataset()
    with pytest.raises(ShapeError, match=r"\(3, 2\), \(4,\)"):
        TensorDataset(np.zeros((3, 2)), np.zeros(4))
    with pytest.raises(ShapeError, match=r"\(\)"):
        TensorDataset(np.zeros(()))


def test_tensor_dataset_refuses_two_devices():
    class Elsewhere(Tensor):
        device = Device("gpu:7")

    with pytest.raises(DeviceError, match=r"cpu, gpu:7.*\.to\(device\)"):
        TensorDataset(tensor([1.0], device="cpu"), Elsewhere(np.zeros(1)))


def test_subset_keeps_its_order_and_checks_its_indices():
    data = TensorDataset(np.arange(5))
    subset = Subset(Subset(data, [4, 3, 3, 0]), [0, 2])
    assert [sample[0].numpy().item() for sample in (subset[0], subset[1])] == [4, 3]
    assert len(subset) == 2
    for wrong in ([5], [-1]):
        with pytest.raises(RangeError, match="0 to 4"):
            Subset(data, wrong)


def test_dataset_says_what_a_subclass_must_define():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="__len__"):
        len(Dataset())


@given(lengths=st.lists(st.integers(0, 20), min_size=1, max_size=5), seed=st.integers(0, 2**63 - 1))
def test_random_split_shares_out_every_sample_once(lengths, seed):
    if sum(lengths) == 1:  # 1 counts as a fraction, and means the same
        lengths.append(0)
    data = range(sum(lengths))
    parts = random_split(data, lengths, seed=seed)
    assert [len(part) for part in parts] == lengths
    assert sorted(index for part in parts for index in part.indices) == list(data)
    again = random_split(data, lengths, seed=seed)
    assert all((a.indices == b.indices).all() for a, b in zip(parts, again, strict=True))


@pytest.mark.parametrize(
    ("total", "fractions", "counts"),
    [(10, [0.8, 0.2], [8, 2]), (10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]), (1, [0.5, 0.5], [1, 0]), (7, [1.0], [7])],
)
def test_random_split_by_fractions_deals_out_the_rest(total, fractions, counts):
    assert [len(part) for part in random_split(range(total), fractions, seed=0)] == counts


@pytest.mark.parametrize("lengths", [[3, 3], [11, -1], [5.5, 4.5], [0.5, 0.4], []])
def test_random_split_refuses_lengths_that_do_not_add_up(lengths):
    with pytest.raises(OptionError, match="10 samples"):
        random_split(range(10), lengths)


def test_random_split_follows_the_seed_of_the_library():
    def split():
        return random_split(range(1000), [500, 500])[0].indices.tolist()

    streams.manual_seed(1)
    first, second = split(), split()
    streams.manual_seed(1)
    assert split() == first != second
    with pytest.raises(OptionError, match="seed=-1"):
        random_split(range(10), [5, 5], seed=-1)


# -- image sets ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist():
    return {train: MNIST(train=train) for train in (True, False)}


@pytest.mark.parametrize(
    ("train", "counts"),
    [
        (True, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        (False, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_is_the_real_one(mnist, train, counts):
    data = mnist[train]
    assert len(data) == sum(counts)
    assert data.images.shape == (sum(counts), 28, 28) and data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64 and np.bincount(data.labels).tolist() == counts


def test_mnist_pixels_have_the_published_moments(mnist):
    pixels = mnist[True].images
    levels = np.bincount(pixels.reshape(-1), minlength=256) / pixels.size
    scale = np.arange(256) / 255
    mean = levels @ scale
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert np.sqrt(levels @ (scale - mean) ** 2) == pytest.approx(0.3081, abs=5e-5)


def test_image_sample_is_the_image_and_its_label(mnist):
    image, label = mnist[True][0]
    assert image.shape == (28, 28) and image.dtype == np.uint8 and label == 5 and type(label) is int
    assert repr(mnist[True]) == "MNIST(60000 images of 28 x 28, 10 classes)"


def test_tensors_are_scaled_shaped_and_normalized(mnist):
    data = mnist[False]
    images, labels = data.tensors()
    assert images.shape == (10000, 1, 28, 28) and images.dtype == np.float32
    assert labels.dtype == np.int64 and (labels.numpy() == data.labels).all()
    np.testing.assert_array_equal(images.numpy()[:, 0], data.images.astype(np.float32) / np.float32(255))
    flat, _ = data.tensors(flatten=True, dtype="float64")
    assert flat.dtype == np.float64 and flat.shape == (10000, 784)
    np.testing.assert_array_equal(flat.numpy(), data.images.reshape(10000, 784) / 255)
    normal, _ = data.tensors(normalize=True)
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal.numpy()[:, 0], (data.images / 255 - 0.1307) / 0.3081, atol=1e-5)


def write_idx_set(folder, images, labels, compressed=True, part="t10k"):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        content = idx_bytes(array)
        name = f"{part}-{kind}-ubyte" + (".gz" if compressed else "")
        (folder / name).write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("place", [".", "FashionMNIST/raw"])
def test_fashion_mnist_from_a_folder_of_unpacked_files(tmp_path, place):
    images = np.arange(3 * 28 * 28).reshape(3, 28, 28).astype(np.uint8)
    write_idx_set(tmp_path / place, images, np.array([9, 0, 4], np.uint8), compressed=False)
    data = FashionMNIST(tmp_path, train=False)
    assert (data.images == images).all() and data.labels.tolist() == [9, 0, 4]
    assert data.classes[data[0][1]] == "Ankle boot"


def test_image_set_checks_the_checksum_of_what_it_reads(tmp_path):
    write_idx_set(tmp_path, np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8))
    for kind, published in (
        (MNIST, "9fb629c4189551a2d022fa330f9573f3"),
        (FashionMNIST, "bef4ecab320f06d8554ea6380940ec79"),
    ):
        with pytest.raises(DataError, match=f"t10k-images-idx3-ubyte.gz is damaged.*expected {published}"):
            kind(tmp_path, train=False)


def test_image_set_that_is_missing_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match="FashionMNIST/raw/train-images-idx3-ubyte.gz does not exist.*download=True"):
        FashionMNIST(tmp_path)
    with pytest.raises(DataError, match="cifar-10-binary.tar.gz does not exist.*download=True"):
        CIFAR10(tmp_path)


def test_mnist_needs_no_network_to_download(tmp_path, mnist):
    with pytest.raises(DataError, match="does not exist"):
        MNIST(tmp_path, train=False)
    assert (MNIST(tmp_path, train=False, download=True).labels == mnist[False].labels).all()


@pytest.mark.parametrize(
    ("images", "labels"), [((2, 28, 28), [1, 2, 3]), ((2, 28, 27), [1, 2]), ((2, 28, 28), [1, 10]), ((2, 784), [1, 2])]
)
def test_image_set_checks_that_its_files_belong_together(tmp_path, images, labels):
    write_idx_set(tmp_path, np.zeros(images, np.uint8), np.array(labels, np.uint8), compressed=False)
    with pytest.raises(DataError, match="do not belong together"):
        MNIST(tmp_path, train=False)


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A CIFAR-10 of 4 records a file, as an archive under `tmp_path`; its images and labels by part."""
    generator = np.random.default_rng(0)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    records = {name: generator.integers(0, 10, (4, 3073), dtype=np.uint8) for name in names}
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in reversed(names):  # the order inside of an archive is nobody's promise
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records[name].nbytes
            tar.addfile(member, io.BytesIO(records[name].tobytes()))
    monkeypatch.setattr(CIFAR10, "records_per_file", (4, 4))
    monkeypatch.setattr(CIFAR10, "md5", hashlib.md5(path.read_bytes()).hexdigest())
    return {True: np.concatenate([records[name] for name in names[:5]]), False: records["test_batch.bin"]}


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_cifar10_from_archive_and_from_folder(tmp_path, cifar, unpacked, train):
    if unpacked:
        with tarfile.open(tmp_path / "cifar-10-binary.tar.gz") as tar:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # which 3.11.4 brought
            tar.extractall(tmp_path, **safely)
        (tmp_path / "cifar-10-binary.tar.gz").unlink()
    data = CIFAR10(tmp_path, train=train)
    assert data.images.shape == (len(cifar[train]), 3, 32, 32)
    assert (data.labels == cifar[train][:, 0]).all()
    # Planes of red, green, blue, row by row: byte 1 + 1024 c + 32 y + x of a record.
    assert data.images[3, 2, 5, 7] == cifar[train][3, 1 + 1024 * 2 + 32 * 5 + 7]
    images, _ = data.tensors(normalize=True)
    expected = (cifar[train][:, 1:].reshape(-1, 3, 1024) / 255).mean(axis=2)[0]
    np.testing.assert_allclose(
        images.numpy()[0].mean(axis=(1, 2)), (expected - np.array(data.mean)) / np.array(data.std), atol=1e-4
    )


def test_cifar10_that_is_damaged_says_so(tmp_path, cifar, monkeypatch):
    path = tmp_path / "cifar-10-binary.tar.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(DataError, match="cifar-10-binary.tar.gz is damaged.*MD5"):
        CIFAR10(tmp_path)
    monkeypatch.setattr(CIFAR10, "md5", hashlib.md5(content[:-100]).hexdigest())
    with pytest.raises(DataError, match="does not unpack|found nothing"):
        CIFAR10(tmp_path)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    with pytest.raises(DataError, match="test_batch.bin does not exist"):
        CIFAR10(tmp_path, train=False)
    (folder / "test_batch.bin").write_bytes(b"\0" * 3073)
    with pytest.raises(DataError, match="test_batch.bin should have 12292 bytes; found 3073 bytes"):
        CIFAR10(tmp_path, train=False)
    (folder / "test_batch.bin").write_bytes(b"\x0b" * 3073 * 4)
    with pytest.raises(DataError, match="label 11"):
        CIFAR10(tmp_path, train=False)


# -- transforms ------------------------------------------------------------------------------------------

images = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=6))


@given(images=images, pixels=st.integers(0, 3), seed=st.integers(0, 1000))
def test_translation_moves_each_image_and_fills_with_zeros(images, pixels, seed):
    moved = transforms.RandomTranslation(pixels, seed=seed)(images)
    assert moved.shape == images.shape and moved.dtype == images.dtype
    height, width = images.shape[-2:]
    for before, after in zip(images, moved, strict=True):
        border = [(0, 0)] * (before.ndim - 2) + [(pixels, pixels)] * 2
        padded = np.pad(before, border)
        shifts = [
            padded[..., top : top + height, left : left + width]
            for top in range(2 * pixels + 1)
            for left in range(2 * pixels + 1)
        ]
        assert any((after == shift).all() for shift in shifts)


def test_translation_reaches_every_shift_and_treats_images_apart():
    images = np.zeros((400, 5, 5), np.uint8)
    images[:, 2, 2] = 1
    places = np.argwhere(transforms.RandomTranslation(1, seed=0)(images))[:, 1:]
    assert {tuple(place) for place in places} == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}


def test_flip_mirrors_about_half_of_the_images():
    images = np.broadcast_to(np.arange(4, dtype=np.uint8), (1000, 3, 2, 4))
    flipped = transforms.RandomHorizontalFlip(seed=0)(images)
    mirrored = (flipped == images[..., ::-1]).all(axis=(1, 2, 3))
    assert (mirrored | (flipped == images).all(axis=(1, 2, 3))).all()
    assert 430 < mirrored.sum() < 570


def test_random_transforms_follow_their_seed_or_the_library_seed():
    images = np.arange(300, dtype=np.uint8).reshape(3, 10, 10)
    for make in (transforms.RandomTranslation, lambda pixels, **seed: transforms.RandomHorizontalFlip(0.5, **seed)):
        a, b = make(3, seed=4), make(3, seed=4)
        assert all((a(images) == b(images)).all() for _ in range(5))
        streams.manual_seed(11)
        a = [make(3)(images) for _ in range(5)]
        streams.manual_seed(11)
        b = [make(3)(images) for _ in range(5)]
        assert all((x == y).all() for x, y in zip(a, b, strict=True))
        assert any((a[0] != x).any() for x in a)


def test_pipeline_agrees_with_tensors(mnist):
    data = mnist[False]
    pipeline = transforms.Compose([transforms.ToFloat(), transforms.Normalize(data.mean, data.std)])
    batch = pipeline(data.images[:32])
    assert batch.dtype == np.float32 and batch.shape == (32, 1, 28, 28)
    np.testing.assert_array_equal(batch, data.tensors(normalize=True)[0].numpy()[:32])


def test_normalize_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"\(2, 28, 28\).*ToFloat"):
        transforms.Normalize([0.5], [0.5])(np.zeros((2, 28, 28), np.float32))
    for mean, std in (([0.5], [0.5, 0.5]), ([0.5], [0.0])):
        with pytest.raises(OptionError, match="Normalize"):
            transforms.Normalize(mean, std)
    with pytest.raises(OptionError, match="pixels=-1"):
        transforms.RandomTranslation(-1)
