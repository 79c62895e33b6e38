"""A GPT beside its twins in PyTorch and JAX: a step of training, and writing with and without keys and values kept.

    python tests/benchmarks/gpt.py --threads 1
    python tests/benchmarks/gpt.py --rounds 21 --write
    python tests/benchmarks/gpt.py --losses 2000

4 layers, width 128, a context of 64, batches of 12 windows of eight plays, a vocabulary of 79 characters, SGD. The weights start
equal. In one process, alternating; PyTorch as it is, operation by operation, and JAX compiled. Writing is 63 characters behind
one, after a first call that compiles it; without the cache all is read again for each, operation by operation. `--losses`
trains ours and PyTorch's by AdamW on the same batches, and prints both losses on what neither has read.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median

BATCH, RATE = 12, 0.01
SIZES = {"context": 64, "width": 128, "layers": 4, "heads": 4}
TINY = {"context": 8, "width": 16, "layers": 1, "heads": 2}
CONTESTANTS = ("eager", "compiled", "PyTorch", "JAX")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    parser.add_argument("--losses", type=int, metavar="STEPS", help="only train for so long, and compare losses")
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
    from timing import alternate, machine

    if options.losses:
        print(" and ".join(f"{loss:.4f}" for loss in losses(options.losses, options.threads)))
        return
    rounds, sizes = (1, TINY) if options.tiny else (options.rounds, SIZES)
    steps, writing = contestants(sizes, options.threads)
    seconds = alternate(steps, rounds)
    middle = [f"{median(seconds[who]) * 1000:.1f}" for who in CONTESTANTS]
    ratios = [
        f"{median(a / b for a, b in zip(seconds[who], seconds[peer], strict=True)):.2f}x"
        for who, peer in (("eager", "PyTorch"), ("compiled", "PyTorch"), ("compiled", "JAX"))
    ]
    rows = [
        f"| step | {', ms | '.join(CONTESTANTS)}, ms | eager/PyTorch | compiled/PyTorch | compiled/JAX |",
        "|---|---|---|---|---|---|---|---|",
        f"| training | {' | '.join([*middle, *ratios])} |",
    ]
    written = alternate(writing, rounds)
    faster = median(a / b for a, b in zip(written["without"], written["with"], strict=True))
    rows += [
        "",
        f"| {sizes['context'] - 1} characters | with the cache, ms | without, ms | faster |",
        "|---|---|---|---|",
        f"| drawn | {median(written['with']) * 1000:.0f} | {median(written['without']) * 1000:.0f} | {faster:.1f}x |",
    ]
    about = machine("tinygrad_ml", "numpy", "llvmlite", "torch", "jax")
    print("\n".join([about, "", *rows]))
    if options.write:
        command = f"python tests/benchmarks/gpt.py --threads {options.threads} --rounds {options.rounds}"
        results.write("gpt", results.dated(command, about, "\n".join(rows)))


def contestants(sizes: dict[str, int], threads: int):
    """({who: a step of training}, {how: a call that writes})."""
    import torch

    import tinygrad_ml as tg
    from tinygrad_ml.data import DataLoader, Shakespeare
    from tinygrad_ml.models import GPT, generate, next_token_loss

    torch.set_num_threads(threads)
    tg.manual_seed(0)
    text = Shakespeare(length=sizes["context"])
    model = GPT(text.vocab_size, **sizes)
    weights = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    twin = twin_of(model, text.vocab_size, sizes)
    x, y = next(iter(DataLoader(text, BATCH, shuffle=True, seed=0)))
    their_x, their_y = torch.tensor(x.numpy()), torch.tensor(y.numpy())
    optimizer, their_optimizer = tg.optim.SGD(model.parameters(), RATE), torch.optim.SGD(twin.parameters(), RATE)

    def step(x, y):
        optimizer.zero_grad()
        loss = next_token_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def their_step():
        their_optimizer.zero_grad()
        twin.loss(their_x, their_y).backward()
        their_optimizer.step()

    compiled = tg.compile(step)
    steps = {
        "eager": lambda: step(x, y),
        "compiled": lambda: compiled(x, y),
        "PyTorch": their_step,
        "JAX": jax_step(weights, x.numpy(), y.numpy(), sizes),
    }
    start, length = text.encode("\n"), sizes["context"] - 1
    writing = {
        "with": lambda: generate(model, start, length),
        "without": lambda: generate(model, start, length, cache=False),
    }
    return steps, writing


def losses(steps: int, threads: int) -> tuple[float, float]:
    """Ours and PyTorch's on the rest of the plays, after so many steps on the same batches from the same weights."""
    import torch

    import tinygrad_ml as tg
    from tinygrad_ml.data import DataLoader, Shakespeare
    from tinygrad_ml.models import GPT, next_token_loss

    torch.set_num_threads(threads)
    tg.manual_seed(0)
    text, others = Shakespeare(), Shakespeare(train=False, stride=64)
    model = GPT(text.vocab_size, **SIZES)
    twin = twin_of(model, text.vocab_size, SIZES)
    optimizer, theirs = tg.optim.AdamW(model.parameters(), lr=1e-3), torch.optim.AdamW(twin.parameters(), lr=1e-3)

    @tg.compile
    def step(x, y):
        optimizer.zero_grad()
        next_token_loss(model(x), y).backward()
        optimizer.step()

    for _, (x, y) in zip(range(steps), DataLoader(text, BATCH, shuffle=True, seed=0), strict=False):
        step(x, y)
        theirs.zero_grad()
        twin.loss(torch.tensor(x.numpy()), torch.tensor(y.numpy())).backward()
        theirs.step()
    found = []
    with tg.no_grad(), torch.no_grad():
        for x, y in DataLoader(others, 100):
            found.append(
                (next_token_loss(model(x), y).item(), twin.loss(*map(torch.tensor, (x.numpy(), y.numpy()))).item())
            )
    ours, twins = (sum(column) / len(found) for column in zip(*found, strict=True))
    return ours, twins


def twin_of(model, vocab_size: int, sizes: dict[str, int]):
    """The same network in PyTorch, with the same weights."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "compare"))
    from gpt_twin import with_weights_of

    return with_weights_of(model, vocab_size=vocab_size, **sizes)


def jax_step(weights: dict, x, y, sizes: dict[str, int]):
    """The same step in JAX, compiled."""
    import jax
    import jax.numpy as jnp

    heads, context = sizes["heads"], sizes["context"]

    def linear(w, name, x):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(w, name, x):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def attention(w, name, x):
        batch, length, width = x.shape
        parts = linear(w, f"{name}.qkv", x).reshape(batch, length, 3, heads, width // heads)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / (width // heads) ** 0.5
        scores = jnp.where(jnp.tri(length, dtype=bool), scores, -jnp.inf)
        y = jax.nn.softmax(scores) @ v
        return linear(w, f"{name}.out", y.transpose(0, 2, 1, 3).reshape(x.shape))

    def loss(w):
        h = w["tokens.weight"][x] + w["places.weight"][:context]
        for i in range(sizes["layers"]):
            block = f"blocks.{i}"
            h = h + attention(w, f"{block}.attention", norm(w, f"{block}.norm1", h))
            up = jax.nn.gelu(linear(w, f"{block}.up", norm(w, f"{block}.norm2", h)), approximate=True)
            h = h + linear(w, f"{block}.down", up)
        logits = norm(w, "norm", h) @ w["tokens.weight"].T
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(y)[..., None], -1).mean()

    @jax.jit
    def update(w):
        return jax.tree.map(lambda value, g: value - RATE * g, w, jax.grad(loss)(w))

    held = [jax.tree.map(jnp.asarray, weights)]

    def run():
        held[0] = jax.block_until_ready(update(held[0]))

    return run


if __name__ == "__main__":
    main()
