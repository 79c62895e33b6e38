"""NCCL between GPUs: what travels goes from the memory of one to that of another, without the host.

MPI is the meeting (who is there, who does what, what each share weighs), NCCL moves the numbers. Sums are made as everywhere
here: each rank gets its piece of all, adds up in the order of the ranks, and the sums are gathered. So GPUs and the host
have the same bits. One sum is one chain of work on a stream of its own; the host asks now and then whether it is over.

It is there if CuPy brings NCCL, and each rank has a GPU of its own. Otherwise gradients go through the host, by MPI.

Read before: `exchange.py`. Read next: `operations.py`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import Any, Protocol

import numpy

from ..backend import Array, Device, get, of
from ..cuda import gpu_count, why_not
from ..errors import DeviceError


class Meeting(Protocol):
    """What `Group` is here."""

    rank: int
    size: int
    device: Device

    def all_gather_object(self, thing: Any) -> list[Any]:
        """What each rank has to say."""
        ...

    def broadcast_object(self, thing: Any, root: int = 0) -> Any:
        """What rank `root` has to say."""
        ...


class CudaStream:
    """A stream of CuPy's beside the one on which is computed.

    nccl     `cupy.cuda.nccl`, or what stands for it
    """

    def __init__(self, device: Device):
        import cupy
        from cupy.cuda import nccl

        self.nccl, self._cupy, self._index = nccl, cupy, device.index
        with self.current():
            self._stream = cupy.cuda.Stream(non_blocking=True)

    def current(self) -> contextlib.AbstractContextManager:
        """Inside, this rank's GPU is the one that is meant."""
        return self._cupy.cuda.Device(self._index)

    @contextlib.contextmanager
    def working(self) -> Any:
        """Inside, work goes to the stream, after all that is computed now; yields its handle."""
        with self.current():
            self._stream.wait_event(self._cupy.cuda.get_current_stream().record())
            with self._stream:
                yield self._stream.ptr

    def address(self, array: Any) -> int:
        """Where the memory of an array begins."""
        return array.data.ptr

    def over(self) -> Any:
        """What can be asked, by `Test()`, whether all work so far is done."""
        return _Mark(self._stream.record())


class _Mark:
    """An event, asked as a request of MPI's is."""

    def __init__(self, event: Any):
        self._event = event

    def Test(self) -> bool:
        """Whether it has come."""
        return self._event.done


class Nccl:
    """The line between the GPUs of a group.

    stream  where it works
    """

    def __init__(self, group: Meeting, stream: Any):
        self.rank, self.size, self._stream = group.rank, group.size, stream
        nccl = stream.nccl
        identity = group.broadcast_object(nccl.get_unique_id() if group.rank == 0 else None)
        with stream.current():
            self._communicator = nccl.NcclCommunicator(group.size, identity, group.rank)

    def total(self, flat: Array, fold: Any) -> tuple[Array, Any]:
        """What all ranks' arrays of one size give together, on each; and what can be asked whether it is done.

        flat  in a row, on this rank's GPU
        fold  makes one row of several, an array with a row for each rank in their order
        """
        backend, width = of(flat), -(-flat.size // self.size)
        xp, kind = backend.namespace, flat.dtype
        with self._stream.working() as handle:
            padding = backend.filled((width * self.size - flat.size,), 0, kind, backend.index_of(flat))
            sent = xp.concatenate([flat, padding])
            received = xp.empty((self.size, width), kind)
            self._deal(sent, received, width * kind.itemsize, handle)
            piece = fold(received)
            whole = xp.empty(width * self.size, kind)
            nccl, address = self._stream.nccl, self._stream.address
            nbytes = width * kind.itemsize
            self._communicator.allGather(address(piece), address(whole), nbytes, nccl.NCCL_UINT8, handle)
            total = whole[: flat.size]
            request = self._stream.over()
        return total, _Pledge(request, (sent, received, piece))

    def _deal(self, sent: Array, received: Array, nbytes: int, handle: int) -> None:
        """The q-th piece of each to rank q: all of these at once, as NCCL would wait for each of them by itself."""
        nccl, communicator = self._stream.nccl, self._communicator
        first, into = self._stream.address(sent), self._stream.address(received)
        nccl.groupStart()
        for rank in range(self.size):
            communicator.send(first + rank * nbytes, nbytes, nccl.NCCL_UINT8, rank, handle)
            communicator.recv(into + rank * nbytes, nbytes, nccl.NCCL_UINT8, rank, handle)
        nccl.groupEnd()


class _Pledge:
    """A request, with the memory that it needs until it is done."""

    def __init__(self, request: Any, memory: tuple):
        self._request, self._memory = request, memory

    def Test(self) -> bool:
        """Whether it is done."""
        return self._request.Test()


def nccl_of(group: Meeting) -> Nccl | None:
    """NCCL between all ranks of a group; None for one alone, where it is not to be had, or where two of them share a GPU."""
    if group.size == 1:
        return None
    if group.device.kind != "gpu":
        own = None
    else:
        try:
            from cupy.cuda import nccl

            own = (socket.gethostname(), group.device.index) if nccl.available else None
        except (ImportError, AttributeError):
            own = None
    told = group.all_gather_object(own)
    if None in told or len(set(told)) < len(told):
        return None
    return Nccl(group, CudaStream(group.device))


def neighbours(group: Meeting) -> tuple[int, int]:
    """Which of the ranks on this machine this one is, and how many there are."""
    hosts = group.all_gather_object(socket.gethostname())
    here = [rank for rank, host in enumerate(hosts) if host == hosts[group.rank]]
    return here.index(group.rank), len(here)


def own_gpu(place: int) -> Device:
    """The GPU of the `place`-th rank on a machine: they take them in turn.

    Raises `DeviceError`: there is none.
    """
    count = gpu_count()
    if not count:
        raise DeviceError(f"the ranks are to compute on GPUs, and here is none: {why_not()}")
    return Device(f"gpu:{place % count}")


def row_of(
    arrays: Sequence[Array | None], sizes: Sequence[int], filling: float, dtype: numpy.dtype, device: Device
) -> Array:
    """Arrays of a device in a row, and behind them a number for each: whether it is there. Else `filling` stands for it."""
    backend = get(device)
    parts = [
        backend.filled((length,), filling, dtype, device.index) if array is None else array.reshape(-1)
        for array, length in zip(arrays, sizes, strict=True)
    ]
    told = backend.from_host(numpy.array([array is not None for array in arrays], dtype), device.index)
    return backend.namespace.concatenate([*parts, told])
