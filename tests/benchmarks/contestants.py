"""Who takes part in the races of `step_cpu.py` and `step_gpu.py`, and the process in which one of them runs.

A contestant is a function from a `Task` to a function that trains a round of it, and then waits for the device. What it
needs is imported by its own module only, so that a peer that is not installed is left out.

    python tests/benchmarks/contestants.py NAME TASK THREADS      what `race.py` starts: a round for each line of its input
"""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module

from tasks import Task

Make = Callable[[Task], Callable[[], object]]


def _of(module: str, function: str, **options) -> Make:
    """A contestant of a module that is imported when it is made."""

    def make(task: Task):
        return getattr(import_module(module), function)(task, **options)

    return functools.wraps(_of)(make)


FLOOR = "the matrix products alone"

# On the CPU: one batch, again and again.
CONTESTANTS: dict[str, Make] = {
    "tinygrad_ml, compiled": _of("our_steps", "steps", compiled=True),
    "tinygrad_ml, eager": _of("our_steps", "steps", compiled=False),
    "PyTorch, Adam": _of("torch_steps", "eager"),
    "PyTorch, fused Adam": _of("torch_steps", "eager", fused=True),
    "PyTorch, network compiled, fused Adam": _of("torch_steps", "compiled", fused=True),
    "PyTorch, network compiled for longest, fused Adam": _of(
        "torch_steps", "compiled", fused=True, mode="max-autotune-no-cudagraphs"
    ),
    "PyTorch, step compiled, fused Adam": _of("torch_steps", "compiled", fused=True, whole=True),
    "PyTorch, step compiled, Adam": _of("torch_steps", "compiled", whole=True),
    "JAX, jit": _of("jax_steps", "steps"),
    "Keras on JAX": _of("keras_steps", "steps", backend="jax"),
    "Keras on PyTorch": _of("keras_steps", "steps", backend="torch"),
    "DeZero": _of("dezero_steps", "steps"),
    f"{FLOOR}, tinygrad_ml": _of("products", "in_tinygrad_ml"),
    f"{FLOOR}, NumPy": _of("products", "in_numpy"),
    f"{FLOOR}, PyTorch": _of("products", "in_torch"),
}

# With all of MNIST in the memory of a GPU: each step gathers its own batch.
RESIDENT: dict[str, Make] = {
    "tinygrad_ml, compiled, repeat": _of("our_steps", "resident", repeat=True),
    "tinygrad_ml, compiled, repeat, a graph of launches": _of(
        "our_steps", "resident", repeat=True, without=("persistent",)
    ),
    "tinygrad_ml, compiled": _of("our_steps", "resident"),
    "tinygrad_ml, eager": _of("our_steps", "resident", compiled=False),
    "PyTorch, Adam": _of("torch_gpu", "eager"),
    "PyTorch, fused Adam": _of("torch_gpu", "eager", fused=True),
    "PyTorch, network with reduce-overhead, fused Adam": _of("torch_gpu", "compiled", fused=True),
    "PyTorch, step with reduce-overhead, Adam": _of("torch_gpu", "compiled", whole=True, capturable=True),
    "PyTorch, one CUDA graph": _of("torch_gpu", "graph"),
    "PyTorch, one CUDA graph of compiled kernels": _of("torch_gpu", "graph", fuse=True),
    "JAX, scan": _of("jax_steps", "resident"),
}


def serve(make: Callable[[str, list], tuple[Callable[[], int | None], dict[str, object]]]) -> None:
    """Make a contestant, say so, and train a round for each line that comes in; an answer is a line of JSON.

    make  from its name and its task, as JSON has it, to what trains a round, and what is told before the first one. A
          round may say how many steps it had: then the seconds are those of a step
    """
    name, task, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # What the libraries print goes to the standard error; the answers keep the standard output.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(**said: object) -> None:
        print(json.dumps(said), file=answers)

    try:
        train, told = make(name, task)
        answer(ready=True, **told)
        for _ in sys.stdin:
            gc.collect()
            start, used = time.perf_counter(), time.process_time()
            steps = train() or 1
            seconds = time.perf_counter() - start
            answer(seconds=seconds / steps, cores=(time.process_time() - used) / seconds)
    except ImportError as missing:
        answer(failure=str(missing))
    except Exception as error:  # another contestant's trouble shall not stop the race: the table says what it was
        traceback.print_exc()
        answer(failure=f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"[:200])


def main() -> None:
    serve(lambda name, task: ((RESIDENT if Task(*task).resident else CONTESTANTS)[name](Task(*task)), {}))


if __name__ == "__main__":
    main()
