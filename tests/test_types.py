"""What an editor can tell: the types of what users write, and of every public name what it takes, returns and is for."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import numpy
import pytest

import tinygrad_ml
import viz
from tinygrad_ml.onnx import table as read_rows
from tinygrad_ml.onnx.export import table as written_rows

ROOT = Path(__file__).parents[1]

PREPARED = """\
import tinygrad_ml as tg
import viz
from tinygrad_ml import keras, nn, optim
from tinygrad_ml.nn import functional as F


class Network(nn.Module):
    def __init__(self):
        self.hidden = nn.Linear(784, 500)
        self.output = nn.Linear(500, 10)

    def forward(self, x: tg.Tensor, temperature: float = 1.0):
        return self.output(F.relu(self.hidden(x))) / temperature


x = tg.tensor([1.0, 2.0], requires_grad=True)
y = (x * x).sum()
layer = nn.Linear(2, 3)
model = nn.Sequential(layer, nn.ReLU())
network = Network()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
schedule = optim.lr_scheduler.StepLR(optimizer, 10)
dense = keras.layers.Dense(3)
stacked = keras.Sequential([dense])


class Branches(keras.Model):
    def call(self, inputs):
        return dense(inputs), stacked(inputs)


loader = tg.data.DataLoader(tg.data.TensorDataset(x, x), batch_size=2)
"""

KNOWN = {
    "tg.device('cpu')": "Device",
    "x * x": "Tensor",
    "2 * x - 1": "Tensor",
    "x @ x": "Tensor",
    "-x": "Tensor",
    "x > 0": "Tensor",
    "x[0]": "Tensor",
    "x[None, 1:]": "Tensor",
    "x.sum()": "Tensor",
    "x.mean(0, keepdims=True)": "Tensor",
    "x.exp().reshape(2, 1).T": "Tensor",
    "x.shape": "tuple[int, ...]",
    "x.grad": "Tensor | None",
    "x.split(2)": "list[Tensor]",
    "y.backward()": "None",
    "tg.softmax(x)": "Tensor",
    "tg.grad(y, x)": "tuple[Tensor, ...]",
    "tg.vjp(tg.sum, x)[0]": "Tensor",
    "tg.vjp(tg.sum, x)[1](y)": "tuple[Tensor, ...]",
    "tg.jvp(tg.sum, x, x)": "tuple[Tensor, Tensor]",
    "tg.hvp(tg.sum, x, x)": "Tensor",
    "tg.hvp(tg.vecdot, (x, x), (x, x))": "tuple[Tensor, ...]",
    "tg.jacobian(tg.exp, x)": "Tensor",
    "tg.jacobian(tg.add, [x, x])": "tuple[Tensor, ...]",
    "tg.hessian(lambda x: (x**3).sum(), x)": "Tensor",
    "tg.hessian(tg.vecdot, (x, x))[0][1]": "Tensor",
    "tg.linalg.svd(x).U": "Tensor",
    "tg.random.randn(2, 3)": "Tensor",
    "layer(x)": "Tensor",
    "layer.weight": "Parameter",
    "layer.bias": "Parameter | None",
    "layer.in_features": "int",
    "model(x)": "Tensor",
    "network(x)": "Tensor",
    "network(x, temperature=2.0)": "Tensor",
    "network.hidden": "Linear",
    "F.relu(x)": "Tensor",
    "F.conv2d(x, layer.weight)": "Tensor",
    "F.max_pool2d(x, 2)": "Tensor",
    "F.cross_entropy(x, x)": "Tensor",
    "nn.CrossEntropyLoss()(x, x)": "Tensor",
    "model.state_dict()": "dict[str, Tensor]",
    "network.train().eval()": "Network",
    "optimizer.step()": "None",
    "optimizer.step(lambda: y)": "Tensor",
    "optimizer.zero_grad()": "None",
    "schedule.get_last_lr()": "list[float]",
    "len(loader)": "int",
    "keras.Sequential([keras.layers.Dense(10)])": "Sequential",
    "dense(x)": "Tensor",
    "dense(keras.Input((3,)), training=True)": "Tensor",
    "keras.layers.Add()([x, x])": "Tensor",
    "stacked(x)": "Tensor",
    "Branches()(x)": "tuple[Tensor, Tensor]",
    "viz.draw(y)": "Picture",
}
"""What users write, and what type an editor should see."""

WRONG = {
    "layer(x, x)": "Expected 1 positional argument",
    "network(temperature=2.0)": 'missing for parameter "x"',
    "tg.relux(x)": '"relux" is not a known attribute',
    "x.summ()": '"summ"',
    "tg.hessian(3.0, x)": '"f"',
    "nn.Linear(2)": '"out_features"',
    "optim.Adam(model.parameters(), lr='fast')": '"lr"',
}
"""Mistakes, and what an editor should say."""


ROOMS = [
    "tinygrad_ml",
    "tinygrad_ml.nn",
    "tinygrad_ml.nn.functional",
    "tinygrad_ml.nn.init",
    "tinygrad_ml.nn.utils",
    "tinygrad_ml.optim",
    "tinygrad_ml.optim.lr_scheduler",
    "tinygrad_ml.data",
    "tinygrad_ml.data.transforms",
    "tinygrad_ml.linalg",
    "tinygrad_ml.random",
    "tinygrad_ml.training",
    "tinygrad_ml.models",
    "tinygrad_ml.errors",
    "tinygrad_ml.keras",
    "tinygrad_ml.keras.activations",
    "tinygrad_ml.keras.callbacks",
    "tinygrad_ml.keras.constraints",
    "tinygrad_ml.keras.initializers",
    "tinygrad_ml.keras.layers",
    "tinygrad_ml.keras.losses",
    "tinygrad_ml.keras.metrics",
    "tinygrad_ml.keras.models",
    "tinygrad_ml.keras.optimizers",
    "tinygrad_ml.keras.regularizers",
    "tinygrad_ml.keras.utils",
    "viz",
]
"""Where users take names from."""


def offered() -> list[str]:
    """All names of the rooms for what is defined there, or in a file of theirs."""
    names = []
    for room in map(importlib.import_module, ROOMS):
        for name in dir(room):
            home = getattr(getattr(room, name), "__module__", None) or ""
            if name[0] != "_" and (home == room.__name__ or home.startswith(f"{room.__name__}.")):
                names.append(f"{room.__name__}.{name}")
    return names


def readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, list[tuple[int, str, str]]]:
    """Of each program (line, severity, message) of all that pyright tells, as it does where the packages are installed: then
    it takes for private what they do not say that they offer."""
    pytest.importorskip("pyright")
    folder = tmp_path_factory.mktemp("programs")
    installed = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "environment")}))
    installed.mkdir(parents=True)
    for package in (tinygrad_ml, viz, numpy):
        there = Path(package.__path__[0])
        (installed / there.name).symlink_to(there, target_is_directory=True)
    (folder / "known.py").write_text(PREPARED + "".join(f"reveal_type({written})\n" for written in KNOWN))
    (folder / "wrong.py").write_text(PREPARED + "".join(f"{written}\n" for written in WRONG))
    (folder / "readme.py").write_text(readme())
    (folder / "offered.py").write_text("\n".join([*(f"import {room}" for room in ROOMS), *offered()]))
    settings = {
        "typeCheckingMode": "basic",
        "venvPath": str(folder),
        "venv": "environment",
        "reportUnusedExpression": "none",
        "reportMissingImports": "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(folder), "--outputjson"],
        capture_output=True,
        text=True,
    )
    found: dict[str, list[tuple[int, str, str]]] = {}
    for told in json.loads(run.stdout)["generalDiagnostics"]:
        line = told["range"]["start"]["line"] - PREPARED.count("\n")
        found.setdefault(Path(told["file"]).stem, []).append((line, told["severity"], told["message"]))
    return found


def test_an_editor_knows_the_type_of_what_users_write(told):
    seen = {
        line: re.search(r' is "(.*)"$', message)[1] for line, kind, message in told["known"] if kind == "information"
    }
    assert {written: seen.get(line) for line, written in enumerate(KNOWN)} == KNOWN
    assert [message for _, kind, message in told["known"] if kind == "error"] == []


def test_what_is_offered_is_no_package_private(told):
    assert len(offered()) > 500 and {"tinygrad_ml.grad", "tinygrad_ml.nn.Linear", "viz.curves"} <= set(offered())
    assert [message for _, kind, message in told.get("offered", []) if kind == "error"] == []


def test_an_editor_finds_mistakes(told):
    errors = {line: message for line, kind, message in told["wrong"] if kind == "error"}
    assert list(errors) == list(range(len(WRONG)))
    for said, expected in zip(errors.values(), WRONG.values(), strict=True):
        assert expected in said


def test_the_programs_of_the_readme_have_no_error_in_an_editor(told):
    assert told.get("readme", []) == []


# -- every public name ----------------------------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    for package in (tinygrad_ml, viz):
        yield package
        for part in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not part.name.rpartition(".")[2].startswith("_"):
                yield importlib.import_module(part.name)


def defined(owner: ModuleType | type, where: str) -> Iterator[tuple[str, object]]:
    """(name, function, property or class) of what is written in a module, or in a class, and is public."""
    for name, value in vars(owner).items():
        value = getattr(value, "__func__", value)
        if isinstance(value, (FunctionType, type, property)) and getattr(value, "__module__", where) == where:
            if getattr(value, "__name__", "") == "<lambda>":
                continue  # which the annotation of the attribute, or of what has made it, tells of
            visible = not name.startswith("_") or (isinstance(owner, type) and name.endswith("__"))
            yield from [(name, value)] if visible else []


def public() -> Iterator[tuple[str, object, type | None]]:
    """(whole name, what it is, the class that has it) of every public function, class and method."""
    for module in modules():
        for name, value in defined(module, module.__name__):
            if isinstance(value, type) and value.__qualname__ != name:
                continue  # another name for a class that stands elsewhere
            yield f"{module.__name__}.{name}", value, None
            if isinstance(value, type):
                for part, method in defined(value, module.__name__):
                    yield f"{module.__name__}.{name}.{part}", method, value


def functions(value: object) -> list[Callable]:
    """The functions that are annotated: of a property those that read and write it."""
    return [value] if isinstance(value, FunctionType) else [f for f in (value.fget, value.fset) if f is not None]


def test_every_public_function_says_what_it_takes_and_returns():
    missing, count = [], 0
    for name, value, owner in public():
        if isinstance(value, type):
            continue
        for function in functions(value):
            file = sys.modules[function.__module__].__file__
            if inspect.unwrap(function).__code__.co_filename != file:
                continue  # made by a dataclass, or a named tuple
            signature = inspect.signature(function)
            given = list(signature.parameters.values())[0 if owner is None or is_static(owner, function) else 1 :]
            untold = [parameter.name for parameter in given if parameter.annotation is parameter.empty]
            if signature.return_annotation is signature.empty and function.__name__ != "__init__":
                untold.append("→")
            missing += [f"{name}: {', '.join(untold)}"] if untold else []
            count += 1
    assert "\n".join(missing) == ""
    assert count > 1500


def is_static(owner: type, function: Callable) -> bool:
    return function.__name__ != "__new__" and isinstance(vars(owner).get(function.__name__), staticmethod)


def doc_in(owner: type, name: str) -> str | None:
    """The docstring of a method as it stands in this very class."""
    return getattr(vars(owner).get(name), "__doc__", None)


def rows_of_tables() -> set[object]:
    """Functions that are rows of ONNX's tables: which operator each is for, its decorator says."""
    return {row.function for row in read_rows.TABLE.values()} | {
        *written_rows.ROWS.values(),
        *written_rows.CALLS.values(),
    }


def test_every_public_name_says_what_it_is_for():
    """Methods that a subclass defines anew may leave it to the class above; dunders are Python's."""
    missing, count, rows = [], 0, rows_of_tables()
    for name, value, owner in public():
        short = name.rpartition(".")[2]
        if short.startswith("_") or (isinstance(value, FunctionType) and value in rows):
            continue
        said = (
            value.__doc__ if owner is None else next((d for base in owner.__mro__ if (d := doc_in(base, short))), None)
        )
        made = f"{short}("  # how the docstring begins that Python writes for dataclasses and named tuples
        missing += [name] if not said or said.startswith(made) else []
        count += 1
    assert "\n".join(missing) == ""
    assert count > 1800
