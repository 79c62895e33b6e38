"""Checkpoints: what comes back is what was saved, and what cannot be trusted is refused with one clear error."""

import builtins
import errno
import itertools
import json
import math
import os
import pickle
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ml import Tensor, tensor
from tinygrad_ml.cuda import gpu_available
from tinygrad_ml.errors import CheckpointError, DeviceError
from tinygrad_ml.io import load, save

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def same(a, b):
    """Equal in kind, structure and every bit of every number."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return same(a.numpy(), b.numpy())
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
)
keys = st.one_of(
    st.text(max_size=5), st.sampled_from(["$tensor", "a.b", "__metadata__"]), st.integers(), st.booleans(), st.none()
)
states = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), arrays, arrays.map(tensor)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


def checkpoint():
    """A state as a training has it."""
    return {
        "model": {"0.weight": tensor(np.arange(6, dtype=np.float32).reshape(2, 3)), "0.bias": tensor([1.0, 2.0])},
        "optimizer": {
            "state": {0: {"step": 7, "exp_avg": tensor([0.5])}},
            "groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}],
        },
        "epoch": 3,
        "history": {"loss": [0.5, math.inf, math.nan], "note": 'a "quoted" – λ\n', "best": None, "done": False},
    }


# -- what comes back -------------------------------------------------------------------------------------


@given(state=states)
def test_what_is_loaded_is_what_was_saved(state, folder):
    save(folder / "state", state)
    assert same(load(folder / "state"), state)


def test_a_checkpoint_of_a_training(folder):
    save(str(folder / "training"), checkpoint())
    assert same(load(folder / "training"), checkpoint())


def test_equal_states_make_equal_files(folder):
    save(folder / "a", checkpoint())
    save(folder / "b", checkpoint())
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_saving_leaves_the_live_tensors_alone(folder):
    state = checkpoint()
    weight = state["model"]["0.weight"]
    data, device = weight.data, weight.device
    save(folder / "live", state)
    assert weight.data is data and weight.device == device
    assert load(folder / "live", device="cpu")["model"]["0.weight"].device == "cpu"


def test_a_checkpoint_goes_to_the_device_that_is_asked_for(folder):
    save(folder / "device", {"w": tensor([1.0, 2.0])})
    if gpu_available():
        weight = load(folder / "device", device="gpu")["w"]
        assert weight.device == "gpu"
        save(folder / "device", {"w": weight})
        assert weight.device == "gpu"
        assert load(folder / "device", device="cpu")["w"].device == "cpu"
    else:
        with pytest.raises(DeviceError):
            load(folder / "device", device="gpu")
    assert load(folder / "device", device="cpu")["w"].numpy().tolist() == [1.0, 2.0]


def test_loaded_tensors_are_leaves_of_their_own(folder):
    save(folder / "leaf", {"w": tensor([1.0, 2.0], requires_grad=True) * 3})
    w = load(folder / "leaf")["w"]
    assert w.is_leaf and not w.requires_grad
    w.assign(np.zeros(2, np.float32))
    assert load(folder / "leaf")["w"].numpy().tolist() == [3.0, 6.0]


def test_loaded_arrays_can_be_written(folder):
    save(folder / "array", {"a": np.arange(3)})
    load(folder / "array")["a"][0] = 9


def test_memory_layout_does_not_matter(folder):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    state = {"transposed": base.T, "strided": base[::2, ::-1], "swapped": base.astype(">f4"), "tensor": tensor(base.T)}
    save(folder / "layout", state)
    loaded = load(folder / "layout")
    assert (loaded["transposed"] == base.T).all() and (loaded["strided"] == base[::2, ::-1]).all()
    assert (loaded["swapped"] == base).all() and loaded["swapped"].dtype.isnative
    assert (loaded["tensor"].numpy() == base.T).all()


def test_a_tensor_in_two_places_is_saved_once_and_stays_one(folder):
    tied = tensor(np.zeros(1000, np.float32))
    save(folder / "tied", {"encoder": tied, "decoder": [tied]})
    assert (folder / "tied").stat().st_size < 5000
    loaded = load(folder / "tied")
    assert loaded["encoder"] is loaded["decoder"][0]


def test_names_that_meet_are_kept_apart(folder):
    state = {"a": {"b": tensor([1.0])}, "a.b": tensor([2.0]), "a.b~2": tensor([3.0]), "__metadata__": tensor([4.0])}
    save(folder / "names", state)
    assert same(load(folder / "names"), state)


def test_numpy_scalars_become_numbers(folder):
    save(folder / "scalars", {"loss": np.float32(0.5), "step": np.int64(3), "on": np.bool_(True)})
    assert same(load(folder / "scalars"), {"loss": 0.5, "step": 3, "on": True})


# -- other programs --------------------------------------------------------------------------------------


def test_other_programs_find_the_tensors_under_dotted_names(folder):
    save(folder / "ours", checkpoint())
    found = safetensors.numpy.load_file(folder / "ours")
    assert sorted(found) == ["model.0.bias", "model.0.weight", "optimizer.state.0.exp_avg"]
    assert (found["model.0.weight"] == np.arange(6).reshape(2, 3)).all()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_files_of_other_programs_are_flat_dictionaries(folder, metadata):
    arrays = {dtype: np.array([[0, 1]], dtype) for dtype in DTYPES}
    safetensors.numpy.save_file(arrays, folder / "plain", metadata=metadata)
    loaded = load(folder / "plain")
    assert same(dict(sorted(loaded.items())), {dtype: tensor(arrays[dtype]) for dtype in sorted(DTYPES)})


def write_safetensors(path, header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_bfloat16_becomes_float32_exactly(folder):
    write_safetensors(
        folder / "bf16", {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\x80\x3f\0\xc0"
    )
    assert same(load(folder / "bf16")["w"], tensor(np.array([1.0, -2.0], np.float32)))


def test_float8_says_what_to_do(folder):
    write_safetensors(folder / "f8", {"w": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}, b"\0\0")
    with pytest.raises(CheckpointError, match="f8 has a tensor 'w' of type F8_E4M3.*convert it to float32"):
        load(folder / "f8")


# -- what is refused on loading ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def content(folder):
    save(folder / "small", {"w": tensor([1.0, 2.0]), "n": [1, "x"]})
    return (folder / "small").read_bytes()


def test_every_truncation_is_noticed(folder, content):
    path = folder / "truncated"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="truncated "):
            load(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="corrupt"):
        load(path)


def test_every_changed_bit_is_noticed(folder, content):
    path = folder / "changed"
    for place, bit in itertools.product(range(len(content)), range(8)):
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
        with pytest.raises(CheckpointError, match="changed "):
            load(path)


@given(data=st.data())
def test_arbitrary_files_load_or_are_refused_by_name(data, folder):
    path = folder / "noise"
    offsets = st.lists(st.integers(-1, 20), max_size=3)
    entry = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["F32", "F16", "BF16", "BOOL", "F8_E4M3", "X", 3]),
            "shape": offsets,
            "data_offsets": offsets,
        }
    )
    ours = st.sampled_from(["", "crc32=00000000 {}", "crc32=zz", '{"$tensor": "w"}'])
    header = st.one_of(
        st.fixed_dictionaries({"w": entry}),
        st.fixed_dictionaries({"__metadata__": st.one_of(st.none(), st.fixed_dictionaries({"tinygrad_ml": ours}))}),
        st.recursive(
            st.integers() | st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        ),
        st.binary(max_size=30),
    )
    write_safetensors(path, data.draw(header), data.draw(st.binary(max_size=16)))
    try:
        assert isinstance(load(path), dict)
    except CheckpointError as error:
        assert str(path) in str(error)


def test_deeply_nested_header_is_refused(folder):
    write_safetensors(folder / "deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    with pytest.raises(CheckpointError, match="deep is truncated or corrupt"):
        load(folder / "deep")


def test_duplicate_keys_are_refused(folder):
    entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    write_safetensors(folder / "twice", f'{{"w":{entry},"w":{entry}}}'.encode(), b"\0\0\0\0")
    with pytest.raises(CheckpointError, match="twice is truncated or corrupt: its header has the key 'w' twice"):
        load(folder / "twice")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_pickles_are_named_and_never_loaded(folder):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (folder / "pickled").write_bytes(pickle.dumps(Bomb(), protocol))
        with pytest.raises(CheckpointError, match="pickled is no safetensors file but a pickle, which is never loaded"):
            load(folder / "pickled")
    np.savez(folder / "zipped.npz", a=np.zeros(3))
    for name in ("zipped.npz", "text"):
        (folder / "text").write_text("hello, this is text")
        with pytest.raises(CheckpointError, match=f"{name} is no safetensors file"):
            load(folder / name)


def test_missing_file_and_folder(folder):
    with pytest.raises(CheckpointError, match="nowhere does not exist"):
        load(folder / "nowhere")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(folder)


# -- what is refused on saving ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"a": [0, {"b": object()}]}, "a.1.b is of type object"),
        ({"f": print}, "f is of type builtin"),
        (b"bytes", "the state is of type bytes"),
        ({(1, object()): 2}, "is of type object"),
        ({"z": np.zeros(2, complex)}, "z has dtype complex128"),
        ({"t": {"words": np.array(["a"])}}, "t.words has dtype"),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_place(tmp_path, state, complaint):
    with pytest.raises(CheckpointError, match=complaint):
        save(tmp_path / "state", state)
    assert os.listdir(tmp_path) == []


def test_a_state_that_contains_itself(tmp_path):
    state = {"list": []}
    state["list"].append(state)
    with pytest.raises(CheckpointError, match="contains itself"):
        save(tmp_path / "state", state)


def test_swapped_arguments_are_recognized(tmp_path):
    with pytest.raises(CheckpointError, match=r"save\(path, state\)"):
        save({"epoch": 1}, tmp_path / "state")


# -- whole or not at all ------------------------------------------------------------------------------------


def failing_open(error, after):
    """An `open` whose files take `after` bytes and then fail, as on a disk that fills up."""

    def opener(path, mode="r", *args, **kwargs):
        file = builtins_open(path, mode, *args, **kwargs)
        if "x" in mode:
            write = file.write

            def short_write(content):
                write(content[:after])
                file.flush()
                raise error

            return _Wrapped(file, short_write)
        return file

    builtins_open = builtins.open
    return opener


class _Wrapped:
    def __init__(self, file, write):
        self.file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), CheckpointError, "No space left on device.*make room"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), CheckpointError, "make room in your quota"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), CheckpointError, "could not be written"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error, raised, message):
    path = tmp_path / "model"
    save(path, {"epoch": 1})
    monkeypatch.setattr(builtins, "open", failing_open(error, after=10))
    with pytest.raises(raised, match=message):
        save(path, checkpoint())
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["model"]
    assert load(path) == {"epoch": 1}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_disk_that_is_really_full(tmp_path, monkeypatch):
    real = builtins.open
    monkeypatch.setattr(
        builtins,
        "open",
        lambda path, mode="r", *rest: real("/dev/full" if "x" in mode else path, mode.replace("x", "w"), *rest),
    )
    with pytest.raises(
        CheckpointError, match="model could not be written .No space left on device; .* bytes.: make room"
    ):
        save(tmp_path / "model", checkpoint())
    assert os.listdir(tmp_path) == []


def test_a_replacement_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CheckpointError, match="Permission denied.*choose a folder you may write to"):
        save(tmp_path / "model", {})
    assert os.listdir(tmp_path) == []


def test_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, real=real, name=name: calls.append(name) or real(*args))
    save(tmp_path / "model", {})
    assert calls == ["fsync", "replace"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(CheckpointError, match="nowhere/model could not be written.*make the folder first"):
        save(tmp_path / "nowhere" / "model", {})
    with pytest.raises(CheckpointError, match="plain/model could not be written.*folders are folders"):
        save(tmp_path / "plain" / "model", {})
    with pytest.raises(CheckpointError, match="name of a file"):
        save(tmp_path, {})
    assert os.listdir(tmp_path) == ["plain"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's procfs")
def test_a_folder_that_refuses_new_files():
    # No permission stops root, but procfs takes new files from nobody.
    with pytest.raises(CheckpointError, match="/proc/model could not be written"):
        save("/proc/model", {})


def test_a_saved_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "other").write_text("")
    save(tmp_path / "model", {})
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "other").stat().st_mode
