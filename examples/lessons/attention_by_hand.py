"""Attention is a look-up: each word asks a question, each answers with a key, and takes the values whose keys fit.

Five words, and features that one can read. Queries, keys and values are chosen by hand: "it" asks for a noun, a verb asks
for its noun, all others ask for nothing in particular. The weights are softmax(Q·Kᵀ / √d): a row for who looks, a
column for what is looked at. A mask forbids looking ahead. The loop, the products and the library give the same numbers.
Source: A. Vaswani et al., "Attention Is All You Need" (2017). Read next: `gpt_of_names.py`;
`tinygrad_ml/nn/functional/attention.py`.
"""

import math

import numpy as np

from examples.lessons.common import Run, effect, grid, main
from tinygrad_ml.nn import functional as F

WORDS = ("the", "cat", "slept", "as", "it")
# Is it an article, a noun, a verb, a conjunction, a pronoun?
FEATURES = np.eye(5, dtype="float32")
ARTICLE, NOUN, VERB, CONJUNCTION, PRONOUN = range(5)
SHARPNESS = 8.0


def asked() -> np.ndarray:
    """Q = X·W_q: verbs and pronouns ask for nouns."""
    W = np.zeros((5, 5), "float32")
    W[VERB, NOUN] = W[PRONOUN, NOUN] = SHARPNESS
    return FEATURES @ W


def looped(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(weights, what each word takes): one word after the other, looking at itself and those before it."""
    weights, taken = np.zeros((len(Q), len(K))), np.zeros((len(Q), V.shape[1]))
    for i, query in enumerate(Q):
        scores = [math.exp(query @ K[j] / math.sqrt(len(query))) for j in range(i + 1)]
        for j, score in enumerate(scores):
            weights[i, j] = score / sum(scores)
            taken[i] += weights[i, j] * V[j]
    return weights, taken


def lesson(run: Run) -> None:
    run.say(f"Setting: the words {' '.join(WORDS)}, five features each; nothing is trained, nothing is random.")
    Q, K, V = asked(), FEATURES, FEATURES
    weights, taken = looped(Q, K, V)
    scores = np.where(np.tri(5, dtype=bool), Q @ K.T / math.sqrt(5), -np.inf)
    product = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    library = F.scaled_dot_product_attention(Q, K, V, is_causal=True).numpy()
    run.table(["who looks", *WORDS], [[word, *row] for word, row in zip(WORDS, weights, strict=True)])
    it, cat = WORDS.index("it"), WORDS.index("cat")
    run.expect(
        '"it" looks at "cat", and takes what it is: a noun',
        effect("weight", weights[it, cat], above=0.8),
        effect("of the feature noun", taken[it, NOUN], above=0.8),
        exact=True,
    )
    run.expect(
        "nobody looks ahead, and what each word gives away adds up to 1",
        bool((weights[~np.tri(5, dtype=bool)] == 0).all()),
        bool(np.allclose(weights.sum(axis=1), 1)),
        exact=True,
    )
    run.expect(
        "the loop, the products and the library give the same numbers",
        bool(np.allclose(weights, product, atol=1e-6)),
        bool(np.allclose(taken, library, atol=1e-6)),
        exact=True,
    )
    order = [3, 1, 4, 0, 2]
    free, moved = (
        F.scaled_dot_product_attention(*(part[rows] for part in (Q, K, V))).numpy() for rows in (range(5), order)
    )
    run.expect(
        "without a mask attention knows no order: words that are moved take what they took before",
        bool(np.allclose(moved, free[order], atol=1e-6)),
        exact=True,
    )
    run.picture(
        grid(weights, WORDS, WORDS, "what is looked at", "who looks"),
        "The matrix of attention, a row for each word that looks.",
    )


if __name__ == "__main__":
    main(lesson)
