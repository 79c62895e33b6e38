"""PyTorch's names: what is typed in them is answered with the line to write, and no name of the table is out of date."""

import ast
import copy
import pickle

import pytest
from torch_lines import corrected, lines, names, value

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.errors import ShapeError, SpellingError, SpellingImportError
from tinygrad_ml.nn import functional as F
from tinygrad_ml.spellings import ROWS, rows

pytestmark = pytest.mark.host_only

NAMES = names(tg)
HERE = {
    "x": tg.Tensor,
    "torch": tg,
    "torch.linalg": tg.linalg,
    "nn": nn,
    "F": F,
    "init": nn.init,
    "utils": nn.utils,
    "optim": optim,
    "lr_scheduler": optim.lr_scheduler,
    "data": tg.data,
    "cuda": tg.cuda,
    "autograd": tg.autograd,
    "model": nn.Module,
}
"""Where the names of each place of the table would be, if they were here."""


def table():
    rows("x", "view")  # which reads the table
    return [row for found in ROWS.values() for row in found]


@pytest.mark.parametrize("group", range(4))
def test_a_line_of_pytorchs_runs_after_what_the_errors_say(group):
    for line in lines()[group::4]:
        if line != corrected(line, NAMES):
            with pytest.raises(SpellingError):
                value(line, NAMES)


def test_what_a_row_says_to_write_is_here():
    """The names behind our modules, and the methods of tensors, in all lines of the table."""
    missing = []
    for row in table():
        known = {**row.parameters, row.rest or "": None}
        for node in ast.walk(ast.parse(row.ours if row.ours != "-" else "")):
            if isinstance(node, ast.Attribute):
                owner = ast.unparse(node.value)
                modules = {"tg": tg, "tg.linalg": tg.linalg, "tg.random": tg.random, "tg.data": tg.data, **HERE}
                if owner in modules and owner not in known and not hasattr(modules[owner], node.attr):
                    missing.append(f"{row}: {owner}.{node.attr}")
                if owner in ("x", "input") and owner in known and node.attr not in dir(tg.Tensor):
                    missing.append(f"{row}: {node.attr}")
    assert not missing


def test_what_is_said_to_be_missing_is_missing():
    assert not [row for row in table() if row.ours == "-" and row.name in dir(HERE.get(row.place, object))]
    assert all(row.differs for row in table() if row.ours == "-")
    assert len(table()) > 400


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x.view(2, -1)", "a tensor has no attribute 'view'; here it is x.reshape(2, -1)"),
        ("x.clamp(min=0)", "a tensor has no attribute 'clamp'; here it is x.clip(min=0)"),
        ("x.sum(dim=1, keepdim=True)", "sum() has no 'dim'; here it is x.sum(axis=1, keepdims=True)"),
        ("x.sum(axis=1, keepdim=True)", "sum() has no 'keepdim'; here it is x.sum(axis=1, keepdims=True)"),
        ("x.size(0)", "x.size is a number; here it is x.shape[0]"),
        (
            "torch.cat([x, y], dim=1)",
            "module 'tinygrad_ml' has no attribute 'cat'; here it is torch.concat([x, y], axis=1)",
        ),
        ("x.T.exp().unsqueeze(0)", "a tensor has no attribute 'unsqueeze'; here it is x.T.exp().expand_dims(0)"),
        ("torch.exp(x, out=y)", "exp() has no 'out'; write y = torch.exp(x)"),
        ("F.dropout(x, inplace=True)", "dropout() has no 'inplace'; write F.dropout(x)"),
        ("F.softmax(x, axis=1)", "softmax() has no 'axis'; write F.softmax(x, dim=1)"),
        (
            "torch.zeros(2, device='cuda', pin_memory=True)",
            "zeros() has no 'pin_memory'; here it is torch.zeros(2, device='gpu')",
        ),
        ("x.sum(over=1)", "sum() has no 'over'; it takes (x, axis=None, keepdims=False, dtype=None, **typed)"),
        ("torch.long", "module 'tinygrad_ml' has no attribute 'long'; here it is torch.int64"),
        ("nn.Linear(2, 2).cuda", "a Linear has no attribute 'cuda'; here it is model.to('gpu')"),
        ("torch.jit.script(x)", "module 'tinygrad_ml' has no attribute 'jit': tg.compile(step) compiles"),
    ],
)
def test_the_arguments_given_are_put_in(line, said):
    with pytest.raises(SpellingError) as caught:
        value(line, NAMES)
    assert str(caught.value).replace(", **typed", "") == said.replace(", **typed", "")


def test_without_the_source_tensors_go_by_their_names():
    """As in Python's own prompt, which keeps no lines."""
    images = tg.ones(2, 3)
    with pytest.raises(SpellingError, match=r"images\.reshape\(-1\)$"):
        eval("images.view(-1)", {"images": images})
    with pytest.raises(SpellingError, match=r"tg\.concat\(\[images, images\], axis=1\)$"):
        eval("tg.cat([images, images], dim=1)", {"images": images, "tg": tg})
    with pytest.raises(SpellingError, match=r"x\.reshape\(-1\)$"):
        eval("(images * 2).view(-1)", {"images": images})


AMBIGUOUS = [
    "x.max(1)",
    "x.min(0)",
    "x.sort(1)",
    "x.std(0)",
    "x.var(1)",
    "x.repeat(2, 1)",
    "x.transpose(0, 1)",
    "x.where(x > 0, y)",
]


@pytest.mark.parametrize("line", AMBIGUOUS)
def test_what_two_libraries_mean_by_a_name_is_said(line):
    with pytest.raises(SpellingError, match=r"is PyTorch's; here it is .* \(.*(here|ours|NumPy)"):
        value(line, NAMES)


def test_sizes_or_positions():
    x = tg.arange(4)
    assert [part.tolist() for part in x.split([1, 3])] == [[0], [1, 2, 3]]
    assert [part.tolist() for part in x.split(3)] == [[0, 1, 2], [3]]
    with pytest.raises(ShapeError, match=r"must sum to 4, .* as positions, which NumPy's split takes, .* \[1, 1, 2\]"):
        x.split([1, 2])


def test_a_name_that_is_not_here_is_not_there():
    """`hasattr` is False, and an import says what to import."""
    x = tg.ones(2)
    assert not any(hasattr(x, name) for name in ("view", "clamp", "is_cuda"))
    assert not any(hasattr(tg, name) for name in ("cat", "randn", "long"))
    assert not hasattr(nn.Linear(1, 1), "cuda") and getattr(tg, "cat", None) is None
    with pytest.raises(SpellingImportError, match=r"cannot import 'cat' from 'tinygrad_ml'; here it is tg.concat"):
        from tinygrad_ml import cat  # noqa: F401
    with pytest.raises(SpellingError, match=r"here it is x.reshape\(\*shape\)"):
        getattr(x, "view")  # noqa: B009
    for error in (AttributeError, TypeError):
        with pytest.raises(error, match="clip"):
            x.clamp(0)


def test_a_size_is_a_number():
    x = tg.ones(2, 3)
    assert x.size == 6 and x.size + 1 == 7 and f"{x.size}" == "6" and isinstance(x.size, int)
    assert type(pickle.loads(pickle.dumps(x.size))) is type(copy.copy(x.size)) is int
    with pytest.raises(SpellingError, match=r"x\.shape\[0\]"):
        x.size(0)


def test_errors_of_other_kinds_come_through():
    with pytest.raises(TypeError, match="unexpected keyword argument 'wide'"):
        nn.Linear(2, 2, wide=True)
    with pytest.raises(AttributeError, match="a Linear has no attribute 'nothing'"):
        nn.Linear(2, 2).nothing
    with pytest.raises(AttributeError, match="module 'tinygrad_ml.nn' has no attribute 'Nothing'"):
        nn.Nothing

    class Broken(nn.Module):
        @property
        def hidden(self):
            return self.missing

    with pytest.raises(AttributeError, match="'?missing"):
        Broken().hidden


def test_the_table_is_read_when_somebody_is_wrong():
    """A right call pays for what it says, and not for what it could have said."""
    x = tg.ones(3)
    ROWS.clear()
    (
        x.sum(axis=0),
        x.size,
        x.max(axis=0),
        tg.concat([x, x], axis=0),
        tg.zeros(3),
        nn.Linear(2, bias=True, out_features=3),
    )
    assert not ROWS
