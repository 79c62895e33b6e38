"""The programs in examples/keras, each run here and, with its import lines changed, on Keras itself: with the same weights the
same numbers, epoch for epoch."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from keras_twins import agree, quiet

pytestmark = quiet
EXAMPLES = Path(__file__).parents[2] / "examples" / "keras"


def program(name: str, on_keras: bool):
    """The program as a module: as it stands, or with Keras's import lines."""
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    if on_keras:
        source = re.sub(r"^from tinygrad_ml import keras$", "import keras", source, flags=re.MULTILINE)
        source = re.sub(r"^from tinygrad_ml\.keras import", "from keras import", source, flags=re.MULTILINE)
        source = re.sub(r"^import tinygrad_ml as tg$", "import torch as tg", source, flags=re.MULTILINE)
        assert not re.search(r"^(import|from) tinygrad_ml", source, re.MULTILINE)
    module_name = f"{name}_on_{'keras' if on_keras else 'ours'}"
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(module_name, None))
    sys.modules[module_name] = module
    exec(compile(source, module_name, "exec"), module.__dict__)
    return module


SAME_DATA = {
    "convnet": lambda own: own.data(130, 10)[0],
    "branches": lambda own: own.data(100, seed=3),
    "own_step": lambda own: own.data(12, seed=1),
    "own_layer": lambda own: own.data(80, seed=3),
    "autoencoder": lambda own: (own.data(100),),
    "gan": lambda own: own.data(128, seed=3),
    "siamese": lambda own: own.data(64, range(8), seed=3),
    "time_series": lambda own: own.arrays(own.data(150, seed=3)),
    "imbalanced": lambda own: own.data(600, seed=3),
    "structured": lambda own: own.data(128, seed=3),
    "denoising": lambda own: own.data(70, seed=3),
}


@pytest.mark.parametrize("name", SAME_DATA)
def test_a_program_gives_the_numbers_that_it_gives_on_keras(name, capsys):
    own, other = program(name, on_keras=False), program(name, on_keras=True)
    given = SAME_DATA[name](own)
    own.keras.utils.set_random_seed(3)
    made = (given[0]["income"],) if name == "structured" else ()
    first, second = own.network(*made), other.network(*made)
    weights = [np.asarray(weight) for weight in first.get_weights()]
    assert [weight.shape for weight in weights] == [np.shape(weight) for weight in second.get_weights()]
    second.set_weights(weights)
    epochs = 20 if name == "own_step" else 2
    history, expected = (
        module.train(model, *given, epochs=epochs, shuffle=False) for module, model in ((own, first), (other, second))
    )
    assert list(history) == list(expected) and len(history) > 0
    for key, numbers in expected.items():
        agree(history[key], numbers, rtol=2e-4, atol=1e-5)
    for weight, wanted in zip(first.get_weights(), second.get_weights(), strict=True):
        agree(weight, wanted, rtol=5e-3, atol=2e-4)


def test_every_program_is_compared():
    programs = {path.stem for path in EXAMPLES.glob("*.py")} - {"__init__", "text_classification"}
    assert programs == SAME_DATA.keys()  # text_classification needs TensorFlow on Keras


def test_text_classification_reads_as_on_keras():
    own, other = program("text_classification", on_keras=False), program("text_classification", on_keras=True)
    rows = np.random.default_rng(0).integers(0, 12, (40, 9))
    labels = (rows[:, 0] > 5).astype("float32")
    models = [module.reader(12) for module in (own, other)]
    models[1].set_weights(models[0].get_weights())
    found = []
    for module, model in zip((own, other), models, strict=True):
        model.compile(module.keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        found.append(model.fit(rows, labels, epochs=3, shuffle=False, verbose=0).history)
    for key, numbers in found[1].items():
        agree(found[0][key], numbers, rtol=1e-4, atol=1e-5)
