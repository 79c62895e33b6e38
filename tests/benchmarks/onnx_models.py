"""Inference of networks that others trained, compiled here, beside onnxruntime, on one core.

    pip install --no-deps rapidocr-onnxruntime==1.4.4 magika==1.0.3 silero-vad==6.2.3
    python tests/benchmarks/onnx_models.py --write

The two alternate in one process, and processor time counts. With a folder (`--models`), packages are looked for there. About a minute.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from timing import THREADS, machine

os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy and onnxruntime look
sys.path.append(str(Path(__file__).parents[2]))

import numpy
import results

import tinygrad_ml as tg
from tests.onnx_models import HOW, MODELS

WORDS = {
    "detector": "an image of 256 x 256",
    "orientation": "an image of 48 x 192",
    "reader": "an image of 48 x 320",
    "magika": "2,048 bytes",
    "silero": "20 pieces of 36 ms",
}
"""What each network is given."""


def ours(path: Path, inputs: list[numpy.ndarray]) -> tuple[Callable[[], object], float]:
    """A compiled call, and the seconds of loading and of the first call."""
    start = time.perf_counter()
    model = tg.onnx.load(path)
    given = [tg.tensor(value) for value in inputs]

    @tg.compile
    def infer(*inputs: tg.Tensor) -> object:
        with tg.no_grad():
            return model(*inputs)

    infer(*given)
    return lambda: infer(*given), time.perf_counter() - start


def theirs(path: Path, inputs: list[numpy.ndarray]) -> tuple[Callable[[], object], float]:
    """A call of onnxruntime's, and the seconds of loading and of the first call."""
    import onnxruntime

    start = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = dict(zip([port.name for port in session.get_inputs()], inputs, strict=True))
    session.run(None, feed)
    return lambda: session.run(None, feed), time.perf_counter() - start


def row(name: str, path: Path, rounds: int) -> str:
    inputs = MODELS[name].inputs(numpy.random.default_rng(0), MODELS[name].size)
    (mine, first), (other, other_first) = ours(path, inputs), theirs(path, inputs)
    seconds: tuple[list[float], list[float]] = [], []
    for turn in range(rounds + 2):
        for run, times in zip((mine, other), seconds, strict=True):
            start = time.process_time()
            run()
            if turn >= 2:
                times.append(time.process_time() - start)
    ratio = median(one / two for one, two in zip(*seconds, strict=True))
    cells = [f"{min(times) * 1e3:.2f} | {median(times) * 1e3:.2f}" for times in seconds]
    return f"| {name}, {WORDS[name]} | {cells[0]} | {cells[1]} | {ratio:.2f}x | {first:.1f} / {other_first:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--models", metavar="FOLDER", help="where the packages are, if they are not installed")
    parser.add_argument("--only", nargs="+", metavar="NETWORK", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    options = parser.parse_args()
    lines = [
        "| network | compiled here: fastest, ms | median | onnxruntime: fastest, ms | median | against onnxruntime | load and first call, s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for name in options.only:
        path = MODELS[name].file(options.models)
        if path is None:
            raise SystemExit(f"there is no file of the {name}: {HOW}")
        lines.append(row(name, path, options.rounds))
        print(lines[-1], flush=True)
    said = machine("numpy", "llvmlite", "onnxruntime") + f". Load of the machine: {os.getloadavg()[0]:.1f}"
    print(said)
    if options.write:
        command = f"python tests/benchmarks/onnx_models.py --rounds {options.rounds} --write"
        results.write("onnx_models", results.dated(command, said, "\n".join(lines)))


if __name__ == "__main__":
    main()
