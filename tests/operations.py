"""The table of what can be differentiated: each public function, where it is smooth, and what PyTorch calls it.

`test_gradients.py` checks every row numerically, `compare/test_ops_torch.py` against PyTorch, and
`gpu/run.py` the GPU against the CPU. A new function gets a row here.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from checks import words

import tinygrad_ml as tg
from tinygrad_ml.functional import convolution as conv
from tinygrad_ml.functional import cumulative, fourier, pooling
from tinygrad_ml.linalg.inverses import cofactors
from tinygrad_ml.ops.index import assemble


class Operation(NamedTuple):
    """A row: `function` of tensors at `inputs`, and the same `torch(module, *tensors)` where PyTorch has it."""

    name: str
    function: Callable
    inputs: tuple[np.ndarray, ...]
    torch: Callable | None


TABLE: list[Operation] = []


def row(name: str, function: Callable, *inputs: np.ndarray, torch: str | Callable | None = None) -> None:
    """Enter a row; `torch` is a function of the module and the tensors, or its name in the module."""
    if isinstance(torch, str):
        path = torch.split(".")

        def torch(module, *tensors):
            for part in path:
                module = getattr(module, part)
            return module(*tensors)

    TABLE.append(Operation(name, function, inputs, torch))


def _away_from(kinks: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x with what is nearer than 0.05 to a kink moved away from it."""
    near = np.abs(x - kinks) < 0.05
    return np.where(near, x + 0.1, x)


_random = np.random.default_rng(20)
A = _random.standard_normal((3, 4))
A = _away_from(np.round(A * 2) / 2, A)  # no integers, no halves, no zeros
POSITIVE = np.abs(A) + 0.5
UNIT = A / (np.abs(A).max() * 1.1)  # inside of (-1, 1)
ROW = _random.standard_normal(4)
COLUMN = _random.standard_normal((3, 1))
CUBE = _random.standard_normal((2, 3, 4))
SQUARE = _random.standard_normal((3, 3)) + 2 * np.eye(3)
BATCH = _random.standard_normal((2, 3, 3)) + 2 * np.eye(3)
MASK = A > 0
PLACES = np.array([[0, 0, 1, 2], [0, 1, 1, 2], [1, 0, 1, 0]])
ONE_ZERO, TWO_ZEROS = np.ones((3, 4), bool), np.ones((3, 4), bool)
ONE_ZERO[0, 1] = TWO_ZEROS[0, :2] = False

# -- elementwise ---------------------------------------------------------------------------------------

for _name in words(
    "exp expm1 sin cos sinh cosh tanh asinh atan abs square negative sign erf sigmoid relu floor ceil round trunc"
):
    row(_name, getattr(tg, _name), A, torch={"erf": "special.erf"}.get(_name, _name))
row("softplus", tg.softplus, A, torch="nn.functional.softplus")
for _name in words("log log1p log2 log10 sqrt reciprocal"):
    row(_name, getattr(tg, _name), POSITIVE, torch=_name)
for _name in words("asin acos atanh tan"):
    row(_name, getattr(tg, _name), UNIT, torch=_name)
row("acosh", tg.acosh, POSITIVE + 1, torch="acosh")
for _name in words("add subtract multiply divide maximum minimum atan2 hypot logaddexp copysign"):
    row(_name, getattr(tg, _name), A, A[::-1] + 0.3, torch=_name)
    row(f"{_name} of a row", getattr(tg, _name), A, ROW, torch=_name)
    row(f"{_name} of a column and a row", getattr(tg, _name), COLUMN, ROW, torch=_name)
row("xlogy", tg.xlogy, A, np.abs(ROW) + 0.3, torch="special.xlogy")
row("sinc", tg.sinc, A, torch="sinc")
row("sinc near 0", tg.sinc, UNIT / 1e3)
row("round to decimals", lambda x: tg.round(x * 10, 1), A, torch=lambda t, x: t.round(x * 10, decimals=1))
row("nan_to_num", lambda x: tg.nan_to_num(x) ** 3, A, torch=lambda t, x: t.nan_to_num(x) ** 3)
row("remainder", tg.remainder, A, np.abs(ROW) + 1, torch="remainder")
row("remainder by negatives", tg.remainder, A, -np.abs(ROW) - 1, torch="remainder")
row("floor_divide", tg.floor_divide, A, np.abs(ROW) + 1)
row("pow", tg.pow, POSITIVE, ROW, torch="pow")
row(
    "pow of integers",
    lambda x: tg.pow(x, np.arange(4)),
    A,
    torch=lambda t, x: t.pow(x, t.arange(4)),
)
for _exponent in (0, 1, 2, 3, -1, 0.5, -1.5):
    row(f"x ** {_exponent}", lambda x, n=_exponent: x**n, POSITIVE, torch=lambda t, x, n=_exponent: x**n)
row("2 ** x", lambda x: 2**x, A, torch=lambda t, x: 2**x)
row("1 - 2 / x", lambda x: 1 - 2 / x, A, torch=lambda t, x: 1 - 2 / x)
row("x * x + x", lambda x: x * x + x, A, torch=lambda t, x: x * x + x)
row(
    "where",
    lambda a, b: tg.where(MASK, a * a, b * a),
    A,
    ROW,
    torch=lambda t, a, b: t.where(t.from_numpy(MASK), a * a, b * a),
)
row("clip", lambda x: tg.clip(x, -0.5, 0.5) * x, UNIT, torch=lambda t, x: t.clip(x, -0.5, 0.5) * x)
row(
    "clip by tensors",
    lambda x, low: tg.clip(x, low, None),
    A,
    np.abs(ROW) - 0.7,
    torch=lambda t, x, low: t.clip(x, low),
)

# -- reductions ----------------------------------------------------------------------------------------

_axes = {"": {}, " over axis 1": {"axis": 1}, " over axis 0, kept": {"axis": 0, "keepdims": True}}


def _torch_axes(keywords: dict) -> dict:
    return {{"axis": "dim", "keepdims": "keepdim"}[key]: value for key, value in keywords.items()}


for _words, _keywords in _axes.items():
    for _name in words("sum mean prod"):
        row(
            _name + _words,
            lambda x, f=_name, k=_keywords: getattr(tg, f)(x, **k),
            A,
            torch=lambda t, x, f=_name, k=_keywords: getattr(t, f)(x, **_torch_axes(k)),
        )
    for _name, _of_torch in (("max", "amax"), ("min", "amin")):
        row(
            _name + _words,
            lambda x, f=_name, k=_keywords: getattr(tg, f)(x, **k),
            A,
            torch=lambda t, x, f=_of_torch, k=_keywords: getattr(t, f)(x, **_torch_axes(k)),
        )
    for _name in words("var std"):
        for _correction in (0, 1):
            row(
                f"{_name} correction {_correction}{_words}",
                lambda x, f=_name, k=_keywords, c=_correction: getattr(tg, f)(x, correction=c, **k),
                A,
                torch=lambda t, x, f=_name, k=_keywords, c=_correction: getattr(t, f)(
                    x, correction=c, **_torch_axes(k)
                ),
            )
    for _order in (0.5, 1, 2, 3, math.inf, -math.inf):
        row(
            f"norm {_order}{_words}",
            lambda x, k=_keywords, p=_order: tg.norm(x, p, **k),
            A,
            torch=lambda t, x, k=_keywords, p=_order: t.linalg.vector_norm(x, p, **_torch_axes(k)),
        )
    row(
        "logsumexp" + _words,
        lambda x, k=_keywords: tg.logsumexp(x, **k),
        A,
        torch=lambda t, x, k=_keywords: t.logsumexp(x, **(_torch_axes(k) or {"dim": (0, 1)})),
    )
row("sum over (0, 2)", lambda x: x.sum((0, -1)) ** 2, CUBE, torch=lambda t, x: x.sum((0, -1)) ** 2)
row("max over (0, 2)", lambda x: x.max(axis=(0, -1)), CUBE, torch=lambda t, x: x.amax((0, -1)))
row("prod with a zero", lambda x: tg.prod(x * ONE_ZERO, 1), A, torch=lambda t, x: (x * t.from_numpy(ONE_ZERO)).prod(1))
row(
    "prod with two zeros",
    lambda x: tg.prod(x * TWO_ZEROS, 1),
    A,
    torch=lambda t, x: (x * t.from_numpy(TWO_ZEROS)).prod(1),
)
for _axis in (0, 1):
    for _name, _of_torch in (
        ("cumulative_sum", "cumsum"),
        ("cumulative_prod", "cumprod"),
        ("softmax", "softmax"),
        ("log_softmax", "log_softmax"),
    ):
        row(
            f"{_name} along {_axis}",
            lambda x, f=_name, axis=_axis: getattr(tg, f)(x, axis=axis),
            A,
            torch=lambda t, x, f=_of_torch, axis=_axis: getattr(t, f)(x, axis),
        )
for _axis in (0, 1):
    row(f"recurrence along {_axis}", lambda x, a, axis=_axis: cumulative.recurrence_row(x, a, axis=axis), A, -A)
for _axis in (0, 1):
    row(
        f"cumulative_logsumexp along {_axis}",
        lambda x, axis=_axis: tg.cumulative_logsumexp(x, axis),
        A,
        torch=lambda t, x, axis=_axis: t.logcumsumexp(x, axis),
    )
row("diff", lambda x: tg.diff(x, 2) ** 3, A, torch=lambda t, x: t.diff(x, 2) ** 3)
row(
    "diff with ends",
    lambda x, end: tg.diff(x, axis=0, prepend=0, append=end) ** 3,
    A,
    A[:1] + 1,
    torch=lambda t, x, end: t.diff(x, dim=0, prepend=x.new_zeros(1, x.shape[1]), append=end) ** 3,
)
row("cumulative_sum from 0", lambda x: tg.cumulative_sum(x, axis=0, include_initial=True) ** 2, A)

# -- movement ------------------------------------------------------------------------------------------
# What only moves numbers is linear: a cube behind it gives the second derivative something to find.

row("reshape", lambda x: x.reshape(2, -1) ** 3, A, torch=lambda t, x: x.reshape(2, -1) ** 3)
row("flatten", lambda x: x.flatten(1) ** 3, CUBE, torch=lambda t, x: x.flatten(1) ** 3)
row("permute_dims", lambda x: x.permute_dims((2, 0, 1)) ** 3, CUBE, torch=lambda t, x: x.permute(2, 0, 1) ** 3)
row("T", lambda x: x.T**3, A, torch=lambda t, x: x.T**3)
row("matrix_transpose", lambda x: x.mT**3, CUBE, torch=lambda t, x: x.mT**3)
row("swapaxes", lambda x: x.swapaxes(0, 2) ** 3, CUBE, torch=lambda t, x: x.swapaxes(0, 2) ** 3)
row("moveaxis", lambda x: x.moveaxis(0, -1) ** 3, CUBE, torch=lambda t, x: x.moveaxis(0, -1) ** 3)
row(
    "moveaxis of two",
    lambda x: x.moveaxis((2, 0), (0, 1)) ** 3,
    CUBE,
    torch=lambda t, x: x.moveaxis((2, 0), (0, 1)) ** 3,
)
row(
    "expand_dims, squeeze",
    lambda x: x.expand_dims(1).squeeze(1) ** 3,
    A,
    torch=lambda t, x: x.unsqueeze(1).squeeze(1) ** 3,
)
row(
    "broadcast_to",
    lambda x: tg.broadcast_to(x, (2, 3, 4)) ** 3,
    COLUMN,
    torch=lambda t, x: t.broadcast_to(x, (2, 3, 4)) ** 3,
)
row(
    "broadcast_arrays",
    lambda a, b: tg.broadcast_arrays(a, b),
    COLUMN,
    ROW,
    torch=lambda t, a, b: tuple(t.broadcast_tensors(a, b)),
)
row(
    "concat",
    lambda a, b: tg.concat([a, b**2, a**3], axis=0),
    A,
    A[:2] + 1,
    torch=lambda t, a, b: t.concat([a, b**2, a**3], 0),
)
row("stack", lambda a, b: tg.stack([a, b * a], axis=1), A, A + 1, torch=lambda t, a, b: t.stack([a, b * a], 1))
row(
    "split",
    lambda x: [p**3 for p in tg.split(x, [1, 2, 1], axis=1)],
    A,
    torch=lambda t, x: [p**3 for p in t.split(x, (1, 2, 1), 1)],
)
row(
    "split in equal parts",
    lambda x: tg.split(x, 2, axis=1)[-1] ** 3,
    A,
    torch=lambda t, x: t.split(x, 2, 1)[-1] ** 3,
)
row("unstack", lambda x: [p**3 for p in tg.unstack(x, axis=1)], A, torch=lambda t, x: [p**3 for p in x.unbind(1)])
row(
    "meshgrid",
    lambda a, b: [p**3 for p in tg.meshgrid(a, b)],
    ROW,
    COLUMN[:, 0],
    torch=lambda t, a, b: [p**3 for p in t.meshgrid(a, b, indexing="xy")],
)
row("flip", lambda x: x.flip((0, 1)) ** 3 * x, A, torch=lambda t, x: x.flip((0, 1)) ** 3 * x)
row("roll", lambda x: x.roll((1, -2), (0, 1)) * x**2, A, torch=lambda t, x: x.roll((1, -2), (0, 1)) * x**2)
row("roll, flattened", lambda x: x.roll(5) * x**2, A, torch=lambda t, x: x.roll(5) * x**2)
row("tile", lambda x: x.tile((2, 1, 3)) ** 3, A, torch=lambda t, x: x.tile((2, 1, 3)) ** 3)
row("repeat", lambda x: x.repeat(2, axis=1) ** 3, A, torch=lambda t, x: x.repeat_interleave(2, 1) ** 3)
row(
    "repeat, unevenly",
    lambda x: x.repeat([0, 2, 1], axis=0) ** 3,
    A,
    torch=lambda t, x: x.repeat_interleave(t.tensor([0, 2, 1]), 0) ** 3,
)
row("tril", lambda x: x.tril(-1) ** 3, A, torch=lambda t, x: x.tril(-1) ** 3)
row("triu", lambda x: x.triu(1) ** 3, CUBE, torch=lambda t, x: x.triu(1) ** 3)
row("diagonal", lambda x: x.diagonal(1) ** 3, A, torch=lambda t, x: x.diagonal(1) ** 3)
row("diagonal of a batch", lambda x: x.diagonal(-1, 1, 2) ** 3, CUBE, torch=lambda t, x: x.diagonal(-1, 1, 2) ** 3)
row(
    "pad",
    lambda x: x.pad(((1, 2), (2, 0)), constant_values=3) ** 3,
    A,
    torch=lambda t, x: t.nn.functional.pad(x, (2, 0, 1, 2), value=3) ** 3,
)
for _mode, _of_torch in (("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular")):
    row(
        f"pad by {_mode}",
        lambda x, mode=_mode: x.pad(((0, 0), (1, 1), (2, 0)), mode=mode) ** 3,
        CUBE,
        torch=lambda t, x, mode=_of_torch: t.nn.functional.pad(x[None], (2, 0, 1, 1), mode=mode)[0] ** 3,
    )

# -- indexing ------------------------------------------------------------------------------------------

row("slices", lambda x: x[1:, ::2] ** 3, A, torch=lambda t, x: x[1:, ::2] ** 3)
row("negative step", lambda x: x[::-1, -2::-1] ** 3, A)
row("new axes", lambda x: x[None, ..., 1, None] ** 3, CUBE, torch=lambda t, x: x[None, ..., 1, None] ** 3)
row("duplicates", lambda x: x[[0, 0, 2], 1:3] ** 3, A, torch=lambda t, x: x[[0, 0, 2], 1:3] ** 3)
row("pairs of indices", lambda x: x[[0, 2, 0], [1, 1, 1]] ** 3, A, torch=lambda t, x: x[[0, 2, 0], [1, 1, 1]] ** 3)
row("boolean mask", lambda x: x[MASK] ** 3, A, torch=lambda t, x: x[t.from_numpy(MASK)] ** 3)
row("take", lambda x: x.take([[0, 1], [0, 3]], 1) ** 3, A, torch=lambda t, x: x[:, t.tensor([[0, 1], [0, 3]])] ** 3)
row(
    "take_along_axis",
    lambda x: tg.take_along_axis(x, np.array([[0, 0], [1, 3], [2, 2]]), 1) ** 3,
    A,
    torch=lambda t, x: t.take_along_dim(x, t.tensor([[0, 0], [1, 3], [2, 2]]), 1) ** 3,
)
row(
    "take_along_axis, broadcast",
    lambda x: tg.take_along_axis(x, np.array([[2, 0, 1, 0]]).T, 0) ** 3,
    A,
    torch=lambda t, x: t.take_along_dim(x, t.tensor([[2, 0, 1, 0]]).T, 0) ** 3,
)
row("sort", lambda x: x.sort(axis=1) ** 3 * x, A, torch=lambda t, x: x.sort(axis=1)[0] ** 3 * x)
row(
    "sort, descending",
    lambda x: x.sort(axis=0, descending=True) ** 3,
    A,
    torch=lambda t, x: x.sort(axis=0, descending=True)[0] ** 3,
)
row(
    "assemble",  # what the gradients of many slices are added up by
    lambda x, v: (
        x[0]._apply(
            assemble, v[:, 0], v[1, :2], indices=((1,), (slice(1, 4), 0), (1, slice(0, 2))), shape=(4, x.shape[1])
        )
        ** 3
    ),
    A,
    A + 1,
)
row("topk", lambda x: x.topk(2, 1)[0] ** 3, A, torch=lambda t, x: x.topk(2, 1)[0] ** 3)
row(
    "scatter_add",
    lambda x, v: tg.scatter_add(x, np.array([[0, 0, 1, 2], [0, 1, 1, 2]]), v, 0) ** 3,
    A,
    A[:2] + 1,
    torch=lambda t, x, v: x.scatter_add(0, t.tensor([[0, 0, 1, 2], [0, 1, 1, 2]]), v) ** 3,
)
row(
    "index_add",
    lambda x, v: tg.index_add(x, 1, np.array([2, 0, 2]), v, alpha=2) ** 3,
    A,
    A[:, :3] + 1,
    torch=lambda t, x, v: x.index_add(1, t.tensor([2, 0, 2]), v, alpha=2) ** 3,
)
for _reduce, _of_torch in (("sum", "sum"), ("prod", "prod"), ("mean", "mean"), ("max", "amax"), ("min", "amin")):
    for _words, _self in (("", True), (" without x", False)):
        row(
            f"scatter {_reduce}{_words}",
            lambda x, v, r=_reduce, s=_self: tg.scatter(x, PLACES, v, 0, r, s) ** 3,
            A,
            A[::-1] + 1,
            torch=lambda t, x, v, r=_of_torch, s=_self: (
                x.scatter_reduce(0, t.from_numpy(PLACES), v, r, include_self=s) ** 3
            ),
        )
row("scatter", lambda x, v: tg.scatter(x, PLACES, v) ** 3, A, A[::-1] + 1)
row(
    "scatter of ties",
    lambda x: tg.scatter(tg.zeros_like(x), PLACES, x * 0 + 1, 0, "max") * x**2,
    A,
)


def _written(x, values):
    x = x * 1
    x[1:, [0, 2, 0]] = values
    x[0] += values[0, 0]
    return x**3


row("x[i] = v", _written, A, A[:2, :3] + 1)

# -- products ------------------------------------------------------------------------------------------

for _words, _a, _b in (
    ("matrices", A, A.T + 1),
    ("a matrix and a vector", A, ROW),
    ("a vector and a matrix", ROW, A.T),
    ("two vectors", ROW, ROW + 1),
    ("a batch and a matrix", CUBE, A.T),
    ("a matrix and a batch", A.T, CUBE),
    ("two batches", CUBE, CUBE.swapaxes(1, 2) + 1),
    ("batches that broadcast", CUBE[:, None], CUBE[None].swapaxes(2, 3) + 1),
    ("a batch and a vector", CUBE, ROW),
):
    row(f"matmul of {_words}", lambda a, b: (a @ b) ** 2, _a, _b, torch=lambda t, a, b: (a @ b) ** 2)
row("linear", lambda x, w: tg.nn.functional.linear(x, w) ** 2, A, SQUARE @ A, torch=lambda t, x, w: (x @ w.T) ** 2)
row(
    "linear of a batch",
    lambda x, w, b: tg.nn.functional.linear(x, w, b) ** 2,
    CUBE,
    A,
    ROW[:3],
    torch=lambda t, x, w, b: (x @ w.T + b) ** 2,
)
for _subscripts, _operands in (
    ("ij,kj->ki", (A, A + 1)),
    ("ij,jk,kl->il", (A, A.T, A)),
    ("ii->i", (SQUARE,)),
    ("ii", (SQUARE,)),
    ("ij->", (A,)),
    ("...ij,...jk", (CUBE, A.T)),
    ("bij,bkj->bik", (CUBE, CUBE + 1)),
    ("i,j->ij", (ROW, ROW + 1)),
    ("ij,ij->j", (A, A + 1)),
    ("ijk->kji", (CUBE,)),
):
    row(
        f"einsum {_subscripts}",
        lambda *x, s=_subscripts: tg.einsum(s, *x) ** 2,
        *_operands,
        torch=lambda t, *x, s=_subscripts: t.einsum(s, *x) ** 2,
    )
row("outer", lambda a, b: tg.outer(a, b) ** 2, ROW, COLUMN[:, 0], torch=lambda t, a, b: t.outer(a, b) ** 2)
row("kron", lambda a, b: tg.kron(a, b) ** 2, COLUMN, CUBE, torch=lambda t, a, b: t.kron(a, b) ** 2)
row("vecdot", lambda a, b: tg.vecdot(a, b) ** 2, A, ROW, torch=lambda t, a, b: t.linalg.vecdot(a, b) ** 2)
row(
    "cross",
    lambda a, b: tg.linalg.cross(a, b, axis=-2) ** 2,
    CUBE,
    A + 1,
    torch=lambda t, a, b: t.linalg.cross(a, b[None], dim=-2) ** 2,
)
row(
    "tensordot",
    lambda a, b: tg.tensordot(a, b, ([0, 2], [1, 0])) ** 2,
    CUBE,
    A.T[:, :2],
    torch=lambda t, a, b: t.tensordot(a, b, ([0, 2], [1, 0])) ** 2,
)
row(
    "tensordot, 2 axes",
    lambda a, b: tg.tensordot(a, b, 2) ** 2,
    CUBE,
    A,
    torch=lambda t, a, b: t.tensordot(a, b, 2) ** 2,
)


def _squared(parts, *places: int) -> list:
    return [part**2 if place in places else part for place, part in enumerate(parts)]


def _svd(module, x):
    u, s, vt = module.linalg.svd(x, full_matrices=False)
    return [u**2, s, vt**2, u * s[..., None, :] ** 3 @ vt]


def _outside(parts, count: int) -> list:
    """What does not depend on the choice of the columns of U, and rows of Vᵀ, beyond the first ones."""
    u, s, vt = parts
    beyond, below = u[..., count:], vt[..., count:, :]
    return [u[..., :count] ** 2, beyond @ beyond.mT, s**2, below.mT @ below]


for _words, _x in (("", SQUARE), (" of a batch", BATCH)):
    row("inv" + _words, tg.linalg.inv, _x, torch="linalg.inv")
    row("det" + _words, tg.linalg.det, _x, torch="linalg.det")
    row("cofactors" + _words, lambda x: x._apply(cofactors), _x)
    row("log|det|" + _words, lambda x: tg.linalg.slogdet(x)[1], _x, torch=lambda t, x: t.linalg.slogdet(x)[1])
    row("sign of det" + _words, lambda x: tg.linalg.slogdet(x)[0], _x)
    row(
        "cholesky" + _words,
        lambda x: tg.linalg.cholesky(x @ x.mT + tg.eye(3, dtype=x.dtype)),
        _x,
        torch=lambda t, x: t.linalg.cholesky(x @ x.mT + t.eye(3, dtype=x.dtype)),
    )
    row("trace" + _words, lambda x: tg.linalg.trace(x) ** 3, _x, torch=lambda t, x: x.diagonal(0, -2, -1).sum(-1) ** 3)
    row("solve" + _words, tg.linalg.solve, _x, A[:, :2], torch="linalg.solve")
    row(
        "matrix_power" + _words,
        lambda x: tg.linalg.matrix_power(x, 5),
        _x,
        torch=lambda t, x: t.linalg.matrix_power(x, 5),
    )
    row("inverse power" + _words, lambda x: tg.linalg.matrix_power(x, -2), _x)
    row("power 0" + _words, lambda x: tg.linalg.matrix_power(x, 0) @ x**3, _x)
    # The signs of vectors are arbitrary: squares do not depend on them.
    row(
        "eigh" + _words,
        lambda x: _squared(tg.linalg.eigh(x + x.mT), 1),
        _x,
        torch=lambda t, x: _squared(t.linalg.eigh(x + x.mT), 1),
    )
    row("eigvalsh" + _words, lambda x: tg.linalg.eigvalsh(x + x.mT), _x, torch=lambda t, x: t.linalg.eigvalsh(x + x.mT))
for _words, _x in (("", A), (" of a tall matrix", A.T), (" of a batch", CUBE)):
    row("svd" + _words, lambda x: _svd(tg, x), _x, torch=_svd)
    row("all of svd" + _words, lambda x: _outside(tg.linalg.svd(x), min(x.shape[-2:])), _x)
    row("svdvals" + _words, tg.linalg.svdvals, _x, torch="linalg.svdvals")
    row("pinv" + _words, tg.linalg.pinv, _x, torch="linalg.pinv")
    row("qr" + _words, lambda x: _squared(tg.linalg.qr(x), 0, 1), _x)
row(
    "qr of more rows", lambda x: _squared(tg.linalg.qr(x), 0, 1), A.T, torch=lambda t, x: _squared(t.linalg.qr(x), 0, 1)
)
row("all of qr", lambda x: _outside((*tg.linalg.qr(x, mode="complete"), x.mT), 3), A.T)
for _order in ("nuc", 2, -2):
    row(
        f"matrix norm {_order}",
        lambda x, p=_order: tg.linalg.matrix_norm(x, p),
        CUBE,
        torch=lambda t, x, p=_order: t.linalg.matrix_norm(x, p),
    )
row("solve for a vector", tg.linalg.solve, SQUARE, COLUMN[:, 0], torch="linalg.solve")
for _order in ("fro", 1, -1, math.inf, -math.inf):
    row(
        f"matrix norm {_order}",
        lambda x, p=_order: tg.linalg.matrix_norm(x, p),
        CUBE,
        torch=lambda t, x, p=_order: t.linalg.matrix_norm(x, p),
    )

row("matrix_exp", tg.linalg.matrix_exp, SQUARE, torch="linalg.matrix_exp")
row(
    "matrix_exp of a batch",
    lambda x: tg.linalg.matrix_exp(x * 3) * 1e-2,
    BATCH,
    torch=lambda t, x: t.linalg.matrix_exp(x * 3) * 1e-2,
)

# -- convolution and pooling ---------------------------------------------------------------------------

IMAGES = _random.standard_normal((2, 4, 6, 5))
KERNELS = _random.standard_normal((6, 2, 3, 2))
row(
    "convolution",
    lambda x, w, b: conv.convolution(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2) ** 2,
    IMAGES,
    KERNELS,
    _random.standard_normal(6),
    torch=lambda t, x, w, b: t.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2) ** 2,
)
row(
    "convolution, unevenly padded",
    lambda x, w: conv.convolution(x, w, padding=((1, 0), (0, 2)), groups=2) ** 2,
    IMAGES,
    KERNELS,
)
row(
    "convolution of sequences",
    lambda x, w: conv.convolution(x, w, stride=2, padding="valid") ** 2,
    IMAGES[0],
    _random.standard_normal((2, 6, 2)),
    torch=lambda t, x, w: t.conv1d(x, w, stride=2) ** 2,
)
row(
    "convolution_transpose",
    lambda x, w, b: (
        conv.convolution_transpose(x, w, b, stride=2, padding=1, output_padding=1, dilation=1, groups=2) ** 2
    ),
    IMAGES[:, :, :3, :3],
    _random.standard_normal((4, 3, 3, 3)),
    _random.standard_normal(6),
    torch=lambda t, x, w, b: t.conv_transpose2d(x, w, b, 2, 1, 1, 2, 1) ** 2,
)
row("max_pool", lambda x: pooling.max_pool(x, 3, 2, 1) ** 3, IMAGES, torch=lambda t, x: t.max_pool2d(x, 3, 2, 1) ** 3)
row(
    "max_pool of negatives",
    lambda x: pooling.max_pool(x, 2, 1, 1),
    -np.abs(IMAGES),
    torch=lambda t, x: t.max_pool2d(x, 2, 1, 1),
)
row(
    "max_pool, partial windows",
    lambda x: pooling.max_pool(x, 2, 2, ceil_mode=True),
    IMAGES,
    torch=lambda t, x: t.max_pool2d(x, 2, 2, ceil_mode=True),
)
row(
    "avg_pool",
    lambda x: pooling.avg_pool(x, (3, 2), 2, 1) ** 3,
    IMAGES,
    torch=lambda t, x: t.nn.functional.avg_pool2d(x, (3, 2), 2, 1) ** 3,
)
row(
    "avg_pool without padding",
    lambda x: pooling.avg_pool(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    IMAGES,
    torch=lambda t, x: t.nn.functional.avg_pool2d(x, 3, 2, 1, True, False),
)
row(
    "adaptive mean",
    lambda x: pooling.adaptive_pool(x, (4, 2), tg.mean) ** 3,
    IMAGES,
    torch=lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, (4, 2)) ** 3,
)
row(
    "adaptive max",
    lambda x: pooling.adaptive_pool(x, (3, 2), tg.max),
    IMAGES,
    torch=lambda t, x: t.nn.functional.adaptive_max_pool2d(x, (3, 2)),
)

# -- beside the standard: special functions, statistics, Fourier transforms ------------------------------

row("erfc", tg.erfc, A, torch="special.erfc")
row("erfinv", tg.erfinv, UNIT, torch="special.erfinv")
row("cbrt", tg.cbrt, A)
row("i0", tg.i0, A, torch="special.i0")
row("exp2", tg.exp2, A, torch="exp2")
row("rsqrt", tg.rsqrt, POSITIVE, torch="rsqrt")
row("rad2deg", lambda x: tg.deg2rad(x) * tg.rad2deg(x), A, torch=lambda t, x: t.deg2rad(x) * t.rad2deg(x))
row("fmod", tg.fmod, A, np.abs(ROW) + 0.4, torch="fmod")
row("fmod by negatives", tg.fmod, A, -np.abs(ROW) - 0.4, torch="fmod")
for _name in words("logaddexp2 fmax fmin ldexp"):
    row(_name, getattr(tg, _name), A, A[::-1] + 0.3, torch=_name)
row("heaviside", lambda a, b: tg.heaviside(a, b) * b, A, ROW)
for _name in words("ptp median nanmedian nansum nanprod nanmax nanmin nanmean nanvar nanstd"):
    row(_name, lambda x, f=_name: getattr(tg, f)(x, axis=1) ** 2, A)
row(
    "quantile",
    lambda x: tg.quantile(x, [0.2, 0.7], 1),
    A,
    torch=lambda t, x: t.quantile(x, t.tensor([0.2, 0.7], dtype=x.dtype), 1),
)
row("nanquantile", lambda x: tg.nanquantile(x, [0.2, 0.7], 1), A)
row("average", lambda x, w: tg.average(x, 1, abs(w) + 1), A, ROW)
row("corrcoef", tg.corrcoef, A, torch="corrcoef")
row("trapezoid", lambda y, x: tg.trapezoid(y, x) ** 2, A, ROW, torch=lambda t, y, x: t.trapezoid(y, x) ** 2)
row("bincount", lambda w: tg.bincount([0, 2, 2, 1], w, 5) ** 2, ROW)
row("histogram", lambda w: tg.histogram([0.1, 0.4, 0.5, 0.9], 3, (0, 1), w)[0] ** 2, ROW)
row(
    "nancumsum and nancumprod",
    lambda x: tg.nancumsum(x, 1) * tg.nancumprod(x, 1),
    A,
    torch=lambda t, x: t.cumsum(x, 1) * t.cumprod(x, 1),
)


def _spectrum(x, y):
    real, imag = fourier.fft(x, y)
    back = fourier.ifft(real * real, imag, axis=0)
    return back[0] * back[1]


def _spectrum_of_torch(t, x, y):
    z = t.fft.fft(t.complex(x, y))
    back = t.fft.ifft(t.complex(z.real * z.real, z.imag), dim=0)
    return back.real * back.imag


row("fft", _spectrum, A, A[::-1] + 0.3, torch=_spectrum_of_torch)
row(
    "rfft",
    lambda x: fourier.irfft(*(part**2 for part in fourier.rfft(x, 5)), n=7),
    A,
    torch=lambda t, x: t.fft.irfft(t.complex(t.fft.rfft(x, 5).real ** 2, t.fft.rfft(x, 5).imag ** 2), 7),
)
