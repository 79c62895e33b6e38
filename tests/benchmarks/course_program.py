"""The course's program, 784-500-500-10 of sigmoids, over several random starts: `python tests/benchmarks/course_program.py`.

Once through this library's `keras` and once through Keras itself (pip install 'tinygrad_ml[bench]'), for the notes print
one figure of a program whose result depends on the random start. 60,000 images, 20 epochs of batches of 100, Adam. A
minute or two for each start; Keras is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from statistics import mean, stdev

import results
from timing import machine

from tinygrad_ml.data import MNIST

WHO = {"tinygrad_ml": "tinygrad_ml.keras", "Keras on JAX": "keras"}


def score(keras: object, seed: int, divide_by: float, epochs: int) -> tuple[float, float]:
    """Test loss and accuracy of the program from one random start."""
    Sequential, Dense = keras.models.Sequential, keras.layers.Dense
    keras.utils.set_random_seed(seed)
    model = Sequential()
    model.add(keras.layers.Input((28 * 28,)))
    model.add(Dense(units=500, activation="sigmoid"))
    model.add(Dense(units=500, activation="sigmoid"))
    model.add(Dense(units=10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    (x, y), (x_test, y_test) = (
        (data.images.reshape(-1, 28 * 28).astype("float32") / divide_by, keras.utils.to_categorical(data.labels, 10))
        for data in (MNIST(train=True), MNIST(train=False))
    )
    model.fit(x, y, batch_size=100, epochs=epochs, verbose=0)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return loss, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--divide-by", type=float, default=1, help="the pixels: 1 as in the notes, 255 for 0 to 1")
    parser.add_argument("--who", nargs="+", choices=list(WHO), default=list(WHO))
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    lines = ["| who | seed | test loss | test accuracy |", "| --- | --- | --- | --- |"]
    print("\n".join(lines))
    for who in given.who:
        try:
            keras = import_module(WHO[who])
        except ImportError:
            continue
        accuracies = []
        for seed in range(given.seeds):
            loss, accuracy = score(keras, seed, given.divide_by, given.epochs)
            accuracies.append(accuracy)
            lines.append(f"| {who} | {seed} | {loss:.4f} | {accuracy:.4f} |")
            print(lines[-1], flush=True)
        if len(accuracies) > 1:
            lines.append(f"| {who} | mean ± deviation | | {mean(accuracies):.4f} ± {stdev(accuracies):.4f} |")
            print(lines[-1], flush=True)
    where = machine("numpy", "llvmlite", "keras", "jax")
    print(f"\n{where}")
    if given.write:
        command = (
            f"python tests/benchmarks/course_program.py --seeds {given.seeds} --divide-by {given.divide_by:g} --write"
        )
        results.write("course_program", results.dated(command, where, "\n".join(lines)))


if __name__ == "__main__":
    main()
