"""Several ranks that train one network: `python tests/benchmarks/distributed.py` (pip install 'tinygrad_ml[mpi,viz]').

Four things, for a perceptron 784-500-500-10 with Adam, 400 images a rank, compiled, one thread a rank:

    images a second of two ranks beside one, who take turns
    bytes of optimiser state that a rank keeps, whole and in shards
    how much of the communication hides behind the backward pass: a step with it, a step without, and it alone
    a model of what a step costs at 8 to 10,000 ranks, with its assumptions, and its curve (distributed.svg)

`--write` puts the tables into RESULTS.md, and the curve beside it. `--tiny` only sees that it runs.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import results
from timing import machine

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim

IMAGES = 400
PICTURE = Path(__file__).with_suffix(".svg")

# -- what a rank measures ------------------------------------------------------------------------------------------------


def measured(group: distributed.Group, rounds: int, seconds: float) -> dict[str, Any]:
    """Seconds of a step with and without communication, and of that alone; bytes of state. The medians of turns."""
    tg.manual_seed(0)
    random = np.random.default_rng(group.rank)
    batch = tg.tensor(random.random((IMAGES, 784), np.float32)), tg.tensor(random.integers(0, 10, IMAGES))
    found: dict[str, Any] = {"bytes": {}}
    ways: dict[str, Callable[[], Any]] = {}
    for name, bucket_cap_mb in (("step", 25.0), ("buckets", 1.0), ("shards", 25.0)):
        model = perceptron()
        parallel = distributed.DataParallel(model, group, bucket_cap_mb)
        optimizer: Any = optim.Adam(model.parameters())
        if name == "shards":
            optimizer = distributed.Optimizer(optimizer, group, shard=True)
        step = tg.compile(training_step(parallel, optimizer))
        ways[name] = partial(step, *batch)
        step(*batch)
        kept = [value for kept in optimizer.state.values() for value in kept.values() if isinstance(value, tg.Tensor)]
        found["bytes"][name] = sum(value.size * value.dtype.itemsize for value in kept)
    alone = perceptron()
    without = tg.compile(training_step(alone, optim.Adam(alone.parameters())))
    flat = tg.zeros(sum(p.size for p in alone.parameters()))
    ways |= {"without": partial(without, *batch), "communication": lambda: group.mean(flat)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        for _ in range(3):
            run()
    for _ in range(rounds):
        for name, run in ways.items():
            steps = max(1, int(seconds / group.broadcast_object(once(run))))
            began = time.perf_counter()
            for _ in range(steps):
                run()
            times[name].append((time.perf_counter() - began) / steps)
    return found | {"seconds": times, "parameters": flat.size}


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 500), nn.Sigmoid(), nn.Linear(500, 10))


def once(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def training_step(model: Any, optimizer: Any) -> Callable:
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def of_ranks(count: int, rounds: int, seconds: float) -> dict[str, Any]:
    """What that many ranks measure, each of one thread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measured.json")
        words = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(count), sys.executable, __file__]
        words += ["--rank", str(path), "--rounds", str(rounds), "--seconds", str(seconds)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return json.loads(path.read_text())


# -- the model of cost ---------------------------------------------------------------------------------------------------


class Net(NamedTuple):
    """What connects the ranks: seconds until a message arrives, seconds to send one more, bytes a second of a rank."""

    name: str
    latency: float
    overhead: float
    bandwidth: float


class Job(NamedTuple):
    """A network that is trained: bytes of gradients, seconds of a rank's step alone, the part of it that is backward."""

    name: str
    nbytes: float
    seconds: float
    backward: float = 0.6


NETS = (Net("InfiniBand, 100 Gbit/s", 2e-6, 0.3e-6, 12.5e9), Net("Ethernet, 10 Gbit/s", 20e-6, 2e-6, 1.25e9))
JOBS = (
    Job("100 MB of gradients, 100 ms a step (a ResNet-50)", 100e6, 0.1),
    Job("2.6 MB, 10 ms (this perceptron)", 2.6e6, 0.01),
)
RANKS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 10_000)
BUCKETS = {"25 MB": 25e6, "1 MB": 1e6}
WORDS_BYTES = 248  # what each rank says before it sends

_ASSUMED = """\
Assumptions: all ranks compute equally fast, and nobody waits for a slow one; each has the whole bandwidth of its line, and
the net in between never jams; adding up costs nothing. α is the latency of a message, o the time to hand one more over,
β the bandwidth, n the bytes of a bucket. A bucket costs

- here, each piece of it straight to the rank that adds it up (all-to-all), and the sums to all (all-gather by a tree, as MPI
  does it): words α·log₂N + 248·N/β, pieces α + o·(N - 1) + n/β·(N - 1)/N, sums α·log₂N + n/β·(N - 1)/N;
- by a ring, as NCCL does it in one line: 2·(N - 1)·(α + o) + 2·n/β·(N - 1)/N. Its sums are in another order for each piece.

Buckets travel one after the other while the backward pass (60 % of the step) goes on, but for the last one, which begins
when it ends. (The perceptron of 2.6 MB is one bucket of 25 MB.) Shards add one gathering more, of the parameters. What is not done by then prolongs the step. Efficiency is the step alone by the step with all of that.
"""


def bucket_here(net: Net, ranks: int, nbytes: float) -> float:
    """Seconds of a bucket, by pieces and gathering."""
    share, depth = (ranks - 1) / ranks, math.ceil(math.log2(ranks))
    words = net.latency * depth + WORDS_BYTES * ranks / net.bandwidth
    pieces = net.latency + net.overhead * (ranks - 1) + nbytes * share / net.bandwidth
    return words + pieces + net.latency * depth + nbytes * share / net.bandwidth


def bucket_ring(net: Net, ranks: int, nbytes: float) -> float:
    """Seconds of a bucket, around a ring."""
    return 2 * (ranks - 1) * (net.latency + net.overhead) + 2 * nbytes * (ranks - 1) / ranks / net.bandwidth


def efficiency(job: Job, net: Net, ranks: int, bucket: float, cost: Callable[[Net, int, float], float]) -> float:
    """The part of the time in which a rank computes."""
    count = max(1, math.ceil(job.nbytes / bucket))
    one = cost(net, ranks, job.nbytes / count)
    window = job.seconds * job.backward * (count - 1) / count  # in which all but the last bucket are complete
    late = max(0.0, (count - 1) * one - window) + one
    return job.seconds / (job.seconds + late)


def model_table() -> str:
    """Efficiencies in per cent."""
    shown = (8, 64, 512, 4096, 10_000)
    rows = [
        f"| trained | net | buckets | way | {' | '.join(f'{n:,}' for n in shown)} |",
        "| --- " * (4 + len(shown)) + "|",
    ]
    for job in JOBS:
        for net in NETS:
            for name, bucket in BUCKETS.items():
                for way, cost in (("here", bucket_here), ("ring", bucket_ring)):
                    cells = [f"{efficiency(job, net, n, bucket, cost):.0%}" for n in shown]
                    rows.append(f"| {job.name} | {net.name} | {name} | {way} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def drawn(path: Path) -> None:
    """The curves: efficiency against ranks, a panel for each job and net."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "distributed"
    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, job in zip(panels, JOBS, strict=True):
        for axes, net in zip(row, NETS, strict=True):
            for (name, bucket), colour in zip(BUCKETS.items(), ("#0b5a8a", "#c2571a"), strict=True):
                for way, cost, style in (("here", bucket_here, "-"), ("ring", bucket_ring, "--")):
                    ys = [100 * efficiency(job, net, n, bucket, cost) for n in RANKS]
                    axes.plot(RANKS, ys, style, color=colour, marker=".", label=f"{way}, buckets of {name}")
            axes.set_title(f"{job.name}\n{net.name}", fontsize=10)
            axes.set(xscale="log", ylim=(0, 104))
            axes.set_xticks((10, 100, 1000, 10_000), ("10", "100", "1,000", "10,000"))
            axes.grid(True, alpha=0.3)
    for axes in panels[-1]:
        axes.set_xlabel("ranks")
    for axes in panels[:, 0]:
        axes.set_ylabel("% of the time in which a rank computes")
    panels[0, 0].legend(fontsize=9)
    figure.savefig(path, metadata={"Date": None})


# -- the report ----------------------------------------------------------------------------------------------------------


def report(one: Sequence[dict], two: Sequence[dict]) -> str:
    """The tables of what was measured, by turns of one rank and two."""
    steps = {count: [t for found in turns for t in found["seconds"]["step"]] for count, turns in ((1, one), (2, two))}
    ratio = median(2 * a / b for a, b in zip(steps[1], steps[2], strict=True))
    lines = ["| ranks | ms a step, median | fastest | images a second | against one rank |", "| --- " * 5 + "|"]
    for count, times in steps.items():
        middle = median(times)
        against = "1.00x" if count == 1 else f"{ratio:.2f}x (by the fastest {2 * min(steps[1]) / min(times):.2f}x)"
        lines.append(
            f"| {count} | {middle * 1e3:.2f} | {min(times) * 1e3:.2f} | {IMAGES * count / middle:,.0f} | {against} |"
        )
    numbers, kept = two[0]["parameters"], two[0]["bytes"]
    lines += ["", "| optimiser state (Adam) of a rank, of two | bytes | of the whole |", "| --- " * 3 + "|"]
    for name, words in (("step", "whole"), ("shards", "in shards")):
        lines.append(f"| {words} | {kept[name]:,} | {kept[name] / kept['step']:.1%} |")
    of = {name: median(t for found in two for t in found["seconds"][name]) for name in two[0]["seconds"]}
    hidden = {name: 1 - (of[name] - of["without"]) / of["communication"] for name in ("step", "buckets")}
    lines += ["", f"Two ranks, {numbers:,} numbers ({numbers * 4 / 1e6:.1f} MB) each way:", ""]
    lines += ["| what | ms, median |", "| --- | --- |"]
    named = {
        "step": "a step, in one bucket",
        "buckets": "a step, in buckets of 1 MB",
        "without": "a step without communication, both ranks at once",
    }
    named |= {"communication": "the communication alone", "shards": "a step with the state in shards"}
    lines += [f"| {words} | {of[name] * 1e3:.2f} |" for name, words in named.items()]
    lines.append(
        f"\nOf the communication {hidden['step']:.0%} is hidden with one bucket, which sets out when the backward pass ends, and "
        f"{hidden['buckets']:.0%} with buckets of 1 MB. (Below 0: a step takes longer than both one after the other.)"
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put tables and curve beside those that are kept")
    parser.add_argument("--tiny", action="store_true", help="one short turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for the curve")
    parser.add_argument("--rank", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rank:
        group = distributed.init()
        found = measured(group, given.rounds, given.seconds)
        if group.rank == 0:
            given.rank.write_text(json.dumps(found))
        return
    turns, rounds, seconds = (1, 1, 0.02) if given.tiny else (given.turns, given.rounds, given.seconds)
    one, two = [], []
    for _ in range(turns):
        one.append(of_ranks(1, rounds, seconds))
        two.append(of_ranks(2, rounds, seconds))
    given.out.mkdir(parents=True, exist_ok=True)
    path = PICTURE if given.write else given.out / PICTURE.name
    drawn(path)
    curve = f"![Efficiency against the number of ranks, of two networks on two nets]({PICTURE.name})\n"
    text = f"{report(one, two)}\nWhat a step would cost at many ranks is computed, and not measured.\n\n{_ASSUMED}\n{model_table()}\n{curve}"
    print(text)
    if given.write:
        where = machine("numpy", "llvmlite", "mpi4py", "mpich")
        results.write("distributed", results.dated("python tests/benchmarks/distributed.py --write", where, text))


if __name__ == "__main__":
    main()
