"""NCCL without a GPU: between ranks whose arrays are those of the strict stand-in (`strict.py`), by MPI.

It is called as CuPy's `cupy.cuda.nccl` is, and refuses (`Refused`) what NCCL refuses, or would wait for without end: two ranks on
one GPU, a type that it does not know, memory of the host, a stream that is none, a message that nobody takes, other counts on
other ranks, a call without a GPU chosen, or after the end of a communicator.
"""

import contextlib
import ctypes
import itertools

import numpy
import strict
from mpi4py import MPI

NCCL_INT8, NCCL_UINT8, NCCL_INT32, NCCL_UINT32, NCCL_INT64, NCCL_UINT64 = range(6)
NCCL_FLOAT16, NCCL_FLOAT32, NCCL_FLOAT64 = range(6, 9)
_WIDTHS = {0: 1, 1: 1, 2: 4, 3: 4, 4: 8, 5: 8, 6: 2, 7: 4, 8: 8}


class Refused(RuntimeError):
    """What NCCL does not do."""


class _State:
    """What the process has: its GPU, if one is chosen, its streams, and the memory of the device."""

    gpu = None
    handles: set = set()
    memory: dict = {}
    group = 0  # how many groupStart are open
    queued: list = []


class FakeStream:
    """Stands for `CudaStream`. `gpu` is the number of the GPU, `nccl` this module."""

    numbers = itertools.count(0x5000)

    def __init__(self, gpu, nccl):
        self.gpu, self.nccl, self.handle, self.calls = gpu, nccl, next(self.numbers), 0
        _State.handles.add(self.handle)

    @contextlib.contextmanager
    def current(self):
        before, _State.gpu = _State.gpu, self.gpu
        try:
            yield
        finally:
            _State.gpu = before

    @contextlib.contextmanager
    def working(self):
        with self.current():
            yield self.handle

    def address(self, array):
        assert isinstance(array, strict.StrictArray) and array.flags.c_contiguous
        address = array._host.ctypes.data
        _State.memory[address] = array._host.nbytes
        return address

    def over(self):
        self.calls += 1
        return MPI.REQUEST_NULL


def get_unique_id():
    """One of a kind."""
    return ("nccl", MPI.Wtime())


def groupStart():
    """From here on calls are only noted."""
    _State.group += 1


def groupEnd():
    """Do what was noted, all at once."""
    if not _State.group:
        raise Refused("groupEnd without groupStart")
    _State.group -= 1
    if not _State.group:
        queued, _State.queued = _State.queued, []
        if queued:
            queued[0][0]._at_once(queued)


class NcclCommunicator:
    """The ranks, each on a GPU of its own."""

    def __init__(self, ndev, commId, rank):
        if _State.gpu is None:
            raise Refused("no GPU is chosen")
        if not 0 <= rank < ndev:
            raise Refused(f"rank {rank} of {ndev}")
        self._comm, self.size, self.rank, self.gpu = MPI.COMM_WORLD.Dup(), ndev, rank, _State.gpu
        told = self._comm.allgather((ndev, commId, rank, self.gpu))
        if len({one[:2] for one in told}) > 1 or sorted(one[2] for one in told) != list(range(ndev)):
            raise Refused("ncclInvalidArgument: the ranks do not belong together")
        if len({one[3] for one in told}) < ndev:
            raise Refused(f"ncclInvalidUsage: Duplicate GPU detected: {told}")

    def destroy(self):
        """The end of it."""
        self._comm = None

    def _check(self, address, count, datatype, stream):
        if self._comm is None:
            raise Refused("the communicator was destroyed")
        if self.gpu != _State.gpu:
            raise Refused("another GPU is chosen than that of the communicator")
        if datatype not in _WIDTHS:
            raise Refused(f"ncclInvalidArgument: there is no type {datatype!r}")
        if stream not in _State.handles:
            raise Refused(f"{stream!r} is no stream")
        nbytes = count * _WIDTHS[datatype]
        if not any(first <= address and address + nbytes <= first + size for first, size in _State.memory.items()):
            raise Refused("memory that is not the device's")
        return _view(address, nbytes)

    def send(self, sendbuf, count, datatype, peer, stream):
        """A message to a rank."""
        self._note("send", self._check(sendbuf, count, datatype, stream), datatype, peer)

    def recv(self, recvbuf, count, datatype, peer, stream):
        """And from one."""
        self._note("recv", self._check(recvbuf, count, datatype, stream), datatype, peer)

    def _note(self, what, memory, datatype, peer):
        if not 0 <= peer < self.size:
            raise Refused(f"ncclInvalidArgument: there is no rank {peer}")
        if not _State.group:
            raise Refused(f"{what} outside of a group: the other side may wait for its own, for ever")
        _State.queued.append((self, what, memory, datatype, peer))

    def _at_once(self, queued):
        sent = [(peer, memory.tobytes(), kind) for _, what, memory, kind, peer in queued if what == "send"]
        of_all = self._comm.allgather(sent)
        for _, what, memory, kind, peer in queued:
            if what == "recv":
                mine = next((one for one in of_all[peer] if one[0] == self.rank), None)
                if mine is None:
                    raise Refused(f"rank {self.rank} waits for a message of rank {peer}, for ever")
                if len(mine[1]) != memory.nbytes or mine[2] != kind:
                    raise Refused(f"rank {peer} sends {len(mine[1])} bytes, and rank {self.rank} takes {memory.nbytes}")
                of_all[peer].remove(mine)
                memory[:] = numpy.frombuffer(mine[1], numpy.uint8)
        if any(one[0] == self.rank for others in of_all for one in others):
            raise Refused(f"rank {self.rank} is sent a message that it does not take")

    def allGather(self, sendbuf, recvbuf, count, datatype, stream):
        """Equally many numbers of each, side by side."""
        if _State.group:
            raise Refused("not needed here in a group")
        sent = self._check(sendbuf, count, datatype, stream)
        received = self._check(recvbuf, count * self.size, datatype, stream)
        of_all = self._comm.allgather((count, datatype, sent.tobytes()))
        if len({one[:2] for one in of_all}) > 1:
            raise Refused(f"other counts or types on other ranks: {[one[:2] for one in of_all]}")
        received[:] = numpy.frombuffer(b"".join(one[2] for one in of_all), numpy.uint8)


def _view(address, nbytes):
    return numpy.frombuffer((ctypes.c_uint8 * nbytes).from_address(address), numpy.uint8)
