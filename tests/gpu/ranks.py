"""Several ranks on the GPUs of a machine, in one command: `python tests/gpu/ranks.py` (pip install 'tinygrad_ml[gpu,mpi]').

As many ranks as there are GPUs (two where there is one, which then share it, and whose gradients go through the host) train a
perceptron, eager and compiled, by NCCL and through the host. It exits with 0 if all weights agree to the bit and with the CPU's up
to rounding, 1 if not, and 2 on a machine without a GPU or without MPI. `--ranks N` for another number.
"""

import argparse
import importlib.util
import pathlib
import sys
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml import distributed, nn, optim  # noqa: E402
from tinygrad_ml.cuda import gpu_count, why_not  # noqa: E402
from tinygrad_ml.distributed.launching import launch  # noqa: E402

STEPS, IMAGES = 50, 128


def trained(group: distributed.Group, device, compiled: bool) -> tuple[list[numpy.ndarray], float]:
    """The weights after some steps on this rank's part, and seconds of a step."""
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    parallel = distributed.DataParallel(model, group)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(x, y):
        loss = nn.functional.cross_entropy(parallel(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    run = tg.compile(step) if compiled else step
    random = numpy.random.default_rng(group.rank)
    x = tg.tensor(random.random((IMAGES, 784), numpy.float32), device=device)
    y = tg.tensor(random.integers(0, 10, IMAGES), device=device)
    run(x, y), run(x, y)
    began = time.perf_counter()
    for _ in range(STEPS):
        run(x, y)
    weights = [p.numpy() for p in model.parameters()]
    return weights, (time.perf_counter() - began) / STEPS


def compared(group: distributed.Group) -> bool:
    """Print a table; whether all agree."""
    wire, agree = group.talk.wire, True
    by_cpu, _ = trained(group, "cpu", False)
    if group.rank == 0:
        print(
            f"{group.size} ranks, {'by NCCL' if wire is not None else 'through the host: no NCCL, or one GPU for several'}"
        )
        print(f"{'gradients':18} {'step':9} {'ms':>8} {'largest difference from the CPU':>33} {'ranks agree':>12}")
    for compiled in (False, True):
        found = {}
        for name, way in (("through the host", None), ("by NCCL", wire)):
            if name == "by NCCL" and wire is None:
                continue
            group.talk.wire = way
            weights, seconds = found[name] = trained(group, group.device, compiled)
            others = group.all_gather_object(weights)
            same = all(numpy.array_equal(a, b) for one in others for a, b in zip(one, others[0], strict=True))
            off = max(float(abs(a - b).max()) for a, b in zip(weights, by_cpu, strict=True))
            agree = agree and same and off < 1e-3
            if group.rank == 0:
                print(
                    f"{name:18} {'compiled' if compiled else 'eager':9} {seconds * 1e3:8.2f} {off:33.1e} {same!s:>12}"
                )
        (first, _), *rest = found.values()
        agree = agree and all(numpy.array_equal(a, b) for one, _ in rest for a, b in zip(first, one, strict=True))
    group.talk.wire = wire
    return agree


def main() -> int:
    """Start the ranks, or be one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int)
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rank:
        group = distributed.init(device="gpu")
        agree = compared(group)
        if group.rank == 0:
            print("all agree" if agree else "SOMETHING DIFFERS")
        return 0 if agree else 1
    if not gpu_count():
        print(f"nothing to do: {why_not()}")
        return 2
    if importlib.util.find_spec("mpi4py") is None:
        print("nothing to do: mpi4py is not installed: pip install 'tinygrad_ml[mpi]'")
        return 2
    return launch(given.ranks or max(2, gpu_count()), [__file__, "--rank"])


if __name__ == "__main__":
    sys.exit(main())
