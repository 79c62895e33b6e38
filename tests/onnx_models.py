"""Networks that others trained and use, as ONNX files in packages for Python: read, compared, differentiated, drawn and trained on.

    pip install --no-deps --target models rapidocr-onnxruntime==1.4.4 magika==1.0.3 silero-vad==6.2.3
    python -m tests.onnx_models models            # the folder; without it, packages that are installed
    python -m tests.onnx_models models --draw out # and pictures of the layers

Nothing of these packages is imported: their files are read. Numbers are compared with onnxruntime's, gradients with small steps in
float64, where the same file is another network: it is plain data, and its floats are exchanged.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

import numpy

import tinygrad_ml as tg
import viz
from tinygrad_ml.nn import functional as F
from tinygrad_ml.onnx.graph import OnnxFile, OnnxGraph, OnnxNode, Port
from tinygrad_ml.onnx.reading import read
from tinygrad_ml.optim import SGD

HOW = "pip install --no-deps rapidocr-onnxruntime==1.4.4 magika==1.0.3 silero-vad==6.2.3"


class ForeignModel(NamedTuple):
    """A network from elsewhere.

    package  that has it, and its path in it
    inputs   makes inputs, of about this many pixels or samples
    small    how many are enough for derivatives
    """

    package: str
    path: str
    inputs: Callable[[numpy.random.Generator, int], list[numpy.ndarray]]
    size: int
    small: int

    def file(self, folder: str | None = None) -> Path | None:
        """Where the file is, if the package is installed, or is in the folder."""
        spec = PathFinder.find_spec(self.package, None if folder is None else [folder])
        places = spec.submodule_search_locations if spec is not None else None
        found = Path(next(iter(places))) / self.path if places else None
        return found if found is not None and found.is_file() else None


def _image(height: int | None) -> Callable[[numpy.random.Generator, int], list[numpy.ndarray]]:
    """Images of so many pixels in height, or squares."""
    return lambda generator, size: [generator.standard_normal((1, 3, height or size, size), "float32")]


def _speech(generator: numpy.random.Generator, size: int) -> list[numpy.ndarray]:
    sound = generator.standard_normal((size, 576), "float32") / 10
    return [sound, *(numpy.zeros((1, 1, 128), "float32") for _ in range(2))]


def _bytes(generator: numpy.random.Generator, size: int) -> list[numpy.ndarray]:
    return [generator.integers(0, 256, (size, 2048)).astype("int32")]


_OCR = "rapidocr_onnxruntime"
MODELS = {
    "detector": ForeignModel(_OCR, "models/ch_PP-OCRv4_det_infer.onnx", _image(None), 256, 32),
    "orientation": ForeignModel(_OCR, "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", _image(48), 192, 64),
    "reader": ForeignModel(_OCR, "models/ch_PP-OCRv4_rec_infer.onnx", _image(48), 320, 64),
    "magika": ForeignModel("magika", "models/standard_v3_3/model.onnx", _bytes, 1, 1),
    "silero": ForeignModel("silero_vad", "data/silero_vad_16k_sequence.onnx", _speech, 20, 3),
}


def numbers(model: Callable, inputs: list[numpy.ndarray]) -> list[numpy.ndarray]:
    """What a model computes, as arrays."""
    with tg.no_grad():
        outputs = model(*map(tg.tensor, inputs))
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def difference(path: Path, inputs: list[numpy.ndarray], compiled: bool = False) -> float:
    """How far the largest difference from onnxruntime is."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    theirs = session.run(None, dict(zip([port.name for port in session.get_inputs()], inputs, strict=True)))
    model = tg.onnx.load(path)
    ours = numbers(tg.compile(lambda *inputs: model(*inputs)) if compiled else model, inputs)
    return max(float(numpy.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True))


def in_float64(file: OnnxFile) -> OnnxFile:
    """The same network in float64."""
    return file._replace(graph=_wide_graph(file.graph))


def _wide_graph(graph: OnnxGraph) -> OnnxGraph:
    return graph._replace(
        inputs=tuple(map(_wide_port, graph.inputs)),
        outputs=tuple(map(_wide_port, graph.outputs)),
        nodes=tuple(map(_wide_node, graph.nodes)),
        constants={name: _wide(array) for name, array in graph.constants.items()},
    )


def _wide_port(port: Port) -> Port:
    return port._replace(dtype=numpy.dtype("float64")) if port.dtype == "float32" else port


def _wide_node(node: OnnxNode) -> OnnxNode:
    attributes = {
        name: _wide_graph(value) if isinstance(value, OnnxGraph) else _wide(value)
        for name, value in node.attributes.items()
    }
    if node.operator == "Cast" and attributes["to"] == 1:  # FLOAT, which is DOUBLE now
        attributes["to"] = 11
    return node._replace(attributes=attributes)


def _wide(value: object) -> object:
    return value.astype("float64") if isinstance(value, numpy.ndarray) and value.dtype == "float32" else value


def gradient_errors(path: Path, inputs: list[numpy.ndarray], directions: int, seed: int = 0) -> list[float]:
    """How far derivatives in some directions are from what small steps say, relatively: each of one parameter, along its gradient."""
    model = tg.onnx.OnnxModel(in_float64(read(path)))
    generator = numpy.random.default_rng(seed)
    wide = [tg.tensor(_wide(value)) for value in inputs]
    weights: list[tg.Tensor] = []

    def loss() -> tg.Tensor:
        outputs = model(*wide)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        if not weights:
            weights.extend(tg.tensor(generator.standard_normal(output.shape)) for output in outputs)
        return sum(
            ((output * weight).sum() for output, weight in zip(outputs, weights, strict=True)),
            tg.tensor(0.0, dtype="float64"),
        )

    loss().backward()
    with_gradient = [each for each in model.parameters() if each.grad is not None and float(abs(each.grad).max()) > 0]
    errors = []
    for place in generator.permutation(len(with_gradient))[:directions]:
        parameter = with_gradient[place]
        gradient, before = parameter.grad.numpy(), parameter.numpy().copy()
        along = gradient / numpy.linalg.norm(gradient)
        found = []
        for step in (1e-5, 1e-6, 1e-7):  # the larger ones may step over a kink
            sides = []
            for sign in (1, -1):
                with tg.no_grad():
                    parameter[...] = tg.tensor(before + sign * step * along)
                    sides.append(float(loss()))
            slope = (sides[0] - sides[1]) / (2 * step)
            found.append(abs(slope / numpy.linalg.norm(gradient) - 1))
        with tg.no_grad():
            parameter[...] = tg.tensor(before)
        errors.append(float(min(found)))
    return errors


def layers_drawn(path: Path, inputs: list[numpy.ndarray]) -> viz.Picture:
    """The picture of a network's layers."""
    model = tg.onnx.load(path)
    named = [
        tg.symbol(value.shape, value.dtype, name=name) for value, name in zip(inputs, model.input_names, strict=True)
    ]
    return viz.draw(model, "forward", inputs=named)


def trained_on(path: Path, inputs: list[numpy.ndarray], steps: int = 5) -> list[float]:
    """The losses of some steps that train the reader's last layer, and nothing else, to read something else."""
    last = [name for name in read(path).graph.constants if name.startswith("linear_85.")]
    model = tg.onnx.load(path, trainable=last)
    kept = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    optimizer = SGD([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.1)
    wanted = tg.tensor(numpy.random.default_rng(0).integers(1, 6000, numbers(model, inputs)[0].shape[1]))
    losses = []
    for _ in range(steps):
        loss = F.nll_loss(tg.log(model(tg.tensor(inputs[0]))[0]), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    changed = {name for name, value in model.state_dict().items() if not (value.numpy() == kept[name]).all()}
    assert changed == set(last), f"{changed} changed, and {last} were to"
    return losses


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.onnx_models", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", help="where the packages are, if they are not installed")
    parser.add_argument("--draw", metavar="FOLDER", type=Path, help="where pictures of the layers go")
    options = parser.parse_args()
    missing = [name for name, model in MODELS.items() if model.file(options.folder) is None]
    if missing:
        print(f"there is no file of {', '.join(missing)}: {HOW}")
    good = not missing
    print(f"{'':14}{'parameters':>12}{'from onnxruntime':>18}{'compiled':>10}{'gradients':>11}{'seconds':>9}")
    for name, model in MODELS.items():
        path = model.file(options.folder)
        if path is None:
            continue
        begin, generator = time.perf_counter(), numpy.random.default_rng(0)
        inputs, small = model.inputs(generator, model.size), model.inputs(generator, model.small)
        count = sum(parameter.size for parameter in tg.onnx.load(path).parameters())
        apart, compiled = difference(path, inputs), difference(path, inputs, compiled=True)
        errors = gradient_errors(path, small, 6)
        good &= max(apart, compiled) < 1e-4 and max(errors) < 1e-4
        taken = time.perf_counter() - begin
        print(f"{name:14}{count:12,}{apart:18.1e}{compiled:10.1e}{max(errors):11.1e}{taken:9.1f}")
        if options.draw is not None:
            options.draw.mkdir(parents=True, exist_ok=True)
            layers_drawn(path, inputs).save(options.draw / f"{name}.png")
        if name == "reader":
            losses = trained_on(path, small)
            good &= losses[-1] < losses[0]
            print(f"{'':14}its last layer trained on: {', '.join(f'{loss:.2f}' for loss in losses)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
