"""NCCL between ranks whose GPU is a stand-in that refuses what NCCL refuses: the numbers are those that go through the host."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from rank_programs import ranks_start

from tinygrad_ml import distributed
from tinygrad_ml.backend import Device
from tinygrad_ml.distributed import group, nccl
from tinygrad_ml.errors import DeviceError

pytestmark = pytest.mark.host_only
PROGRAM = Path(__file__).with_name("rank_gpus.py")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    if ranks_start() is None:
        pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
    path = tmp_path_factory.mktemp("gpus") / "found.pickle"
    words = [ranks_start(), "-n", "2", sys.executable, str(PROGRAM), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return pickle.loads(path.read_bytes())


def test_gradients_that_travel_by_nccl_have_the_bits_of_those_that_go_through_the_host(given):
    assert len(given["host"]) == len(given["gpu"]) == 6
    assert all(numpy.array_equal(a, b) for a, b in zip(given["host"], given["gpu"], strict=True))
    assert given["calls"] >= 3 * 2  # in each step several buckets


def test_the_stand_in_refuses_what_nccl_refuses(given):
    expected = {
        "no GPU": "no GPU is chosen",
        "one GPU": "Duplicate GPU",
        "type": "no type",
        "host": "not the device's",
        "stream": "is no stream",
        "counts": "other counts",
        "alone": "outside of a group",
        "rank": "no rank 2",
        "unanswered": "does not take",
        "end": "destroyed",
        "done": "without groupStart",
    }
    assert given["refused"].keys() == expected.keys()
    for name, words in expected.items():
        assert words in given["refused"][name], name


def test_gpus_are_taken_in_turn_and_asked_for_where_there_is_none(monkeypatch):
    monkeypatch.setattr(nccl, "gpu_count", lambda: 2)
    assert [str(nccl.own_gpu(place)) for place in range(4)] == ["gpu", "gpu:1", "gpu", "gpu:1"]
    monkeypatch.setattr(nccl, "gpu_count", lambda: 0)
    with pytest.raises(DeviceError, match="here is none: "):
        nccl.own_gpu(0)


@pytest.mark.parametrize(
    ("name", "why"), [("gpu", "here is none: "), ("gpu:99", "99' does not|cannot be used"), ("cpu:1", "is one device")]
)
def test_a_device_that_is_not_there_is_an_error_at_once(monkeypatch, name, why):
    monkeypatch.setattr(group, "_groups", {})
    monkeypatch.setattr(nccl, "gpu_count", lambda: 0)
    with pytest.raises(DeviceError, match=why):
        distributed.init(device=name)
    assert not group._groups


def test_ranks_that_have_no_gpu_each_go_through_the_host():
    class Meeting:
        rank, size, device = 0, 2, Device("cpu")

        def all_gather_object(self, thing):
            return [thing, ("elsewhere", 0)]

    assert nccl.nccl_of(Meeting()) is None
    assert nccl.nccl_of(distributed.init()) is None
    assert nccl.neighbours(distributed.init()) == (0, 1)
