"""What a tensor can do stands in five lists, which a type checker takes for the body of the class: they are all there is."""

import ast
from pathlib import Path

import tinygrad_ml as tg
from tinygrad_ml.hooks import Hooks
from tinygrad_ml.in_place import InPlace
from tinygrad_ml.methods import Methods
from tinygrad_ml.operators import Operators
from tinygrad_ml.protocols import Protocols

PACKAGE = Path(tg.__file__).parent


def written_in_the_class() -> set[str]:
    """The names in the body of `class Tensor`."""
    (body,) = [
        statement
        for statement in ast.parse((PACKAGE / "tensor" / "base.py").read_text(encoding="utf-8")).body
        if isinstance(statement, ast.ClassDef) and statement.name == "Tensor"
    ]
    names = {part.name for part in body.body if isinstance(part, ast.FunctionDef)}
    for part in body.body:
        if isinstance(part, ast.Assign):
            names |= {target.id for target in part.targets if isinstance(target, ast.Name)}
    return names


def test_every_method_stands_in_the_class_or_in_a_list():
    listed = {**vars(Operators), **vars(InPlace), **vars(Hooks), **vars(Protocols), **vars(Methods)}
    there = {name: what for name, what in vars(tg.Tensor).items() if callable(what) or isinstance(what, property)}
    hung_on = set(there) - written_in_the_class()
    assert len(hung_on) > 150
    assert all(listed[name] is there[name] for name in hung_on)
    assert {name for name, what in listed.items() if callable(what) or isinstance(what, property)} == hung_on


def test_a_method_is_the_function_of_the_same_name():
    for name, what in vars(Methods).items():
        if not name.startswith("__") and name in vars(tg):
            assert what is getattr(tg, name), name
