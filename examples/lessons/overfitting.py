"""A network that knows its few images by heart: the validation set shows it, and early stopping, L1 and L2 help.

While training goes on, the loss on the training images falls to nothing, and that on images held back turns up again:
from there on, the network learns what is true of its examples only. Three remedies: stop at the turn (and take the
weights of that epoch); or add to the loss a price for large weights, λ·Σw² (L2), which keeps them all small, or λ·Σ|w|
(L1), which makes most of them 0. Read next: `dropout.py`, `augmentation.py`; `tinygrad_ml/keras/callbacks/`.
"""

import numpy as np

import viz
from examples.lessons.common import Run, digits, effect, lines, main
from tinygrad_ml.keras.callbacks import EarlyStopping
from tinygrad_ml.keras.layers import Dense
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.regularizers import l1, l2
from tinygrad_ml.keras.utils import set_random_seed


def network(units: int, penalty, seed: int) -> Sequential:
    set_random_seed(seed)
    return Sequential(
        [
            Dense(units, activation="relu", input_dim=28 * 28, kernel_regularizer=penalty),
            Dense(units, activation="relu", kernel_regularizer=penalty),
            Dense(10, activation="softmax"),
        ]
    )


def lesson(run: Run) -> None:
    images, units, epochs = run.choose(tiny=(50, 16, 2), default=(500, 200, 100), full=(1000, 500, 300))
    run.say(
        f"Settings: {images} training images, 2,000 held back to validate on, 8,000 test images; two hidden "
        f"layers of {units} ReLUs, Adam, up to {epochs} epochs, batches of 50, seed {run.seed}."
    )
    data = digits(images).one_hot()
    validation, test = (data.x_test[:2000], data.y_test[:2000]), (data.x_test[2000:], data.y_test[2000:])
    remedies = {
        "none": (None, []),
        "early stopping": (None, [EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)]),
        "L2, λ = 0.001": (l2(1e-3), []),
        "L1, λ = 0.0002": (l1(2e-4), []),
    }
    rows, turned = [], {}
    for name, (penalty, callbacks) in remedies.items():
        model = network(units, penalty, run.seed)
        # The cross-entropy as a metric too: the loss of a penalised network holds the penalty as well.
        model.compile(
            loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy", "categorical_crossentropy"]
        )
        history = model.fit(
            data.x,
            data.y,
            batch_size=50,
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=1000,
            callbacks=callbacks,
            verbose=0,
        ).history
        _, accuracy, cross_entropy = model.evaluate(*test, batch_size=1000, verbose=0)
        W = np.concatenate([layer.get_weights()[0].ravel() for layer in model.layers[:2]])
        rows.append(
            [
                name,
                len(history["loss"]),
                cross_entropy,
                accuracy,
                float(np.linalg.norm(W)),
                float((np.abs(W) < 1e-3).mean()),
            ]
        )
        turned[name] = history["val_categorical_crossentropy"]
        if name == "none":
            run.picture(
                viz.curves({key: history[key] for key in ("loss", "val_loss", "accuracy", "val_accuracy")}),
                "Without a remedy: the dashed line turns up where the network begins to learn by heart.",
                "_curves",
            )
    run.table(["remedy", "epochs", "test loss", "test accuracy", "length of the weights", "weights below 0.001"], rows)
    none, stopped, small, sparse = rows
    run.expect(
        "without a remedy the validation loss turns up: its last value is higher than its lowest",
        effect("the last over the lowest", turned["none"][-1] / min(turned["none"]), above=1.05),
    )
    run.expect(
        "early stopping ends sooner, at a lower test loss",
        effect("epochs saved", none[1] - stopped[1]),
        effect("test loss saved", none[2] - stopped[2]),
    )
    run.expect("L2 and L1 end at a lower test loss too", effect("test loss saved", none[2] - max(small[2], sparse[2])))
    run.expect(
        "L2 makes the weights small, L1 makes most of them nearly 0",
        effect("length of the weights without over that with L2", none[4] / small[4], above=1.25),
        effect("weights below 0.001 with L1", sparse[5], above=0.5),
        effect("weights not below it without", 1 - none[5], above=0.5),
    )
    run.picture(lines(turned, "cross-entropy on the validation images"), "With each remedy.")


if __name__ == "__main__":
    main(lesson)
