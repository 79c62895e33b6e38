"""The bare chain rule, which the guide shows, and the walk that the library takes give the same gradients."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.graph import backpropagate, chain_rule


def constants(arrays: tuple, node) -> list[tg.Tensor]:
    return [tg.Tensor(array) for array in arrays]


def leaf(*shape: int) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(sum(shape)).standard_normal(shape), requires_grad=True)


def network() -> tuple[tg.Tensor, list[tg.Tensor]]:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    loss = nn.functional.cross_entropy(model(tg.random.randn(4, 1, 6, 6)), tg.tensor([0, 2, 1, 1]))
    return loss, list(model.parameters())


def used_again() -> tuple[tg.Tensor, list[tg.Tensor]]:
    a, b = leaf(3, 1), leaf(4)
    c = a * b + b  # broadcast, and b used twice
    return ((c * c).sum() + c.max(axis=0).prod() + tg.concat([a, a]).sum()), [a, b]


def flat_parts() -> tuple[tg.Tensor, list[tg.Tensor]]:
    a = leaf(2, 3)
    return (a.floor() * a + a.sign()).mean() + a[[0, 0]].sum(), [a]  # derivatives that are 0 everywhere


@pytest.mark.parametrize("computed", (network, used_again, flat_parts))
def test_both_walks_find_the_same(computed):
    y, leaves = computed()
    nodes = [x.node for x in leaves]
    seeds = {y.node: tg.ones_like(y)}
    bare, found = chain_rule(seeds, constants), backpropagate(seeds, nodes, constants)
    assert set(bare) == set(nodes)
    for node in nodes:
        assert bare[node].dtype == found[node].dtype
        np.testing.assert_array_equal(bare[node].numpy(), found[node].numpy())
