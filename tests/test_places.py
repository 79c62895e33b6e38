"""A node remembers in which call of which module, and of which composed function, it was made."""

import gc

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import ShapeError
from tinygrad_ml.graph import topological
from tinygrad_ml.modes import modes

pytestmark = pytest.mark.host_only

F = nn.functional
X = tg.tensor(np.ones((2, 3), "float32"), requires_grad=True)


def places(*outputs):
    """The places of all nodes, outermost first, each once."""
    nodes = topological([output.node for output in outputs])
    return list(dict.fromkeys(place for node in nodes for place in node.scope))


def test_two_modules_of_one_name_are_two_places():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    assert [place.module() for place in places(b(a(X)))] == [a, b]


def test_two_calls_of_one_module_are_two_places_of_that_module():
    cell = nn.Linear(3, 3)
    first, second = places(cell(cell(X)))
    assert first is not second and first.module() is second.module() is cell


def test_a_graph_keeps_no_module_alive():
    output = nn.Sequential(nn.Linear(3, 3), nn.ReLU())(X)
    gc.collect()
    assert [place.module() for place in places(output)] == [None] * 3
    assert [place.kind for place in places(output)] == ["Sequential", "Linear", "ReLU"]


def test_a_composed_function_is_a_place_and_functions_that_it_calls_are_inside():
    labels, scores = tg.tensor([0, 2]), X * 1
    outer, inner = places(F.cross_entropy(scores, labels))
    assert (outer.kind, inner.kind) == ("cross_entropy", "log_softmax") and outer.is_function
    (given,) = outer.given  # the scores are in the graph
    assert (given.name, given.thing(), given.shape) == ("target", labels, (2,))


def test_what_has_gone_leaves_its_shape():
    output = F.conv2d(np.ones((1, 1, 4, 4), "float32"), tg.ones((1, 1, 2, 2), requires_grad=True))
    gc.collect()
    (given,) = places(output)[0].given
    assert (given.name, given.thing(), given.shape, given.dtype) == ("input", None, (1, 1, 4, 4), "float32")


def test_arrays_that_cannot_be_referred_to_are_no_trouble():
    assert F.mse_loss(X.sum(), np.float32(1)).item() == 25
    (given,) = [
        given for place in places(F.mse_loss(X.sum(), np.float32(1))) for given in place.given if given.name == "target"
    ]
    assert given.thing() is None and given.shape == ()


def test_what_has_a_shape_and_no_dtype_is_taken_as_before():
    class Table:
        shape = (2, 3)

        def __array__(self, dtype=None, copy=None):
            return np.zeros(self.shape, "float32")

    assert F.mse_loss(X, Table()).item() == 1


def test_an_error_leaves_the_function_and_names_it():
    with pytest.raises(ShapeError, match=r"^mul in rms_norm: shapes "):
        F.rms_norm(X, (3,), tg.ones(4))
    assert modes.scope == () and not modes.busy


def test_gradients_belong_to_the_call_that_they_are_of():
    cell = nn.Linear(3, 3)
    hidden = cell(X)
    (slope,) = tg.grad((hidden * hidden).sum(), X, create_graph=True)
    forward, *_ = places(hidden)
    assert any(place is forward for place in places(slope))
