"""A network from a file: read, drawn both ways, one layer of it trained on, and written again for whoever runs it.

ONNX is the format in which PyTorch, Keras and others hand on a network: operators by name, weights as arrays. Other programs run
such a file forward. Here it has a backward pass as well, so that it can be looked at, and learn something else.

The network of this lesson knows handwritten digits, and is written by this library, as nothing can be downloaded here; that
of PyTorch would look the same (`torch.onnx.export`). Then it is read as if from elsewhere. Somebody has put the paper in upside
down: the layers that see strokes stay as they are, and the last one alone learns anew what they mean.

    python examples/12_onnx.py [folder]        (pip install "tinygrad_ml[onnx]")

Read next: `tinygrad_ml/onnx/README.md`.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn, optim
from tinygrad_ml.data import MNIST
from tinygrad_ml.nn import functional as F

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
tg.manual_seed(0)
images, labels = MNIST(train=True).tensors(flatten=True)
test_images, test_labels = MNIST(train=False).tensors(flatten=True)
upside_down, test_upside_down = tg.flip(images, 1), tg.flip(test_images, 1)


def train(model, parameters, images, steps, rate):
    """Some steps of Adam on 100 images each."""
    optimizer = optim.Adam(parameters, lr=rate)

    @tg.compile
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for number in range(steps):
        batch = slice(number * 100, (number + 1) * 100)
        step(images[batch], labels[batch])


def right(model, images):
    """How many of a hundred test images it gets right."""
    with tg.no_grad():
        return 100 * float((tg.argmax(model(images), 1) == test_labels).astype("float32").mean())


# Elsewhere: a network learns, and is written.
made = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
train(made, made.parameters(), images, 300, 2e-3)
tg.onnx.export(made, (100, 784), folder / "digits.onnx", dynamic={0: "batch"})

# Here: all there is is the file.
model = tg.onnx.load(folder / "digits.onnx", trainable=["4.*"])
print(model)
print(f"upright {right(model, test_images):.0f}%, upside down {right(model, test_upside_down):.0f}%")

x, y = upside_down[:100], labels[:100]
x.name = "images"
loss = F.cross_entropy(model(x), y)
print(viz.draw(loss, direction="both").save(folder / "digits.svg"))  # the way back ends at the last layer

last = [parameter for parameter in model.parameters() if parameter.requires_grad]
train(model, last, upside_down, 300, 1e-2)
print(f"after one layer has learnt: upside down {right(model, test_upside_down):.0f}%")

# And back to where networks are only run: the same graph, with other numbers.
tg.onnx.export(model, (100, 784), folder / "upside_down.onnx")
again = tg.onnx.load(folder / "upside_down.onnx", trainable=False)
print(f"read again: upside down {right(again, test_upside_down):.0f}%, in {folder / 'upside_down.onnx'}")
