"""What the mean of gradients over machines is: two processes train one network, each on its part of every batch.

The gradient of a mean is the mean of gradients. So a batch can be divided: each process walks back from the loss of its own
samples, and what travels between them is one gradient for each parameter. The picture has both walks, facing each other. It
is written into the folder `ranks`, or the one that is named. The program starts itself twice, as `tinygrad-ml launch -n 2` would:

    python examples/11_two_ranks.py [folder]        (pip install "tinygrad_ml[mpi]")

Read next: `tinygrad_ml/distributed/README.md`.
"""

import sys
from pathlib import Path

import tinygrad_ml as tg
import viz
from tinygrad_ml import distributed, nn, optim
from tinygrad_ml.distributed.launching import launch
from tinygrad_ml.distributed.mpi import rank_of_environment

if rank_of_environment() is None:
    sys.exit(launch(2, [__file__, *sys.argv[1:]]))

group = distributed.init(2)
own = slice(0, 3) if group.rank == 0 else slice(3, 8)  # of eight samples, rank 0 has three and rank 1 five
inputs = tg.tensor([0.5, 1.0, -1.0, 2.0, -0.5, 0.25, 1.5, -2.0])
targets = tg.sin(inputs)


def say(*words):
    """Print it once."""
    if group.rank == 0:
        print(*words)


def loss_of(samples):
    """The mean loss of some of the samples, and the two weights of which it is computed."""
    w1, w2 = (tg.tensor(value, requires_grad=True, name=name) for value, name in ((0.5, "w1"), (1.5, "w2")))
    x, y = inputs[samples], targets[samples]
    x.name, y.name = "x", "y"
    loss = ((w2 * (w1 * x).tanh() - y) ** 2).mean()
    loss.name = "loss"
    return loss, (w1, w2)


# 1. Each rank has a gradient of its own. Neither is that of the whole batch.
loss, weights = loss_of(own)
mine = [g.item() for g in tg.grad(loss, weights)]
found = group.all_gather_object(mine)
whole = [g.item() for g in tg.grad(*loss_of(slice(0, 8)))]
say("                          ∂loss/∂w1  ∂loss/∂w2")
for name, row in [
    ("rank 0, three samples", found[0]),
    ("rank 1, five samples", found[1]),
    ("the batch of eight", whole),
]:
    say(f"{name:<24} {row[0]:10.6f} {row[1]:10.6f}")

# 2. Half of each is wrong: rank 0's three samples would count as much as five. Samples weigh, not ranks.
mean_of_means = [group.mean(tg.tensor(g)).item() for g in mine]
mean = [group.mean(tg.tensor(g), weight=len(inputs[own])).item() for g in mine]
for name, row in [("the mean of two", mean_of_means), ("3/8 of one, 5/8 of other", mean)]:
    say(f"{name:<24} {row[0]:10.6f} {row[1]:10.6f}")

# 3. Both walks, and what travels. A gradient leaves when it is complete, while the walk goes on to the layers before it.
walks = group.all_gather_object(list(viz.steps(loss)))
if group.rank == 0:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "ranks")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\n{viz.facing(walks, [3, 5], ['w1', 'w2']).save(folder / 'two_ranks.svg')}\n")


# 4. DataParallel does all of that. What comes out is what one process computes which adds up the parts in the same order.
def trained(prepare, put_gradients):
    """A network after fifty steps of Adam."""
    tg.manual_seed(0)
    model = prepare(nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1)))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(50):
        optimizer.zero_grad()
        put_gradients(model)
        optimizer.step()
    return list(model.parameters())


def error(model, part):
    return ((model(inputs[part].reshape(-1, 1)) - targets[part].reshape(-1, 1)) ** 2).mean()


def by_both(model):
    error(model, own).backward()  # .grad is the mean over the samples of both ranks


def by_one(model):
    parameters = list(model.parameters())
    shares = [tg.grad(error(model, part), parameters) for part in (slice(0, 3), slice(3, 8))]
    for p, first, second in zip(parameters, *shares, strict=True):
        p.grad = (first * 3 + second * 5) / 8


two, one = trained(distributed.DataParallel, by_both), trained(lambda model: model, by_one)
equal = all((a.numpy() == b.numpy()).all() for a, b in zip(two, one, strict=True))
numbers = sum(p.size for p in two)
say(f"after 50 steps the {numbers} weights of two ranks are those of one process, to the bit: {equal}")

# 5. What it costs: each rank sends and gets about as many bytes as the weights have, twice, whatever the batch.
say(
    f"a step sends {numbers * 4 * 2 * (group.size - 1) // group.size} bytes from each rank, and waits for two messages at least"
)
