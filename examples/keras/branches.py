"""A network with two ends: which department should read a letter, and how urgent is it?

The functional interface makes layers of calls, so a network may branch and join. Here the letter's title and its text go through
one `Embedding`, which is shared; their means and what is known of the sender are joined, and two outputs grow from there, each with a
loss of its own.

    python examples/keras/branches.py             a few seconds
    python examples/keras/branches.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself. Read next: `tinygrad_ml/keras/models/functional.py`.
"""

import argparse

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers

WORDS, TITLE, TEXT, DEPARTMENTS = 60, 4, 12, 3


def data(count: int, seed: int) -> tuple[dict, dict]:
    """Letters: words of a department stand together in the vocabulary; who writes often is answered first."""
    draw = np.random.default_rng(seed)
    department = draw.integers(DEPARTMENTS, size=count)
    low = department[:, None] * 15
    title = low + draw.integers(25, size=(count, TITLE))
    text = low + draw.integers(30, size=(count, TEXT))
    sender = draw.integers(2, size=(count, 5)).astype("float32")
    urgent = (sender.sum(1) + 2 * (department == 1) > 3).astype("float32")
    inputs = {"title": title.astype("int32"), "text": text.astype("int32"), "sender": sender}
    return inputs, {"department": department, "urgent": urgent[:, None]}


def network() -> keras.Model:
    title = keras.Input(shape=(TITLE,), dtype="int32", name="title")
    text = keras.Input(shape=(TEXT,), dtype="int32", name="text")
    sender = keras.Input(shape=(5,), name="sender")
    words = layers.Embedding(WORDS, 8, name="words")
    read = [layers.GlobalAveragePooling1D()(words(part)) for part in (title, text)]
    joined = layers.concatenate([*read, sender])
    hidden = layers.Dense(16, activation="relu")(joined)
    department = layers.Dense(DEPARTMENTS, activation="softmax", name="department")(hidden)
    urgent = layers.Dense(1, activation="sigmoid", name="urgent")(hidden)
    return keras.Model(inputs=[title, text, sender], outputs={"department": department, "urgent": urgent})


def train(model: keras.Model, x: dict, y: dict, epochs: int, shuffle: bool = True) -> dict:
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss={"department": "sparse_categorical_crossentropy", "urgent": "binary_crossentropy"},
        loss_weights={"department": 1.0, "urgent": 0.5},
        metrics={"department": ["accuracy"], "urgent": ["accuracy"]},
    )
    return model.fit(x, y, epochs=epochs, batch_size=32, shuffle=shuffle, verbose=0).history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few letters")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    model = network()
    model.summary()
    train(model, *data(64 if tiny else 2000, seed=1), epochs=1 if tiny else 8)
    x, y = data(64 if tiny else 500, seed=2)
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    print(
        f"new letters: the department right in {found['department_accuracy']:.1%}, urgency in {found['urgent_accuracy']:.1%}"
    )
    answer = model.predict({name: part[:1] for name, part in x.items()}, verbose=0)
    print(f"the first: departments {np.round(answer['department'][0], 2)}, urgent {answer['urgent'][0, 0]:.0%}")


if __name__ == "__main__":
    main()
