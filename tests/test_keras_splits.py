"""`keras.ops.split` and its like: pieces as NumPy cuts them, by their number or by places, where `tg.split` takes sizes."""

import numpy as np
import pytest

from tinygrad_ml.errors import ShapeError
from tinygrad_ml.keras import ops

X = np.arange(24.0).reshape(2, 6, 2)


@pytest.mark.parametrize(
    ("name", "cuts", "axis"),
    [
        ("split", 3, 1),
        ("split", 1, 0),
        ("split", np.int64(2), -1),
        ("split", [1, 2], 1),
        ("split", np.array([2, 5]), 1),
        ("split", [-2], 1),
        ("split", [4, 9], 1),
        ("array_split", 4, 1),
        ("array_split", [3], 1),
        ("array_split", 4, 0),
        ("vsplit", 2, None),
        ("hsplit", 3, None),
        ("hsplit", [2], None),
        ("dsplit", 2, None),
    ],
)
def test_pieces_are_numpys(name, cuts, axis):
    where = {} if axis is None else {"axis": axis}
    pieces, wanted = getattr(ops, name)(X, cuts, **where), getattr(np, name)(X, cuts, **where)
    assert len(pieces) == len(wanted)
    for piece, one in zip(pieces, wanted, strict=True):
        np.testing.assert_array_equal(piece.numpy(), one)


@pytest.mark.parametrize("cuts", [4, 0])
def test_what_cannot_be_cut_is_told(cuts):
    with pytest.raises(ShapeError, match=f"does not split into {cuts} equal parts"):
        ops.split(X, cuts, axis=1)
