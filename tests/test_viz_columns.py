"""A strip of layers becomes columns, from left to right; what is no strip, or has frames inside, stays as it is."""

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.columns import columns
from viz.dot import to_dot
from viz.render import NoRenderer, render
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


def test_columns_stand_from_left_to_right_and_fit_a_page_better():
    try:
        render("digraph {a}", "svg")
    except NoRenderer:
        pytest.skip("there is no Graphviz")
    picture = drawn(nn.Sequential(*[nn.Linear(4 + i, 5 + i) for i in range(14)]), 4)
    source, svg = picture._laid_out
    width, height = size_of(svg)
    strip = size_of(render(to_dot(picture.drawing, in_columns=False), "svg"))
    if "constraint=false" in source:  # else Graphviz would not have them in order, and they were given up
        assert columns_are_in_order(svg, columns(picture.drawing))
        assert height / width < strip[1] / strip[0] / 2
    mirrored = {box: -number for box, number in columns(picture.drawing).items()}
    assert not columns_are_in_order(svg, mirrored) or "constraint=false" not in source
