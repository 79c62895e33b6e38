"""A layer is one line, a = g(a_in·W + b): the same numbers by a loop, by one matrix product, and by Keras.

The two-feature example of the course: coffee beans, roasted at some temperature for some minutes, are good if neither
was too low, and the two together not too much,

    good = temperature > 175 °C  and  duration > 12 min  and  duration < 15 - 3·(temperature - 175)/(260 - 175).

A network with three sigmoids in one layer finds this triangle: each of them one side. Its weights are then taken out,
and used by hand. Read next: `mnist_in_keras.py`; `tinygrad_ml/keras/layers/core.py`, where Dense is.
"""

import time

import numpy as np
from matplotlib.figure import Figure

from examples.lessons.common import BLUE, VERMILLION, Run, effect, main
from tinygrad_ml import keras
from tinygrad_ml.keras.layers import Dense, Normalization
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.optimizers import Adam
from viz.training.style import picture, styled


def coffee(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Temperatures and durations, (N, 2), and whether the roast is good, (N, 1)."""
    random = np.random.default_rng(seed)
    x = random.uniform((150, 10.5), (285, 15.5), size=(count, 2)).astype(np.float32)
    temperature, duration = x.T
    good = (temperature > 175) & (duration > 12) & (duration < 15 - 3 * (temperature - 175) / (260 - 175))
    return x, good[:, None].astype(np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def dense_looped(a_in: np.ndarray, W: np.ndarray, b: np.ndarray, g) -> np.ndarray:
    """The outputs (units,) of a layer for one input (n,): unit by unit. W is (n, units), b (units,)."""
    units = W.shape[1]
    a_out = np.zeros(units, np.float32)
    for j in range(units):
        z = np.dot(W[:, j], a_in) + b[j]
        a_out[j] = g(z)
    return a_out


def dense(A_in: np.ndarray, W: np.ndarray, b: np.ndarray, g) -> np.ndarray:
    """The outputs (m, units) of a layer for m inputs (m, n), in one matrix product."""
    return g(A_in @ W + b)


@styled
def drawn(model: Sequential, x: np.ndarray, y: np.ndarray) -> Figure:
    """Where each hidden unit is on, and what the network says."""
    made = picture(11, 3.2)
    panels = made.subplots(1, 4, sharey=True)
    across, up = np.meshgrid(np.linspace(150, 285, 60), np.linspace(10.5, 15.5, 60))
    grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)
    normalize, hidden, output = model.layers
    a1 = hidden(normalize(grid))
    shown = [*a1.numpy().T, output(a1).numpy()[:, 0]]
    for axes, values, title in zip(panels, shown, ("unit 1", "unit 2", "unit 3", "the network"), strict=True):
        axes.contourf(across, up, values.reshape(across.shape), levels=np.linspace(0, 1, 11), cmap="Greys", alpha=0.6)
        axes.set(title=title, xlabel="°C")
    good = y[:, 0] == 1
    panels[3].plot(*x[good].T, "x", color=BLUE, label="good")
    panels[3].plot(*x[~good].T, ".", color=VERMILLION, markersize=3, label="not")
    panels[3].legend(loc="upper right")
    panels[0].set_ylabel("minutes")
    return made


def lesson(run: Run) -> None:
    count, epochs = run.choose(tiny=(100, 2), default=(500, 200), full=(2000, 500))
    run.say(f"Settings: {count} roasts, {epochs} epochs, batches of 32, Adam with learning rate 0.05, seed {run.seed}.")
    x, y = coffee(count, run.seed)
    keras.utils.set_random_seed(run.seed)
    normalize = Normalization()
    normalize.adapt(x)
    model = Sequential([normalize, Dense(3, activation="sigmoid"), Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy", optimizer=Adam(learning_rate=0.05), metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, verbose=0).history
    hidden, output = model.layers[1:]
    (W1, b1), (W2, b2) = hidden.get_weights(), output.get_weights()

    a0 = (x - x.mean(axis=0)) / x.std(axis=0)
    by_keras = model.predict(x, verbose=0)
    started = time.perf_counter()
    by_loop = np.stack([dense_looped(dense_looped(row, W1, b1, sigmoid), W2, b2, sigmoid) for row in a0])
    looped = time.perf_counter() - started
    started = time.perf_counter()
    by_product = dense(dense(a0, W1, b1, sigmoid), W2, b2, sigmoid)
    vectorised = time.perf_counter() - started

    rows = [
        [f"{t:.0f} °C, {d:.1f} min", *(float(p[i, 0]) for p in (by_loop, by_product, by_keras)), bool(y[i, 0])]
        for i, (t, d) in enumerate(x[:6])
    ]
    run.table(["roast", "looped", "vectorised", "Keras", "good"], rows)
    run.say(
        f"For all {count} roasts the loop takes {1000 * looped:.1f} ms and the matrix products {1000 * vectorised:.2f} ms. "
        f"The network is right about {history['accuracy'][-1]:.1%} of them."
    )
    off = max(np.abs(by_loop - by_keras).max(), np.abs(by_product - by_keras).max())
    run.expect(
        "all three give the same numbers, to float32's last digits",
        effect("digits in which they agree", -np.log10(max(off, 1e-16)), above=5),
        exact=True,
    )
    run.picture(
        drawn(model, x, y),
        "Each hidden unit tells one side of the triangle (dark: near 1), and the output combines them.",
    )


if __name__ == "__main__":
    main(lesson)
