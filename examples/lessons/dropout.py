"""Switch off a fifth of the units at random in each step, and the network does better on images it has not seen.

In training, dropout zeroes each unit with probability 0.2 and divides the others by 0.8, so that their sum stays what
it was on average: at test time all units are there, and nothing needs to change. No unit can rely on another, so none
learns by heart what only a few images say. It costs some accuracy in training. Read next: `overfitting.py`;
`tinygrad_ml/nn/functional/dropout.py`.
"""

import numpy as np

from examples.lessons.common import Run, digits, effect, lines, main, train
from tinygrad_ml.keras.layers import Dense, Dropout
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.optimizers import SGD
from tinygrad_ml.keras.utils import set_random_seed

NOTES = {0.0: 0.906, 0.2: 0.918}


def with_dropout(rate: float, units: int, seed: int) -> Sequential:
    set_random_seed(seed)
    return Sequential(
        [
            Dense(units, activation="relu", input_dim=28 * 28),
            Dropout(rate),
            Dense(units, activation="relu"),
            Dropout(rate),
            Dense(10, activation="softmax"),
        ]
    )


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(images=2000, epochs=30)
    seeds = run.seeds(run.choose(tiny=1, default=2, full=3))
    run.say(
        f"Two hidden layers of {units} ReLUs, SGD with learning rate 0.1 and momentum 0.9; the mean over "
        f"{len(seeds)} random starts. There are few images, for that is when a network can learn them by heart."
    )
    data = digits(images, tests).one_hot()
    rows, history, losses, accuracies = [], {}, {}, {}
    for rate in NOTES:
        found = [
            train(with_dropout(rate, units, seed), data, epochs, SGD(learning_rate=0.1, momentum=0.9)) for seed in seeds
        ]
        name = f"dropout {rate}" if rate else "no dropout"
        losses[name], accuracies[name] = (np.array([one[key][-1] for one in found]) for key in ("loss", "val_accuracy"))
        rows.append([name, losses[name].mean(), accuracies[name].mean(), NOTES[rate]])
        history[name] = found[0]["val_loss"]
    run.table(["network", "training loss", "test accuracy", "notes"], rows)
    run.expect(
        "dropout is worse on the training images, and better on the test images",
        effect("training loss added", np.subtract(*reversed(losses.values()))),
        effect("test accuracy gained", np.subtract(*reversed(accuracies.values()))),
    )
    run.picture(
        lines(history, "loss on the test images"), "The loss on the test images after each epoch, for the first start."
    )


if __name__ == "__main__":
    main(lesson)
