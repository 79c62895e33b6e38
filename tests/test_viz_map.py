"""What the page's map is made of: a tree of rooms, each laid out once, whose arrows meet at doors."""

from itertools import pairwise

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from viz.arranging import Arrangement
from viz.known import Known
from viz.plans import plans_of
from viz.render import _commands
from viz.rooms import rooms_of
from viz.strips import BETWEEN_COLUMNS, broken
from viz.telling import tell

needs_graphviz = pytest.mark.skipif(not _commands("svg"), reason="there is no Graphviz on this machine")


class Block(nn.Module):
    """A skip around two layers."""

    def __init__(self):
        self.inner, self.outer = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.outer(self.inner(x).relu())


def network(*middle):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), *middle, nn.Linear(4, 2))
    x = tg.tensor(np.random.default_rng(0).standard_normal((5, 3)), dtype="float32", name="x")
    return nn.functional.cross_entropy(model(x), tg.tensor([0, 1, 1, 0, 1], name="labels"))


def rooms(loss, direction="both", fold=True, limit=1000):
    at = Arrangement([loss.node], direction, None, fold, 10**6, level="operations")
    made, routes = rooms_of(at, direction, Known(at.order, at.outputs, back=direction == "both"), limit)
    return at, {room.id: room for room in made}, routes


LOSSES = {
    "layers": lambda: network(nn.ReLU()),
    "blocks that fold": lambda: network(*[Block() for _ in range(4)]),
    "a pair that folds": lambda: network(*[part for _ in range(4) for part in (nn.Linear(4, 4), nn.ReLU())]),
    "one module called twice": lambda: network(*[shared := nn.Linear(4, 4), nn.ReLU(), shared]),
    "attention": lambda: (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(tg.ones((2, 3, 8))) ** 2).mean(),
    "no modules": lambda: (tg.tensor([1.0, 2.0], requires_grad=True, name="w") ** 2).exp().sum(),
}


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]()


def box_ids(room):
    return [item.id for item in room.drawing.items if item.id not in room.doors]


def test_rooms_are_a_tree_and_each_box_stands_in_one_of_them(loss):
    at, found, _ = rooms(loss)
    ids = [box for room in found.values() for box in box_ids(room)]
    assert len(ids) == len(set(ids)) and next(iter(found)) == ""
    for room in found.values():
        if room.id:
            assert room.id in box_ids(found[room.around])
            assert not room.back or room.back in box_ids(found[room.around])
    for node in at.order:
        place = at.place(node)
        assert place is None or place in ids or node.op.name == "constant_in"


def test_each_step_works_on_a_box_and_along_arrows_of_the_map(loss):
    at, found, routes = rooms(loss)
    boxes = {box for room in found.values() for box in box_ids(room)}
    arrows = {edge.id for room in found.values() for edge in room.drawing.edges}
    steps = tell(at, routes, Known(at.order, at.outputs))
    assert {step.box for step in steps} <= boxes
    assert {arrow for step in steps for arrow in step.arrows} <= arrows
    for step in steps:  # whatever is computed comes from somewhere, and the story says from where
        if step.kind in ("compute", "share") and "constant" not in step.rule:
            assert step.arrows, step


def way(found, room):
    while True:
        yield room
        if not room.id:
            return
        room = found[room.around]


def test_an_arrow_through_a_wall_goes_on_at_its_door(loss):
    """Each piece ends at boxes or doors of its room, and the piece beyond the door is there, up to the room of both ends."""
    _, found, _ = rooms(loss)
    for room in found.values():
        ends = {end for edge in room.drawing.edges for end in (edge.source, edge.target)}
        assert ends <= {*box_ids(room), *room.doors}
        assert set(room.doors) <= ends, "a door that nothing goes through"
        assert len(set(room.doors.values())) == len(room.doors)
        for door in room.doors.values():
            here, outside = (room.back if door.back else room.id), found[room.around]
            partners = {door.partner} | {name for name, other in outside.doors.items() if other == door}
            beyond = [
                edge
                for edge in outside.drawing.edges
                if (edge.source in partners and edge.target == here)
                or (edge.target in partners and edge.source == here)
            ]
            assert beyond, (room.id, door)


def test_the_backward_pass_of_a_call_stands_in_its_room():
    _, found, _ = rooms(network(nn.ReLU()))
    linear = next(room for room in found.values() if room.frame.label == "0")
    kinds = [item.kind for item in linear.drawing.items]
    assert linear.back and kinds.count("parameter") == 2 and kinds.count("gradient") == 4
    turns = [item.turn for item in linear.drawing.items if item.kind == "gradient"]
    assert turns == [1, 2, 3, 4]
    forward = rooms(network(nn.ReLU()), "forward")[1]
    assert not any(room.back for room in forward.values())


def test_names_are_the_same_in_every_room():
    at, found, _ = rooms(network(Block()))
    items = {item.id: item for room in found.values() for item in room.drawing.items}
    assert all(items[at.place(node)].name == at.names[node] for node in at.order if at.place(node) in items)


def test_a_room_with_too_many_boxes_is_refused_with_a_way_out():
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(40):
        y = y.sin()
    with pytest.raises(OptionError, match=r"82 boxes, which is more than limit=50.*nn\.Module.*raise limit="):
        rooms(y, limit=50)
    assert len(rooms(network(*[nn.ReLU() for _ in range(60)]), fold=False, limit=150)[1]) > 60


@needs_graphviz
def test_a_plan_holds_each_box_and_arrow_once_and_no_box_lies_on_another(loss):
    _, found, _ = rooms(loss)
    for room, plan in zip(found.values(), plans_of(list(found.values())), strict=True):
        assert [box["id"] for box in plan["boxes"]] == box_ids(room)
        assert [arrow["id"] for arrow in plan["arrows"]] == [edge.id for edge in room.drawing.edges]
        assert not overlaps(plan)
        for arrow in plan["arrows"]:
            assert (len(arrow["points"]) - 2) % 6 == 0
            assert distance(plan, arrow["from"], arrow["points"][:2]) < 6, arrow
            assert distance(plan, arrow["to"], arrow["points"][-2:]) < 6, arrow


def overlaps(plan):
    places = [box["at"] for box in plan["boxes"]]
    return [
        (one, other)
        for index, one in enumerate(places)
        for other in places[:index]
        if all(one[k] < other[k] + other[k + 2] and other[k] < one[k] + one[k + 2] for k in (0, 1))
    ]


def distance(plan, name, point):
    """How far a point lies from a box, or a door."""
    if name in plan["doors"]:
        return max(abs(a - b) for a, b in zip(plan["doors"][name]["at"], point, strict=True))
    at = next(box["at"] for box in plan["boxes"] if box["id"] == name)
    return max(max(at[k] - point[k], point[k] - at[k] - at[k + 2], 0) for k in (0, 1))


def strip(count, back=True):
    """A chain of boxes, and of their gradients beside it, as Graphviz lays it out."""
    sides = (("n", 0, False), ("g", 150, True)) if back else (("n", 0, False),)
    boxes = [{"id": f"{s}{i}", "back": b, "at": [x, 100 * i, 100, 50]} for s, x, b in sides for i in range(count)]
    arrows = []
    for i in range(count - 1):
        arrows.append(arrow(f"n{i}", f"n{i + 1}", 50, 100 * i + 50, 100 * i + 100))
        if back:
            arrows.append(arrow(f"g{i + 1}", f"g{i}", 200, 100 * i + 100, 100 * i + 50))
    return {"boxes": boxes, "arrows": arrows, "doors": {}}


def arrow(source, target, x, start, end):
    points = [x, start, x, start, x, end, x, end]
    text = {"x": x, "y": (start + end) / 2, "size": 9, "text": "(4,)"}
    return {"from": source, "to": target, "kind": "forward", "points": points, "texts": [text]}


@needs_graphviz
def test_plans_do_not_depend_on_how_many_rooms_one_process_lays_out(monkeypatch):
    _, found, _ = rooms(network(Block()))
    at_once = plans_of(list(found.values()))
    monkeypatch.setattr("viz.plans.TEXT_AT_ONCE", 1)
    assert plans_of(list(found.values())) == at_once


@needs_graphviz
def test_boxes_with_four_corners_are_rectangles():
    _, found, _ = rooms(network(nn.ReLU()))
    boxes = [box for plan in plans_of(list(found.values())) for box in plan["boxes"]]
    assert {box["kind"] for box in boxes} >= {"parameter", "operation", "gradient", "output", "module"}
    for box in boxes:
        tags = {shape["tag"] for shape in box["shapes"]}
        assert ("rect" in tags) == (box["kind"] in ("parameter", "operation", "gradient", "output"))
        for shape in box["shapes"]:
            if shape["tag"] == "rect":
                assert ("rx" in shape) == (box["kind"] != "parameter")
                assert (shape["x"] + shape["width"], shape["y"] + shape["height"]) <= (
                    box["at"][2] + 1,
                    box["at"][3] + 1,
                )
    inner, outer = sorted(
        next(box["shapes"] for box in boxes if box["kind"] == "output"), key=lambda shape: shape["width"]
    )
    assert inner["x"] > outer["x"] == outer["y"] == 0 and inner["height"] < outer["height"]


def test_a_strip_is_broken_into_columns_that_fill_a_window():
    plan = broken(strip(20))
    assert not overlaps(plan)
    wide = max(box["at"][0] + box["at"][2] for box in plan["boxes"])
    high = max(box["at"][1] + box["at"][3] for box in plan["boxes"])
    assert 0.8 < wide / high < 2.5
    for laid in plan["arrows"]:
        assert distance(plan, laid["from"], laid["points"][:2]) == 0
        assert distance(plan, laid["to"], laid["points"][-2:]) == 0
    lefts = {box["id"]: box["at"][0] for box in plan["boxes"]}
    assert all(lefts[f"n{i}"] <= lefts[f"n{i + 1}"] for i in range(19))  # reading goes on to the right
    assert all(lefts[f"g{i}"] >= lefts[f"g{i + 1}"] for i in range(19))  # and so does the gradient
    columns = sorted(set(lefts.values()))
    assert all(other - one >= 100 + BETWEEN_COLUMNS - 5 for one, other in pairwise(columns))


def test_what_is_no_strip_or_a_tangle_stays_as_it_is():
    short, tangle = strip(4), strip(20)
    tangle["arrows"] += [arrow(f"n{i}", f"n{i + 15}", 50, 100 * i + 50, 100 * i + 1500) for i in range(5)]
    for plan in (short, tangle):
        before = repr(plan)
        assert repr(broken(plan)) == before
