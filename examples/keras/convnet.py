"""The network that every course begins with: two convolutions, two poolings, and ten classes of handwritten digits.

A convolution looks at 3 x 3 pixels at a time and has the same weights everywhere; pooling keeps the strongest answer of each
2 x 2 places. So a digit is found wherever it stands, with a tenth of the weights of a dense network.

    python examples/keras/convnet.py             5,000 images, three epochs: half a minute
    python examples/keras/convnet.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/layers/convolutional.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers


def data(count: int, tests: int) -> tuple:
    """Images as numbers from 0 to 1, with an axis for the one channel, and the digits as numbers."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, x_test = (np.expand_dims(x.astype("float32") / 255, -1) for x in (x_train[:count], x_test[:tests]))
    return (x_train, y_train[:count]), (x_test, y_test[:tests])


def network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model.fit(x, y, batch_size=64, epochs=epochs, validation_split=0.1, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few images")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data(200, 100) if tiny else data(5000, 1000)
    model = network()
    model.summary()
    history = train(model, x_train, y_train, epochs=1 if tiny else 3)
    for epoch, (seen, new) in enumerate(zip(history["accuracy"], history["val_accuracy"], strict=True), 1):
        print(f"epoch {epoch}: {seen:.1%} of the images right, {new:.1%} of those kept back")
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test images: loss {loss:.3f}, {accuracy:.1%} right")


if __name__ == "__main__":
    main()
