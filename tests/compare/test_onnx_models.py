"""Networks that others trained, as ONNX files in packages: equal to onnxruntime, right gradients, drawn and trained on."""

import numpy
import pytest

from tests.onnx_models import HOW, MODELS, difference, gradient_errors, layers_drawn, trained_on

pytest.importorskip("onnx")

pytestmark = pytest.mark.host_only


def of(name):
    """The path of a model's file, and small inputs."""
    path = MODELS[name].file()
    if path is None:
        pytest.skip(f"its file is not there: {HOW}")
    return path, MODELS[name].inputs(numpy.random.default_rng(0), MODELS[name].small)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", MODELS)
def test_a_network_computes_what_onnxruntime_computes(name, compiled):
    pytest.importorskip("onnxruntime")
    assert difference(*of(name), compiled) < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_what_small_steps_say(name):
    assert max(gradient_errors(*of(name), directions=3)) < 1e-4


LAYERS = {
    "detector": ("conv2d_132", 1_000),
    "orientation": ("conv12_depthwise", 500),
    "reader": ("linear_85", 500),
    "magika": ("LayerNorm_1", 100),
    "silero": ("stft", 100),
}
"""A layer of each network, and how many boxes would be too many."""


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_drawn_as_its_layers(name):
    source = layers_drawn(*of(name)).source
    layer, many = LAYERS[name]
    assert f"<B>{layer}" in source and source.count("shape=") < many


def test_a_layer_is_trained_on():
    losses = trained_on(*of("reader"))
    assert losses[-1] < losses[0] / 2 and losses == sorted(losses, reverse=True)
