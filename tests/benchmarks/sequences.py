"""Steps of training with sequences, beside PyTorch and JAX: recurrent layers, and an encoder of transformers.

    python tests/benchmarks/sequences.py --threads 1
    python tests/benchmarks/sequences.py --only LSTM --rounds 21 --write
    python tests/benchmarks/sequences.py --loops --write

Batches of 32, width 128, the loss the mean square of the output, SGD. The weights start equal. In one process, alternating;
PyTorch runs its own kernels (it has one for each kind of recurrent layer), and cannot compile them further; JAX compiles a
`lax.scan`, with what comes in multiplied before the loop, as here. "products" are the matrix products of the step alone, by
NumPy. The first two calls of a compiled step are timed alone, with what earlier runs have left in the cache of machine code;
the last table is the same for 16 and 1,000 steps, with an empty cache, each in a process of its own.

`--loops` is about cells written by hand in a loop of Python, trained by Adam: rolled up, written out (`without=("rolled",)`), and
as a `tg.scan`. Times are of the processor, so that other programs count less; first calls are with an empty cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

BATCH, WIDTH = 32, 128
LENGTHS = {"RNN": (64, 200), "LSTM": (64, 200), "GRU": (64, 200), "TransformerEncoderLayer": (64, 200)}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
RATE = 0.01
LOOPS = [(kind, length) for kind in ("RNN", "LSTM") for length in (50, 200)]
WAYS = ("rolled", "written", "scan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", nargs="*", default=list(LENGTHS), choices=LENGTHS)
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    parser.add_argument("--first-calls", type=int, help="only time the first two calls of an LSTM of so many steps")
    parser.add_argument("--loops", action="store_true", help="only loops of Python, written by hand")
    parser.add_argument("--first-loop", nargs=3, help="only time the first call of such a loop: kind, steps, way")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    from timing import THREADS

    wanted = {name: str(options.threads) for name in THREADS}
    if options.threads == 1:  # which JAX reads as it loads
        wanted["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        # Libraries read them as they load.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})
    import results
    from timing import machine

    if options.first_calls:
        print(" ".join(f"{seconds:.2f}" for seconds in first_calls(options.first_calls)))
        return
    if options.first_loop:
        kind, length, way = options.first_loop
        print(f"{time_first_loop(kind, int(length), way):.2f}")
        return
    if options.loops:
        about = machine("tinygrad_ml", "numpy", "llvmlite")
        rows = time_loops([("RNN", 9)] if options.tiny else LOOPS, 1 if options.tiny else options.rounds)
        print("\n".join([about, "", *rows]))
        if options.write:
            command = (
                f"python tests/benchmarks/sequences.py --loops --threads {options.threads} --rounds {options.rounds}"
            )
            results.write("loops", results.dated(command, about, "\n".join(rows)))
        return
    rows = [
        "| step | eager, ms | compiled, ms | PyTorch, ms | JAX, ms | products, ms | eager/PyTorch | compiled/PyTorch | "
        "compiled/JAX | first two calls, s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in options.only:
        for length in (4,) if options.tiny else LENGTHS[kind]:
            rows.append(measured(kind, length, 1 if options.tiny else options.rounds, options.threads))
            print(rows[-1], file=sys.stderr)
    rows += ["", "| LSTM, nothing cached | first call, s | second call, s |", "|---|---|---|"]
    for length in (4,) if options.tiny else (16, 1000):
        rows.append(f"| {length} steps | {alone('--first-calls', length)} |")
    about = machine("tinygrad_ml", "numpy", "llvmlite", "torch", "jax")
    print("\n".join([about, "", *rows]))
    if options.write:
        command = f"python tests/benchmarks/sequences.py --threads {options.threads} --rounds {options.rounds}"
        results.write("sequences", results.dated(command, about, "\n".join(rows)))


def training(model, data):
    """(a step of training on these sequences, its argument)."""
    import tinygrad_ml as tg

    x, optimizer = tg.tensor(data), tg.optim.SGD(model.parameters(), RATE)

    def step(x):
        optimizer.zero_grad()
        made = model(x)
        loss = ((made[0] if isinstance(made, tuple) else made) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, x


def numbers(length: int):
    """Sequences of so many steps."""
    import numpy as np

    return np.random.default_rng(0).standard_normal((length, BATCH, WIDTH)).astype("float32")


def first_calls(length: int) -> list[float]:
    """The seconds of the first call and of the second one."""
    import tinygrad_ml as tg

    step, x = training(tg.nn.LSTM(WIDTH, WIDTH), numbers(length))
    compiled, seconds = tg.compile(step), []
    for _ in range(2):
        start = time.perf_counter()
        compiled(x)
        seconds.append(time.perf_counter() - start)
    return seconds


def make_loop(kind: str, length: int, way: str):
    """(a compiled step of training of a cell that is written by hand, its argument)"""
    import numpy as np

    import tinygrad_ml as tg

    rng, gates = np.random.default_rng(0), GATES[kind]
    shapes = ((WIDTH, gates * WIDTH), (WIDTH, gates * WIDTH), (gates * WIDTH,))
    weights = [tg.tensor(0.1 * rng.standard_normal(shape), dtype="float32", requires_grad=True) for shape in shapes]
    optimizer, x = tg.optim.Adam(weights, RATE), tg.tensor(numbers(length))

    def cell(state, x):
        inside = x @ weights[0] + state[0] @ weights[1] + weights[2]
        if kind == "RNN":
            return (inside.tanh(),)
        i, f, g, o = (inside[:, k * WIDTH : (k + 1) * WIDTH] for k in range(4))
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def loop(state, x):
        outputs = []
        for t in range(length):
            state = cell(state, x[t])
            outputs.append(state[0])
        return tg.stack(outputs)

    def scan(state, x):
        return tg.scan(lambda state, x: ((new := cell(state, x)), new[0]), state, x)[1]

    def step(x):
        optimizer.zero_grad()
        start = (tg.zeros((BATCH, WIDTH)),) * (2 if kind == "LSTM" else 1)
        loss = ((scan if way == "scan" else loop)(start, x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return tg.compile(step, without=("rolled",) if way == "written" else ()), x


def time_first_loop(kind: str, length: int, way: str) -> float:
    """The seconds of the first call, of the processor."""
    step, x = make_loop(kind, length, way)
    start = time.process_time()
    step(x)
    return time.process_time() - start


def time_loops(cases: list[tuple[str, int]], rounds: int) -> list[str]:
    """The table of loops of Python."""
    from statistics import median

    rows = [
        "| loop of Python | rolled up, ms | written out, ms | tg.scan, ms | rolled up/written out | first call: rolled up, s | "
        "written out, s | tg.scan, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, length in cases:
        steps = [make_loop(kind, length, way) for way in WAYS]
        seconds: list[list[float]] = [[] for _ in WAYS]
        for step, x in steps * 2:
            step(x)
        for _ in range(rounds):
            for times, (step, x) in zip(seconds, steps, strict=True):
                start = time.process_time()
                step(x)
                times.append(time.process_time() - start)
        ratio = median(a / b for a, b in zip(seconds[0], seconds[1], strict=True))
        middle = [f"{median(times) * 1000:.1f}" for times in seconds]
        firsts = [alone("--first-loop", kind, length, way) for way in WAYS]
        rows.append(f"| {' | '.join([f'{kind}, {length} steps', *middle, f'{ratio:.2f}x', *firsts])} |")
    return rows


def alone(*what: object) -> str:
    """What this script says in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, *map(str, what), "--threads", os.environ["OMP_NUM_THREADS"]]
        done = subprocess.run(
            command,
            env={**os.environ, "XDG_CACHE_HOME": folder, "TINYGRAD_ML_CACHE": f"{folder}/kernels"},
            capture_output=True,
            text=True,
            check=True,
        )
    return " | ".join(done.stdout.split())


def measured(kind: str, length: int, rounds: int, threads: int) -> str:
    """A row of the table."""
    from statistics import median

    import torch
    from timing import alternate

    import tinygrad_ml as tg

    torch.set_num_threads(threads)
    sizes = (WIDTH, 4, 4 * WIDTH, 0.0) if kind == "TransformerEncoderLayer" else (WIDTH, WIDTH)
    theirs, ours = getattr(torch.nn, kind)(*sizes), getattr(tg.nn, kind)(*sizes)
    weights = {name: value.numpy().copy() for name, value in theirs.state_dict().items()}
    ours.load_state_dict(weights)
    data = numbers(length)
    step, x = training(ours, data)
    their_x, their_optimizer = torch.tensor(data), torch.optim.SGD(theirs.parameters(), RATE)

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
    contestants = {"eager": lambda: step(x), "compiled": lambda: compiled(x), "torch": their_step}
    if kind in GATES:
        contestants |= {"jax": jax_step(kind, weights, data), "products": products(GATES[kind], length)}
    seconds = alternate(contestants, rounds)
    middle = {who: median(times) * 1000 for who, times in seconds.items()}

    def against(who: str, other: str) -> str:
        if other not in seconds:
            return "-"
        return f"{median(a / b for a, b in zip(seconds[who], seconds[other], strict=True)):.2f}x"

    shown = [
        f"{middle[who]:.1f}" if who in middle else "-" for who in ("eager", "compiled", "torch", "jax", "products")
    ]
    ratios = [against("eager", "torch"), against("compiled", "torch"), against("compiled", "jax")]
    return f"| {kind}, {length} steps | {' | '.join([*shown, *ratios])} | {first:.1f} |"


def jax_step(kind: str, weights: dict, data):
    """The same step by `jax.lax.scan`."""
    import jax
    import jax.numpy as jnp
    from suite import in_jax

    def loss(w, xs):
        projected = xs @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        state = (jnp.zeros((BATCH, WIDTH), "float32"),) * (2 if kind == "LSTM" else 1)

        def once(state, x):
            return in_jax.cell(kind, state, x, w["weight_hh_l0"], w["bias_hh_l0"])

        _, ys = jax.lax.scan(once, state, projected)
        return (ys * ys).mean()

    @jax.jit
    def update(w, xs):
        return jax.tree.map(lambda value, g: value - RATE * g, w, jax.grad(loss)(w, xs))

    held, xs = [jax.tree.map(jnp.asarray, weights)], jnp.asarray(data)

    def run():
        held[0] = jax.block_until_ready(update(held[0], xs))

    return run


def products(gates: int, length: int):
    """The matrix products of a step, and nothing else."""
    import numpy as np

    rows, columns = length * BATCH, gates * WIDTH
    x, w, g = (np.ones(shape, "float32") for shape in ((rows, WIDTH), (columns, WIDTH), (rows, columns)))
    h, turned, one = x[:BATCH], np.ones((WIDTH, columns), "float32"), g[:BATCH]

    def run():
        x @ w.T
        for _ in range(length):
            h @ turned
        for _ in range(length):
            one @ w
        g.T @ x
        g.T @ x

    return run


if __name__ == "__main__":
    main()
