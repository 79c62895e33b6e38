"""Twins: one network looks at two images, and what it makes of them is near if they show the same digit.

Such a network needs no class for each digit, so it can be asked about digits that it has never been shown: here it is trained on
0 to 7, and compares eights and nines. The loss is of pairs: near if alike, at least a margin apart if not.
Source: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality Reduction by Learning an Invariant Mapping" (2006).

    python examples/keras/siamese.py             ten seconds
    python examples/keras/siamese.py --tiny      only to see that it runs

With `import keras` and `from keras import layers, ops` it runs on Keras itself. Read next: `tinygrad_ml/keras/layers/core.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers, ops

MARGIN = 1.0


def data(count: int, digits: range, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Pairs of images, half of them (1) of one digit, half (0) of two."""
    (images, labels), _ = keras.datasets.mnist.load_data()
    images = images[:6000].reshape(-1, 784).astype("float32") / 255
    of = {digit: np.flatnonzero(labels[:6000] == digit) for digit in digits}
    draw = np.random.default_rng(seed)
    left, right, alike = [], [], draw.permutation(np.arange(count) % 2)
    for same in alike:
        first, second = draw.choice(digits, 2, replace=False)
        left.append(draw.choice(of[first]))
        right.append(draw.choice(of[first if same else second]))
    return [images[left], images[right]], alike.astype("float32")[:, None]


def distance(pair):
    """The Euclidean distance of two batches of vectors; a little more than 0, where its slope would be infinite."""
    left, right = pair
    return ops.sqrt(ops.maximum(ops.sum(ops.square(left - right), axis=1, keepdims=True), 1e-7))


def contrastive_loss(y_true, y_pred):
    """y · d² + (1 - y) · max(margin - d, 0)², in the mean."""
    return ops.mean(y_true * ops.square(y_pred) + (1 - y_true) * ops.square(ops.maximum(MARGIN - y_pred, 0)))


def network() -> keras.Model:
    image = keras.Input(shape=(784,))
    hidden = layers.Dense(128, activation="relu")(image)
    twin = keras.Model(image, layers.Dense(16)(hidden), name="twin")
    left, right = keras.Input(shape=(784,)), keras.Input(shape=(784,))
    apart = layers.Lambda(distance, output_shape=(1,))([twin(left), twin(right)])
    return keras.Model([left, right], apart)


def train(model: keras.Model, x: list, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=contrastive_loss)
    return model.fit(x, y, batch_size=64, epochs=epochs, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few pairs")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    model = network()
    train(model, *data(128 if tiny else 6000, range(8), seed=1), epochs=1 if tiny else 8)
    for name, digits in (("digits it was shown", range(8)), ("eights and nines", range(8, 10))):
        x, alike = data(60 if tiny else 600, digits, seed=2)
        apart = model.predict(x, verbose=0)
        right = np.mean((apart < MARGIN / 2) == (alike == 1))
        print(
            f"{name}: pairs alike are {apart[alike == 1].mean():.2f} apart, others {apart[alike == 0].mean():.2f}; {right:.1%} right"
        )


if __name__ == "__main__":
    main()
