"""PyTorch's lines, typed here: each runs or is told what to write, and then has PyTorch's value."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import tinygrad_ml as tg

sys.path.append(str(Path(__file__).parents[1]))
from torch_lines import corrected, lines, names, value


def plain(result) -> object:
    """A result of either library as arrays and Python's values."""
    if isinstance(result, (torch.Tensor, tg.Tensor)):
        return result.detach().numpy()
    if isinstance(result, (tuple, list)):
        return [plain(part) for part in result]
    return result


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("line", lines())
def test_a_line_runs_with_pytorchs_value_or_says_the_line_that_does(line):
    ours, theirs = names(tg), names(torch)
    expected, found = plain(value(line, theirs)), plain(value(corrected(line, ours), ours))
    if isinstance(expected, (np.ndarray, list)):
        same(found, expected)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-5)
    else:
        assert found == expected or not isinstance(expected, (int, str))


def same(found, expected) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        np.testing.assert_allclose(np.asarray(found, dtype=None), expected, rtol=2e-5, atol=2e-6)
        assert np.shape(found) == np.shape(expected)
