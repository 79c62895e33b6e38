"""A training step on a GPU, beside its peers: `python tests/benchmarks/step_gpu.py` (with PyTorch and JAX for CUDA, if any).

All of MNIST lies in the GPU's memory, and each step gathers its own batch. Contestants take turns, each in a process of
its own; a turn is many steps, and ends when the device is done. The parts, the most important first:

    mlp      784-500-500-10, sigmoid, cross-entropy, Adam, batch 100, float32: ours as one kernel for many steps, and as a
             graph of thirteen launches a step
    profile  on which kernels our mlp step spends its time, as a graph of launches and as one kernel for many steps
             (measured through PyTorch's profiler, if it is there)
    cnn      two convolutions, batch 128
    epochs   20 epochs of the mlp, in seconds: 12,000 steps
    99       MNIST to 99 % from random numbers: `examples/10_mnist_99_fast.py` over several seeds
    wide     hidden layers of 500 to 8,192 units, float32 and TF32: the rate of the products
    batch    batches of 100 to 8,192

One call is made for ten minutes: `--seconds` is when no further table begins, and what is done so far is in `--out` after
each: `step_gpu.md`, and the figures in `step_gpu.json`. Nothing has to be installed of this folder; contestants that are not
there are left out. `--rehearse` runs the same code without a GPU, two steps of a small network: ours on the stand-in of the
tests (`tests/fake_cuda.py`), all others on the CPU. Its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # of contestants' processes

import our_steps  # noqa: E402
import results  # noqa: E402
from contestants import RESIDENT  # noqa: E402
from race import Race, digits  # noqa: E402
from tasks import Task, products_of  # noqa: E402
from timing import gpu, machine  # noqa: E402

OURS = "tinygrad_ml, compiled, repeat"  # where the network is small, one kernel for many steps
OF_LAUNCHES = "tinygrad_ml, compiled, repeat, a graph of launches"
FASTEST = [OURS, OF_LAUNCHES, "PyTorch, one CUDA graph", "PyTorch, one CUDA graph of compiled kernels", "JAX, scan"]
EXAMPLE = ROOT / "examples" / "10_mnist_99_fast.py"
PACKAGES = ("numpy", "cupy-cuda13x", "cupy-cuda12x", "torch", "jax", "optax")
WORK = 5e12  # multiplications and additions that make a round of wide networks: about a tenth of a second


class Bench:
    """The parts, each an iterator of texts, on one device.

    rounds    turns of each contestant
    rehearse  without a GPU, and only to see that it runs
    end       when the whole call is to be over, as `time.perf_counter()` says it
    figures   title -> contestant -> seconds of a step, the fastest and the median; or what a table has
    """

    def __init__(self, rounds: int, rehearse: bool, end: float):
        self.rounds, self.rehearse, self.end = rounds, rehearse, end
        self.device = "strict" if rehearse else "gpu"
        self.figures: dict[str, dict] = {}

    def _race(self, title: str, task: Task, names: list[str], unit: str = "µs", more: str = "cores busy") -> str:
        if self.rehearse:
            task = task._replace(steps=2, batch=20, width=32)
        task = task._replace(device=self.device, resident=True)
        race = Race(task, names, environment={"XLA_PYTHON_CLIENT_PREALLOCATE": "false"})
        print(f"... {title}", flush=True)
        race.run(1 if self.rehearse else self.rounds, warmup=1 if self.rehearse else 2)
        seconds = {name: [turn.seconds for turn in turns] for name, turns in race.turns.items() if turns}
        self.figures[title] = {name: {"fastest": min(of), "median": median(of)} for name, of in seconds.items()}
        self.figures[title]["left out"] = race.absent
        return f"### {title}\n\n{race.table(OURS, unit, more)}\n"

    def mlp(self) -> Iterator[str]:
        yield self._race("784-500-500-10, batch 100", Task("mlp", 100, steps=600), list(RESIDENT))

    def cnn(self) -> Iterator[str]:
        yield self._race("Two convolutions, batch 128", Task("cnn", 128, steps=468), list(RESIDENT))

    def epochs(self) -> Iterator[str]:
        task = Task("mlp", 100, steps=12_000)
        yield self._race("20 epochs of 784-500-500-10, batch 100", task, FASTEST, "s")

    def ninety_nine(self) -> Iterator[str]:
        command = [sys.executable, EXAMPLE, *(["--tiny"] if self.rehearse else ["--seeds", "9"])]
        left = max(30.0, self.end - time.perf_counter())
        done = subprocess.run(command, capture_output=True, text=True, timeout=min(300.0, left))
        said = done.stdout if done.returncode == 0 else done.stderr
        yield f"### MNIST to 99 %\n\n```\n{said.strip()}\n```\n"

    def wide(self) -> Iterator[str]:
        for width, batch in ((8192, 8192), (2048, 2048), (8192, 100), (2048, 100)):
            for products in ("float32", "tf32"):
                task = Task("mlp", batch, width, products=products)
                task = task._replace(steps=max(3, min(600, int(WORK / products_of(task)))))
                title = f"784-{width}-{width}-10, batch {batch}, {products}"
                yield self._race(title, task, FASTEST, more="TFLOP/s")

    def batch(self) -> Iterator[str]:
        for batch in (8192, 2048, 512):
            task = Task("mlp", batch, steps=min(300, 600 * 100 // batch * 5))
            yield self._race(f"784-500-500-10, batch {batch:,}", task, FASTEST, more="TFLOP/s")

    def profile(self) -> Iterator[str]:
        """The time of each kernel of 600 steps; PyTorch's profiler sees all that happens on the GPU."""
        yield self._profile("Where the time of the mlp's step goes, as a graph of launches", ("persistent",))
        yield self._profile("The same as one kernel for many steps", ())

    def _profile(self, title: str, without: tuple[str, ...]) -> str:
        from torch.profiler import ProfilerActivity, profile

        task = Task("mlp", 100, steps=600, device=self.device, resident=True)
        task = task._replace(steps=2, batch=20, width=32) if self.rehearse else task
        train = our_steps.resident(task, repeat=True, without=without)
        train()
        activity = ProfilerActivity.CPU if self.rehearse else ProfilerActivity.CUDA
        with profile(activities=[activity]) as seen:
            train()
        kernels = [(e.key, e.count, e.self_device_time_total) for e in seen.key_averages() if e.self_device_time_total]
        kernels.sort(key=lambda kernel: -kernel[2])
        self.figures[title] = {name: [count / task.steps, time_of / task.steps] for name, count, time_of in kernels}
        # What a step takes beyond the sum, on the clock of the mlp's table, the GPU waits between kernels.
        kernels.insert(0, ("all of them", sum(count for _, count, _ in kernels), sum(time for *_, time in kernels)))
        lines = ["| kernel | times a step | µs a step |", "| --- | --- | --- |"]
        for name, count, time_of in kernels[:30]:
            lines.append(
                f"| `{name.split('(')[0][:80]}` | {digits(count / task.steps)} | {digits(time_of / task.steps)} |"
            )
        return f"### {title}\n\n" + "\n".join(lines) + "\n"


PARTS = {
    "mlp": Bench.mlp,
    "profile": Bench.profile,
    "cnn": Bench.cnn,
    "epochs": Bench.epochs,
    "99": Bench.ninety_nine,
    "wide": Bench.wide,
    "batch": Bench.batch,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=420, help="begin nothing more after this time")
    parser.add_argument(
        "--out",
        type=Path,
        default=os.environ.get("OUT"),
        help="a folder for step_gpu.md and step_gpu.json, which grow after each table",
    )
    parser.add_argument("--rehearse", action="store_true", help="without a GPU, a step or two of each")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md as well")
    given = parser.parse_args()
    began = time.perf_counter()
    bench = Bench(given.rounds, given.rehearse, began + given.seconds + 150)
    where, texts = f"{gpu()}; {machine(*PACKAGES)}", []
    print(f"{where}\n", flush=True)

    def say(text: str) -> None:
        texts.append(text)
        print(text, flush=True)
        if given.out:
            folder = Path(given.out)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "step_gpu.md").write_text(f"{where}\n\n" + "\n".join(texts), encoding="utf-8")
            figures = json.dumps({"where": where, **bench.figures}, indent=1)
            (folder / "step_gpu.json").write_text(figures, encoding="utf-8")

    for part in given.parts:
        try:
            for text in PARTS[part](bench):
                say(text)
                if time.perf_counter() - began > given.seconds:
                    break
        except Exception as error:  # what one part cannot do shall not cost the others their ten minutes
            traceback.print_exc(file=sys.stdout)
            say(f"### {part}\n\nFailed: {type(error).__name__}: {error}\n")
        if time.perf_counter() - began > given.seconds:
            print(f"{given.seconds:.0f} s are over; what is left was not begun.")
            break
    print(f"\nAll tables again, after {time.perf_counter() - began:.0f} s:\n\n" + "\n".join(texts), flush=True)
    if given.write:
        results.write("step_gpu", results.dated("python tests/benchmarks/step_gpu.py --write", where, "\n".join(texts)))


if __name__ == "__main__":
    main()
