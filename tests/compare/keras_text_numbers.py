"""`python tests/compare/keras_text_numbers.py`: writes what Keras on TensorFlow gives for each case of `keras_texts.py`."""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

import keras  # noqa: E402
from keras_texts import GIVEN, LEARNT, WINDOWS, numbers_of_texts, numbers_of_windows  # noqa: E402

if __name__ == "__main__":
    found = {
        "texts": [numbers_of_texts(keras.layers, options) for options in (*LEARNT, *GIVEN)],
        "windows": [numbers_of_windows(keras.utils, options) for options in WINDOWS],
    }
    rows = [f'"{kind}": [\n' + ",\n".join(json.dumps(one) for one in cases) + "\n]" for kind, cases in found.items()]
    (TESTS / "keras_texts.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
