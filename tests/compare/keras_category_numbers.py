"""`python tests/compare/keras_category_numbers.py`: writes what Keras makes of each case of `keras_categories.py`. Keras's layers of
texts need TensorFlow, which is installed for nothing else here."""

import json
import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
os.environ["KERAS_BACKEND"] = "tensorflow"

from keras import layers  # noqa: E402
from keras_categories import CASES, numbers_of  # noqa: E402

if __name__ == "__main__":
    rows = [json.dumps(numbers_of(layers, case)) for case in CASES]
    (TESTS / "keras_categories.json").write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
