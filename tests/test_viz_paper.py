"""Pictures on paper: letters large enough to be read, labels that lie on nothing, legends no wider than what they explain.

All is measured in the layout that Graphviz returns for the text from which it draws a picture.
"""

import importlib.util
import re
import runpy
import sys
from pathlib import Path

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz import render
from viz.layout import Area, Positions, around, layout_of
from viz.pages import PAGE_POINTS, place
from viz.svg import size_of

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not render._commands("svg"), reason="there is no Graphviz on this machine"),
]

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("networks", ROOT / "tests" / "benchmarks" / "networks.py")
assert _SPEC is not None and _SPEC.loader is not None
networks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(networks)
LENET, RESIDUAL, TRANSFORMER = list(networks.NETWORKS)[:3]
LEAST_POINTS = 8.0


@pytest.fixture(scope="module")
def drawn():
    """The picture of a network, by its name and the options, drawn once."""
    pictures: dict[tuple, viz.Picture] = {}

    def draw(name: str, **options: str) -> viz.Picture:
        key = name, *sorted(options.items())
        if key not in pictures:
            tg.manual_seed(0)
            network, shape = networks.NETWORKS[name]
            pictures[key] = viz.draw(network(nn), input_shape=shape, **options)
        return pictures[key]

    return draw


def smallest_letters(picture: viz.Picture) -> float:
    """In points, on an A4 page."""
    svg = picture.svg.encode()
    wide, high = size_of(svg)
    shrunk = min(1.0, PAGE_POINTS[0] / wide, PAGE_POINTS[1] / high)
    return shrunk * min(map(float, re.findall(rb'font-size="([\d.]+)"', svg)))


def has_helvetica() -> bool:
    """Whether letters are as wide as Helvetica's, as in Arial and in Liberation Sans: "parameters" in 10 points is 51."""
    (found,) = render.lay_out(['digraph { a [label=parameters shape=plain fontsize=10 fontname="Helvetica,Arial"] }'])
    return 72 * float(found["objects"][0]["width"]) < 53


def returned(picture: viz.Picture) -> tuple[Positions, list[Area]]:
    """The layout that Graphviz returns, and the rectangles of all labels outside of boxes."""
    (found,) = render.lay_out([picture._placed.source])
    places = layout_of(found, picture.drawing.frames)
    labels = [*places.labels.values()]
    for thing in found["objects"]:
        if "bb" in thing and "lp" in thing:
            x, y = map(float, thing["lp"].split(","))
            half = 36 * float(thing["lwidth"])
            labels.append(Area(x - half, -y - 5, x + half, -y + 5))  # letters of ten points
    return places, labels


def check_labels(picture: viz.Picture) -> None:
    places, labels = returned(picture)
    boxes = {name: area for name, area in places.boxes.items() if not name.startswith("corner_")}
    assert {item.id for item in picture.drawing.items} <= boxes.keys()
    on_boxes = [(label, name) for label in labels for name, box in boxes.items() if label.meets(box, by=1.0)]
    assert not on_boxes
    assert not [(a, b) for k, a in enumerate(labels) for b in labels[:k] if a.meets(b, by=1.0)]
    areas = list(boxes.values())
    assert not [(a, b) for k, a in enumerate(areas) for b in areas[:k] if a.meets(b)]


def check_legend(picture: viz.Picture) -> None:
    places = picture.layout
    legend = [placed.area for placed in places.frames if placed.frame.kind == "legend"]
    rest = [placed.area for placed in places.frames if placed.frame.kind != "legend"]
    boxes = [places.boxes[item.id] for item in picture.drawing.items]
    ways = [Area(x, y, x, y) for way in places.arrows.values() for x, y in way.points]
    assert len(legend) == 1 and legend[0].width <= around([*boxes, *rest, *ways, *places.labels.values()]).width + 0.1


def test_lenet_is_at_most_fourteen_boxes_on_one_page(drawn):
    picture = drawn(LENET)
    assert len(picture.drawing.items) <= 14
    assert smallest_letters(picture) >= 9  # of ten: it hardly has to be shrunk, wide as the machine's letters may be


@pytest.mark.parametrize("name", [LENET, RESIDUAL, TRANSFORMER])
@pytest.mark.parametrize("options", [{}, {"rankdir": "LR"}, {"direction": "both"}], ids=["down", "right", "both"])
def test_letters_of_networks_can_be_read_on_a_page(drawn, name, options):
    """Where Graphviz has no font as narrow as Helvetica, as where there is only DejaVu, an eighth less."""
    assert smallest_letters(drawn(name, **options)) >= (LEAST_POINTS if has_helvetica() else 7)


@pytest.mark.parametrize("name", [LENET, RESIDUAL, TRANSFORMER])
def test_both_directions_are_no_wider_than_twice_the_one(drawn, name):
    assert drawn(name, direction="both").layout.area.width <= 2 * drawn(name).layout.area.width


def test_gradients_that_are_too_wide_lose_words_before_the_forward_side_does(drawn):
    """Nothing is left out but what the legend says, and a layer called 0 is no number."""
    both = drawn(LENET, direction="both").svg
    assert "∂ReLU 1<" in both and "∂a: ∂y/∂a, or ∂y in a" in both
    assert "∂y in 0<" in both and "∂0" not in both
    assert "48.1 k parameters" in both and "no shape" not in both


def test_gradients_keep_their_words_where_less_room_between_boxes_is_enough():
    network = nn.Sequential(nn.Linear(784, 32), nn.Linear(32, 10))
    forward, both = (viz.draw(network, way, input_shape=(4, 784)) for way in ("forward", "both"))
    assert both.layout.area.width <= 2 * forward.layout.area.width
    assert "∂y in 0<" in both.svg and "∂a:" not in both.svg


@pytest.mark.parametrize("name", [LENET, RESIDUAL, TRANSFORMER])
@pytest.mark.parametrize("options", [{}, {"rankdir": "LR"}, {"direction": "both"}], ids=["down", "right", "both"])
def test_no_label_of_a_network_lies_on_a_box_or_a_label(drawn, name, options):
    check_labels(drawn(name, **options))
    check_legend(drawn(name, **options))


def test_what_is_left_out_to_be_read_on_a_page_is_said(drawn):
    assert "no shape: as what comes in" in drawn(RESIDUAL).svg and "no shape" not in drawn(LENET).svg
    both = drawn(RESIDUAL, direction="both").svg
    assert ("∂a: ∂y/∂a, or ∂y in a" in both) == ("∂conv1<" in both)
    assert "in all: 61.7 k parameters, 3.41 M FLOP, saves 1.04 MB" in drawn(LENET).source


def test_nothing_in_the_pictures_of_the_gallery_lies_on_a_label(monkeypatch, tmp_path):
    pictures = {}
    monkeypatch.setattr(viz.Picture, "save", lambda self, path: pictures.setdefault(path, self) and path)
    monkeypatch.setattr(viz, "explain", lambda what, path: path)
    monkeypatch.setattr(sys, "argv", ["08_gallery.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "examples" / "08_gallery.py"))
    assert len(pictures) == 9
    for picture in pictures.values():
        check_labels(picture)
        check_legend(picture)


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_legends_of_small_pictures_are_narrow_too(direction):
    x = tg.tensor(3.0, requires_grad=True, name="x")
    a = tg.tensor(tg.ones((3, 4)), requires_grad=True, name="a")
    for graph in (x, x * x + x, (a @ tg.ones((4, 2))).tanh().sum()):
        check_legend(viz.draw(graph, direction))


class Bottleneck(nn.Module):
    def __init__(self, width: int):
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.short = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width))

    def forward(self, x):
        y = nn.functional.relu(self.bn1(self.conv1(x)))
        return nn.functional.relu(self.bn2(self.conv2(y)) + self.short(x))


@pytest.mark.parametrize("blocks", [3, 4, 5])
def test_a_frame_that_goes_on_in_another_column_keeps_its_label(blocks):
    network = nn.Sequential(nn.Sequential(*[Bottleneck(8) for _ in range(blocks)]), nn.Flatten())
    placed = place(viz.draw(network, input_shape=(1, 8, 4, 4), fold=False).drawing)
    named = [frame for frame in placed.layout.frames if frame.frame.label]
    assert any(frame.frame.label.startswith("…") for frame in named)
    assert all(frame.label is not None for frame in named)
    for label in placed.layout.frame_labels():
        assert not any(label.meets(box) for box in placed.layout.boxes.values())
