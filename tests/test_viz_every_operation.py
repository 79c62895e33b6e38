"""Every operation can be drawn and stepped through, whatever the sizes, before and after `backward`."""

import re

import numpy as np
import operations
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError

pytestmark = pytest.mark.host_only


def leaf(value):
    return tg.tensor(np.asarray(value, np.float32), requires_grad=True)


def _shown(picture):
    """What stands in the boxes: values and gradients in words."""
    gradients = [box.gradient and (box.gradient.note or box.gradient.numbers.text()) for box in picture.drawing.items]
    return [
        (box.name, box.value and box.value.text(), g) for box, g in zip(picture.drawing.items, gradients, strict=True)
    ]


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_an_operation_of_the_table(operation):
    inputs = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in operation.inputs]
    result = operation.function(*inputs)
    loss = (result[0] if isinstance(result, (tuple, list)) else result).sum()
    before = viz.draw(loss, direction="both" if loss.requires_grad else "forward")
    assert "digraph" in before.source
    if loss.requires_grad:
        assert len(viz.steps(loss, check=False)) > 1
        loss.backward()
        assert "digraph" in viz.draw(loss).source
        assert _shown(viz.draw(loss, direction="both")) == _shown(before)  # though all that was saved is gone


ODD_SIZES = {
    "numbers stacked": lambda: tg.stack([leaf(1), leaf(2)]).sum(),
    "a number repeated": lambda: tg.broadcast_to(leaf(1), (3,)).sum(),
    "single elements joined": lambda: tg.concat([leaf([1]), leaf([2])]).sum(),
    "a product as a tree": lambda: tg.prod(leaf([1, 2, 3])),
    "nothing at all": lambda: leaf(np.zeros((0, 3))).sum(),
    "one element, many axes": lambda: (leaf([[[2]]]) * leaf([[3]])).sum(),
    "a leaf itself": lambda: leaf([1, 2]).sum() * 0 + leaf(1),
}


@pytest.mark.parametrize("make", ODD_SIZES.values(), ids=ODD_SIZES)
def test_an_odd_size(make, tmp_path):
    loss = make()
    for direction in ("forward", "backward", "both"):
        assert "digraph" in viz.draw(loss, direction=direction).source
    assert len(viz.steps(loss)) > 1
    viz.explain(loss, tmp_path / "page.html")


def test_a_closed_module_has_a_label_that_graphviz_reads():
    source = viz.draw(nn.Sequential(nn.Linear(8, 8), nn.ReLU()), input_shape=(2, 8), depth=0).source
    assert not re.search(r"<FONT[^>]*></FONT>", source) and "Sequential" in source


def test_what_cannot_be_drawn_so_is_said(tmp_path):
    y = leaf(1) * 2
    with pytest.raises(OptionError, match="depth is a number of levels, 0 or more, or None, and not -1"):
        viz.draw(y, depth=-1)
    with pytest.raises(OptionError, match="there is no folder .*nowhere; make it first"):
        viz.draw(y).save(tmp_path / "nowhere" / "x.svg")
    with pytest.raises(OptionError, match=r"a page is saved as \.html, not 'x.svg'"):
        viz.explain(y, tmp_path / "x.svg")
