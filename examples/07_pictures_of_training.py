"""Watch a network learn: six pictures of one training, and what to look for in each.

A deep network (five hidden layers) learns digits from a tenth of MNIST, once with ReLU and once with sigmoid
between its layers. The pictures are written into the folder `pictures`, or the one that is named:

    python examples/07_pictures_of_training.py [folder]

They need matplotlib. Read next: `viz/training/layers.py`, and the library, along `tinygrad_ml/README.md`.
"""

import sys
from pathlib import Path

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn, optim
from tinygrad_ml.data import MNIST, DataLoader, TensorDataset

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

x, y = (part[:6000] for part in MNIST(train=True).tensors(flatten=True, normalize=True))
x_test, y_test = (part[:2000] for part in MNIST(train=False).tensors(flatten=True, normalize=True))
loss_fn = nn.CrossEntropyLoss()


def deep_network(activation):
    model = nn.Sequential(nn.Linear(784, 64), activation())
    for _ in range(4):
        model.extend([nn.Linear(64, 64), activation()])
    return model.append(nn.Linear(64, 10))


def measure(model, x, y):
    with tg.no_grad():
        scores = model(x)
        return loss_fn(scores, y).item(), (scores.argmax(axis=1) == y).astype("float32").mean().item()


def train(model, epochs=8):
    """Train, and return the history of loss and accuracy, and the path of the parameters."""
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    history = {name: [] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    path = []
    for _ in range(epochs):
        for images, labels in DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True):
            optimizer.zero_grad()
            loss_fn(model(images), labels).backward()
            optimizer.step()
        path.append([p.numpy() for p in model.parameters()])
        for name, value in zip(history, (*measure(model, x, y), *measure(model, x_test, y_test)), strict=True):
            history[name].append(value)
    return history, path


def show(name, figure, look_for):
    figure.savefig(folder / f"{name}.png")
    print(f"{folder / name}.png\n   {look_for}\n")


for activation in (nn.Sigmoid, nn.ReLU):
    tg.manual_seed(0)
    model, name = deep_network(activation), activation.__name__.lower()
    with viz.LayerRecorder(model, every=5) as recorder:
        history, path = train(model)
    norms = recorder.gradients()
    first, *_, last = (values[0] for values in norms.values())
    ratio = f"At first, the gradient norm of the first layer is {first / last:.0e} of the last's."
    show(
        f"gradients_{name}",
        viz.gradients(recorder),
        f"{name}: {ratio} Accuracy in the end: {history['val_accuracy'][-1]:.1%}",
    )

show(
    "curves",
    viz.curves(history),
    "While the dashed line falls too, it learns digits; when it turns up, only its examples by heart.",
)

some, wanted = x[:500], y[:500]
around = viz.surface(lambda: loss_fn(model(some), wanted), model.parameters(), path, resolution=15)
size = sum(p.size for p in model.parameters())
show(
    "surface", around, f"The path crosses the contours: training goes downhill, here in a space of {size:,} dimensions."
)

with tg.no_grad():
    guess = model(x_test).argmax(axis=1)
show("confusion", viz.confusion(guess, y_test), "Off the diagonal: which digits are taken for which?")
wrong = (guess != y_test).numpy()
mistakes = viz.images(x_test.numpy()[wrong], y_test.numpy()[wrong], guess.numpy()[wrong], limit=30)
show("mistakes", mistakes, "Which of these would you have read?")
