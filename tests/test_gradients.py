"""Every derivative of the table, against finite differences to third order."""

import operations
import pytest

import tinygrad_ml as tg
from tinygrad_ml.modes import watching
from tinygrad_ml.ops import PRIMITIVES


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_gradients_of_three_orders(operation):
    tg.gradcheck(operation.function, operation.inputs, order=3)


def test_the_table_covers_every_primitive_with_a_gradient():
    seen = {"constant_in"}  # which `grad` itself applies
    with watching(lambda primitive, *_: seen.add(primitive.name)):
        for operation in operations.TABLE:
            operation.function(*[tg.tensor(x) for x in operation.inputs])
    missing = {name for name, primitive in PRIMITIVES.items() if primitive.gradient} - seen
    assert missing == {"transfer"}  # which one device does not need; see test_devices
