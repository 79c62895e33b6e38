"""`tinygrad-ml port`: scripts of PyTorch's run in the names of this library, and what cannot be turned says why."""

import ast
import contextlib
import io
import itertools
import re
from pathlib import Path

import pytest

from tinygrad_ml import cli
from tinygrad_ml.errors import DataError
from tinygrad_ml.porting import ported

pytestmark = pytest.mark.host_only
SCRIPTS = {
    path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).with_name("torch_scripts").glob("*.py")
}
NOT_TURNED = {
    "custom_function": ("torch.autograd.Function", "torch.backends.cudnn.benchmark", "torch.cuda.amp.GradScaler")
}
"""Scripts that cannot be turned altogether, and what is said to be missing."""


def run(text: str) -> str:
    """What a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "ported", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def notes(text: str) -> list[str]:
    return re.findall(r"^[ \t]*# port: (.*)$", text, re.MULTILINE)


def turned(lines: str, before: str = "import torch\n") -> str:
    """Lines behind `import torch`, turned."""
    text = ported(before + lines)
    ast.parse(text)
    return text.split("\n", 1)[1] if before else text


def test_there_are_twenty_scripts():
    assert len(SCRIPTS) >= 20 and NOT_TURNED.keys() <= SCRIPTS.keys()


@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() - NOT_TURNED.keys()))
def test_a_script_runs_to_its_end(name):
    text = ported(SCRIPTS[name], name)
    assert not notes(text) and "torch" not in {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)
    }
    assert len(re.findall(r"\d\.\d+", run(text))) >= 4
    assert ported(text) == text
    comments = [line.partition("#")[2] for line in SCRIPTS[name].splitlines() if "#" in line]
    assert all(comment in text for comment in comments)


@pytest.mark.parametrize("name", sorted(NOT_TURNED))
def test_what_has_no_counterpart_keeps_its_line_and_has_a_comment(name):
    text = ported(SCRIPTS[name], name)
    ast.parse(text)
    assert [said.partition(":")[0] for said in notes(text)] == list(NOT_TURNED[name])
    lines = text.splitlines()
    for above, line in itertools.pairwise(lines):
        if above.lstrip().startswith("# port:"):
            assert line in SCRIPTS[name].splitlines()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("x.view(-1, 784)  # flat", "x.reshape(-1, 784)  # flat"),
        ("n = x.size(0)", "n = x.shape[0]"),
        ("p = x.max(1)[1]", "p = x.argmax(axis=1)"),
        ("p = x.max(dim=1).indices", "p = x.argmax(axis=1)"),
        ("v, p = torch.max(out, 1)", "v, p = out.max(axis=1), out.argmax(axis=1)"),
        ("_, p = torch.max(out, 1)", "p = out.argmax(axis=1)"),
        ("y = (a + b).sum(dim=1, keepdim=True)", "y = (a + b).sum(axis=1, keepdims=True)"),
        ("y = x.clone().detach()", "y = (x * 1).detach()"),
        ("y = -x.sub(a - b)", "y = -(x - (a - b))"),
        ("y = torch.cat([a, b], dim=1)", "y = tg.concat([a, b], axis=1)"),
        ("y = torch.softmax(x, dim=1)", "y = x.softmax(axis=1)"),
        ("y = torch.nn.functional.softmax(x, dim=1)", "y = tg.nn.functional.softmax(x, dim=1)"),
        ("y = torch.arange(a, b)", "y = tg.arange(a, b)"),
        ("y = x.std()", "y = x.std(correction=1)"),
        ("y = x.to(torch.float32)", "y = x.astype(tg.float32)"),
        ("y = x.to(device, non_blocking=True)", "y = x.to(device)"),
        ("y = x.permute(0, 2, 1).contiguous()", "y = x.permute_dims((0, 2, 1))"),
        ('torch.save(m.state_dict(), "m.pt")', 'tg.save("m.pt", m.state_dict())'),
        ("m.load_state_dict(torch.load(p))", "m.load_state_dict(tg.load(p))"),
        ('d = torch.device("cuda:0")', 'd = tg.device("gpu:0")'),
        ("@torch.no_grad()\ndef f(x: torch.Tensor): ...", "@tg.no_grad()\ndef f(x: tg.Tensor): ..."),
        ("w.data -= 0.1 * w.grad.data", "w.assign(w.detach() - (0.1 * w.grad.detach()))"),
        ("y = f(x).clamp_(min=0)", "y = f(x).clip(min=0)"),
        ("w = torch.ones(3).requires_grad_(True)", "w = tg.ones(3)\nw.requires_grad = True"),
        ("torch.nn.init.zeros_(p.data)", "tg.nn.init.zeros_(p)"),
        ("w = torch.empty(3).uniform_(0, 1)", "w = tg.nn.init.uniform_(tg.empty(3), a=0, b=1)"),
        ("w.add_(g, alpha=-0.1)", "w += -0.1 * g"),
        ("print(f'{x.size(0)} {x.mean():.3f}')", "print(f'{x.shape[0]} {x.mean():.3f}')"),
        ("model = torch.nn.Linear(2, 1)\nmodel.double()", "model = tg.nn.Linear(2, 1)\nmodel.to(dtype='float64')"),
    ],
)
def test_one_line(theirs, ours):
    assert turned(theirs) == ours


@pytest.mark.parametrize(
    "line",
    [
        "words = 'a b'.split()",
        "seen.add(1)",
        "numbers.sort()",
        "words = line.split(',')",
        "import numpy as np\ny = np.ones(3).std()",
        "import numpy as np\na = np.ones(3)\ny = a.std(axis=0)",
        "class A:\n    def outer(self, x): ...\n\nA().outer(3)",
        "d = {'a': 1}.values()[0]",
    ],
)
def test_what_is_not_a_tensors_stays(line):
    assert turned(line) == line


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("import torch.nn as nn\n", "import tinygrad_ml.nn as nn\n"),
        ("import torch.nn.functional as F\n", "import tinygrad_ml.nn.functional as F\n"),
        ("from torch import nn, optim\n", "from tinygrad_ml import nn, optim\n"),
        ("from torch.utils.data import DataLoader, Dataset\n", "from tinygrad_ml.data import DataLoader, Dataset\n"),
        ("import torch.nn\nimport torch\n", "import tinygrad_ml as tg\n"),
        ("import torch as th\ny = th.zeros(3)\n", "import tinygrad_ml as th\ny = th.zeros(3)\n"),
        ("from torch import randn\ny = randn(3)\n", "import tinygrad_ml as tg\ny = tg.random.randn(3)\n"),
        (
            "import os, torch\ntg = 1\ny = torch.zeros(tg)\n",
            "import os, tinygrad_ml\ntg = 1\ny = tinygrad_ml.zeros(tg)\n",
        ),
        (
            "try:\n    import torchvision\nexcept ImportError:\n    raise\n",
            "try:\n    pass\nexcept ImportError:\n    raise\n",
        ),
        (
            "'Doc.'\nif 1:\n    from torch import randn\n    y = randn(3)\n",
            "'Doc.'\nimport tinygrad_ml as tg\nif 1:\n    y = tg.random.randn(3)\n",
        ),
        ("from torchvision.datasets import MNIST\n", "from tinygrad_ml.data import MNIST\n"),
    ],
)
def test_imports(theirs, ours):
    assert turned(theirs, before="") == ours


def test_a_comment_names_what_is_lost():
    assert "has no batch_sampler= here" in turned("loader = torch.utils.data.DataLoader(d, batch_sampler=s)")
    assert "there are no complex tensors" in turned("y = torch.complex(a, b)")
    assert "there is no" not in turned("y = torch.exp(a)")
    lines = "d = datasets.MNIST('.', transform=transforms.{}())\n"
    images = "from torchvision import datasets, transforms\n"
    assert "# port: torchvision.transforms.CenterCrop: it is not here" in ported(images + lines.format("CenterCrop"))
    assert ported(images + lines.format("ToTensor")).endswith("\n" + lines.format("ToFloat"))


def test_a_script_without_torch_comes_back_as_it_was():
    text = "import numpy as np\n\nx = np.ones(3).clip(0, 1)   # a comment\ny = x.view(3)\n"
    assert ported(text) == text


def test_what_is_no_python_is_said():
    with pytest.raises(DataError, match=r"train\.py, line 2 is not Python that can be read"):
        ported("import torch\nx = = 3\n", "train.py")


def test_the_script_is_never_run(tmp_path):
    there = tmp_path / "there"
    ported(f"import torch\nopen({str(there)!r}, 'w').write('run')\nraise SystemExit(3)\n")
    assert not there.exists()


def test_the_command(tmp_path, capsys):
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\nx = torch.ones(2).view(2, 1)\ntorch.backends.cudnn.benchmark = True\n", encoding="utf-8"
    )
    assert cli.main(["port", str(script)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("import tinygrad_ml as tg\nx = tg.ones(2).reshape(2, 1)\n# port: ")
    assert "1 comment says what could not be turned" in said.err
    assert cli.main(["port", str(script), "-o", str(tmp_path / "ours.py")]) == 0
    assert (tmp_path / "ours.py").read_text(encoding="utf-8") == said.out
    script.write_text("def\n", encoding="utf-8")
    assert cli.main(["port", str(script)]) == 2 and "is not Python" in capsys.readouterr().err
    assert cli.main(["port", str(tmp_path / "no.py")]) == 2


def test_data_of_ones_own_is_left_alone():
    text = "import torch\n\n\nclass Rows:\n    def __init__(self, v):\n        self.data = v\n        self.n = len(self.data)\n"
    turned = ported(text, "rows.py")
    assert "self.data = v" in turned and "len(self.data)" in turned
