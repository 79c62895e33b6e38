"""A model can be too small: when even its training loss is poor, more units, or another layer, will do better.

Look at the loss on the training images first. If it is high, the set of functions may hold no good one: take a larger
set. If a larger set does not lower it, the search is at fault (`depth_with_sigmoid.py`). Only when it is low does it
make sense to ask about the test images (`overfitting.py`).
"""

from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import Adam

NOTES = {"simple": 0.94, "complex": 0.96}


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=12)
    data = digits(images, tests).one_hot()
    run.say(f"Simple: no more than one hidden layer of 30 ReLUs. Complex: two of {units}. Adam.")
    rows, losses = [], {}
    for name, hidden, width in (("simple", 1, 30), ("complex", 2, units)):
        model = network(hidden, width, "relu", seed=run.seed)
        history = train(model, data, epochs, Adam())
        rows.append([name, model.count_params(), history["loss"][-1], history["val_accuracy"][-1], NOTES[name]])
        losses[name] = history["loss"]
    run.table(["model", "parameters", "training loss", "test accuracy", "notes"], rows)
    run.expect(
        "the more complex model is better, in training and on the test images",
        effect("training loss of the simple one over its", rows[0][2] / rows[1][2], above=1),
        effect("test accuracy gained", rows[1][3] - rows[0][3], above=0.01),
    )
    run.picture(lines(losses, "training loss", log=True), "The loss on the training images.")


if __name__ == "__main__":
    main(lesson)
