"""The speed of eager mode: `python tests/benchmarks/eager.py` (pip install 'tinygrad_ml[bench]').

1. A chain of 10,000 scalar operations, forward and backward: what the engine itself costs.
   Against PyTorch, HIPS autograd, and micrograd, whose scalars are bare Python floats.
2. A training step of the network 784-500-500-10 (sigmoid, cross-entropy, Adam, batch 100, float32),
   against PyTorch's; with one thread and with all.
3. The peak memory of that step.

With `--device gpu` the training step alone, there. Peers that are not installed are left out. Tables
go to the standard output.
"""

import argparse
import resource
import sys
import threading

import numpy as np
import products
from tasks import Task, perceptron, random_batch
from timing import alternate, machine, table, with_threads

import tinygrad_ml as tg

OPERATIONS = 10_000
STEP = Task("mlp", batch=100)


def chain_of(number: object) -> object:
    """number · 1.0001 + 0.0001, again and again: OPERATIONS operations."""
    for _ in range(OPERATIONS // 2):
        number = number * 1.0001
        number = number + 0.0001
    return number


def chain_of_tensors(x, w) -> object:
    """x · w + x, again and again: every operand needs a gradient."""
    y = x
    for _ in range(OPERATIONS // 2):
        y = y * w
        y = y + x
    return y


def chains() -> dict:
    """Each contestant runs the chain forward and backward once."""

    def ours():
        chain_of(tg.tensor(1.0, requires_grad=True)).backward()

    contestants = {"tinygrad_ml": ours}
    try:
        import torch

        torch.set_num_threads(1)
        contestants["PyTorch"] = lambda: chain_of(torch.tensor(1.0, requires_grad=True)).backward()
    except ImportError:
        pass
    try:
        import autograd

        derivative = autograd.grad(chain_of)
        contestants["HIPS autograd"] = lambda: derivative(1.0)
    except ImportError:
        pass
    try:
        from micrograd.engine import Value

        contestants["micrograd"] = lambda: chain_of(Value(1.0)).backward()
    except ImportError:
        pass
    return contestants


def tensor_chains() -> dict:
    """As `chains`, where both operands of each operation are tensors that need gradients."""

    def ours():
        chain_of_tensors(tg.tensor(1.0, requires_grad=True), tg.tensor(1.0001, requires_grad=True)).backward()

    contestants = {"tinygrad_ml": ours}
    try:
        import torch

        def theirs():
            chain_of_tensors(torch.tensor(1.0, requires_grad=True), torch.tensor(1.0001, requires_grad=True)).backward()

        contestants["PyTorch"] = theirs
    except ImportError:
        pass
    try:
        from micrograd.engine import Value

        contestants["micrograd"] = lambda: chain_of_tensors(Value(1.0), Value(1.0001)).backward()
    except ImportError:
        pass
    return contestants


def training_step(model, optimizer, cross_entropy, images, labels, repeat: int = 1, wait=lambda: None):
    """A function that makes `repeat` training steps, of ours or of PyTorch's, and waits for the device."""

    def step():
        for _ in range(repeat):
            optimizer.zero_grad()
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        wait()

    return step


def our_step(device: str = "cpu", repeat: int = 1):
    model = perceptron(tg.nn).to(device)
    images, labels = (tg.tensor(part, device=device) for part in random_batch(STEP))
    return training_step(
        model,
        tg.optim.Adam(model.parameters()),
        tg.nn.functional.cross_entropy,
        images,
        labels,
        repeat,
        tg.backend.of(images.data).synchronize,
    )


def torch_step(device: str = "cpu", repeat: int = 1, **options):
    """`options` are Adam's."""
    import torch

    model = perceptron(torch.nn).to(device)
    images, labels = (torch.from_numpy(part).to(device) for part in random_batch(STEP))
    return training_step(
        model,
        torch.optim.Adam(model.parameters(), **options),
        torch.nn.functional.cross_entropy,
        images,
        labels,
        repeat,
        torch.cuda.synchronize if device == "cuda" else lambda: None,
    )


def steps() -> dict:
    contestants = {"tinygrad_ml": our_step()}
    try:
        contestants["PyTorch, Adam"] = torch_step()
        contestants["PyTorch, Adam(fused=True)"] = torch_step(fused=True)
    except ImportError:
        pass
    contestants["the matrix products alone"] = products.in_numpy(STEP)
    return contestants


def gpu_steps() -> dict:
    """A hundred steps without waiting in between: as in training."""
    contestants = {"tinygrad_ml": our_step("gpu", 100)}
    try:
        contestants["PyTorch, Adam"] = torch_step("cuda", 100)
        contestants["PyTorch, Adam(fused=True)"] = torch_step("cuda", 100, fused=True)
    except ImportError:
        pass
    return contestants


def peak_megabytes(who: str) -> float:
    """By how much 20 training steps raise the peak memory of this process, libraries loaded and warm."""
    small = np.zeros((8, 8), np.float32)
    _ = small @ small  # the BLAS takes its work space now
    if who == "PyTorch":
        import torch

        torch.randn(8, 8) @ torch.randn(8, 8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = our_step() if who == "tinygrad_ml" else torch_step()
    for _ in range(20):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--part", choices=["chain", "tensor-chain", "step", "memory-tinygrad_ml", "memory-PyTorch"])
    options = parser.parse_args()
    sys.setrecursionlimit(10**6)  # micrograd walks its graph by recursion
    if options.device == "gpu":
        print(f"{machine('numpy', 'cupy-cuda13x', 'torch')}\n")
        print(f"### A training step on the GPU, eager, 784-500-500-10, Adam, batch {STEP.batch}\n")
        print(table(alternate(gpu_steps(), options.rounds), "tinygrad_ml", "µs a step", 1e6 / 100))
    elif options.part == "chain":
        print(table(alternate(chains(), options.rounds), "tinygrad_ml", "µs an operation", 1e6 / OPERATIONS))
    elif options.part == "tensor-chain":
        print(table(alternate(tensor_chains(), options.rounds), "tinygrad_ml", "µs an operation", 1e6 / OPERATIONS))
    elif options.part == "step":
        print(table(alternate(steps(), options.rounds * 4, warmup=5), "tinygrad_ml", "ms a step", 1e3))
    elif options.part:
        print(f"{peak_megabytes(options.part.partition('-')[2]):.1f}")
    else:
        report(options.rounds)


def report(rounds: int) -> None:
    """All parts, each in a fresh process."""

    def part(name: str, threads: int | None) -> str:
        return with_threads(__file__, threads, "--part", name, "--rounds", str(rounds)).strip()

    print(f"{machine('numpy', 'torch', 'autograd', 'micrograd')}\n")
    print(f"### A chain of {OPERATIONS:,} operations on scalars, forward and backward\n")
    print(f"With numbers, x · 1.0001 + 0.0001 ...:\n\n{part('chain', 1)}\n")
    print(f"With tensors that need gradients, x · w + x ...:\n\n{part('tensor-chain', 1)}\n")
    print(f"### A training step, 784-500-500-10, Adam, batch {STEP.batch}\n")
    print(f"One thread:\n\n{part('step', 1)}\n")
    print(f"All threads:\n\n{part('step', None)}\n")
    print("### Memory: by how much 20 steps raise the peak of a process, one thread\n")
    print("| who | MB |\n|---|---|")
    for who in ("tinygrad_ml", "PyTorch"):
        print(f"| {who} | {part(f'memory-{who}', 1)} |")


if __name__ == "__main__":
    threading.stack_size(512 * 1024 * 1024)  # and recursion takes stack
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
