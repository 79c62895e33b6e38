"""What ranks do in `test_distributed_nccl.py`: they train on the strict stand-in, by NCCL and through the host.

As a program: `mpiexec -n 2 python tests/rank_gpus.py FILE`; what comes out is the same on all ranks, and goes to the file.
"""

import pickle
import sys
from pathlib import Path

import fake_nccl
import numpy
import strict  # noqa: F401  makes "strict" the name of a device

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim
from tinygrad_ml.backend import Device
from tinygrad_ml.distributed.nccl import Nccl

F = nn.functional


class Branches(nn.Module):
    """With a layer that only odd ranks use."""

    def __init__(self):
        self.body, self.side = nn.Sequential(nn.Linear(6, 50), nn.Tanh(), nn.Linear(50, 4)), nn.Linear(6, 4)

    def forward(self, x, odd):
        """The side counts on odd ranks."""
        return self.body(x) + self.side(x) if odd else self.body(x)


def trained(group, device):
    """Parameters after some steps, of unequal parts."""
    tg.manual_seed(3)
    model = Branches().to(device)
    parallel = distributed.DataParallel(model, group, 0.001)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    random = numpy.random.default_rng(group.rank)
    for samples in ([8, 8], [5, 7], [3, 0]):
        rows = samples[group.rank % 2]
        x = tg.tensor(random.standard_normal((rows, 6)).astype("float32"), device=device)
        y = tg.tensor(random.integers(0, 4, rows), device=device)
        optimizer.zero_grad()
        F.cross_entropy(parallel(x, group.rank % 2 == 1), y).backward()
        optimizer.step()
    return [p.numpy() for p in model.parameters()]


def refused(do):
    """What the stand-in says to it."""
    try:
        do()
    except fake_nccl.Refused as why:
        return str(why)
    return "done"


def refusals(group):
    """Wrong calls, each by itself, on all ranks."""
    stream = fake_nccl.FakeStream(group.rank, fake_nccl)
    identity = group.broadcast_object(fake_nccl.get_unique_id())
    said = {"no GPU": refused(lambda: fake_nccl.NcclCommunicator(group.size, identity, group.rank))}
    one = fake_nccl.FakeStream(0, fake_nccl)
    with one.current():
        said["one GPU"] = refused(lambda: fake_nccl.NcclCommunicator(group.size, identity, group.rank))
    with stream.current():
        communicator = fake_nccl.NcclCommunicator(group.size, identity, group.rank)
        device = tg.zeros((4, 2), device="strict").data
        address, host = stream.address(device), numpy.zeros(8, "float32")
        uint8, handle, other = fake_nccl.NCCL_UINT8, stream.handle, 1 - group.rank
        gather = communicator.allGather
        said["type"] = refused(lambda: gather(address, address, 4, "float32", handle))
        said["host"] = refused(lambda: gather(host.ctypes.data, address, 4, uint8, handle))
        said["stream"] = refused(lambda: gather(address, address, 4, uint8, None))
        said["counts"] = refused(lambda: gather(address, address, 4 + group.rank, uint8, handle))
        said["alone"] = refused(lambda: communicator.send(address, 4, uint8, other, handle))
        said["rank"] = refused(lambda: communicator.send(address, 4, uint8, 2, handle))

        def unanswered():
            fake_nccl.groupStart()
            communicator.send(address, 4, uint8, other, handle)
            fake_nccl.groupEnd()

        said["unanswered"] = refused(unanswered)
        said["end"] = refused(lambda: communicator.destroy() or gather(address, address, 4, uint8, handle))
    said["done"] = refused(fake_nccl.groupEnd)
    return said


def main(path):
    """All of it."""
    group = distributed.init(timeout=60)
    found = {"host": trained(group, "strict"), "refused": refusals(group)}
    stream = fake_nccl.FakeStream(group.rank, fake_nccl)
    group.device, group.talk.wire = Device("strict"), Nccl(group, stream)
    found |= {"gpu": trained(group, "strict"), "calls": stream.calls}
    told = group.all_gather_object(found)
    assert all(numpy.array_equal(a, b) for one in told for a, b in zip(one["gpu"], told[0]["gpu"], strict=True))
    if group.rank == 0:
        Path(path).write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
