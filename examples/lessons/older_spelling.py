"""Programs in Keras's first spelling still run, and each old name says once what it is called today.

The course's older program, with only the import lines changed: `output_dim`, separate `Activation` layers,
`SGD(lr=...)` and `nb_epoch`. Read next: `mse_or_cross_entropy.py`, which shows why it learns so little;
`tinygrad_ml/keras/naming.py`.
"""

import warnings

import viz
from examples.lessons.common import Run, digits, main
from tinygrad_ml.keras.layers import Activation, Dense
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.optimizers import SGD
from tinygrad_ml.keras.utils import set_random_seed


def program(x_train, y_train, epochs: int):
    model = Sequential()
    model.add(Dense(input_dim=28 * 28, output_dim=500))
    model.add(Activation("sigmoid"))
    model.add(Dense(output_dim=500))
    model.add(Activation("sigmoid"))
    model.add(Dense(output_dim=10))
    model.add(Activation("softmax"))
    model.compile(loss="mse", optimizer=SGD(lr=0.1), metrics=["accuracy"])
    return model.fit(x_train, y_train, batch_size=100, nb_epoch=epochs, verbose=0)


def lesson(run: Run) -> None:
    images, epochs = run.choose(tiny=(200, 1), default=(10_000, 5), full=(60_000, 20))
    run.say(f"Settings: {images:,} training images, {epochs} epochs, batches of 100, seed {run.seed}.")
    data = digits(images, 1).one_hot()
    set_random_seed(run.seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = program(data.x, data.y, epochs)
    run.table(["what it was told"], [[str(warning.message)] for warning in caught])
    run.expect(
        "the older program runs, and is told of today's names",
        {warning.category for warning in caught} == {DeprecationWarning},
        exact=True,
    )
    run.picture(viz.curves(history, "the older program"), "It runs; that it hardly learns is the fault of its loss.")


if __name__ == "__main__":
    main(lesson)
