"""A long picture becomes columns, or rows where it is read to the right: nothing is lost, and arrows go from box to box."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from viz import render
from viz.dot import CONTINUED, ends_of

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not render._commands("svg"), reason="there is no Graphviz on this machine"),
]


def drawn(model: nn.Module, width: int, **options) -> viz.Picture:
    return viz.draw(model, input_shape=(2, width), fold=False, **options)


def chain(count: int) -> nn.Sequential:
    return nn.Sequential(*[nn.Linear(4 + i, 5 + i) for i in range(count)])


class Block(nn.Module):
    def __init__(self, width: int, out: int):
        self.one, self.other, self.shortcut = nn.Linear(width, out), nn.Linear(out, out), nn.Linear(width, out)

    def forward(self, x):
        return (self.other(self.one(x).tanh()) + self.shortcut(x)).tanh()


def columns(picture: viz.Picture) -> list[list[str]]:
    """The ids of boxes in columns, or rows: a box that is not further on than the one before begins another."""
    along = 0 if "rankdir=LR" in picture.source else 1
    boxes = {item.id: picture.layout.boxes[item.id].middle[along] for item in picture.drawing.items}
    found: list[list[str]] = []
    for name, place in boxes.items():
        if not found or place < boxes[found[-1][-1]]:
            found.append([])
        found[-1].append(name)
    return found


def check(picture: viz.Picture) -> None:
    """Every box has a place that no other shares, and every arrow goes from its box to its box."""
    layout, drawing = picture.layout, picture.drawing
    boxes = {item.id: layout.boxes[item.id] for item in drawing.items}
    areas = list(boxes.values())
    assert not any(one.meets(other) for k, one in enumerate(areas) for other in areas[:k])
    for edge in drawing.edges:
        way = layout.arrows[edge.id]
        tail, head = ends_of(edge, drawing)
        for (x, y), box in ((way.start or way.points[0], boxes[tail]), (way.end or way.points[-1], boxes[head])):
            assert box.left - 3 < x < box.right + 3 and box.top - 3 < y < box.bottom + 3, (edge, way, box)
        assert len(way.points) % 3 == 1
    for item in drawing.items:
        for frame in item.path:
            around = [placed.area for placed in layout.frames if placed.frame.id == frame]
            x, y = boxes[item.id].middle
            assert sum(area.left < x < area.right and area.top < y < area.bottom for area in around) == 1


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_a_long_chain_breaks_and_is_read_on_from_column_to_column(rankdir):
    picture = drawn(chain(24), 4, rankdir=rankdir)
    found = columns(picture)
    check(picture)
    assert len(found) > 1 and max(map(len, found)) - min(map(len, found)) < 8
    wide, high = picture.layout.area.width, picture.layout.area.height
    assert high / wide < 2.5 if rankdir == "TB" else wide / high < 2.5
    frames = [placed.frame.label for placed in picture.layout.frames if placed.frame.kind != "legend"]
    assert frames == ["Sequential"]  # which goes around all columns


def test_what_fits_on_a_page_and_what_is_a_tangle_is_one_column():
    short = drawn(nn.Sequential(nn.Linear(4, 5), nn.Tanh()), 4)
    x = tg.tensor(1.0, requires_grad=True, name="x")
    shared = [tg.tensor(2.0, requires_grad=True) for _ in range(6)]
    for step in range(24):
        x = (x * shared[step % 6]).tanh() + x
    for picture in (short, viz.draw(x)):
        check(picture)
        boxes = picture.layout.boxes
        assert all(boxes[edge.source].top < boxes[edge.target].top for edge in picture.drawing.edges)
        assert not any(placed.frame.label.startswith(CONTINUED) for placed in picture.layout.frames)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_blocks_in_blocks_with_shortcuts_keep_all_arrows(direction, rankdir):
    blocks = [nn.Sequential(Block(4 + k, 6 + k), Block(6 + k, 5 + k)) for k in range(4)]
    picture = drawn(nn.Sequential(*blocks), 4, direction=direction, rankdir=rankdir)
    check(picture)


class Mix(nn.Module):
    """Layers with skips: a number says how many layers back the input that is added comes from."""

    def __init__(self, skips):
        self.skips, self.layers = skips, nn.ModuleList([nn.Linear(3, 3) for _ in skips])

    def forward(self, x):
        before = [x]
        for skip, layer in zip(self.skips, self.layers, strict=True):
            x = layer(x)
            if 0 < skip <= len(before):
                x = x + before[-skip]
            before.append(x)
        return x


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=8, max_size=40), st.sampled_from(["TB", "LR"]), st.booleans())
def test_whatever_the_skips_nothing_is_lost(skips, rankdir, both):
    check(
        drawn(nn.Sequential(Mix(skips), nn.Linear(3, 2)), 3, rankdir=rankdir, direction="both" if both else "forward")
    )


def test_a_frame_that_is_broken_says_that_it_goes_on():
    class Net(nn.Module):
        def __init__(self):
            self.first, self.second = chain(20), nn.Sequential(nn.Linear(24, 3), nn.Tanh(), nn.Linear(3, 3))

        def forward(self, x):
            return self.second(self.first(x))

    picture = drawn(Net(), 4)
    labels = [placed.frame.label for placed in picture.layout.frames]
    assert "Net" in labels and "first" in labels and f"{CONTINUED}first" in labels
    assert f"{CONTINUED}Net" not in labels


def test_the_direction_of_reading_is_tb_or_lr():
    with pytest.raises(OptionError, match=r"rankdir is 'TB', from top to bottom, or 'LR'.*not 'down'"):
        drawn(chain(2), 4, rankdir="down")
    down, right = drawn(chain(3), 4), drawn(chain(3), 4, rankdir="LR")
    assert down.layout.area.height > down.layout.area.width
    first, last = (right.layout.boxes[item.id] for item in right.drawing.items if item.name in ("0", "2"))
    assert last.left > first.right and abs(last.middle[1] - first.middle[1]) < 40


def test_the_same_picture_is_laid_out_alike():
    def source():
        tg.manual_seed(1)
        return drawn(chain(24), 4)._placed.source

    assert source() == source()


def test_frames_hold_the_labels_of_the_arrows_in_them_and_the_frames():
    a, b = (tg.tensor(value, requires_grad=True, name=name) for name, value in (("a", 2.0), ("b", -3.0)))
    second = tg.grad((a * b).tanh(), a, create_graph=True)[0]
    for picture in (viz.draw((a * b + a).tanh(), "both"), viz.draw(second * a)):
        layout, drawing = picture.layout, picture.drawing
        inside = {frame: {item.id for item in drawing.items if frame in item.path} for frame in drawing.frames}
        held = 0
        for placed in layout.frames:
            members = inside.get(placed.frame.id, set())
            for edge in drawing.edges:
                if edge.id in layout.labels and {edge.source, edge.target} <= members:
                    label = layout.labels[edge.id]
                    assert placed.area.left <= label.left and label.right <= placed.area.right, edge
                    held += 1
            for other in layout.frames:
                if other is not placed and inside.get(other.frame.id) and inside[other.frame.id] <= members:
                    assert placed.area.left <= other.area.left and other.area.right <= placed.area.right
        assert held
