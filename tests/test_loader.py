"""The data loader: what a batch is, in which order batches come, and going on after an interruption."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ml import Tensor, tensor
from tinygrad_ml.data import DataLoader, Dataset, ImageDataset, Subset, TensorDataset, default_collate, transforms
from tinygrad_ml.errors import DataError, DTypeError, OptionError, ShapeError
from tinygrad_ml.random import streams


def numbered(count):
    """A data set whose samples are their own numbers, twice in different shapes."""
    return TensorDataset(np.arange(count), np.arange(count * 2, dtype=np.float32).reshape(count, 2))


def orders(loader, epochs=1):
    """The sample numbers of each batch, over some epochs."""
    return [[batch[0].numpy().tolist() for batch in loader] for _ in range(epochs)]


def flat(order):
    return [number for batch in order for number in batch]


class Counted(Dataset):
    """Hands out samples one by one, and counts the calls."""

    def __init__(self, count):
        self.count, self.calls = count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.calls += 1
        return np.array([index, index + 1], np.float32), index


# -- what a batch is -----------------------------------------------------------------------------------


@given(
    count=st.integers(0, 30),
    batch_size=st.integers(1, 12),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
def test_an_epoch_hands_out_every_sample_once(count, batch_size, shuffle, drop_last, seed):
    loader = DataLoader(numbered(count), batch_size, shuffle, drop_last=drop_last, seed=seed)
    batches = list(loader)
    sizes = [x.shape[0] for x, _ in batches]
    full, rest = divmod(count, batch_size)
    assert sizes == [batch_size] * full + ([rest] if rest and not drop_last else [])
    assert len(loader) == len(sizes)
    seen = [number for x, _ in batches for number in x.numpy()]
    assert len(set(seen)) == len(seen) and set(seen) <= set(range(count))
    if not shuffle:
        assert seen == list(range(len(seen)))
    for x, y in batches:
        assert (y.numpy() == x.numpy()[:, None] * 2 + [0, 1]).all()


def test_a_batch_is_one_indexing_operation_a_tensor(monkeypatch):
    data = numbered(1000)
    calls = []
    index = Tensor.__getitem__
    monkeypatch.setattr(Tensor, "__getitem__", lambda t, key: calls.append(t) or index(t, key))
    for _ in DataLoader(Subset(data, range(500)), batch_size=100, shuffle=True, seed=0):
        pass
    assert Counter(map(id, calls))[id(data.tensors[0])] == 5
    assert len(calls) <= 3 * 5  # the two tensors, and the slice of the order


def test_batches_are_made_where_the_data_lives():
    data = numbered(4)
    for x, y in DataLoader(data, 2):
        assert x.device == y.device == data.device
        assert not x.requires_grad and x.is_leaf


@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: Subset(data, [3, 1, 1]), lambda data: list(data)])
def test_samples_of_any_data_set_are_collated(wrap):
    data = wrap([(np.array([i, i + 1], np.float32), i) for i in range(4)])
    (x, y), *_ = DataLoader(data, batch_size=3)
    assert x.dtype == np.float32 and x.shape == (3, 2) and y.dtype == np.int64
    assert y.numpy().tolist() == [data[i][1] for i in range(3)]


def test_subset_of_a_set_without_gather_is_fetched_one_by_one():
    data = Counted(10)
    (_, y), (_, z) = DataLoader(Subset(data, [9, 2, 4]), batch_size=2)
    assert y.numpy().tolist() == [9, 2] and z.numpy().tolist() == [4] and data.calls == 3


def test_subset_of_a_subset_gathers_the_right_samples():
    subset = Subset(Subset(numbered(10), [9, 7, 5, 3, 1]), [4, 0, 2])
    assert orders(DataLoader(subset, 2)) == [[[1, 9], [5]]]


def test_collate_fn_gets_the_samples():
    loader = DataLoader(numbered(5), 2, collate_fn=lambda samples: [x.item() for x, _ in samples])
    assert list(loader) == [[0, 1], [2, 3], [4]]


def test_images_are_transformed_by_the_batch():
    images = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    data = ImageDataset(images, np.array([2, 0, 1], np.uint8))
    (x, y), _ = DataLoader(data, 2)
    assert x.dtype == np.uint8 and (x.numpy() == images[:2]).all() and y.numpy().tolist() == [2, 0]
    assert repr(data) == "ImageDataset(3 images of 4 x 4, 0 classes)"
    with pytest.raises(OptionError, match="no mean and std"):
        data.tensors(normalize=True)
    data.transform = transforms.ToFloat()
    (x, _), _ = DataLoader(data, 2)
    assert x.dtype == np.float32 and x.shape == (2, 1, 4, 4)
    image, label = data[1]
    assert image.shape == (1, 4, 4) and (image == x.numpy()[1]).all() and label == 0


def test_default_collate_follows_the_structure():
    batch = default_collate(
        [{"x": tensor([1.0]), "n": (1, 2.5, True), "s": "a"}, {"x": tensor([2.0]), "n": (3, 4.5, False), "s": "b"}]
    )
    assert batch["x"].numpy().tolist() == [[1.0], [2.0]]
    integers, floats, bools = batch["n"]
    assert (integers.dtype, floats.dtype, bools.dtype) == (np.int64, np.float32, np.bool_)
    assert integers.numpy().tolist() == [1, 3] and floats.numpy().tolist() == [2.5, 4.5]
    assert batch["s"] == ["a", "b"]
    assert default_collate([np.float16(1), np.float16(2)]).dtype == np.float16


def test_default_collate_refuses_what_does_not_stack():
    with pytest.raises(ShapeError, match=r"\(2,\), \(3,\).*collate_fn"):
        default_collate([np.zeros(2), np.zeros(3)])
    with pytest.raises(ShapeError, match="collate_fn"):
        default_collate([tensor([1.0]), tensor([1.0, 2.0])])
    with pytest.raises(DataError, match="different numbers of parts"):
        default_collate([(1, 2), (1,)])
    with pytest.raises(DTypeError, match="object"):
        default_collate([object()])


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, None, True])
def test_batch_size_must_be_a_positive_integer(batch_size):
    with pytest.raises(OptionError, match="batch_size"):
        DataLoader(numbered(3), batch_size)


def test_loader_refuses_what_is_no_data_set_and_no_seed():
    with pytest.raises(OptionError, match="generator.*__len__"):
        DataLoader(x for x in range(3))
    with pytest.raises(OptionError, match="seed=-3"):
        DataLoader(numbered(3), seed=-3)


# -- in which order -------------------------------------------------------------------------------------


def test_same_seed_same_orders_and_each_epoch_another():
    make = lambda seed: orders(DataLoader(numbered(50), 7, shuffle=True, seed=seed), epochs=3)  # noqa: E731
    first = make(5)
    assert make(5) == first
    assert make(6) != first
    assert len({tuple(flat(epoch)) for epoch in first}) == 3


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    """Pinned: checkpoints of earlier versions count on it, and so do equal numbers on every device."""
    loader = DataLoader(range(8), 8, shuffle=True, seed=0)
    for epoch in (1, 2):
        (batch,) = loader
        assert batch.numpy().tolist() == np.random.default_rng([0, epoch]).permutation(8).tolist()


def test_without_a_seed_the_library_seed_rules():
    def run():
        return orders(DataLoader(numbered(50), 10, shuffle=True), epochs=2)

    streams.manual_seed(3)
    first, other = run(), run()
    streams.manual_seed(3)
    assert run() == first != other
    late = DataLoader(numbered(50), 10, shuffle=True)
    streams.manual_seed(3)
    assert orders(late, epochs=2) == first


def test_a_loader_that_does_not_shuffle_leaves_the_library_generator_alone():
    streams.manual_seed(3)
    list(DataLoader(numbered(50), 10))
    drawn = streams.draw_seed()
    streams.manual_seed(3)
    assert streams.draw_seed() == drawn


def test_breaking_off_begins_a_new_epoch_next_time():
    loader = DataLoader(numbered(50), 10, shuffle=True, seed=1)
    expected = orders(DataLoader(numbered(50), 10, shuffle=True, seed=1), epochs=2)
    next(iter(loader))
    assert orders(loader) == expected[1:]


# -- going on after an interruption -----------------------------------------------------------------------


@given(
    count=st.integers(1, 25),
    batch_size=st.integers(1, 8),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    stop=st.integers(0, 60),
)
def test_resumed_loader_hands_out_what_the_other_would_have(count, batch_size, shuffle, drop_last, stop):
    def make(seed):
        return DataLoader(numbered(count), batch_size, shuffle, drop_last=drop_last, seed=seed)

    def batches(loader, epochs):
        for _ in range(epochs):
            for x, _ in loader:
                yield x.numpy().tolist()

    whole = list(batches(make(seed=9), 3))
    stop = min(stop, len(whole))
    first = make(seed=9)
    stream = batches(first, 3)
    begun = [next(stream) for _ in range(stop)]
    second = make(seed=1234)
    second.load_state_dict(first.state_dict())
    rest = batches(second, 4)
    assert begun + [next(rest) for _ in range(len(whole) - stop)] == whole


def test_state_between_epochs_and_before_the_first():
    loader = DataLoader(numbered(30), 10, shuffle=True)
    fresh = DataLoader(numbered(30), 10, shuffle=True)
    fresh.load_state_dict(loader.state_dict())
    assert orders(fresh, 2) == orders(loader, 2)
    again = DataLoader(numbered(30), 10, shuffle=True)
    again.load_state_dict(loader.state_dict())
    assert orders(again) == orders(loader)


def test_state_is_plain_numbers_and_belongs_to_one_length():
    state = DataLoader(numbered(30), 10, shuffle=True, seed=2).state_dict()
    assert state == {"seed": 2, "epoch": 0, "position": 0, "samples": 30}
    with pytest.raises(DataError, match="30 samples, this one has 31"):
        DataLoader(numbered(31), 10).load_state_dict(state)


def test_rows_by_number_are_the_batches():
    numbers = numbered(10)
    for data in (numbers, Subset(Subset(numbers, [9, 3, 1, 0, 7, 5]), [4, 2, 0, 1])):
        loader, twin = (DataLoader(data, 3, shuffle=True, seed=4) for _ in range(2))
        for _ in range(2):
            by_number = [loader.resident.gather(indices) for indices in loader.indices()]
            for rows, batch in zip(by_number, twin, strict=True):
                assert [part.tolist() for part in rows] == [part.tolist() for part in batch]
            assert loader.state_dict() == twin.state_dict()


def test_a_loader_that_does_more_than_to_gather_has_no_resident_data():
    class Doubled(TensorDataset):
        def gather(self, indices):
            return tuple(part * 2 for part in super().gather(indices))

    numbers = np.arange(10)
    assert DataLoader(Doubled(numbers), 3).resident is None
    assert DataLoader(TensorDataset(numbers), 3, collate_fn=list).resident is None
    assert DataLoader([1, 2, 3], 3).resident is None
