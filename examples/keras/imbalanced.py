"""One payment in fifty is a fraud: 98 % accuracy is nothing, and a network has to be told so.

Two things help. The bias of the last layer starts at the logarithm of the odds, so that the first steps do not go into learning how rare
frauds are; and `class_weight` makes each of the rare ones count. What is looked at is precision (of those reported, how many are), recall
(of those that are, how many are reported) and the area under the precision-recall curve.

    python examples/keras/imbalanced.py             a few seconds
    python examples/keras/imbalanced.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/metrics/counts.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Payments: six numbers each. Frauds lie a little aside, and in two places."""
    draw = np.random.default_rng(seed)
    y = (draw.random((count, 1)) < 0.02).astype("float32")
    aside = np.where(draw.random((count, 1)) < 0.5, 1.8, -1.8) * np.array([1, 1, 0.5, 0, 0, 0])
    x = draw.standard_normal((count, 6)) * np.where(y > 0, 0.7, 1) + y * aside
    return x.astype("float32"), y


def network(share: float = 0.02) -> keras.Model:
    odds = keras.initializers.Constant(np.log(share / (1 - share)))
    return keras.Sequential(
        [
            keras.Input(shape=(6,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid", bias_initializer=odds),
        ]
    )


def train(model: keras.Model, x, y, epochs: int, shuffle: bool = True, weight: float = 10.0) -> dict:
    model.compile(
        optimizer=keras.optimizers.Adam(0.005),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[
            keras.metrics.BinaryAccuracy(name="accuracy"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
            keras.metrics.AUC(name="prc", curve="PR"),
        ],
    )
    weights = {0: 1.0, 1: weight}
    return model.fit(x, y, epochs=epochs, batch_size=256, class_weight=weights, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few payments")
    tiny = parser.parse_args().tiny
    x, y = data(600 if tiny else 20_000, seed=1)
    new_x, new_y = data(600 if tiny else 10_000, seed=2)
    print(f"{y.mean():.1%} are frauds: who reports none is right in {1 - y.mean():.1%}")
    for weight in (1.0, 10.0):
        keras.utils.set_random_seed(0)
        model = network(float(y.mean()))
        train(model, x, y, epochs=1 if tiny else 12, weight=weight)
        found = model.evaluate(new_x, new_y, verbose=0, return_dict=True)
        numbers = ", ".join(f"{name} {found[name]:.1%}" for name in ("accuracy", "precision", "recall", "prc"))
        print(f"a fraud counts {weight:.0f} times: {numbers}")


if __name__ == "__main__":
    main()
