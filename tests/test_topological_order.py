"""The order of the nodes' numbers is a topological one, for data that meets the graph only in an operation too."""

import tinygrad_ml as tg
from tinygrad_ml.graph import topological


def test_every_node_comes_after_its_inputs():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (tg.tensor([3.0, 4.0]) * x).sum() * 2.0 + tg.where(tg.tensor([True, False]), x, 0.5)
    order = topological([y.node])
    position = {node: place for place, node in enumerate(order)}
    assert all(position[parent] < position[node] for node in order for parent in node.inputs)


def test_a_node_is_on_the_device_of_its_tensors_also_where_a_number_comes_first(device):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert (2 ** (1 - x)).node.device == x.device == device
