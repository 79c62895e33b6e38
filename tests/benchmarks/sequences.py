"""Steps of training with sequences, beside PyTorch: recurrent layers, and an encoder of transformers.

    python tests/benchmarks/sequences.py --threads 1
    python tests/benchmarks/sequences.py --only LSTM --rounds 21 --write

Batches of 32, width 128, the loss the mean square of the output, SGD. The weights start equal. In one process, alternating; PyTorch
runs its own kernels (it has one for each kind of recurrent layer), and cannot compile them further. The first two calls
of a compiled step are timed alone, with what earlier runs have left in the cache of machine code.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

BATCH, WIDTH = 32, 128
LENGTHS = {"RNN": (64, 200), "LSTM": (64, 200), "GRU": (64, 200), "TransformerEncoderLayer": (64, 200)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", nargs="*", default=list(LENGTHS), choices=LENGTHS)
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    from timing import THREADS

    wanted = {name: str(options.threads) for name in THREADS}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(
            sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted}
        )  # libraries read them as they load
    import results
    from timing import machine

    rows = [
        "| step | eager, ms | compiled, ms | PyTorch, ms | eager against it | compiled against it | first two calls, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in options.only:
        for length in (4,) if options.tiny else LENGTHS[kind]:
            rows.append(measured(kind, length, 1 if options.tiny else options.rounds, options.threads))
            print(rows[-1], file=sys.stderr)
    about = machine("tinygrad_ml", "numpy", "numba", "torch")
    print("\n".join([about, "", *rows]))
    if options.write:
        command = f"python tests/benchmarks/sequences.py --threads {options.threads} --rounds {options.rounds}"
        results.write("sequences", results.dated(command, about, "\n".join(rows)))


def measured(kind: str, length: int, rounds: int, threads: int) -> str:
    """A row of the table."""
    from statistics import median

    import numpy as np
    import torch
    from timing import alternate

    import tinygrad_ml as tg
    from tinygrad_ml import nn

    torch.set_num_threads(threads)
    sizes = (WIDTH, 4, 4 * WIDTH, 0.0) if kind == "TransformerEncoderLayer" else (WIDTH, WIDTH)
    theirs, ours = getattr(torch.nn, kind)(*sizes), getattr(nn, kind)(*sizes)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    data = np.random.default_rng(0).standard_normal((length, BATCH, WIDTH)).astype("float32")
    x, their_x = tg.tensor(data), torch.tensor(data)
    optimizer, their_optimizer = tg.optim.SGD(ours.parameters(), 0.01), torch.optim.SGD(theirs.parameters(), 0.01)

    def step(x):
        optimizer.zero_grad()
        made = ours(x)
        loss = ((made[0] if isinstance(made, tuple) else made) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    def their_step():
        their_optimizer.zero_grad()
        made = theirs(their_x)
        loss = ((made[0] if isinstance(made, tuple) else made) ** 2).mean()
        loss.backward()
        their_optimizer.step()

    compiled = tg.compile(step)
    start = time.perf_counter()
    compiled(x), compiled(x)
    first = time.perf_counter() - start
    seconds = alternate({"eager": lambda: step(x), "compiled": lambda: compiled(x), "torch": their_step}, rounds)
    middle = {who: median(times) * 1000 for who, times in seconds.items()}
    against = {
        who: median(a / b for a, b in zip(times, seconds["torch"], strict=True)) for who, times in seconds.items()
    }
    return (
        f"| {kind}, {length} steps | {middle['eager']:.1f} | {middle['compiled']:.1f} | {middle['torch']:.1f} | "
        f"{against['eager']:.2f}x | {against['compiled']:.2f}x | {first:.1f} |"
    )


if __name__ == "__main__":
    main()
