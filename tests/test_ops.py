"""The table of all operations: rows stand in the room that needs them, and none is forgotten."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import tinygrad_ml as tg
from tinygrad_ml.ops import FAMILIES, PRIMITIVES, Primitive
from viz.source import source_of

ROOT = Path(tg.__file__).parents[1]
pytestmark = pytest.mark.host_only


def rows() -> dict[str, Primitive]:
    """All operations that files of the library define, by where they stand."""
    found = {}
    for _, name, _ in pkgutil.walk_packages([str(ROOT / "tinygrad_ml")], "tinygrad_ml."):
        if not name.startswith(("tinygrad_ml.compile", "tinygrad_ml.keras", "tinygrad_ml.__main__")):
            members = vars(importlib.import_module(name)).items()
            found |= {f"{name}.{member}": op for member, op in members if isinstance(op, Primitive)}
    return found


def test_every_row_is_in_the_table():
    there = rows()
    assert len({id(op) for op in there.values()}) == len(PRIMITIVES) > 100
    assert not [place for place, op in there.items() if PRIMITIVES.get(op.name) is not op]


def test_a_room_enters_its_own_rows():
    rooms = {module.__name__.split(".")[1] for module in FAMILIES}
    assert rooms == {"ops", "functional", "linalg"}
    assert not [module for module in FAMILIES if not any(isinstance(op, Primitive) for op in vars(module).values())]


@pytest.mark.parametrize(
    "name, file",
    [
        ("exp", "ops/elementwise.py"),
        ("svd", "linalg/decompositions.py"),
        ("solve", "linalg/inverses.py"),
        ("fold", "functional/windows.py"),
        ("argsort", "functional/indexing.py"),
    ],
)
def test_a_row_is_shown_with_the_file_in_which_it_stands(name, file):
    source = source_of(PRIMITIVES[name])
    assert source.startswith(f"# tinygrad_ml/{file}\n") and f'"{name}"' in source
    assert (ROOT / "tinygrad_ml" / file).exists()


def test_what_a_row_says_beside_its_four_facts_holds():
    for op in PRIMITIVES.values():
        assert (op.fold is not None) == (op.kind in ("reduction", "position")), op
        assert (op.view is not None) == (op.kind == "view"), op
        assert op.kind == "product" or not op.turned, op
        if op.fold is not None:
            fold, start = op.fold
            x = tg.tensor([3.0, -2.0, 5.0] if op.name not in ("any", "all") else [True, False, True])
            begun = fold.value(tg.backend.of(x._data), *fold.coerce([x._data, tg.tensor(start, x.dtype)._data]))
            assert (begun == x._data).all(), op  # the number to begin with changes nothing
        for position, number in enumerate(op.neutral):
            if number is not None:
                x = tg.tensor([0.0, -0.0, 3.5])
                arrays = [x._data, x._data]
                arrays[position] = tg.tensor(number, x.dtype)._data
                assert op.value(tg.backend.of(x._data), *arrays).tobytes() == x._data.tobytes(), op
