"""Update after every hundred images, not after all of them: for the same work, a hundred times as many steps.

An epoch looks at every image once. In batches of 100, 10,000 images make 100 updates; as one full batch they make a
single one, of a slope that is only a little more exact. Read next: `batch_size.py`, on that exactness and on speed.
"""

from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD

NOTES = {"full batch": 0.147, "mini-batches of 100": 0.919}


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting()
    run.say(f"Two hidden layers of {units} sigmoids, SGD with learning rate 0.1.")
    data = digits(images, tests).one_hot()
    rows, history = [], {}
    for name, batch_size in zip(NOTES, (images, 100), strict=True):
        model = network(2, units, seed=run.seed)
        history[name] = train(model, data, epochs, SGD(learning_rate=0.1), batch_size=batch_size)["val_accuracy"]
        rows.append([name, epochs * -(-images // batch_size), history[name][-1], NOTES[name]])
    run.table(["an update after", "updates", "test accuracy", "notes"], rows)
    run.expect(
        "one update an epoch hardly learns in this time; mini-batches do",
        effect("test accuracy gained", rows[1][2] - rows[0][2], above=0.5),
    )
    run.picture(lines(history, "test accuracy"), "Test accuracy after each epoch, of 1 update or of many.")


if __name__ == "__main__":
    main(lesson)
