"""A dozen lines of Keras read handwritten digits: 784 inputs, two layers of 500 sigmoids, 10 outputs by softmax.

The program below is the one of the course, with only the import lines changed. The notes leave the pixels as they are,
0 to 255, which drives the sigmoids into their flat ends. What comes out then is a matter of luck: after all 20 epochs
Keras itself gives 0.957 to 0.964 with eight random starts, and this library 0.957 to 0.965; two of each eight reach the
notes' 0.9623. Divided by 255, the same program is above all of these after 4 epochs. Read next: `older_spelling.py`;
`tinygrad_ml/keras/README.md`.
"""

from examples.lessons.common import Run, effect, main
from tinygrad_ml import keras
from tinygrad_ml.keras.datasets import mnist
from tinygrad_ml.keras.layers import Dense
from tinygrad_ml.keras.models import Sequential
from viz import curves

NOTES = {"loss": 0.1177, "accuracy": 0.9623}
# Lowest and highest test accuracy of the notes' program in Keras 3.15.1 on JAX, seeds 0 to 7.
KERAS = 0.9573, 0.9636


def program(divide_by: int, epochs: int, images: int, tests: int, verbose: int, seed: int):
    keras.utils.set_random_seed(seed)
    model = Sequential()
    model.add(Dense(input_dim=28 * 28, units=500, activation="sigmoid"))
    model.add(Dense(units=500, activation="sigmoid"))
    model.add(Dense(units=10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train = x_train[:images].reshape(-1, 28 * 28).astype("float32") / divide_by
    x_test = x_test[:tests].reshape(-1, 28 * 28).astype("float32") / divide_by
    y_train = keras.utils.to_categorical(y_train[:images], 10)
    y_test = keras.utils.to_categorical(y_test[:tests], 10)

    history = model.fit(
        x_train, y_train, batch_size=100, epochs=epochs, validation_data=(x_test, y_test), verbose=verbose
    )
    score = model.evaluate(x_test, y_test, verbose=0)
    result = model.predict(x_test, verbose=0)
    return history, score, result


def lesson(run: Run) -> None:
    epochs, images, tests = run.choose(tiny=(1, 500, 200), default=(4, 60_000, 10_000), full=(20, 60_000, 10_000))
    run.say(f"Settings: {images:,} images, {epochs} epochs, batches of 100, Adam, seed {run.seed}.")
    rows = [["the notes: pixels 0 to 255, 20 epochs", None, None, NOTES["loss"], NOTES["accuracy"]]]
    scores = {}
    for divide_by, pixels in ((1, "0 to 255"), (255, "0 to 1")):
        verbose = 2 * (run.size != "tiny")
        history, scores[pixels], _ = program(divide_by, epochs, images, tests, verbose, run.seed)
        rows.append([f"pixels {pixels}, {epochs} epochs", *scores[pixels], None, None])
    run.table(["program", "test loss", "test accuracy", "notes' loss", "notes' accuracy"], rows)
    raw, scaled = (accuracy for _, accuracy in scores.values())
    run.expect(
        "with pixels 0 to 1, the program does better than the notes'",
        effect("test accuracy", scaled, above=NOTES["accuracy"]),
    )
    run.expect(
        "with pixels 0 to 255 it does worse after the same epochs",
        effect("test accuracy lost", scaled - raw, above=0.005),
    )
    if run.size == "full":
        run.expect(
            f"with pixels 0 to 255 it is where Keras's own lie, from {KERAS[0]} to {KERAS[1]} with eight random starts, "
            f"give or take 0.005",
            KERAS[0] - 0.005 <= raw <= KERAS[1] + 0.005,
        )
    run.picture(curves(history, "784-500-500-10, pixels 0 to 1"), "Loss and accuracy after each epoch.")


if __name__ == "__main__":
    main(lesson)
