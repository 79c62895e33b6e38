"""Under a softmax, train on cross-entropy: the squared error is flat where the answer is very wrong, and hardly learns.

With outputs p = softmax(z) and the right class as a row y of one 1, the slope of the cross-entropy -Σ y·ln p by z is
p - y: the more wrong, the steeper. The squared error multiplies that by p·(1 - p), which is nearly 0 for a p near 0,
however wrong. Read next: `from_logits.py`; `tinygrad_ml/keras/losses/functions.py`.
"""

from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD

NOTES = {"mse": 0.395, "categorical_crossentropy": 0.919}


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting()
    run.say(f"Two hidden layers of {units} sigmoids, SGD with learning rate 0.1.")
    data = digits(images, tests).one_hot()
    history = {
        loss: train(network(2, units, seed=run.seed), data, epochs, SGD(learning_rate=0.1), loss)["val_accuracy"]
        for loss in NOTES
    }
    run.table(["loss", "test accuracy", "notes"], [[loss, history[loss][-1], NOTES[loss]] for loss in NOTES])
    run.expect(
        "cross-entropy is far ahead of the squared error",
        effect("test accuracy gained", history["categorical_crossentropy"][-1] - history["mse"][-1], above=0.3),
    )
    run.picture(lines(history, "test accuracy"), "Test accuracy after each epoch, with either loss.")


if __name__ == "__main__":
    main(lesson)
