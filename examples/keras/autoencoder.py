"""Eight numbers for an image of 784: an autoencoder finds out which.

The first half of the network makes eight numbers of a digit, the second half a digit of eight numbers, and the loss is how much
of the image was lost on the way. The same halves are models of their own: they share their layers with the whole.

    python examples/keras/autoencoder.py             a few seconds
    python examples/keras/autoencoder.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/models/functional.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers

CODE = 8


def data(count: int) -> np.ndarray:
    (x_train, _), _ = keras.datasets.mnist.load_data()
    return x_train[:count].reshape(-1, 784).astype("float32") / 255


def network() -> keras.Model:
    image = keras.Input(shape=(784,), name="image")
    hidden = layers.Dense(64, activation="relu")(image)
    code = layers.Dense(CODE, name="code")(hidden)
    encoder = keras.Model(image, code, name="encoder")

    numbers = keras.Input(shape=(CODE,), name="numbers")
    hidden = layers.Dense(64, activation="relu")(numbers)
    decoder = keras.Model(numbers, layers.Dense(784, activation="sigmoid")(hidden), name="decoder")

    return keras.Model(image, decoder(encoder(image)), name="autoencoder")


def train(model: keras.Model, x: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model.fit(x, x, epochs=epochs, batch_size=64, shuffle=shuffle, verbose=0).history


def picture(image: np.ndarray) -> list[str]:
    """An image in letters, every second row."""
    return ["".join(" .:+#"[min(int(pixel * 5), 4)] for pixel in row) for row in image.reshape(28, 28)[4:24:2]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few images")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    x = data(256 if tiny else 5000)
    model = network()
    history = train(model, x, epochs=1 if tiny else 15)
    print("loss " + ", ".join(f"{loss:.3f}" for loss in history["loss"]))
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    codes = encoder.predict(x[:3], verbose=0)
    for image, code, again in zip(x, codes, decoder.predict(codes, verbose=0), strict=False):
        print("\n" + " ".join(f"{number:.1f}" for number in code))
        print("\n".join(f"{left}   {right}" for left, right in zip(picture(image), picture(again), strict=True)))


if __name__ == "__main__":
    main()
