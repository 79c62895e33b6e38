"""More images from the same few: a digit moved, turned or zoomed a little is still that digit.

The layers `RandomTranslation`, `RandomRotation` and `RandomZoom` change each image anew in every epoch, in training
only: when the network is used, they let it pass. It cannot learn by heart what it never sees twice.

Read next: `convolution.py`; `tinygrad_ml/keras/layers/preprocessing.py`.
"""

import numpy as np

import viz
from examples.lessons.common import Run, digits, effect, lines, main, train
from tinygrad_ml.keras.layers import Dense, Flatten, RandomRotation, RandomTranslation, RandomZoom, Reshape
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.utils import set_random_seed


def changes() -> list:
    black = {"fill_mode": "constant"}
    return [RandomTranslation(0.08, 0.08, **black), RandomRotation(0.03, **black), RandomZoom(0.1, **black)]


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(images=1000, epochs=40, units=200)
    run.say(f"Two hidden layers of {units} ReLUs, Adam. There are few images: with many, there is less to gain.")
    data = digits(images, tests).one_hot()
    rows, history = [], {}
    for name, augment in (("as they are", []), ("augmented", changes())):
        set_random_seed(run.seed)
        model = Sequential([Reshape((28, 28, 1), input_shape=(784,)), *augment, Flatten()])
        for _ in range(2):
            model.add(Dense(units, activation="relu"))
        model.add(Dense(10, activation="softmax"))
        found = train(model, data, epochs, "adam")
        history[name] = found["val_accuracy"]
        rows.append([name, found["accuracy"][-1], found["val_accuracy"][-1]])
    run.table(["images", "training accuracy", "test accuracy"], rows)
    run.expect(
        "with augmentation the network is better on new images, though worse on those that it trains on",
        effect("test accuracy gained", rows[1][2] - rows[0][2], above=0.01),
        effect("training accuracy lost", rows[0][1] - rows[1][1]),
    )
    run.picture(lines(history, "test accuracy"), "Test accuracy after each epoch.")
    shown = Sequential([Reshape((28, 28, 1), input_shape=(784,)), *changes()])
    grid = np.concatenate(
        [data.x[:5].reshape(5, 28, 28, 1), *(shown(data.x[:5], training=True).numpy() for _ in range(3))]
    )
    run.picture(
        viz.images(grid, np.tile(data.y[:5].argmax(axis=1), 4), columns=5),
        "The first row as it is, and three times changed.",
        "_images",
    )


if __name__ == "__main__":
    main(lesson)
