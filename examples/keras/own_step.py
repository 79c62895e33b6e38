"""A training step of one's own: `fit` keeps its loop, callbacks and metrics, and the step in the middle is written by hand.

The loss of this step is in two parts: the error, and how steep the network is at each point. A function that is known at twelve
noisy points can be fitted in many ways; the penalty prefers the calm ones.

    python examples/keras/own_step.py             a few seconds
    python examples/keras/own_step.py --tiny      only to see that it runs

With `import keras`, `from keras import layers` and `import torch as tg` it runs on Keras with PyTorch, whose gradients are asked for by
the same names. Read next: `tinygrad_ml/keras/models/learner.py`.
"""

import argparse

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.keras import layers


class Calm(keras.Model):
    """y = f(x), with penalty · mean of (dy/dx)² added to the loss. The derivative is estimated by a small step along x."""

    def __init__(self, penalty: float = 0.0, step: float = 0.05):
        super().__init__()
        self.hidden = layers.Dense(64, activation="tanh")
        self.again = layers.Dense(64, activation="tanh")
        self.out = layers.Dense(1)
        self.penalty, self.step = penalty, step
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.slope_tracker = keras.metrics.Mean(name="slope")

    def call(self, x):
        return self.out(self.again(self.hidden(x)))

    def train_step(self, data):
        x, y = data
        places = tg.linspace(-1.0, 1.0, 40).reshape(-1, 1)
        slope = ((self(places + self.step) - self(places)) / self.step) ** 2
        loss = ((self(x, training=True) - y) ** 2).mean() + self.penalty * slope.mean()
        self.zero_grad()
        loss.backward()
        weights = list(self.trainable_weights)
        gradients = [weight.value.grad for weight in weights]
        with tg.no_grad():
            self.optimizer.apply(gradients, weights)
        self.loss_tracker.update_state(loss)
        self.slope_tracker.update_state(slope)
        return {metric.name: metric.result() for metric in self.metrics}

    @property
    def metrics(self):
        return [self.loss_tracker, self.slope_tracker]


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = np.linspace(-1, 1, count).reshape(-1, 1)
    return x.astype("float32"), (np.sin(3 * x) + draw.normal(0, 0.3, x.shape)).astype("float32")


def network(penalty: float = 0.02) -> Calm:
    model = Calm(penalty)
    model(np.zeros((1, 1), "float32"))
    return model


def train(model: Calm, x: np.ndarray, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    return model.fit(x, y, epochs=epochs, batch_size=len(x), shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    tiny = parser.parse_args().tiny
    x, y = data(12, seed=1)
    truth_x = np.linspace(-1, 1, 101, dtype="float32").reshape(-1, 1)
    for penalty in (0.0, 0.02):
        keras.utils.set_random_seed(0)
        model = network(penalty)
        history = train(model, x, y, epochs=5 if tiny else 600)
        off = float(np.mean((model.predict(truth_x, verbose=0) - np.sin(3 * truth_x)) ** 2))
        print(
            f"penalty {penalty}: loss {history['loss'][-1]:.4f}, slope {history['slope'][-1]:8.2f}, from the truth {off:.4f}"
        )


if __name__ == "__main__":
    main()
