"""Networks of PyTorch and Keras, written as ONNX files and read here: a step of training changes the same weights by as much.

Exporters transpose weights, join and reorder them, and call them otherwise. So weights are followed by what they are: each
is a random number that no other is, there before the step and here before the step, and the two must be equal behind it.
"""

import io
import logging
import os
import warnings

import numpy
import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript", reason="PyTorch's exporters need it")
nn = torch.nn

pytestmark = [pytest.mark.host_only, pytest.mark.filterwarnings("ignore")]


class Residual(nn.Module):
    """A block with a way around it."""

    def __init__(self, norm):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.Conv2d(3, 3, 3, padding=1)
        self.norm = norm

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x))))).mean(dim=(2, 3))


class Recurrent(nn.Module):
    """What a recurrent layer says at the end."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(layer.hidden_size * (1 + layer.bidirectional), 2)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


class Attention(nn.Module):
    """A head of attention, and what is around it in a GPT."""

    def __init__(self):
        super().__init__()
        self.norm, self.three, self.out = nn.LayerNorm(6), nn.Linear(6, 18, bias=False), nn.Linear(6, 6)

    def forward(self, x):
        q, k, v = self.three(self.norm(x)).unsqueeze(1).chunk(3, dim=-1)
        return x + self.out(nn.functional.scaled_dot_product_attention(q, k, v).squeeze(1))


class Words(nn.Module):
    """Words, and places."""

    def __init__(self):
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(10, 4), nn.Parameter(torch.zeros(5, 4)), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(nn.functional.gelu(self.words(x) + self.places).mean(dim=1))


SMALL, IMAGE, SEQUENCE = (3, 4), (2, 3, 6, 6), (2, 5, 6)
TWINS = {
    "linear": (lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), SMALL, False),
    "linear, new": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), SMALL, True),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2), nn.LogSoftmax(1)
        ),
        IMAGE,
        False,
    ),
    "residual in training": (lambda: Residual(nn.BatchNorm2d(3)), IMAGE, False),
    "residual, new": (lambda: Residual(nn.GroupNorm(3, 3)), IMAGE, True),
    "transposed": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, groups=1), nn.GroupNorm(2, 4), nn.SiLU(), nn.ConvTranspose2d(4, 2, 3, stride=2), nn.Sigmoid()
        ),
        IMAGE,
        False,
    ),
    "lstm": (lambda: Recurrent(nn.LSTM(6, 3, batch_first=True, bidirectional=True)), SEQUENCE, False),
    "gru": (lambda: Recurrent(nn.GRU(6, 3, num_layers=2, batch_first=True)), SEQUENCE, False),
    "attention": (Attention, SEQUENCE, False),
    "attention, new": (Attention, SEQUENCE, True),
    "transformer, new": (lambda: nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True), SEQUENCE, True),
    "words": (Words, (2, 5, "int64"), False),
    "instance": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 2, 1), nn.InstanceNorm2d(2, affine=True), nn.PReLU(), nn.Upsample(scale_factor=2), nn.AvgPool2d(3)
        ),
        IMAGE,
        False,
    ),
}  # fmt: skip


def exported(module, x, new):
    """The bytes of its file. In training mode, so that nothing is folded."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    if new:
        return torch.onnx.export(
            module, (x,), dynamo=True, verbose=False, optimize=True
        ).model_proto.SerializeToString()
    written = io.BytesIO()
    training = torch.onnx.TrainingMode.TRAINING
    torch.onnx.export(
        module, (x,), written, dynamo=False, training=training, do_constant_folding=False, opset_version=17
    )
    return written.getvalue()


def scattered(parameters, seed=0):
    """Give all parameters other numbers, each of which is nobody else's."""
    generator = numpy.random.default_rng(seed)
    count = sum(parameter.numel() for parameter in parameters)
    numbers = generator.permutation(numpy.linspace(-0.7, 0.9, count).astype("float32"))
    assert len(set(numbers.tolist())) == count
    with torch.no_grad():
        for parameter in parameters:
            here, numbers = numbers[: parameter.numel()], numbers[parameter.numel() :]
            parameter.copy_(torch.from_numpy(here.reshape(parameter.shape)))


def flat(arrays):
    return numpy.concatenate([numpy.ravel(array) for array in arrays])


def a_step_there(call, parameters, x, target, rate=0.1):
    """All numbers before the step, and behind it."""
    before = flat([parameter.detach().numpy().copy() for parameter in parameters])
    loss = ((call(x) - target) ** 2).sum()
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        with torch.no_grad():
            parameter -= rate * gradient
    return before, flat([parameter.detach().numpy() for parameter in parameters])


def a_step_here(content, x, target, rate=0.1, train=True):
    """The same of a model that is read."""
    model = tg.onnx.load(content)
    model.train(train)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    before = flat([parameter.numpy().copy() for parameter in parameters])
    loss = ((model(tg.tensor(x)) - tg.tensor(target)) ** 2).sum()
    loss.backward()
    optim.SGD(parameters, lr=rate).step()
    return before, flat([parameter.numpy() for parameter in parameters])


def compare(there, here):
    """Each number, wherever it is kept, was changed to the same one."""
    before, behind = there
    order = numpy.argsort(before)
    places = order[numpy.searchsorted(before[order], here[0]).clip(max=len(before) - 1)]
    same = before[places] == here[0]
    assert set(places[same]) == {*range(len(before))}, "a weight of PyTorch's is no parameter here"
    assert numpy.abs(behind - before).max() > 1e-3
    numpy.testing.assert_allclose(here[1][same], behind[places[same]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TWINS)
def test_a_network_of_pytorch_takes_the_same_step(name):
    make, shape, new = TWINS[name]
    torch.manual_seed(0)
    module = make().train("new" not in name)
    parameters = list(module.parameters())
    scattered(parameters)
    x = torch.randint(0, 10, shape[:-1]) if shape[-1] == "int64" else torch.randn(shape)
    content = exported(module, x, new)
    target = torch.randn(module(x).shape)
    here = a_step_here(content, x.numpy(), target.numpy(), train=module.training)
    compare(a_step_there(module, parameters, x, target), here)


def keras_networks():
    import keras
    from keras import layers

    return {
        "dense": [keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(2, "softmax")],
        "image": [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, activation="gelu", padding="same"),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(3, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ],
        "sequence": [
            keras.Input((5, 6)),
            layers.TimeDistributed(layers.Dense(4)),
            layers.GRU(3),
            layers.Dense(2, "sigmoid"),
        ],
        "words": [keras.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.LSTM(3), layers.Dense(2)],
    }


@pytest.mark.parametrize("name", ["dense", "image", "sequence", "words"])
def test_a_network_of_keras_takes_the_same_step(name, tmp_path):
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras writes ONNX by PyTorch here")
    model = keras.Sequential(keras_networks()[name])
    parameters = [variable.value for variable in model.trainable_variables]
    scattered(parameters)
    shape = (2, *model.input_shape[1:])
    x = torch.randint(0, 10, shape).to(torch.int32) if name == "words" else torch.randn(shape)
    target = torch.randn(model(x).shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(tmp_path / "net.onnx", format="onnx", verbose=False)
    here = a_step_here(tmp_path / "net.onnx", x.numpy(), target.numpy())
    compare(a_step_there(model, parameters, x, target), here)
