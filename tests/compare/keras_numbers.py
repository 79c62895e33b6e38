"""`python tests/compare/keras_numbers.py`: writes what Keras gives for each case of `keras_cases.py`, for the default run."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from keras_cases import IMAGES, SEQUENCES, numbers_of_layers, numbers_of_losses, numbers_of_metrics, wave  # noqa: E402
from keras_twins import as_array, theirs, torch  # noqa: E402


def value_and_gradient(loss, t, p, w):
    x = torch.tensor(p, requires_grad=True)
    value = loss(torch.tensor(t), x, None if w is None else torch.tensor(w))
    value.backward()
    return as_array(value), np.zeros_like(p) if x.grad is None else as_array(x.grad)


def outputs_and_slope(layer, inputs, given):
    x = [torch.tensor(part, requires_grad=True) for part in inputs]
    y = layer(
        *x, **{name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}
    )
    y = list(y) if isinstance(y, (list, tuple)) else [y]
    (y[0] * torch.tensor(wave(tuple(y[0].shape), 0.4))).sum().backward()
    return [as_array(one) for one in y], as_array(x[0].grad)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {
        "losses": numbers_of_losses(theirs, value_and_gradient),
        "metrics": numbers_of_metrics(theirs, as_array, torch.tensor),
        "sequences": numbers_of_layers(theirs, outputs_and_slope, SEQUENCES),
        "images": numbers_of_layers(theirs, outputs_and_slope, IMAGES),
    }
    parts = []
    for kind, numbers in found.items():
        rows = [f"{json.dumps(name)}: {json.dumps([float(f'{x:.7g}') for x in row])}" for name, row in numbers.items()]
        parts.append(f'"{kind}": {{\n' + ",\n".join(rows) + "\n}")
    (TESTS / "keras_numbers.json").write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
