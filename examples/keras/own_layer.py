"""A layer and a callback of one's own: a layer whose units are bumps, and a callback that looks in after each epoch.

A unit of a dense layer answers on one side of a line. A unit of this one answers near a point of its own, less the farther
away: a radial basis function. Two moons, or a ring in a ring, are hard for a few lines and easy for a few bumps.

    python examples/keras/own_layer.py             a few seconds
    python examples/keras/own_layer.py --tiny      only to see that it runs

With `import keras`, `from keras import layers` and `from keras import ops` it runs on Keras itself. Read next: `tinygrad_ml/keras/layers/base.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers, ops


@keras.saving.register_keras_serializable(package="examples")
class Bumps(layers.Layer):
    """y[u] = exp(-width[u] · |x - center[u]|²)."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.centers = self.add_weight(shape=(self.units, input_shape[-1]), initializer="random_normal", name="centers")
        self.widths = self.add_weight(shape=(self.units,), initializer="ones", name="widths")

    def call(self, inputs):
        apart = ops.expand_dims(inputs, 1) - self.centers
        return ops.exp(-self.widths * ops.sum(ops.square(apart), axis=-1))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Reporter(keras.callbacks.Callback):
    """Keeps, and prints every so often, where the loss is; ends the training when it is good enough."""

    def __init__(self, enough: float, every: int):
        super().__init__()
        self.enough, self.every, self.losses = enough, every, []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["loss"]))
        if epoch % self.every == 0:
            print(f"epoch {epoch}: loss {logs['loss']:.4f}")
        if logs["loss"] < self.enough:
            print(f"epoch {epoch}: loss {logs['loss']:.4f}, which is enough")
            self.model.stop_training = True


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a ring (1), and inside of it (0)."""
    draw = np.random.default_rng(seed)
    y = draw.integers(2, size=(count, 1)).astype("float32")
    angle = draw.uniform(0, 2 * np.pi, (count, 1))
    radius = np.where(y > 0, draw.normal(2, 0.2, y.shape), draw.normal(0.7, 0.25, y.shape))
    return np.hstack([radius * np.cos(angle), radius * np.sin(angle)]).astype("float32"), y


def network() -> keras.Model:
    return keras.Sequential([keras.Input((2,)), Bumps(6, name="bumps"), layers.Dense(1, activation="sigmoid")])


def train(model: keras.Model, x, y, epochs: int, shuffle: bool = True, every: int = 5) -> dict:
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="binary_crossentropy", metrics=["accuracy"])
    reporter = Reporter(enough=0.03, every=every)
    history = model.fit(x, y, epochs=epochs, batch_size=32, shuffle=shuffle, callbacks=[reporter], verbose=0).history
    return {**history, "reported": reporter.losses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few points")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    model = network()
    train(model, *data(64 if tiny else 500, seed=1), epochs=2 if tiny else 40)
    _, accuracy = model.evaluate(*data(200, seed=2), verbose=0)
    print(f"new points: {accuracy:.1%} right by {model.count_params()} numbers")
    copy = keras.Sequential.from_config(model.get_config())
    print(f"made again from its configuration: {copy.layers[0].name} with {copy.layers[0].units} units")


if __name__ == "__main__":
    main()
