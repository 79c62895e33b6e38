"""Who did it? The words of a sentence do not tell, their order does: an LSTM reads it, a bag of words cannot.

"The old dog chased the cat" and "the cat was chased by an old dog" say the same, and "the cat chased the old dog" does not,
though it has the words of the first. The program makes such sentences, and asks two networks whether the dog did it. One is
given which words there are (`output_mode="multi_hot"`), the other their sequence: `TextVectorization` makes numbers of words,
`Embedding` vectors of numbers, `mask_zero` leaves out what fills up, and the LSTM reads them one after the other.

    python examples/keras/text_classification.py             a few seconds
    python examples/keras/text_classification.py --tiny      only to see that it runs

With `import keras` and `from keras import layers` it runs on Keras itself, whose `TextVectorization` needs TensorFlow. Read next: `tinygrad_ml/keras/layers/recurrent.py`.
"""

import argparse
import random

import numpy as np

from tinygrad_ml import keras
from tinygrad_ml.keras import layers

ANIMALS = ("dog", "cat")
KINDS = ("a small", "the small", "an old", "the old", "the", "a", "a very quick", "the sleepy")
VERBS = (("chased", "chased"), ("saw", "seen"), ("followed", "followed"), ("woke", "woken"), ("heard", "heard"))
WHEN = ("", "Yesterday ", "At night, ", "In the garden ", "Nobody knows why, but ")


def sentence(draw: random.Random) -> tuple[str, int]:
    """A sentence about a dog and a cat; 1 if the dog did it, else 0."""
    doer, other = draw.sample(ANIMALS, 2)
    active, passive = draw.choice(VERBS)
    doer_named, other_named = (f"{draw.choice(KINDS)} {animal}" for animal in (doer, other))
    if draw.random() < 0.5:
        text = f"{doer_named} {active} {other_named}"
    else:
        text = f"{other_named} was {passive} by {doer_named}"
    return f"{draw.choice(WHEN)}{text}.", int(doer == "dog")


def sentences(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    draw = random.Random(seed)
    texts, labels = zip(*(sentence(draw) for _ in range(count)), strict=True)
    return list(texts), np.array(labels, "float32")


def bag_of_words(words: int) -> keras.Model:
    return keras.Sequential([layers.Input((words,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")])


def reader(words: int) -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((None,), dtype="int64"),  # sentences of any length
            layers.Embedding(words, 16, mask_zero=True),
            layers.LSTM(24),
            layers.Dense(1, "sigmoid"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="only see that it runs, on a few sentences")
    tiny = parser.parse_args().tiny
    keras.utils.set_random_seed(0)
    texts, labels = sentences(64 if tiny else 1000, seed=1)
    new_texts, new_labels = sentences(32 if tiny else 400, seed=2)
    right = {}
    for name, mode, network in (("bag of words", "multi_hot", bag_of_words), ("LSTM", "int", reader)):
        vectorize = layers.TextVectorization(output_mode=mode)
        vectorize.adapt(texts)
        model = network(vectorize.vocabulary_size())
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        model.fit(vectorize(texts), labels, epochs=1 if tiny else 8, verbose=0)
        _, right[name] = model.evaluate(vectorize(new_texts), new_labels, verbose=0)
        print(f"{name}: {model.count_params():,} weights, {right[name]:.1%} of {len(new_texts)} new sentences right")
    print("\nHow sure the LSTM is that the dog did it:")
    for text in (
        "The old dog chased a cat.",
        "A cat chased the old dog.",
        "A cat was chased by the old dog.",
        "The dog was seen by a cat.",
    ):
        print(f"{float(model.predict(vectorize([text]), verbose=0)[0, 0]):7.1%}  {text}")


if __name__ == "__main__":
    main()
