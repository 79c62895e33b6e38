"""A table with columns of all kinds: numbers, classes as numbers, classes as words. Who takes the loan?

Each kind is brought to numbers near 1 by a layer of its own, which is part of the model, so that the model takes the table as it is:
`Normalization` learns mean and variance, `Discretization` the borders of age groups, `CategoryEncoding` makes a class one of many.
Words are looked up before, by `StringLookup`: no tensor holds a text.

    python examples/keras/structured.py             a few seconds
    python examples/keras/structured.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself, whose `StringLookup` needs TensorFlow. Read next: `tinygrad_ml/keras/layers/preprocessing.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers

JOBS = ["baker", "nurse", "pilot", "teacher"]
AGES = [25.0, 35.0, 50.0, 65.0]


def table(count: int, seed: int) -> tuple[dict, np.ndarray]:
    """Columns, and who said yes: those in the middle of their lives, with much income for their region, and pilots."""
    draw = np.random.default_rng(seed)
    age, region = draw.uniform(18, 80, count), draw.integers(3, size=count)
    income = draw.lognormal(8 + 0.3 * region, 0.4, count)
    job = draw.choice(JOBS, count)
    likes = 3.0 * ((age > 25) & (age < 50)) + 2 * (np.log(income) - 8 - 0.3 * region) + 2.0 * (job == "pilot") - 2
    yes = draw.random(count) < 1 / (1 + np.exp(-2 * likes))
    return {"age": age, "income": income, "region": region, "job": job}, yes.astype("float32")[:, None]


def numbered(columns: dict) -> dict:
    """The columns as the model takes them, each (count, 1)."""
    numbers = layers.StringLookup(vocabulary=JOBS)
    return {
        "age": columns["age"].astype("float32")[:, None],
        "income": columns["income"].astype("float32")[:, None],
        "region": columns["region"].astype("int64")[:, None],
        "job": np.asarray(numbers(columns["job"].tolist()))[:, None],
    }


def data(count: int, seed: int) -> tuple[dict, np.ndarray]:
    columns, yes = table(count, seed)
    return numbered(columns), yes


def network(incomes: np.ndarray) -> keras.Model:
    inputs = {name: keras.Input(shape=(1,), name=name) for name in ("age", "income")}
    inputs |= {name: keras.Input(shape=(1,), dtype="int64", name=name) for name in ("region", "job")}
    normalize = layers.Normalization(axis=None)
    normalize.adapt(incomes)
    features = layers.concatenate(
        [
            normalize(inputs["income"]),
            layers.CategoryEncoding(len(AGES) + 1, output_mode="one_hot")(layers.Discretization(AGES)(inputs["age"])),
            layers.CategoryEncoding(3, output_mode="one_hot")(inputs["region"]),
            layers.CategoryEncoding(len(JOBS) + 1, output_mode="one_hot")(inputs["job"]),
        ]
    )
    hidden = layers.Dense(16, activation="relu")(features)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))


def train(model: keras.Model, x: dict, y: np.ndarray, epochs: int, shuffle: bool = True) -> dict:
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, epochs=epochs, batch_size=64, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few rows")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    x, y = data(128 if tiny else 4000, seed=1)
    new_x, new_y = data(128 if tiny else 1000, seed=2)
    model = network(x["income"])
    train(model, x, y, epochs=1 if tiny else 10)
    print(f"{max(new_y.mean(), 1 - new_y.mean()):.1%} are right by one answer for all")
    print(f"{model.evaluate(new_x, new_y, verbose=0)[1]:.1%} of new rows are right by the network")
    for job in ("baker", "pilot"):
        row = {"age": np.array([40.0]), "income": np.array([2500.0]), "region": np.array([0]), "job": np.array([job])}
        print(f"a {job} of 40 with 2,500: {model.predict(numbered(row), verbose=0)[0, 0]:.0%}")


if __name__ == "__main__":
    main()
