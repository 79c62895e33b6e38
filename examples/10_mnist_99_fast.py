"""99 of 100 digits right after one look at each image: what it takes is batch normalisation, and a learning rate that
rises and falls.

The network is small: two convolutions of 5x5, each halved by max-pooling and normalised over the batch. It is trained
for a single epoch, 234 steps of 256 images, at a learning rate that climbs to 0.01 in the first quarter and sinks to
nothing in the rest (one cycle), and is asked for 95 % of each answer only, so that it does not strain for the last
bit of certainty (smoothed labels). The whole step, from the gathering of its batch to the update, is one compiled function;
on a GPU that is one launch, and `repeat` asks for an epoch of them at once.

    python examples/10_mnist_99_fast.py              once, on the GPU if there is one
    python examples/10_mnist_99_fast.py --seeds 9    the median over nine random starts

Only training is timed: data are in place, and the step has been compiled. So each start writes its random numbers into the
memory that the compiled step knows. Read next: `tinygrad_ml/compile/README.md`.

Source of the cycle: L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
Learning Rates", 2017.
"""

import argparse
import time
from statistics import median

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import MNIST

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--seeds", type=int, default=1, help="how many random starts")
parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few images")
given = parser.parse_args()

BATCH, RATE = 256, 0.01
tg.set_default_device("gpu" if tg.gpu_available() else "cpu")
images, labels = MNIST(train=True).tensors()
test_images, test_labels = MNIST(train=False).tensors()
if given.tiny:
    images, labels, test_images, test_labels = images[:2000], labels[:2000], test_images[:1000], test_labels[:1000]
STEPS = len(images) // BATCH


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5), nn.MaxPool2d(2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


model = network()
optimizer = optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.99))
scheduler = optim.lr_scheduler.OneCycleLR(
    optimizer, RATE, total_steps=STEPS, pct_start=0.25, anneal_strategy="linear", cycle_momentum=False
)
start_of_schedule, first_rate = scheduler.state_dict(), optimizer.param_groups[0]["lr"]
order, position = tg.arange(len(images)), tg.tensor(0)  # the images as they come, and how far we are


@tg.compile
def step() -> tg.Tensor:
    batch = order[position + tg.arange(BATCH)]
    position.assign(position + BATCH)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images[batch]), labels[batch], label_smoothing=0.05)
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss


@tg.compile
def hits(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return (model(x).argmax(axis=1) == y).sum()


def restart(seed: int) -> None:
    """All as at the beginning, with other random numbers."""
    tg.manual_seed(seed)
    model.load_state_dict(network().state_dict())
    for kept in optimizer.state.values():
        kept["step"] = 0
        for moment in (value for value in kept.values() if isinstance(value, tg.Tensor)):
            moment.assign(0)
    scheduler.load_state_dict(start_of_schedule)
    optimizer.param_groups[0]["lr"] = first_rate
    order.assign(tg.random.permutation(len(images)))
    position.assign(0)


def accuracy() -> float:
    model.eval()
    with tg.no_grad():
        parts = [slice(i, i + 1000) for i in range(0, len(test_images), 1000)]
        right = sum(int(hits(test_images[part], test_labels[part])) for part in parts)
    model.train()
    return right / len(test_images)


print(f"on the {images.device}: {len(images):,} images, {STEPS} steps of {BATCH}")
step.repeat(2 if images.device.kind == "cpu" else STEPS)  # compiles; on a GPU, `repeat` captures many steps as one too
seconds, found = [], []
for seed in range(given.seeds):
    restart(seed)
    began = time.perf_counter()
    loss = float(step.repeat(STEPS))  # to read it is to wait for the device
    seconds.append(time.perf_counter() - began)
    found.append(accuracy())
    print(f"seed {seed}: test accuracy {found[-1]:.2%} after {seconds[-1]:.3f} s of training, last loss {loss:.4f}")
if given.seeds > 1:
    print(f"median: test accuracy {median(found):.2%}, {median(seconds):.3f} s; lowest {min(found):.2%}")
