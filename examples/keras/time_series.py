"""What comes next? A recurrent network reads twenty-four hours and says how warm the next one is.

A forecast is only worth something beside a simple one: here "as warm as now" and "as warm as a day ago". The windows come from
`timeseries_dataset_from_array`, and none of the years that are tested was seen.

    python examples/keras/time_series.py             ten seconds
    python examples/keras/time_series.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/layers/recurrent.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers

HOURS = 24


def data(count: int, seed: int) -> np.ndarray:
    """Hours: (temperature, clouds). It is warmer at noon, the less so the more clouds there are, and days follow days."""
    draw = np.random.default_rng(seed)
    clouds, weather, rows = 0.5, 0.0, []
    for hour in range(count):
        clouds = np.clip(clouds + draw.normal(0, 0.1), 0, 1)
        weather = 0.99 * weather + draw.normal(0, 0.03)
        sun = np.cos(2 * np.pi * (hour % 24 - 14) / 24)
        rows.append((weather + sun * (1.2 - clouds) + draw.normal(0, 0.02), clouds))
    return np.array(rows, "float32")


def windows(series: np.ndarray, batch_size: int = 64, shuffle: bool = False):
    """Batches of (24 hours, the temperature of the next)."""
    return keras.utils.timeseries_dataset_from_array(
        series[:-HOURS], series[HOURS:, :1], sequence_length=HOURS, batch_size=batch_size, shuffle=shuffle
    )


def arrays(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All windows at once."""
    parts = [(np.asarray(x), np.asarray(y)) for x, y in windows(series)]
    x, y = zip(*parts, strict=True)
    return np.concatenate(x), np.concatenate(y)


def network() -> keras.Model:
    return keras.Sequential([keras.Input(shape=(HOURS, 2)), layers.GRU(16), layers.Dense(1)])


def train(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    slower = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.3, min_delta=1e-3)
    return model.fit(x, y, epochs=epochs, batch_size=64, shuffle=shuffle, callbacks=[slower], verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few days")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    model = network()
    history = train(model, *arrays(data(200 if tiny else 4000, seed=1)), epochs=1 if tiny else 8)
    print("mean error " + ", ".join(f"{error:.3f}" for error in history["mae"]))
    x, y = arrays(data(200 if tiny else 1500, seed=2))
    for name, said in (
        ("as warm as now", x[:, -1, :1]),
        ("as warm as a day ago", x[:, 0, :1]),
        ("the network", model.predict(x, verbose=0)),
    ):
        print(f"{name}: {np.abs(said - y).mean():.3f} off in the mean")


if __name__ == "__main__":
    main()
