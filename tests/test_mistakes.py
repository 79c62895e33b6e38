"""The page of the commonest mistakes says what the library says."""

import numpy as np
import pytest
from mistakes import PAGE, TYPED, message, page

import tinygrad_ml as tg

pytestmark = pytest.mark.host_only


def test_the_page_is_what_the_errors_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/mistakes.py writes it anew"
    assert sum(map(len, TYPED.values())) == 40
    assert all(message(line) for typed in TYPED.values() for line in typed)


def test_what_runs_and_means_something_else_is_as_the_page_has_it():
    array = np.array([[3.0, 1.0], [2.0, 5.0]])
    x, vector = tg.tensor(array), tg.tensor([1.0, 2.0])
    assert x.std().item() == pytest.approx(array.std()) and x.var().item() == pytest.approx(array.var())
    assert x.std(correction=1).item() == pytest.approx(array.std(ddof=1))
    assert x.sort().tolist() == [[1, 3], [2, 5]] and x.argsort().tolist() == [[1, 0], [0, 1]]
    assert vector.repeat(3).tolist() == [1, 1, 1, 2, 2, 2] and vector.tile(3).tolist() == [1, 2, 1, 2, 1, 2]
    assert [places.tolist() for places in (x > 2).nonzero()] == [[0, 1], [0, 1]]
    assert tg.stack((x > 2).nonzero(), axis=1).tolist() == [[0, 0], [1, 1]]
    assert tg.equal(x, x).shape == (2, 2) and bool((x == x).all())
    assert tg.median(x).item() == 2 and tg.quantile(x, 0.5).item() == 2.5 == np.median(array)
    assert tg.meshgrid(vector, tg.arange(3))[0].shape == (3, 2)
    assert isinstance(x.data, np.ndarray)
