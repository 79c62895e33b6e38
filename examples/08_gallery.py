"""A gallery of graphs: nine computations drawn, from one line of algebra to a compiled training step, and two pages.

Most are forward and backward at once: the graph that a computation leaves, and facing it the gradients, numbered
in the order in which the engine comes to them. They are written into the folder `gallery`, or the one that is named:

    python examples/08_gallery.py [folder]

Open the .svg files in a browser, and the .html pages to go through a computation step by step.
Read next: `viz/README.md`.
"""

import sys
from pathlib import Path

import tinygrad_ml as tg
import viz
from tinygrad_ml import models, nn
from tinygrad_ml.data import MNIST

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")
folder.mkdir(parents=True, exist_ok=True)
tg.manual_seed(0)


def parameter(numbers, name):
    return tg.tensor(numbers, requires_grad=True, name=name)


def show(name, sentence, what, **options):
    path = viz.draw(what, **options).save(folder / f"{name}.svg")
    print(f"{path}\n    {sentence}")


x = parameter(3.0, "x")
L = x * x + x
show(
    "1-reuse",
    "x*x + x: x is used three times, so three shares of gradient arrive and add up to 2x + 1 = 7.",
    L,
    direction="both",
)

a, b, c = parameter(2.0, "a"), parameter(-3.0, "b"), parameter(10.0, "c")
chain = (a * b + c).tanh()
show("2-chain-rule", "The chain rule on three scalars: each arrow multiplies by a number.", chain, direction="both")

logits = parameter([[2.0, 1.0, 0.1], [0.5, 0.2, 3.0]], "logits")
cross_entropy = nn.CrossEntropyLoss()(logits, tg.tensor([0, 1], name="labels"))
show(
    "3-softmax-cross-entropy",
    "The loss of classification: its gradient is softmax minus truth, found by small steps.",
    cross_entropy,
    direction="both",
    level="operations",
)

images, labels = (part[:4] for part in MNIST(train=True).tensors())
loss_of = nn.CrossEntropyLoss()
loss = loss_of(models.mlp()(images), labels)
show("4-mlp", "A multilayer perceptron on four images of MNIST, and its loss.", loss, direction="both")

cnn = models.cnn()
loss = loss_of(cnn(images), labels)
show("5-cnn-layers", "A convolutional network is drawn as its layers.", loss, direction="both")
show(
    "6-cnn-operations",
    "The same with all its operations, called on a symbol, a shape without data. The darker a box, the more work it is.",
    cnn,
    input_shape=(4, 1, 28, 28),
    level="operations",
    overlay="flops",
)

z = parameter(0.5, "z")
(slope,) = tg.grad((z * z).tanh(), z, create_graph=True)
(curvature,) = tg.grad(slope, z, create_graph=True)
show("7-second-derivative", "A gradient is a graph too: forward, backward, and backward of backward.", curvature)


class Block(nn.Module):
    def __init__(self, width):
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(nn.functional.relu(self.inner(x)))


residual = nn.Sequential(*[Block(16) for _ in range(12)], nn.Linear(16, 3))
show("8-residual", "Twelve equal blocks are drawn as one, with ×12.", residual, input_shape=(8, 16))

network = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
optimizer = tg.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


@tg.compile
def train(images, labels):
    optimizer.zero_grad()
    loss = loss_of(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss


for _ in range(2):  # the second call knows the gradients and the momentum of the first
    train(images.reshape(4, 784).detach(), labels)
show("9-compiled-step", "A whole training step as the kernels that run, the parameters written in place.", train)

for name, what in (("chain-rule", chain), ("softmax-cross-entropy", cross_entropy)):
    path = viz.explain(what, folder / f"{name}.html")
    print(f"{path}\n    A page that goes through it step by step: open it in a browser.")
