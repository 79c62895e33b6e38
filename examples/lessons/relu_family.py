"""Sigmoid, tanh, ReLU and its family, Maxout: the same network with each, and when to use which.

ReLU costs nothing and does not shrink gradients; its relatives leave a little slope below zero, so that no unit dies.
Parametric ReLU learns that slope, and Maxout learns the whole shape: the largest of some linear functions, of which
ReLU is the case max(z, 0). Without any of them, with linear layers only, depth adds nothing.

Read next: `saddle_or_minimum.py`; `tinygrad_ml/nn/functional/activation.py`.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from examples.lessons.common import COLOURS, DASHES, Run, digits, effect, main, train
from tinygrad_ml.keras.layers import ELU, Activation, Dense, LeakyReLU, Maxout, PReLU
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.optimizers import SGD
from tinygrad_ml.keras.utils import set_random_seed
from viz.training.style import picture, styled

PIECES = 2
WHEN = {
    "linear": (lambda units: [Dense(units)], "the output of a regression"),
    "sigmoid": (
        lambda units: [Dense(units), Activation("sigmoid")],
        "the output for yes or no; no hidden layers today",
    ),
    "tanh": (lambda units: [Dense(units), Activation("tanh")], "outputs from -1 to 1; recurrent networks"),
    "relu": (lambda units: [Dense(units), Activation("relu")], "hidden layers, to begin with"),
    "leaky relu": (lambda units: [Dense(units), LeakyReLU(negative_slope=0.1)], "where ReLUs die"),
    "parametric relu": (lambda units: [Dense(units), PReLU()], "the same; the slope is learnt"),
    "elu": (lambda units: [Dense(units), ELU()], "the same; smooth, and mean nearer to 0"),
    "maxout": (lambda units: [Dense(units * PIECES), Maxout(units)], "where twice the weights are no matter"),
}


def network_with(layers, units: int, seed: int) -> Sequential:
    set_random_seed(seed)
    stack = [layer for _ in range(4) for layer in layers(units)]
    return Sequential([*stack, Dense(10, activation="softmax")])


@styled
def drawn(model: Sequential) -> Figure:
    """The functions, and of the trained Maxout network some units along a line."""
    made = picture(9, 3.6)
    left, right = made.subplots(1, 2)
    z = np.linspace(-3, 3, 121, dtype=np.float32)
    shapes = {
        "sigmoid": Activation("sigmoid"),
        "tanh": Activation("tanh"),
        "relu": Activation("relu"),
        "leaky relu": LeakyReLU(negative_slope=0.1),
        "elu": ELU(),
    }
    for i, (name, layer) in enumerate(shapes.items()):
        left.plot(z, layer(tg.tensor(z[:, None])).numpy()[:, 0], label=name, color=COLOURS[i], linestyle=DASHES[i])
    left.set(title="fixed shapes", ylim=(-1.2, 3))
    left.legend()
    dense, maxout = model.layers[2:4]
    W, b = dense.get_weights()
    direction = np.cos(np.arange(len(W))).astype(np.float32)
    right.plot(z, maxout(tg.tensor(z[:, None] * direction @ W + b)).numpy()[:, :6])
    right.set(title="six Maxout units, as they were learnt")
    for axes in (left, right):
        axes.set_xlabel("input")
    return made


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=4, units=100)
    run.say(f"Four hidden layers of {units} units, SGD with learning rate 0.1.")
    data = digits(images, tests).one_hot()
    rows, accuracy = [], {}
    for name, (layers, when) in WHEN.items():
        model = network_with(layers, units, run.seed)
        history = train(model, data, epochs, SGD(learning_rate=0.1))
        accuracy[name] = history["val_accuracy"][-1]
        rows.append([name, history["loss"][-1], accuracy[name], when])
    run.table(["activation", "training loss", "test accuracy", "when"], rows)
    family = ("relu", "leaky relu", "parametric relu", "elu", "maxout")
    run.expect(
        "all of ReLU's family are far ahead of the sigmoid",
        effect(
            "test accuracy gained by the least of them",
            min(accuracy[name] for name in family) - accuracy["sigmoid"],
            above=0.3,
        ),
    )
    run.picture(drawn(model), "Left: shapes that are given. Right: Maxout makes its own, convex, of two lines each.")


if __name__ == "__main__":
    main(lesson)
