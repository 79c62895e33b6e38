"""An image with snow on it goes in, and the image without it is what should come out.

Noise has no shape, digits have: what survives two convolutions that halve the image is the digit. The network is an autoencoder made
of convolutions, and `Conv2DTranspose` leads back to the full size.

    python examples/keras/denoising.py             half a minute
    python examples/keras/denoising.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/layers/convolutional.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(images with snow, without)."""
    (images, _), _ = keras.datasets.mnist.load_data()
    draw = np.random.default_rng(seed)
    clean = images[draw.permutation(len(images))[:count], ..., None].astype("float32") / 255
    return np.clip(clean + draw.normal(0, 0.4, clean.shape), 0, 1).astype("float32"), clean


def network() -> keras.Model:
    image = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(16, 3, strides=2, activation="relu", padding="same")(image)
    x = layers.Conv2D(16, 3, strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(16, 3, strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(16, 3, strides=2, activation="relu", padding="same")(x)
    return keras.Model(image, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))


def train(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=64, shuffle=shuffle, verbose=0).history


def picture(image: np.ndarray) -> list[str]:
    """An image in letters, every second row."""
    return ["".join(" .:+#"[min(int(pixel * 5), 4)] for pixel in row) for row in image.reshape(28, 28)[4:24:2]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few images")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    model = network()
    history = train(model, *data(128 if tiny else 3000, seed=1), epochs=1 if tiny else 5)
    print("loss " + ", ".join(f"{loss:.3f}" for loss in history["loss"]))
    snowy, clean = data(64 if tiny else 500, seed=2)
    again = model.predict(snowy, verbose=0)
    print(f"off by {np.abs(snowy - clean).mean():.3f} with the snow, by {np.abs(again - clean).mean():.3f} without")
    for images in zip(snowy[:2], again, strict=False):
        print("\n" + "\n".join("   ".join(rows) for rows in zip(*map(picture, images), strict=True)))


if __name__ == "__main__":
    main()
