"""Reading and adding where indices say, as loops: the numbers and the errors of eager mode, whatever the index."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import source
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


@pytest.fixture(autouse=True, params=[1, 3], ids=["alone", "three threads"])
def _loops_for_small_indices_too(request, monkeypatch):
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 0)
    monkeypatch.setattr(calling, "threads", lambda: request.param)


def assert_same(function, *inputs, loops=("getitem", "scatter_add")):
    """The numbers of eager mode, to the last bit; and that the operations named are loops."""
    step = tg.compile(function)
    step(*inputs)
    found, expected = step(*inputs), function(*inputs)
    for name in loops:
        assert f"# {name}\ndef loop_" in step.source
    if not isinstance(found, tuple):
        found, expected = (found,), (expected,)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def taken(key):
    """x[key] and, back from numbers in its place, the gradient of x."""

    def function(x, g, *arrays):
        x = x.detach()
        x.requires_grad = True
        y = x[key(*arrays)]
        return y.detach(), tg.grad(y, x, g)[0]

    return function


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [3, 400], ids=["few", "many, added up wide"])
def test_rows_of_an_embedding(dtype, rows):
    r = np.random.default_rng(0)
    ids = tg.tensor(r.integers(-20, 20, (rows, 2)))
    x, g = tg.tensor(r.normal(size=(20, 5)).astype(dtype)), tg.tensor(r.normal(size=(rows, 2, 5)).astype(dtype))
    assert_same(taken(lambda ids: ids), x, g, ids)


ARGUMENT = object()
"""Stands in a key for the next array among the arguments."""


def filled(key, arrays):
    arrays = iter(arrays)
    return tuple(next(arrays) if part is ARGUMENT else part for part in key)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_arrays_and_numbers_side_by_side(data):
    r = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    first = data.draw(st.integers(0, len(shape) - 1))
    common = tuple(data.draw(st.lists(st.integers(1, 5), max_size=3)))
    key, arrays, counted = [slice(None)] * first, [], False
    for axis in range(first, data.draw(st.integers(first + 1, len(shape)))):
        kind = data.draw(st.sampled_from(["array", "number", "counts"][: 3 - counted])) if arrays else "array"
        counted |= kind == "counts"
        if kind == "number":
            key.append(data.draw(st.integers(-shape[axis], shape[axis] - 1)))
        elif kind == "counts":
            key.append(np.arange(shape[axis]).reshape((-1,) + (1,) * len(common)))
        else:
            own = tuple(n if data.draw(st.booleans()) else 1 for n in common)
            kept = r.integers(-shape[axis], shape[axis], own).astype(data.draw(st.sampled_from(["int32", "int64"])))
            arrays.append(kept.transpose() if len(set(own)) == 1 else kept)
            key.append(ARGUMENT)
    x = r.normal(size=shape).astype("float32")
    g = r.normal(size=x[filled(key, arrays)].shape).astype("float32")
    state = tg.tensor(np.asfortranarray(x))

    def function(x, g, *arrays):
        read = state[filled(key, arrays)]
        return read, *taken(lambda *arrays: filled(key, arrays))(x, g, *arrays)

    assert_same(function, tg.tensor(x), tg.tensor(g), *map(tg.tensor, arrays), loops=())


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_slices_numbers_and_new_axes_stand_anywhere_beside_arrays(data):
    r = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape, common = tuple(data.draw(st.lists(st.integers(2, 6), min_size=1, max_size=4))), (3, 2)
    key, arrays, looked_up = [], [], data.draw(st.integers(0, len(shape) - 1))
    for axis, extent in enumerate(shape):
        key += [None] * data.draw(st.integers(0, 1))
        kind = "array" if axis == looked_up else data.draw(st.sampled_from(["slice", "array", "number", "counts"]))
        if kind == "slice":
            ends = st.integers(0, extent)
            key.append(data.draw(st.builds(slice, ends, st.none(), st.sampled_from([1, 2, 3, -1, -2]))))
        elif kind == "number":
            key.append(data.draw(st.integers(-extent, extent - 1)))
        elif kind == "counts":
            key.append(np.arange(extent).reshape(-1, 1, 1))
        else:
            own = data.draw(st.sampled_from([common, common[1:], (1, 2), ()]))
            arrays.append(r.integers(-extent, extent, own))
            key.append(ARGUMENT)
    if data.draw(st.booleans()):
        key.insert(data.draw(st.integers(0, len(key))), ...)
    x = r.normal(size=shape).astype("float32")
    try:
        g = r.normal(size=x[filled(key, arrays)].shape).astype("float32")
    except IndexError:  # several arrays that count do not fit together
        assume(False)
    assert_same(
        taken(lambda *arrays: filled(key, arrays)), tg.tensor(x), tg.tensor(g), *map(tg.tensor, arrays), loops=()
    )


@pytest.mark.parametrize(
    "key", [(slice(None, None, -2), ARGUMENT), (ARGUMENT, None, slice(1, 4)), (ARGUMENT, slice(1, None), ARGUMENT)]
)
def test_slices_beside_arrays_are_loops(key):
    r = np.random.default_rng(5)
    x, arrays = tg.tensor(r.normal(size=(5, 5, 4)).astype("float32")), (r.integers(-4, 4, 7), r.integers(-4, 4, 7))
    arrays = arrays[: key.count(ARGUMENT)]
    g = tg.tensor(r.normal(size=x.numpy()[filled(key, arrays)].shape).astype("float32"))
    assert_same(taken(lambda *arrays: filled(key, arrays)), x, g, *map(tg.tensor, arrays))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_places_along_an_axis(axis):
    r = np.random.default_rng(1)
    x = tg.tensor(r.normal(size=(6, 5, 4)).astype("float32"))
    places = tg.tensor(r.integers(0, x.shape[axis], (6, 5, 4)))
    assert_same(lambda x, p: tg.take_along_axis(x, p, axis), x, places, loops=["getitem"])
    assert_same(lambda x, p: tg.scatter_add(x, p, x, axis), x, places, loops=["scatter_add"])


def test_sums_along_edges_of_a_graph_go_by_whole_rows():
    r = np.random.default_rng(2)
    x, ends = tg.tensor(r.normal(size=(50, 8)).astype("float32")), tg.tensor(r.integers(0, 10, 50))

    def function(x, ends):
        return tg.scatter_add(tg.zeros((10, 8)), ends.expand_dims(1).broadcast_to((50, 8)), x)

    assert_same(function, x, ends, loops=["scatter_add"])
    step = tg.compile(function)
    step(x, ends)
    (loop,) = [text for text in step.source.split("\n\n") if text.lstrip().startswith("# scatter_add")]
    assert loop.index("p0[") < loop.index("for i1 in")  # an end is looked up once for its row
    (look,) = [i for i in step.program.instructions if i.op.name == "check"]
    assert look.inputs[0].shape == (50,)  # and is looked at once, to see whether it is in range


def test_several_axes_are_looked_up_by_one_array():
    """Axes of one element, and those of a table that is one number broadcast, are alike in all but their places."""
    r = np.random.default_rng(0)
    at = tg.tensor(r.integers(-7, 7, (1, 10, 1, 1)))
    x, g = (tg.tensor(r.normal(size=(1, n, 1, 1))) for n in (7, 10))
    x.requires_grad = True
    assert_same(lambda x, g, at: tg.grad(tg.take_along_axis(x, at, 1), x, g), x, g, at, loops=["scatter_add"])
    whole = tg.tensor(np.broadcast_to(3.0, (7, 7)))
    assert_same(lambda x, at: x[at, at], whole, at, loops=["getitem"])


def test_integers_are_added_too():
    ids, x = tg.tensor([3, -1, 0, 3]), tg.tensor([1, 2, 3, 4], dtype="uint8")
    assert_same(
        lambda x, ids: tg.scatter_add(tg.zeros(4, dtype="uint8"), ids, x), x, tg.abs(ids), loops=["scatter_add"]
    )


@pytest.mark.parametrize("wrong", [7, -8])
def test_a_place_that_is_not_there_is_the_error_of_eager_mode_and_later_calls_are_right(wrong):
    x, good = tg.ones((7, 3)), tg.tensor([0, 6, -7])
    bad = tg.tensor([0, wrong, 1])
    step = tg.compile(lambda x, ids: x[ids] * 2)
    back = tg.compile(taken(lambda ids: ids))
    step(x, good), back(x, x[good], good)
    with pytest.raises(tg.errors.RangeError) as eager:
        x[bad]
    for call in (lambda: step(x, bad), lambda: back(x, x[good], bad)):
        with pytest.raises(tg.errors.RangeError) as replayed:
            call()
        assert str(replayed.value) == str(eager.value)
    assert step(x, good).tolist() == [[2] * 3] * 3


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("shape", [(40,), (3, 40), (40, 2), (), (0,)])
def test_a_loop_looks_for_labels_that_are_out_of_range_and_eager_mode_says_which(dtype, shape):
    labels = np.zeros(shape[::-1], dtype).T  # of which none lie in order but those of one axis
    step = tg.compile(lambda y: nn_labels(y, 10))
    step(tg.tensor(labels))
    assert ("# check\ndef loop_" in step.source) == (labels.size > 0)
    for wrong in [10, 255, np.iinfo(dtype).max, -1, np.iinfo(dtype).min] * (labels.size > 0):
        if np.iinfo(dtype).min <= wrong <= np.iinfo(dtype).max and not 0 <= wrong < 10:
            bad = labels.copy()
            bad[(-1,) * bad.ndim] = wrong
            with pytest.raises(tg.errors.RangeError) as eager:
                nn_labels(tg.tensor(bad), 10)
            for _ in range(2):
                with pytest.raises(tg.errors.RangeError) as replayed:
                    step(tg.tensor(bad))
                assert str(replayed.value) == str(eager.value)
            step(tg.tensor(labels + 9 * (labels == 0).astype(dtype)))


def nn_labels(y, classes):
    tg.functional.indexing.check_labels(y, classes, "labels")
    return y + 1


def test_to_look_at_labels_is_no_call_of_numpy_whose_warnings_had_to_be_kept_still(monkeypatch):
    x, y = tg.random.randn(8, 3), tg.zeros(8, dtype="int64")
    step = tg.compile(lambda x, y: F.cross_entropy(x, y))
    expected = step(x, y).item()
    monkeypatch.setattr(np, "errstate", None)
    assert step(x, y).item() == expected


def test_labels_of_all_rounds_and_of_all_samples_are_looked_at():
    table, ids = tg.random.randn(5, 4), tg.tensor([[0, 4], [1, 2]])

    def rounds(table, ids):
        return tg.scan(lambda total, i: (total + F.embedding(i, table).sum(0), None), tg.zeros(4), ids)[0]

    def samples(table, ids):
        return tg.vmap(lambda i: F.embedding(i, table).sum(0))(ids)

    for function in (rounds, samples):
        step = tg.compile(function)
        np.testing.assert_array_equal(step(table, ids).numpy(), step(table, ids).numpy())
        assert "# check\ndef loop_" in step.source
        with pytest.raises(tg.errors.RangeError, match="embedding: index 5 is out of range: 5 rows"):
            step(table, ids + 1)


def test_a_table_that_is_a_parameter_learns_the_same():
    def trained(compiled):
        r = np.random.default_rng(3)
        table = tg.tensor(r.normal(size=(30, 4)).astype("float32"), requires_grad=True)
        optimizer = tg.optim.Adagrad([table], lr=0.1)

        def step(ids):
            optimizer.zero_grad()
            loss = F.embedding(ids, table, padding_idx=2).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        step = tg.compile(step) if compiled else step
        return [step(tg.tensor(r.integers(0, 30, (8, 6)))).item() for _ in range(5)], table.numpy()

    (losses, table), (expected, there) = trained(True), trained(False)
    np.testing.assert_allclose(losses, expected, 1e-6)
    np.testing.assert_allclose(table, there, 1e-6)


def test_in_the_rounds_of_a_loop():
    r = np.random.default_rng(4)
    table, ids = tg.tensor(r.normal(size=(9, 4)).astype("float32")), tg.tensor(r.integers(-9, 9, (5, 6)))

    def function(table, ids):
        table = table.detach()
        table.requires_grad = True
        last, all_of_them = tg.scan(lambda h, i: ((h := h * 0.5 + table[i]), h), tg.zeros((6, 4)), ids)
        return last.detach(), tg.grad((all_of_them * all_of_them).sum(), table)[0]

    step = tg.compile(function)
    step(table, ids)
    for a, b in zip(step(table, ids), function(table, ids), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6)
    with pytest.raises(tg.errors.RangeError, match=r"is out of range for axis 0 of shape \(9, 4\)"):
        step(table, ids + 9)
