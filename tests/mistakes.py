"""The page of the commonest mistakes: `python tests/mistakes.py` writes it anew, and `test_mistakes.py` keeps it true.

Each line of `TYPED` is typed as somebody would who comes from PyTorch, Keras or NumPy, and the page has the message.
"""

from pathlib import Path

from torch_lines import names, value

import tinygrad_ml as tg
from tinygrad_ml import keras, optim

PAGE = Path(__file__).parents[1] / "tinygrad_ml" / "MISTAKES.md"

TYPED = {
    "From PyTorch: names": [
        "x.view(x.shape[0], -1)",
        "x.unsqueeze(0)",
        "x.permute(1, 0)",
        "x.size(0)",
        "tg.cat([x, y], dim=1)",
        "tg.randn(2, 3, device='cuda')",
        "x.clamp(min=0)",
        "x.masked_fill(x < 0, 0)",
        "x.cumsum(dim=0)",
        "x.gather(1, places)",
        "x.float()",
        "tg.tensor([1, 2], dtype=tg.long)",
        "x.clone().detach()",
        "x.add_(y, alpha=2)",
        "tg.bmm(x, y)",
        "model.cuda()",
        "tg.cuda.is_available()",
        "tg.from_numpy(array)",
    ],
    "From PyTorch: arguments": [
        "x.sum(dim=1, keepdim=True)",
        "x.softmax(dim=1)",
        "tg.stack([x, y], dim=0)",
        "tg.add(x, y, alpha=2)",
        "nn.functional.relu(x, inplace=True)",
        "optim.Adam(model.parameters(), lr=1e-3, fused=True)",
        "tg.data.DataLoader(dataset, batch_size=2, num_workers=4, pin_memory=True)",
    ],
    "One name, two meanings": [
        "x.max(1)[0]",
        "x.sort(1)",
        "x.std(0)",
        "x.repeat(2, 1)",
        "x.transpose(0, 1)",
        "x.where(x > 0, y)",
        "x.split([1, 2], axis=1)",
        "tg.Tensor([1, 2])",
    ],
    "From NumPy": [
        "x.copy()",
        "x.astype('complex64')",
        "tg.concatenate([x, y])",
        "if_both = x > 0 and y > 0; if_both",
        "x.numpy().reshape(-1) @ x.reshape(7)",
    ],
    "From Keras": [
        "keras.Sequential([keras.layers.Dense(1)]).fit(array, array)",
        "keras.layers.Dense(units=10, input_dims=3)",
    ],
}
"""Forty lines, by where one comes from."""

SILENT = """\
## What runs, and means something else

These are right calls in both languages, so that no error can tell them apart:

| typed | here | in PyTorch |
|---|---|---|
| `x.std()`, `x.var()` | divide by n, as the Array API standard and NumPy (`correction=0`) | divide by n - 1: `x.std(correction=1)` |
| `x.sort()` | the values | a pair: `x.sort(), x.argsort()` |
| `x.repeat(3)` of a vector | each element three times | three copies side by side: `x.tile(3)` |
| `x.nonzero()` | the places along each axis, a tuple | a table: `tg.stack(x.nonzero(), axis=1)` |
| `tg.equal(x, y)` | element by element | one bool: `bool((x == y).all())` |
| `tg.median(x)` of an even number | the lower of the two in the middle | the same; NumPy's is their mean: `tg.quantile(x, 0.5)` |
| `tg.meshgrid(a, b)` | `indexing="xy"`, as NumPy | `indexing="ij"` |
| `x.data` | the array of NumPy or CuPy | a tensor: `x.detach()` |
"""


def scope() -> dict[str, object]:
    """What the lines speak of."""
    given = names(tg)
    model = tg.nn.Linear(4, 2)
    return {
        **{name: given[name] for name in ("x", "y", "array", "nn")},
        "tg": tg,
        "optim": optim,
        "keras": keras,
        "model": model,
        "places": given["idx"],
        "dataset": tg.data.TensorDataset(given["x"], given["y"]),
    }


def message(line: str) -> str:
    """What is said to somebody who types the line; "" if it runs."""
    try:
        value(line, scope())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def page() -> str:
    """The page, as it is to be."""
    parts = [
        "# Forty mistakes, and what is said about them",
        "",
        "What newcomers from PyTorch, Keras and NumPy type first, and the message that each gets. In these lines `x` and",
        "`y` are tensors of shape (3, 4). The page is made by the tests (`python tests/mistakes.py`); the table behind it is",
        "in [`spellings/tables/`](spellings/tables/__init__.py).",
        "",
    ]
    for title, typed in TYPED.items():
        parts += [f"## {title}", ""]
        for line in typed:
            parts += ["```", f">>> {line}", message(line), "```", ""]
    return "\n".join([*parts, SILENT])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
