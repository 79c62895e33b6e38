"""SGD, momentum, Adagrad, RMSProp, Adam: the same slope, and five ideas of how far to go along it.

    SGD        θ ← θ - η·g
    momentum   goes on in the direction of the steps before, like a ball that rolls
    Adagrad    divides each number's step by the size of all its gradients so far
    RMSProp    by the size of the recent ones only, so that it does not come to a stop
    Adam       both: momentum, and RMSProp

Read next: `learning_rate_schedules.py`; `tinygrad_ml/optim/`, where each is stated once, as in its paper.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from examples.lessons.common import COLOURS, DASHES, Run, digits, effect, lines, main, network, train
from tinygrad_ml import optim
from tinygrad_ml.keras.optimizers import SGD, Adagrad, Adam, RMSprop
from viz.training.style import picture, styled

NOTES = {"SGD": 0.922, "Adam": 0.937}
OPTIMIZERS = {
    "SGD": lambda: SGD(learning_rate=0.1),
    "momentum": lambda: SGD(learning_rate=0.1, momentum=0.9),
    "Adagrad": lambda: Adagrad(learning_rate=0.01),
    "RMSProp": lambda: RMSprop(learning_rate=0.001),
    "Adam": lambda: Adam(learning_rate=0.001),
}
IN_A_VALLEY = {
    "SGD": lambda w: optim.SGD([w], lr=0.018),
    "momentum": lambda w: optim.SGD([w], lr=0.018, momentum=0.8),
    "Adagrad": lambda w: optim.Adagrad([w], lr=0.5),
    "RMSProp": lambda w: optim.RMSprop([w], lr=0.05),
    "Adam": lambda w: optim.Adam([w], lr=0.15),
}


def valley(a, b):
    """An error surface a hundred times as steep along b as along a."""
    return 0.5 * a * a + 50 * b * b


def walk(make, steps: int) -> np.ndarray:
    w = tg.tensor([-4.0, 0.7], requires_grad=True)
    optimizer, path = make(w), [w.numpy()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(w[0], w[1]).backward()
        optimizer.step()
        path.append(w.numpy())
    return np.stack(path)


@styled
def drawn(steps: int) -> Figure:
    made = picture(8, 4)
    axes = made.subplots()
    a, b = np.meshgrid(np.linspace(-4.5, 1.5, 80), np.linspace(-0.9, 0.9, 80))
    axes.contour(a, b, valley(a, b), levels=np.geomspace(0.05, 40, 12), colors="#BBBBBB", linewidths=0.8)
    for i, (name, make) in enumerate(IN_A_VALLEY.items()):
        axes.plot(*walk(make, steps).T, label=name, color=COLOURS[i], linestyle=DASHES[i], marker=".")
    axes.plot(0, 0, "k*", markersize=12)
    axes.set(xlabel="a", ylabel="b", title=f"{steps} steps in a long valley")
    axes.legend()
    return made


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=10)
    run.say(
        f"Two hidden layers of {units} sigmoids. Learning rates: 0.1 for SGD, 0.01 for Adagrad, 0.001 for RMSProp and Adam."
    )
    data = digits(images, tests).one_hot()
    history = {name: train(network(2, units, seed=run.seed), data, epochs, make()) for name, make in OPTIMIZERS.items()}
    accuracy = {name: found["val_accuracy"][-1] for name, found in history.items()}
    run.table(
        ["optimiser", "training loss", "test accuracy", "notes"],
        [[name, history[name]["loss"][-1], accuracy[name], NOTES.get(name)] for name in history],
    )
    run.expect("Adam is ahead of SGD", effect("test accuracy gained", accuracy["Adam"] - accuracy["SGD"], above=0.01))
    run.picture(
        lines({name: found["loss"] for name, found in history.items()}, "training loss", log=True),
        "The loss on the training images.",
    )
    run.picture(
        drawn(run.choose(tiny=3, default=40)),
        "On a surface a hundred times as steep one way as the other: SGD swings across and creeps along, momentum "
        "gathers speed, and those that divide by the gradient's size go both ways at once.",
        "_valley",
    )


if __name__ == "__main__":
    main(lesson)
