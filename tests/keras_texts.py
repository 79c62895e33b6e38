"""What `TextVectorization` and `timeseries_dataset_from_array` of the Keras face are given by `test_keras_texts.py`, whose numbers
Keras gave once: `compare/keras_text_numbers.py` writes them, which needs TensorFlow."""

import numpy as np

TEXTS = [
    "The cat sat on the mat.",
    "A dog -- the dog! -- barked at THE cat",
    "",
    "don't  panic, it's\tfine; fine_fine",
    "Ünïcode naïve café",
    "mat mat [UNK] zebra",
]
NEW = ["the zebra sat on a dog", "panic", "", "completely unknown words here", "Don't be naïve."]
LEARNT = [
    {},
    {"max_tokens": 6},
    {"output_sequence_length": 9, "max_tokens": 8},
    {"output_sequence_length": 4},
    {"standardize": None},
    {"standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"split": "character", "max_tokens": 12},
    {"split": None},
    {"ngrams": 2},
    {"ngrams": (2,)},
    {"ngrams": (1, 3), "max_tokens": 15},
    {"output_mode": "multi_hot"},
    {"output_mode": "multi_hot", "max_tokens": 5, "pad_to_max_tokens": True},
    {"output_mode": "count", "ngrams": 2},
    {"output_mode": "count", "max_tokens": 40, "pad_to_max_tokens": True},
    {"output_mode": "tf_idf"},
    {"output_mode": "tf_idf", "max_tokens": 7},
    {"output_mode": "tf_idf", "max_tokens": 40, "pad_to_max_tokens": True},
]
GIVEN = [
    {"vocabulary": ["a", "the", "cat"]},
    {"vocabulary": ["", "[UNK]", "x", "the"]},
    {"vocabulary": ["a", "the"], "output_mode": "count"},
    {"vocabulary": ["a", "the"], "output_mode": "tf_idf", "idf_weights": [1.0, 0.5]},
    {"vocabulary": ["[UNK]", "a", "the"], "output_mode": "tf_idf", "idf_weights": [2.0, 1.0, 0.5]},
]

SERIES, TARGETS = np.arange(30.0), np.arange(30.0) * 10
WINDOWS = [
    {"data": SERIES, "targets": None, "sequence_length": 5},
    {"data": SERIES, "targets": TARGETS, "sequence_length": 5, "sequence_stride": 3, "sampling_rate": 2},
    {"data": SERIES[:-5], "targets": TARGETS[5:], "sequence_length": 5, "batch_size": 4},
    {"data": SERIES, "targets": TARGETS, "sequence_length": 4, "start_index": 6, "end_index": 20, "batch_size": 3},
    {"data": SERIES.reshape(15, 2), "targets": TARGETS[:15], "sequence_length": 3, "batch_size": None},
    {"data": SERIES, "targets": TARGETS[:7], "sequence_length": 3},
]


def numbers_of_texts(layers, options):
    """What a layer makes of texts: its vocabulary, and the numbers."""
    layer = layers.TextVectorization(**options)
    shaped = (lambda texts: [[text] for text in texts]) if options.get("split", "") is None else list
    if "vocabulary" not in options:
        layer.adapt(shaped(TEXTS))
    return [layer.get_vocabulary(), np.round(np.asarray(layer(shaped(NEW)), "float64"), 6).tolist()]


def numbers_of_windows(utils, options):
    """The batches of a series."""
    batches = utils.timeseries_dataset_from_array(**options)
    return [[np.asarray(part).tolist() for part in (one if isinstance(one, tuple) else (one,))] for one in batches]
