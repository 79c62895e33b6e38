"""A strip of layers becomes columns, from left to right; what is no strip, or has frames inside, stays as it is."""

import importlib

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.columns import columns
from viz.render import NoRenderer
from viz.svg import columns_are_in_order, size_of

pytestmark = pytest.mark.host_only


def drawn(model: nn.Module, width: int, **options) -> viz.Picture:
    return viz.draw(model(tg.ones(2, width)), fold=False, **options)


def test_a_long_chain_breaks_where_few_arrows_cross():
    layers = [nn.Linear(4 + i, 5 + i) for i in range(14)]
    picture = drawn(nn.Sequential(*layers), 4)
    column = columns(picture.drawing)
    numbers = list(column.values())
    assert max(numbers) >= 1
    crossing = [edge for edge in picture.drawing.edges if column[edge.source] != column[edge.target]]
    assert len(crossing) == max(numbers)
    assert picture.source.count("constraint=false") == len(crossing)
    sizes = [numbers.count(i) for i in range(max(numbers) + 1)]
    assert max(sizes) - min(sizes) <= 3


def test_what_is_no_strip_or_has_frames_inside_is_one_column():
    short = drawn(nn.Sequential(nn.Linear(4, 5), nn.Tanh()), 4)
    nested = drawn(nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)) for _ in range(8)]), 4)
    facing = drawn(nn.Sequential(*[nn.Linear(4 + i, 5 + i) for i in range(14)]), 4, direction="both")
    x, shared = tg.tensor(1.0, requires_grad=True), tg.tensor(2.0, requires_grad=True)
    for _ in range(12):
        x = (x * shared).tanh() + x
    for picture in (short, nested, facing, viz.draw(x)):
        assert not any(columns(picture.drawing).values())


def svg_of(*lefts: float) -> bytes:
    boxes = "".join(f'<g id="n{i}"><path d="M{left},0 L9,9"/></g>' for i, left in enumerate(lefts))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{boxes}</svg>'.encode()


def test_columns_are_in_order_where_each_lies_to_the_right_of_the_one_before():
    column = {"n0": 0, "n1": 0, "n2": 1}
    assert columns_are_in_order(svg_of(0, 8, 5), column) and not columns_are_in_order(svg_of(6, 8, 5), column)


@pytest.mark.parametrize("in_order", [True, False])
def test_columns_are_kept_if_graphviz_has_them_in_order_and_else_given_up(monkeypatch, in_order):
    monkeypatch.setattr(importlib.import_module("viz.draw"), "columns_are_in_order", lambda svg, column: in_order)
    picture = drawn(nn.Sequential(*[nn.Linear(4 + i, 5 + i) for i in range(14)]), 4)
    try:
        source, svg = picture._laid_out
    except NoRenderer:
        pytest.skip("there is no Graphviz")
    width, height = size_of(svg)
    assert ("constraint=false" in source) == in_order and (height / width < 2.4) == in_order
