"""`keras.ops` beside Keras's own: values, dtypes, gradients; between the layers of a model; signatures."""

import inspect

import keras_ops_cases as cases
import numpy as np
import pytest
from keras_twins import ours, quiet, theirs, torch

import tinygrad_ml as tg
from tinygrad_ml.structure import leaves, mapped

pytestmark = [*quiet, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

NAMES = {name: [row for row in cases.TABLE if row.name == name] for name in dict.fromkeys(r.name for r in cases.TABLE)}
NOT_THERE = {"eig", "lu_factor", "polar", "view", "view_as_complex", "view_as_real"}


def function(keras, name):
    found = keras.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def is_array(thing):
    return isinstance(thing, np.ndarray)


def arrays_of(row):
    return [thing for thing in leaves((row.args, row.options)) if is_array(thing) and thing.ndim]


def has_model(row):
    return row.model and bool(arrays_of(row))


def call_theirs(row, requires_grad=False):
    inputs = []

    def tensor(thing):
        if not is_array(thing):
            return thing
        made = torch.from_numpy(thing.copy())
        if requires_grad and made.is_floating_point():
            made.requires_grad_()
            inputs.append(made)
        return made

    given, options = mapped(tensor, (row.args, row.options))
    return function(theirs, row.name)(*given, **options), inputs


def call_ours(row, requires_grad=False):
    inputs = []

    def tensor(thing):
        if not is_array(thing):
            return thing
        made = tg.tensor(thing, requires_grad=requires_grad and thing.dtype.kind == "f")
        if made.requires_grad:
            inputs.append(made)
        return made

    given, options = mapped(tensor, (row.args, row.options))
    return function(ours, row.name)(*given, **options), inputs


def numbers(x):
    if isinstance(x, torch.Tensor):
        return x.detach().numpy()
    return x.detach().numpy() if isinstance(x, tg.Tensor) else np.asarray(x)


def parts(output):
    return [one for one in leaves(list(output) if isinstance(output, (tuple, list)) else output) if one is not None]


def weighted(outputs):
    """A number that depends on each element in another way."""
    total = 0
    for y in outputs:
        if y.dtype in (torch.float32, torch.float64, tg.float32, tg.float64):
            weights = np.cos(np.arange(int(np.prod(y.shape)))).reshape(tuple(y.shape)).astype("float32")
            total = total + (y * (torch.from_numpy(weights) if isinstance(y, torch.Tensor) else weights)).sum()
    return total


@pytest.mark.parametrize("name", NAMES)
def test_values_dtypes_and_gradients(name):
    for row in NAMES[name]:
        (output, inputs), (expected, their_inputs) = call_ours(row, row.grad), call_theirs(row, row.grad)
        found, expected = parts(output), parts(expected)
        assert len(found) == len(expected)
        for a, b in zip(map(numbers, found), map(numbers, expected), strict=True):
            assert a.shape == b.shape, row.id
            np.testing.assert_allclose(row.seen(a), row.seen(b), rtol=row.rtol, atol=row.atol, err_msg=row.id)
            assert a.dtype == b.dtype or not row.dtypes, row.id
        loss = weighted(found)
        if inputs and isinstance(loss, tg.Tensor) and loss.requires_grad:
            slopes = tg.grad(loss, inputs, allow_unused=True)
            wanted = torch.autograd.grad(weighted(expected), their_inputs, allow_unused=True)
            for a, b, x in zip(slopes, wanted, inputs, strict=True):
                a, b = (np.zeros(x.shape) if g is None else numbers(g) for g in (a, b))
                np.testing.assert_allclose(a, b, max(row.rtol, 1e-4), max(row.atol, 1e-5), err_msg=row.id)


@pytest.mark.parametrize("name", [name for name, rows in NAMES.items() if any(map(has_model, rows))])
def test_between_layers(name):
    """A model of symbols computes what the function does, is told the shape, and is made again of its config."""
    row = next(filter(has_model, NAMES[name]))
    arrays = arrays_of(row)
    symbols = {id(x): ours.Input(x.shape[1:], dtype=str(x.dtype)) for x in arrays}
    given, options = mapped(lambda x: symbols.get(id(x), x), (row.args, row.options))
    output = function(ours, name)(*given, **options)
    model = ours.Model(list(symbols.values()), parts(output))
    expected = [numbers(y) for y in parts(call_ours(row)[0])]
    for one in (model, ours.Model.from_config(model.get_config())):
        found = one([tg.tensor(x) for x in arrays])
        for a, b, symbol in zip(leaves(found), expected, model.outputs, strict=True):
            np.testing.assert_allclose(numbers(a), b, rtol=1e-6, atol=1e-6)
            known = ours.ops.shape(symbol)
            assert all(n in (None, m) for n, m in zip(known, b.shape, strict=True))


@pytest.mark.parametrize("room", ["ops", "ops.image", "random", "config", "backend"])
def test_arguments_and_defaults(room):
    their, own = theirs, ours
    for part in room.split("."):
        their, own = getattr(their, part), getattr(own, part)
    for name in dir(their):
        if name.startswith("_") or not callable(getattr(their, name)) or not hasattr(own, name):
            continue
        wanted = inspect.signature(getattr(their, name)).parameters.values()
        found = inspect.signature(getattr(own, name)).parameters
        for one in wanted:
            if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
                continue
            assert one.name in found, (name, one.name)
            assert repr(found[one.name].default) == repr(one.default), (name, one.name)
        names = [one.name for one in wanted if one.kind is one.POSITIONAL_OR_KEYWORD]
        assert list(found)[: len(names)] == names, name


def test_nearly_all_names_are_there_and_have_a_row():
    names = {name for name in dir(theirs.ops) if not name.startswith("_")} - {"image", "linalg", "nn", "numpy"}
    assert {name for name in names if not hasattr(ours.ops, name)} == NOT_THERE
    images = {f"image.{name}" for name in dir(theirs.ops.image) if not name.startswith("_")}
    assert all(hasattr(ours.ops.image, name.partition(".")[2]) for name in images)
    tested = {row.name for row in cases.TABLE} | cases.TESTED_ELSEWHERE
    assert (names | images) - NOT_THERE <= tested
