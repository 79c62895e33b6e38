"""Two backward passes that face each other: what is drawn is what was computed."""

import pickle

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml.errors import OptionError


def walk(numbers, weight=0.5):
    w = tg.tensor(weight, requires_grad=True, name="w")
    x = tg.tensor(numbers, name="x")
    return list(viz.steps((w * x).tanh().mean()))


def test_both_walks_and_their_mean_are_drawn():
    walks = pickle.loads(pickle.dumps([walk([1.0, 2.0, 3.0]), walk([0.5])]))  # as they come from other processes
    source = viz.facing(walks, [3, 1], ["w"]).source
    gradients = [next(step.value for step in reversed(steps) if step.name.endswith("∂w")) for steps in walks]
    assert f"(3 · {gradients[0]} + 1 · {gradients[1]}) / 4" in source
    assert source.count("<b>rank ") == 2 and source.count("mean of ") == 1
    assert "the same step" in source


def test_what_does_not_face_each_other_is_refused(tmp_path):
    one, another = walk([1.0, 2.0]), list(viz.steps(tg.tensor(1.0, requires_grad=True) * 2))
    for walks in ([one], [one, another]):
        with pytest.raises(OptionError, match="of two ranks that compute the same"):
            viz.facing(walks, [1, 1], ["w"])
    with pytest.raises(OptionError, match=r"as \.svg, \.png or \.pdf"):
        viz.facing([one, one], [1, 1], ["w"]).save(tmp_path / "picture.txt")
