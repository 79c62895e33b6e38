"""Two networks against each other: one makes points, the other says which of them are real.

The points lie on a circle. The generator makes a point of three random numbers, the discriminator is trained to tell made
points from real ones, and the generator to be believed. At the end its points lie on the circle, which it has never seen.

    python examples/keras/gan.py             ten seconds
    python examples/keras/gan.py --tiny      only to see that it runs

With `import keras`, `from keras import layers` and `import torch as tg` it runs on Keras with PyTorch. Read next: `tinygrad_ml/keras/models/training.py`.
"""

import argparse

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.keras import layers

NOISE = 3


class GAN(keras.Model):
    def __init__(self, generator: keras.Model, discriminator: keras.Model):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.losses_of = [keras.metrics.Mean(name="discriminator_loss"), keras.metrics.Mean(name="generator_loss")]
        self.built = True  # its two networks are

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.judge = keras.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self):
        return self.losses_of

    def update(self, network: keras.Model, optimizer, loss) -> None:
        """One step of one of the two networks; what reaches the other one is forgotten."""
        self.zero_grad()
        loss.backward()
        weights = list(network.trainable_weights)
        with tg.no_grad():
            optimizer.apply([weight.value.grad for weight in weights], weights)

    def train_step(self, data):
        real, noise = data
        made = self.generator(noise)
        of_real, of_made = self.discriminator(real), self.discriminator(made.detach())
        ones, zeros = tg.ones_like(of_real), tg.zeros_like(of_made)
        discriminator_loss = self.judge(ones, of_real) + self.judge(zeros, of_made)
        self.update(self.discriminator, self.discriminator_optimizer, discriminator_loss)
        generator_loss = self.judge(ones, self.discriminator(self.generator(noise)))
        self.update(self.generator, self.generator_optimizer, generator_loss)
        for metric, loss in zip(self.losses_of, (discriminator_loss, generator_loss), strict=True):
            metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points near a circle of radius 1, and noise for as many others."""
    draw = np.random.default_rng(seed)
    angle, radius = draw.uniform(0, 2 * np.pi, count), draw.normal(1, 0.05, count)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return points.astype("float32"), draw.standard_normal((count, NOISE)).astype("float32")


def network() -> GAN:
    generator = keras.Sequential(
        [
            keras.Input((NOISE,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(2),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(32),
            layers.LeakyReLU(0.2),
            layers.Dense(32),
            layers.LeakyReLU(0.2),
            layers.Dense(1),
        ]
    )
    return GAN(generator, discriminator)


def train(model: GAN, points: np.ndarray, noise: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
    return model.fit(points, noise, batch_size=64, epochs=epochs, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few points")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    points, noise = data(128 if tiny else 1024, seed=1)
    model = network()
    for name, epochs in (("at first", 0), ("at the end", 1 if tiny else 50)):
        if epochs:
            history = train(model, points, noise, epochs)
            print(f"losses {history['discriminator_loss'][-1]:.2f} and {history['generator_loss'][-1]:.2f}")
        made = model.generator.predict(data(500, seed=2)[1], verbose=0)
        radius = np.hypot(*made.T)
        around = np.histogram(np.arctan2(made[:, 1], made[:, 0]), 8, (-np.pi, np.pi))[0] / len(made)
        print(
            f"{name}: distance from the middle {radius.mean():.2f} ± {radius.std():.2f}, shares around {np.round(around, 2)}"
        )


if __name__ == "__main__":
    main()
