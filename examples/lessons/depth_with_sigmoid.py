"""Nine layers of sigmoids learn less than three, and not because they overfit: their loss in training is worse too.

A deep network can do what a shallow one can, if only its further layers pass things on. So when its loss *on the
training images* is higher, it is not too flexible and not too small: the search failed to find it. (If training were
good and only the test bad, that would be overfitting; if both were bad and a larger network better, the model was too
small, as in `simple_or_complex.py`.) Why the search fails here is the next lesson: `sigmoid_or_relu.py`.
"""

from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD

NOTES = {3: 0.919, 9: 0.114}


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=10)
    run.say(f"SGD with learning rate 0.1. A network of n layers has n - 1 hidden ones, of {units} sigmoids.")
    data = digits(images, tests).one_hot()
    rows, losses = [], {}
    for layers in NOTES:
        history = train(network(layers - 1, units, seed=run.seed), data, epochs, SGD(learning_rate=0.1))
        rows.append([layers, history["loss"][-1], history["accuracy"][-1], history["val_accuracy"][-1], NOTES[layers]])
        losses[f"{layers} layers"] = history["loss"]
    run.table(["layers", "training loss", "training accuracy", "test accuracy", "notes"], rows)
    run.expect(
        "nine layers of sigmoids are at the level of guessing, three are not",
        effect("errors of the nine on test images", 1 - rows[1][3], above=0.7),
        effect("test accuracy of the three", rows[0][3], above=0.7),
    )
    run.expect(
        "and the deep one is worse on the training images too: bad optimisation",
        effect("training loss more than the other's", rows[1][1] - rows[0][1], above=1),
    )
    run.picture(
        lines(losses, "training loss"),
        "The loss on the training images: that of the deep network stays where guessing is, ln 10 = 2.30.",
    )


if __name__ == "__main__":
    main(lesson)
