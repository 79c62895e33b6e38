"""Layers of categories, what they learn from, and what they are called on: `keras_categories.json` has what Keras makes of it."""

import numpy as np

WORDS = [
    "",
    "a",
    "abc",
    "Hello",
    "tokenization",
    *(letter * n for letter, n in zip("stuvwxyz", (16, 17, 33, 64, 65, 128, 129, 300), strict=True)),
    "äöü",
]
DATA = [["a", "c", "d"], ["d", "z", "b"]]
SEEN = [["b", "a", "b"], ["c", "", "b"], ["a", "d", "d"]]
NUMBERS = [[12, 1138, 42], [37, 1000, -36]]
REAL = (np.sin(1.7 * np.arange(1, 601)) * 3).astype("float32")
_GIVEN = {"vocabulary": ["a", "b", "c", "d"]}
_KNOWN = {"vocabulary": [12, 36, 1138, 42]}

CASES = [
    ("Hashing", {"num_bins": 1000003}, None, WORDS),
    ("Hashing", {"num_bins": 1000003, "salt": [133, 137]}, None, WORDS),
    ("Hashing", {"num_bins": 1000003, "salt": 7}, None, WORDS),
    ("Hashing", {"num_bins": 1000003}, None, [0, 1, -1, 12345, -987654321, 2**40]),
    ("Hashing", {"num_bins": 3, "mask_value": ""}, None, [["A"], ["B"], [""], ["C"]]),
    *(("Hashing", {"num_bins": 4, "output_mode": mode}, None, DATA) for mode in ("one_hot", "multi_hot", "count")),
    ("Hashing", {"num_bins": 4, "output_mode": "one_hot"}, None, [["a"], ["b"]]),
    ("HashedCrossing", {"num_bins": 1000003}, None, [["a", "b", "Hello", "a"], [1, 2, -3, 4]]),
    ("HashedCrossing", {"num_bins": 1000003}, None, [[[1], [2]], [[3], [4]], [["x"], ["y"]]]),
    ("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}, None, [["a", "b"], [1, 2]]),
    *(
        ("StringLookup", {**_GIVEN, "output_mode": mode}, None, DATA)
        for mode in ("int", "one_hot", "multi_hot", "count")
    ),
    ("StringLookup", {**_GIVEN, "num_oov_indices": 3}, None, ["a", "q", "r", "s", "t", "z"]),
    ("StringLookup", {**_GIVEN, "num_oov_indices": 3, "salt": 5}, None, ["a", "q", "r", "s", "t", "z"]),
    ("StringLookup", {**_GIVEN, "num_oov_indices": 0}, None, ["a", "b"]),
    ("StringLookup", {**_GIVEN, "mask_token": ""}, None, [["a", "", "z"]]),
    ("StringLookup", {**_GIVEN, "mask_token": "", "output_mode": "count"}, None, [["a", "", "z"]]),
    ("StringLookup", {**_GIVEN, "invert": True}, None, [[0, 1, 2, 9]]),
    ("StringLookup", {**_GIVEN, "output_mode": "tf_idf", "idf_weights": [0.25, 0.75, 0.6, 0.4]}, None, DATA),
    ("StringLookup", {}, SEEN, DATA),
    ("StringLookup", {"mask_token": "", "max_tokens": 4}, SEEN, DATA),
    ("StringLookup", {"output_mode": "multi_hot", "max_tokens": 8, "pad_to_max_tokens": True}, SEEN, DATA),
    ("StringLookup", {"output_mode": "tf_idf"}, SEEN, DATA),
    ("IntegerLookup", _KNOWN, None, NUMBERS),
    ("IntegerLookup", {**_KNOWN, "num_oov_indices": 3}, None, NUMBERS),
    ("IntegerLookup", {**_KNOWN, "num_oov_indices": 5, "oov_method": "farmhash"}, None, NUMBERS),
    ("IntegerLookup", {**_KNOWN, "num_oov_indices": 5, "oov_method": "farmhash", "salt": 3}, None, NUMBERS),
    ("IntegerLookup", {**_KNOWN, "mask_token": 0}, None, [[0, 12, 3]]),
    ("IntegerLookup", {**_KNOWN, "invert": True}, None, [[0, 1, 3, 9]]),
    ("IntegerLookup", {**_KNOWN, "output_mode": "one_hot"}, None, [[12], [36], [5]]),
    ("IntegerLookup", {}, [[5, 7, 5], [9, 5, 7]], [5, 7, 9, 1]),
    ("IntegerLookup", {"output_mode": "count", "max_tokens": 3}, [[5, 7, 5], [9, 5, 7]], [[5, 7, 5], [9, 1, 1]]),
    ("Discretization", {"bin_boundaries": [-1.0, 0.0, 2.0]}, None, [[-2.0, -1.0, 0.5], [1.0, 2.0, 3.0]]),
    ("Discretization", {"bin_boundaries": [0.0], "output_mode": "one_hot"}, None, [[-2.0], [1.0]]),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "output_mode": "multi_hot"}, None, [[-2.0, 0.5], [1.0, 2.0]]),
    ("Discretization", {"num_bins": 4}, [REAL], REAL[:20].tolist()),
    ("Discretization", {"num_bins": 3, "epsilon": 0.05}, [REAL[:200], REAL[200:]], REAL[:20].tolist()),
    *(
        ("CategoryEncoding", {"num_tokens": 4, "output_mode": mode}, None, [[0, 1], [3, 3]])
        for mode in ("one_hot", "multi_hot", "count")
    ),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [[0], [3]]),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "multi_hot"}, None, [0, 3, 3]),
]


def as_input(values):
    """Lists as arrays, texts as objects."""
    made = np.array(values)
    return (
        made.astype(object) if made.dtype.kind in "US" else made.astype("float32") if made.dtype.kind == "f" else made
    )


def numbers_of(layers, case):
    """[the vocabulary or the boundaries, what comes out], as plain values."""
    name, options, data, given = case
    layer = getattr(layers, name)(**options)
    if name == "Discretization" and data is not None:
        layer.adapt(iter(data))
    elif data is not None:
        layer.adapt(as_input(data))
    y = layer([as_input(one) for one in given] if name == "HashedCrossing" else as_input(given))
    learnt = None
    if data is not None:
        learnt = layer.bin_boundaries if name == "Discretization" else layer.get_vocabulary()
        learnt = [str(one) if isinstance(one, str) else float(one) for one in learnt]
    y = np.asarray(y)
    texts = [one.decode() if isinstance(one, bytes) else one for one in y.reshape(-1).tolist()]
    return [learnt, list(y.shape), texts]
