"""Files of torch.save: tensors and plain values come back, nothing is run, and damage is one clear error.

The files are put together here, opcode by opcode, as PyTorch writes them; real ones are read in `compare/`.
"""

import io
import pickle
import random
import zipfile

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import CheckpointError

KINDS = {"float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long", "int32": "Int", "int16": "Short"}
KINDS |= {"int8": "Char", "uint8": "Byte", "bool": "Bool"}


def plain(value):
    return pickle.dumps(value, 0)[:-1]


def stored(key, kind, count, offset, shape, strides):
    """A tensor: a call of _rebuild_tensor_v2 on a storage."""
    storage = (
        b"(" + plain("storage") + b"ctorch\n" + kind.encode() + b"Storage\n" + plain(key) + plain("cpu") + plain(count)
    )
    place = plain(offset) + plain(shape) + plain(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"tQ" + place + b"I00\nccollections\nOrderedDict\n)RtR"


def dictionary(**items):
    """A state_dict: an OrderedDict of what the opcodes make."""
    return b"ccollections\nOrderedDict\n)R(" + b"".join(plain(key) + item for key, item in items.items()) + b"u"


def archive(path, program, order="little", compression=zipfile.ZIP_STORED, **storages):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("net/data.pkl", b"\x80\x02" + program + b".")
        file.writestr("net/byteorder", order)
        for key, content in storages.items():
            file.writestr(f"net/data/{key}", content)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pt"


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("order", ["little", "big"])
def test_numbers_of_each_type(path, dtype, order):
    wanted = np.arange(6).astype(dtype).reshape(2, 3)
    content = wanted.astype(wanted.dtype.newbyteorder("<" if order == "little" else ">")).tobytes()
    archive(path, dictionary(w=stored("0", KINDS[dtype], 6, 0, (2, 3), (3, 1))), order, **{"0": content})
    state = tg.load(path)
    assert list(state) == ["w"] and isinstance(state["w"], tg.Tensor) and not state["w"].requires_grad
    assert state["w"].dtype == dtype and (state["w"].numpy() == wanted).all()


def test_bfloat16_becomes_float32_exactly(path):
    wanted = np.array([1.5, -3.0, 2.0**-130, np.inf], np.float32)
    halves = (wanted.view(np.uint32) >> 16).astype("<u2")
    archive(path, stored("0", "BFloat16", 4, 0, (4,), (1,)), **{"0": halves.tobytes()})
    assert tg.load(path).dtype == "float32" and (tg.load(path).numpy() == wanted).all()


def test_parts_transposes_and_tied_tensors(path):
    program = dictionary(
        turned=stored("0", "Float", 6, 0, (2, 3), (1, 2)),
        part=stored("0", "Float", 6, 2, (2,), (2,)),
        spread=stored("0", "Float", 6, 1, (4,), (0,)),
        again=stored("0", "Float", 6, 0, (2, 3), (1, 2)),
        empty=stored("0", "Float", 6, 6, (0, 3), (3, 1)),
        number=stored("0", "Float", 6, 5, (), ()),
    )
    state = tg.load(archive(path, program, **{"0": np.arange(6, dtype="<f4").tobytes()}))
    assert state["turned"].tolist() == [[0, 2, 4], [1, 3, 5]] and state["again"] is state["turned"]
    assert state["part"].tolist() == [2, 4] and state["spread"].tolist() == [1] * 4
    assert state["empty"].shape == (0, 3) and state["number"].item() == 5
    state["turned"].assign(0)
    assert state["part"].tolist() == [2, 4]  # memory of its own


def test_plain_values_around_tensors(path):
    values = plain({"epoch": 3, "lr": 0.1, "best": None, "on": True, "sizes": [1, (2, 3)], "name": "net", "seen": {1}})
    assert tg.load(archive(path, values)) == pickle.loads(values + b".")
    size = b"ctorch\nSize\n(" + plain([2, 3]) + b"tR"
    device = b"ctorch\ndevice\n(" + plain("cuda") + plain(1) + b"tR"
    assert tg.load(archive(path, dictionary(size=size, device=device))) == {"size": (2, 3), "device": "cuda:1"}


def test_parameters_are_their_numbers(path):
    inner = stored("0", "Float", 1, 0, (1,), (1,))
    program = b"ctorch._utils\n_rebuild_parameter\n(" + inner + b"I01\nccollections\nOrderedDict\n)RtR"
    assert tg.load(archive(path, program, **{"0": np.float32(7).tobytes()})).tolist() == [7]


def test_a_module_takes_the_weights(path):
    layer = tg.nn.Linear(2, 1)
    program = dictionary(weight=stored("0", "Float", 2, 0, (1, 2), (2, 1)), bias=stored("1", "Float", 1, 0, (1,), (1,)))
    archive(path, program, **{"0": np.array([2, 3], "<f4").tobytes(), "1": np.array([4], "<f4").tobytes()})
    layer.load_state_dict(tg.load(path))
    assert layer(tg.tensor([[1.0, 10.0]])).tolist() == [[36.0]]


@pytest.mark.parametrize(
    "call",
    [
        b"cos\nsystem\n(" + plain("echo run > /dev/stderr") + b"tR",
        b"cbuiltins\neval\n(" + plain("1/0") + b"tR",
        b"c__main__\nNet\n)R",
        b"ctorch.nn.modules.linear\nLinear\n)R",
        b"ccollections\nOrderedDict.fromkeys\n(]tR",
        b"\x8c\x0bcollections\x8c\x07Counter\x93)R",
    ],
)
def test_nothing_else_is_called(path, call):
    with pytest.raises(
        CheckpointError, match=r"net\.pt names .*Save it anew with torch\.save\(model\.state_dict\(\), path\)"
    ):
        tg.load(archive(path, dictionary(w=call)))


def test_the_old_format_is_named(path):
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CheckpointError, match="a pickle, which is never loaded.*PyTorch 1.6 or newer"):
        tg.load(path)


@pytest.mark.parametrize(
    ("tensor", "problem"),
    [
        (stored("0", "Float", 7, 0, (7,), (1,)), "data/0 has 6 numbers, not 7"),
        (stored("0", "Float", 6, 0, (3, 3), (3, 1)), r"shape \(3, 3\) does not fit the 6 numbers"),
        (stored("0", "Float", 6, 5, (2,), (1,)), "does not fit"),
        (stored("0", "Float", 6, -1, (1,), (1,)), "does not fit"),
        (stored("0", "Float", 6, 5, (2,), (-1,)), "does not fit"),
        (stored("0", "Float", 6, 0, (10**12,), (0,)), "does not fit"),
        (stored("1", "Float", 6, 0, (6,), (1,)), "KeyError"),
        (b"N" + plain(3) + b"Q", "corrupt"),
        (b"ctorch\nFloatStorage\n", "holds a _Kind"),
        (b"]\x940h\x00h\x00a", "contains itself"),
    ],
)
def test_what_does_not_fit_is_refused(path, tensor, problem):
    with pytest.raises(CheckpointError, match=problem):
        tg.load(archive(path, tensor, **{"0": np.arange(6, dtype="<f4").tobytes()}))


def test_compressed_members_are_refused_before_they_are_unpacked(path):
    archive(path, stored("0", "Float", 1, 0, (1,), (1,)), compression=zipfile.ZIP_DEFLATED, **{"0": bytes(10**7)})
    with pytest.raises(CheckpointError, match="compressed, or larger than the file"):
        tg.load(path)


def test_damaged_files_are_an_error_or_the_right_state(path):
    program = dictionary(w=stored("0", "Float", 6, 0, (2, 3), (3, 1)), epoch=plain(3))
    whole = archive(io.BytesIO(), program, **{"0": np.arange(6, dtype="<f4").tobytes()}).getvalue()
    rng, refused = random.Random(0), 0
    for _ in range(400):
        content = bytearray(whole)
        if rng.random() < 0.3:
            content = content[: rng.randrange(len(content))]
        else:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            state = tg.load(path)
        except CheckpointError:
            refused += 1
        else:
            assert state["epoch"] == 3 and (state["w"].numpy() == np.arange(6).reshape(2, 3)).all()
    assert refused > 200
