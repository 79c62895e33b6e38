"""What a compiler makes of a training step: what was recorded, each pass over it, the kernels, and the time it saves.

The graph that `backward` walks is also what a compiler works on. `tg.compile` writes down once what a function does,
makes it shorter, lets operations that follow each other run as one loop, and from then on runs that. A picture of the
kernels is written into the folder `compiled`, or the one that is named:

    python examples/09_compiled_step.py [folder]

Read next: `tinygrad_ml/compile/README.md`.
"""

import statistics
import sys
import time
from pathlib import Path

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn, optim
from tinygrad_ml.data import MNIST

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "compiled")
folder.mkdir(parents=True, exist_ok=True)
tg.manual_seed(0)


# 1. Three lines, in which each pass finds something to do.
@tg.compile
def wasteful(x, w, labels):
    (x @ w).exp()  # which nobody uses
    at_labels = nn.functional.nll_loss((x @ w) * 1, labels, reduction="none")  # minus a number of each row
    return at_labels + (x @ w).max(axis=1)


wasteful(tg.ones((2, 3)), tg.ones((3, 4)), tg.tensor([1, 3]))
for stage, program in wasteful.stages.items():
    print(f"{f'After the pass {stage!r}' if stage != 'recorded' else 'As it was recorded'}:\n\n{program}\n")


# 2. A training step: forward, backward and Adam's update are one program.
def training_step():
    tg.manual_seed(1)  # both start from the same weights
    model = nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10))
    optimizer = optim.Adam(model.parameters())

    def train(images, labels):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return train


images, labels = (part[:100] for part in MNIST(train=True).tensors(flatten=True, normalize=True))
eager, compiled = training_step(), tg.compile(training_step())
for _ in range(2):  # the first call records; the second too, as now there are gradients from the step before
    eager(images, labels), compiled(images, labels)

print(f"The kernels of a training step:\n\n{compiled.explain()}\n")
for name, depth in (("kernels", 0), ("operations", 1)):
    print(viz.draw(compiled, depth=depth).save(folder / f"{name}.svg"))


# 3. Is it faster? One step of each in turn, so that whatever else the machine does meets both alike.
def milliseconds(step):
    start = time.perf_counter()
    step(images, labels)
    return (time.perf_counter() - start) * 1e3


pairs = []
for turn in range(200):
    first, second = (eager, compiled) if turn % 2 else (compiled, eager)
    times = {first: milliseconds(first), second: milliseconds(second)}
    pairs.append((times[eager], times[compiled]))
losses = eager(images, labels).item(), compiled(images, labels).item()
low, middle, high = statistics.quantiles([one / other for one, other in pairs], n=4)
print(f"\neager      {statistics.median(one for one, _ in pairs):.3f} ms a step (median)")
print(f"compiled   {statistics.median(other for _, other in pairs):.3f} ms a step (median)")
print(f"the compiled step is {middle:.2f} times as fast; in half of the pairs between {low:.2f} and {high:.2f} times")
print(f"loss after the same number of steps: eager {losses[0]:.6f}, compiled {losses[1]:.6f}")
