"""Closed boxes never form a circle, however often a graph was differentiated."""

import sys

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.arranging import Arrangement
from viz.asked import asked_of
from viz.known import Known
from viz.levels import LEVELS
from viz.rooms import rooms_of

pytestmark = pytest.mark.host_only


class Force(nn.Module):
    """Minus the slope of an energy."""

    def __init__(self):
        self.energy = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x):
        (slope,) = tg.grad(self.energy(x).sum(), x, create_graph=True)
        return -slope


def slope(y, x):
    return tg.grad(y.sum(), x, create_graph=True)[0]


def penalty(model, x):
    return (slope(model(x), x) ** 2).sum()


def equation(model, x):
    """u″ + u, as for a network that solves a differential equation."""
    u = model(x)
    return ((slope(slope(u, x), x) + u) ** 2).mean()


def third(model, x):
    return (slope(penalty(model, x), x) ** 2).sum()


def fourth(model, x):
    return (slope(third(model, x), x) ** 2).sum()


def adapted(model, x):
    """The loss after a step of gradient descent, which is differentiated too."""
    w, b, *_ = model.parameters()
    slopes = tg.grad((model(x) ** 2).mean(), [w, b], create_graph=True)
    faster = [p - 0.1 * g for p, g in zip((w, b), slopes, strict=True)]
    return (nn.functional.linear(x, *faster) ** 2).mean() + (model(x) ** 2).mean()


def critic(model, x):
    """A gradient penalty beside what the critic says of real and of made things."""
    return model(x).mean() - model(x * 2).mean() + penalty(model, x * 0.5)


def forces(model, x):
    force = Force()
    return (force(force(x)) ** 2).mean()


def arrows(drawing):
    return [
        (edge.source, edge.target) for edge in drawing.edges if edge.kind in ("forward", "idle", "backward", "failed")
    ]


def on_circles(arrows):
    """The boxes on circles, or between two of them."""
    left = {box for arrow in arrows for box in arrow}
    while ends := left - {target for source, target in arrows if source in left}:
        left -= ends
    return left


@pytest.fixture(params=[penalty, equation, third, fourth, adapted, critic, forces], ids=lambda loss: loss.__name__)
def loss(request):
    tg.manual_seed(0)
    x = tg.tensor(tg.random.rand(4, 3), requires_grad=True, name="x")
    return request.param(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), x)


@pytest.mark.parametrize(
    "options", [*({"level": level} for level in LEVELS), *({"depth": depth} for depth in range(3))]
)
def test_no_picture_goes_in_a_circle(loss, options):
    for direction in ("forward", "backward", "both"):
        assert not on_circles(arrows(viz.draw(loss, direction, values=False, **options).drawing))


def test_no_room_of_a_page_has_a_circle(loss):
    outputs = asked_of([loss.node], sys._getframe()).outputs
    at = Arrangement(outputs, "both", None, True, 10**6, level="operations")
    rooms, _ = rooms_of(at, "both", Known(at.order, at.outputs, values=False), 1000)
    assert len(rooms) > 4
    for room in rooms:
        assert not on_circles(arrows(room.drawing)), room.frame


def test_what_walks_do_in_a_layer_later_is_said_to_be_again():
    tg.manual_seed(0)
    x = tg.tensor(tg.random.rand(4, 3), requires_grad=True, name="x")
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    picture = viz.draw(third(model, x), level="layers")
    again = [box for box in picture.drawing.items if box.aside == "again"]
    assert again and {box.kind for box in again} == {"module"}
    assert not any("again" in box.aside for box in viz.draw(penalty(model, x), level="layers").drawing.items)
    assert not any(
        "call" in box.aside for box in picture.drawing.items
    )  # each is called once, however often one walks over it
