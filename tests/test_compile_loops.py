"""Fused kernels as machine code: the same numbers as NumPy's, whatever is reduced, however memory lies."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import TABLE

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import source
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling

native = pytest.importorskip("tinygrad_ml.machine.llvm.native", reason="needs llvmlite: tinygrad_ml[fast]")
language = pytest.importorskip("tinygrad_ml.machine.llvm.language")

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, math.inf, -math.inf, math.nan, 1e-40, 88.0, 89.0, -104.0, 1e30]


@pytest.fixture(autouse=True, params=[1, 3], ids=["alone", "three threads"])
def _loops_for_small_kernels_too(request, monkeypatch):
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 0)
    monkeypatch.setattr(calling, "threads", lambda: request.param)


def compiled(function, *inputs):
    """What the function gives as loops; and that all of it are loops."""
    step = tg.compile(function)
    step(*inputs)
    found = step(*inputs)
    assert "def loop_1(" in step.source
    for call in ("add(", "multiply(", "exp(", ".reduce("):
        assert f"\n    {call}" not in step.source
    return found if isinstance(found, tuple) else (found,)


def assert_same(function, *inputs, rtol=2e-6):
    expected = function(*inputs)
    for a, b in zip(compiled(function, *inputs), expected if isinstance(expected, tuple) else (expected,), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol, 5e-5)


def test_the_exponential_is_right_to_the_last_digit_but_one():
    exp = machine_code.machine_code(
        "# exp\ndef loop(n, a: float32s, b: float32s):\n    for i in range(n):\n        b[i] = exp(a[i])\n"
    )
    x = np.concatenate([np.linspace(-106, 90, 400_001), np.linspace(-1, 1, 100_001)]).astype(np.float32)
    y = np.empty_like(x)
    exp(x.size, x.ctypes, y.ctypes)
    exact = np.exp(x.astype(np.float64))
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    inside = np.isfinite(rounded) & (rounded > 0)
    steps = np.abs(y[inside] - exact[inside]) / np.spacing(rounded[inside]).astype(np.float64)
    assert steps.max() < 1.1
    assert (y[np.isinf(rounded)] == np.inf).all() and (y[exact < 1e-46] == 0).all()
    ends, found = np.array([np.inf, -np.inf, np.nan, 0, -0.0], np.float32), np.empty(5, np.float32)
    exp(5, ends.ctypes, found.ctypes)
    np.testing.assert_array_equal(found, [np.inf, 0, np.nan, 1, 1])


def test_weights_are_exponentials_and_0_where_these_are_tiny():
    weigh = machine_code.machine_code(
        "# weights\ndef loop(n, a: float32s, b: float32s):\n    rounded_once()\n    for i in range(n):\n        b[i] = weight(a[i])\n"
    )
    x = np.concatenate([np.linspace(-87, 88, 400_001), np.linspace(-1, 1, 100_001)]).astype(np.float32)
    y, exact = np.empty_like(x), np.exp(x.astype(np.float64))
    weigh(x.size, x.ctypes, y.ctypes)
    assert (np.abs(y - exact) / np.spacing(exact.astype(np.float32)).astype(np.float64)).max() < 1.1
    ends, found = np.array([-np.inf, -1e30, -87.1, np.nan, 0, -0.0], np.float32), np.empty(6, np.float32)
    weigh(6, ends.ctypes, found.ctypes)
    np.testing.assert_array_equal(found, [0, 0, 0, np.nan, 1, 1])


def test_the_logarithm_is_right_to_the_last_digit_but_one():
    log = machine_code.machine_code(
        "# log\ndef loop(n, a: float32s, b: float32s):\n    for i in range(n):\n        b[i] = log(a[i])\n"
    )
    x = np.concatenate([np.exp(np.linspace(-103, 88.7, 400_001)), np.linspace(0.5, 2, 400_001)]).astype(np.float32)
    y, exact = np.empty_like(x), np.log(x.astype(np.float64))
    log(x.size, x.ctypes, y.ctypes)
    assert (np.abs(y - exact) <= 1.1 * np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)).all()
    ends, found = np.array([np.inf, -np.inf, np.nan, 0, -0.0, -1, 1], np.float32), np.empty(7, np.float32)
    log(7, ends.ctypes, found.ctypes)
    np.testing.assert_array_equal(found, [np.inf, np.nan, np.nan, -np.inf, -np.inf, np.nan, 0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: (-x, abs(x), x.sign(), x.square(), x.relu()),
        lambda x, y: (x + y, x - y, x * y, x / y, tg.maximum(x, y), tg.minimum(x, y)),
        lambda x, y: (x.exp(), x.log(), x.sigmoid(), x.sqrt(), x.reciprocal(), x**2, x**3),
        lambda x, y: ((x > y) | (x == y), (x != y) & (x <= y), (x < y) ^ (x >= y), ~(x > 0)),
        lambda x, y: (x.isnan(), x.isinf(), x.isfinite(), (x > y).where(x, y), (x > 0).astype("float32")),
    ],
)
def test_edges(function):
    x = tg.tensor(np.repeat(np.float32(EDGES), len(EDGES)))
    y = tg.tensor(np.tile(np.float32(EDGES), len(EDGES)))
    with np.errstate(all="ignore"):
        expected = function(x, y)
    for a, b in zip(compiled(function, x, y), expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.numpy(), b.numpy(), 3e-7)


few = settings(max_examples=12)  # each may be a loop of its own, which takes a moment to compile

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@st.composite
def reductions(draw):
    shape = draw(SHAPES)
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    return tuple(shape), tuple(sorted(axes)), draw(st.booleans())


@few
@given(reductions(), st.sampled_from(["sum", "max", "min", "mean"]))
def test_whatever_is_reduced(case, how):
    shape, axes, keepdims = case
    x = tg.random.randn(shape) * 10
    assert_same(lambda x: (getattr(x * 2 + 1, how)(axis=axes, keepdims=keepdims), x + 1), x)


@few
@given(reductions())
def test_rows_that_are_walked_several_times(case):
    shape, axes, _ = case

    def normalised(x):
        centred = x - x.mean(axis=axes, keepdims=True)
        return centred / ((centred * centred).mean(axis=axes, keepdims=True) + 0.1).sqrt(), centred.exp()

    assert_same(normalised, tg.random.randn(shape), rtol=2e-5)


@few
@given(SHAPES, st.randoms(use_true_random=False))
def test_operands_that_lie_in_any_way(shape, random):
    order = list(range(len(shape)))
    random.shuffle(order)
    a, b = (
        tg.random.randn([shape[axis] for axis in order]),
        tg.random.randn([n if random.random() < 0.7 else 1 for n in shape]),
    )
    back = np.argsort(order).tolist()
    flipped = (slice(None, None, -1),)
    assert_same(lambda a, b: ((a.permute_dims(back) + b) * 2, a.permute_dims(back)[flipped] * b), a, b)


def test_steps_that_are_no_whole_elements_are_left_to_numpy():
    records = np.zeros(6, [("x", "f4"), ("flag", "?")])
    records["x"] = np.arange(6)
    x, y = tg.zeros(6), tg.zeros(6)
    x.data, y.data = records["x"], records["x"].copy()

    def function(w):
        return tg.compile(lambda: w.assign(w * 2 + 1))

    step = function(x)
    for _ in range(2):
        step()
        function(y)()
    assert "loop" not in step.source
    np.testing.assert_array_equal(records["x"], y.data)


def test_elements_are_found_by_sizes_in_memory_that_lies_in_order_and_by_steps_elsewhere():
    a, b, bias = tg.ones(3, 40), tg.ones(40, 3), tg.ones(40)
    step = tg.compile(lambda a, b, bias: (a + bias) * b.T)
    step(a, b, bias)
    assert "(n0, n1, a0: float32s, a1: float32s, a2: float32s, a3: float32s, a2_1)" in step.source
    for element in ("a0[i0 * n1 + i1]", "a1[i1]", "a2[i0 + i1 * a2_1]", "a3[i0 * n1 + i1] ="):
        assert element in step.source


@pytest.mark.parametrize("shape", [(16, 2), (257, 7), (100, 10), (3, 40, 16), (31, 4, 3)], ids=str)
def test_rows_of_few_numbers_are_written_down_number_by_number_so_that_many_rows_are_done_at_once(shape):
    rng = np.random.default_rng(0)
    x, y = (tg.tensor(rng.standard_normal(shape).astype(np.float32)) for _ in range(2))
    bias = tg.tensor(rng.standard_normal(shape[-1]).astype(np.float32))
    scale = tg.tensor(rng.standard_normal((*shape[:-1], 1)).astype(np.float32))

    def function(x, y, bias, scale):
        z = x * scale + bias
        return tg.softmax(z, -1), z.max(axis=-1), (z * y).sum(axis=-1), z > y, tg.where(z > 0, z, y).min(axis=-1)

    step = tg.compile(function)
    for compiled, eager in zip(step(x, y, bias, scale), function(x, y, bias, scale), strict=True):
        np.testing.assert_allclose(compiled.data, eager.data, rtol=3e-6, atol=1e-6)
    last = f"* {shape[-1]} + {shape[-1] - 1}]"
    assert last in step.source, step.source
    assert f"for i{len(shape) - 1} " not in step.source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 8), (21, 16), (3, 40, 16)], ids=str)
def test_rows_that_fill_registers_are_done_one_by_one_and_the_text_says_their_size(shape, dtype):
    rng = np.random.default_rng(0)
    x, bias = (tg.tensor(rng.standard_normal(given).astype(dtype)) for given in (shape, shape[-1]))

    def function(x, bias):
        y = x * 2 + bias
        return tg.tanh(y), tg.relu(y), y > 0

    step = tg.compile(function)
    for compiled, eager in zip(step(x, bias), function(x, bias), strict=True):
        np.testing.assert_allclose(compiled.data, eager.data, rtol=3e-6 if dtype == "float32" else 1e-14)
    assert step.source.count(f" in range({shape[-1]}):") == step.source.count("def loop")


def test_rows_whose_numbers_lie_apart_are_written_down_although_they_would_fill_registers():
    x, bias = tg.ones(16, 40), tg.ones(16)
    step = tg.compile(lambda x, bias: tg.tanh(x.T + bias))
    np.testing.assert_allclose(step(x, bias).numpy(), np.tanh(2.0), rtol=1e-6)
    assert "in range(16)" not in step.source


def test_rows_of_few_numbers_are_read_in_place_where_they_are_few():
    x, scale = tg.ones(5, 4), tg.ones(5, 1)
    step = tg.compile(lambda x, scale: x * scale)
    step(x, scale)
    assert "for i1 in range(n1)" in step.source


def test_how_threads_share_rows_of_few_numbers_changes_no_bit():
    x = tg.tensor(np.random.default_rng(0).standard_normal((20_013, 7)).astype(np.float32))
    step = tg.compile(lambda x: (tg.softmax(x, -1), x.sum(axis=-1)))
    parts = [step(x[first : first + n]) for first, n in ((0, 8_003), (8_003, 12_010))]
    for whole, first, second in zip(step(x), *parts, strict=True):
        np.testing.assert_array_equal(whole.data, np.concatenate([first.data, second.data]))


def test_memory_that_two_tensors_have_is_not_written_to_while_it_is_read():
    memory = np.arange(9, dtype=np.float32)
    w, later, other = tg.zeros(6), tg.zeros(6), tg.zeros(6)
    step = tg.compile(lambda: (w.assign(w + later * 2), other.assign(other + 1)))
    step()
    w.data, later.data = memory[:6], memory[3:]  # since then; before it, this is an error
    step()
    np.testing.assert_array_equal(memory, [6, 9, 12, 15, 18, 21, 6, 7, 8])
    step()
    np.testing.assert_array_equal(memory[:3], [36, 45, 54])
    assert "written in place         1 of 2" in step.explain()


def test_nan_goes_through_the_extremes():
    x = tg.tensor([[1.0, math.nan, 3.0], [-math.inf, -math.inf, -math.inf], [2.0, 5.0, 4.0]])
    assert_same(lambda x: ((x * 1.0).max(axis=1), (x * 2).min(axis=0), x.max()), x)


def test_integers_and_bools():
    x, y = tg.tensor([[3, -4, 5], [7, 0, -2]]), tg.tensor([1, 2, 3])
    assert_same(lambda x, y: ((x + y) * x, (x * y).sum(axis=0), x.max(axis=1), (x > y).astype("int64").sum()), x, y)


def test_a_long_sum_loses_no_digits():
    x = tg.tensor(np.full(1_000_000, 0.1, np.float32))
    (total,) = compiled(lambda x: (x * 1.5).sum(), x)
    assert total.item() == pytest.approx(1_000_000 * float(np.float32(0.1)) * 1.5, rel=1e-6)


@pytest.mark.parametrize("axis", [0, 1, (0, 2)])
def test_long_columns_lose_no_digits(axis):
    shape = {0: (200_000, 2), 1: (2, 100_000, 3), (0, 2): (700, 2, 100)}[axis]
    x = tg.tensor(np.full(shape, 0.1, np.float32))
    total, root, largest = compiled(
        lambda x: ((x * 1.5).sum(axis), (x.sum(axis) + 1).sqrt(), (x * 2).max(axis=axis)), x
    )
    count = x.size / total.size
    np.testing.assert_allclose(total.numpy(), count * 0.15, 3e-6)
    np.testing.assert_allclose(root.numpy(), np.sqrt(count * 0.1 + 1), 3e-6)
    assert (largest.numpy() == np.float32(0.2)).all()


@pytest.mark.parametrize("axis", [0, 1, None])
def test_float16_is_added_up_wide(axis):
    x = tg.ones((5000, 2) if axis != 1 else (2, 5000), dtype="float16")
    totals = tg.compile(lambda x: ((x * 1).sum(axis), x.cumulative_sum(axis or 0)))(x)
    assert (totals[0].numpy() == (10_000 if axis is None else 5000)).all() and totals[1].max().item() == 5000


def test_masks_of_small_integers():
    """Padding, and images of bytes: a number beside them is of their dtype."""
    for dtype in ("int32", "uint8", "int8"):
        t = tg.arange(64).reshape(8, 8).astype(dtype)
        assert_same(lambda t: ((t != 0).astype("float32"), (t + 100) // 7 % 5, (t > 3).where(t, 1).sum(0)), t)


@pytest.mark.parametrize("operation", TABLE[::5], ids=lambda operation: operation.name)
def test_operations_and_their_gradients(operation):
    inputs = [
        tg.tensor(x.astype(np.float32), requires_grad=True) if x.dtype.kind == "f" else tg.tensor(x)
        for x in map(np.asarray, operation.inputs)
    ]

    def function(*inputs):
        made = operation.function(*inputs)
        made = [y for y in (made if isinstance(made, (tuple, list)) else (made,)) if y.requires_grad]
        return (
            (
                *made,
                *(
                    g
                    for g in tg.grad(made, inputs, [tg.ones_like(y) for y in made], allow_unused=True)
                    if g is not None
                ),
            )
            if made
            else ()
        )

    step = tg.compile(function)
    for a, b in zip(step(*inputs), function(*inputs), strict=True):
        scale = max(1.0, float(np.abs(np.nan_to_num(b.numpy())).max(initial=0)))
        np.testing.assert_allclose(a.numpy(), b.numpy(), 2e-5, 2e-5 * scale)


@few
@given(st.integers(1, 3), st.integers(1, 2), st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]), st.integers(1, 3))
def test_windows_out_and_back(batch, channels, steps, kernel):
    stride, dilation = steps
    weight = tg.random.randn(2, channels, kernel, 1, requires_grad=True)

    def function(x):
        y = tg.nn.functional.conv2d(x, weight, stride=stride, dilation=dilation)
        pooled = tg.nn.functional.max_pool2d(y, 2, 1)
        return (y, *tg.grad((pooled * pooled).sum() + y.sum(), (x, weight)))

    x = tg.random.randn(batch, channels, 9, 8, requires_grad=True)
    step = tg.compile(function)
    for a, b in zip(step(x), function(x), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-4, 1e-4)
    assert "# copy" in step.source and "# fold" in step.source


def test_windows_that_are_a_dozen_apart():
    def function(x):
        return tg.grad(tg.nn.functional.max_pool2d(x, 2, 12).sum(), x)[0]

    x = tg.random.randn(2, 3, 30, 26, requires_grad=True)
    np.testing.assert_array_equal(tg.compile(function)(x).numpy(), function(x).numpy())


def test_a_copy_is_as_few_loops_in_each_other_as_memory_allows():
    step = tg.compile(lambda x: x.permute_dims((1, 0, 2, 3, 4)).reshape(-1))
    x = tg.random.randn(3, 4, 1, 5, 6)
    np.testing.assert_array_equal(step(x).numpy(), x.numpy().transpose(1, 0, 2, 3, 4).ravel())
    assert step.source.split("# copy")[1].count("for i") == 3


def test_sizes_share_a_loop():
    step = tg.compile(lambda x: (x * 2 + 1).exp())
    step(tg.ones(30, 40))
    first = step.source
    step(tg.ones(7, 9))
    assert first.split("def step")[0] == step.source.split("def step")[0]


def test_machine_code_is_kept_in_the_cache(tmp_path, monkeypatch):
    program = """
import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import layout
from tinygrad_ml.machine.llvm import language
write, written = language.write_loop, []
language.write_loop = lambda module, source: (written.append(source), write(module, source))
step = tg.compile(lambda x: (x * 3).exp().sum())
print(step(tg.ones(4)).item(), len(written))
"""
    monkeypatch.setenv("TINYGRAD_ML_CACHE", str(tmp_path))
    counts = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        value, count = done.stdout.split()
        assert float(value) == pytest.approx(4 * math.exp(3), rel=1e-6)
        counts.append(int(count))
    assert counts == [1, 0]
    assert len(list((tmp_path / "kernels").glob("loop_*.o"))) == 1


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_damaged_machine_code_is_made_anew(tmp_path, monkeypatch, content):
    source = "# twice\ndef loop(n0, a: float32s):\n    for i0 in range(n0):\n        a[i0] = a[i0] * float32(2)\n"
    monkeypatch.setenv("TINYGRAD_ML_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "native", native.Native)

    def twice():
        machine_code.machine_code.cache_clear()
        x = np.ones(3, np.float32)
        machine_code.machine_code(source)(3, x.ctypes)
        return x.tolist()

    assert twice() == [2, 2, 2]
    (path,) = (tmp_path / "kernels").glob("loop_*.o")
    path.write_bytes(content)
    assert twice() == twice() == [2, 2, 2]
    (path,) = (tmp_path / "kernels").glob("loop_*.o")
    assert len(path.read_bytes()) > len(content)


def test_without_a_folder_to_write_to_machine_code_is_made_anew(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TINYGRAD_ML_CACHE", str(tmp_path / "file"))
    machine_code.machine_code.cache_clear()
    try:
        assert_same(lambda x: (x * 5 - 2).exp(), tg.random.randn(3, 4))
    finally:
        machine_code.machine_code.cache_clear()


def test_left_out_a_step_is_calls_of_numpy():
    step = tg.compile(lambda x: (x * 2).exp().sum(), without=("loops",))
    step(tg.ones(300))
    assert "loop" not in step.source and "exp(" in step.source


@given(st.integers(1, 70), st.integers(1, 3), st.sampled_from(["rows", "columns", "none"]))
@settings(max_examples=25)
def test_rows_of_any_length_are_those_of_eager_mode(columns, rows, what):
    random = np.random.default_rng(columns)
    x, scale = random.standard_normal((17 * rows, columns), np.float32), random.random((17 * rows, 1), np.float32)

    def function(x, scale):
        y = tg.exp(x * scale) + tg.tanh(x)
        return tg.softmax(y, -1) if what == "rows" else y.sum(0) if what == "columns" else y

    found = tg.compile(function)(x, scale)
    np.testing.assert_allclose(found.data, function(tg.tensor(x), tg.tensor(scale)).data, 1e-5, 1e-6)


def test_long_rows_of_float32_are_added_up_in_runs_and_no_digit_is_lost():
    """A hundred thousand numbers beside a large one; also over two axes that are not one in memory."""
    r = np.random.default_rng(0)
    x = r.random((3, 100_000)).astype("float32")
    x[:, 0] = 1e7
    step = tg.compile(lambda x: x.sum(axis=1))
    exact = x.astype("float64").sum(axis=1)
    assert "st_v0 = add_in_any_order" in (step(tg.tensor(x)), step.source)[1]
    np.testing.assert_allclose(step(tg.tensor(x)).numpy(), exact, rtol=3e-7)
    y = r.random((600, 70, 6)).astype("float32")
    step = tg.compile(lambda y: (y.swapaxes(0, 1)[:, ::2] * 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(step(tg.tensor(y)).numpy(), 2 * y[::2].sum(axis=(0, 2), dtype="float64"), rtol=1e-6)
    z = r.random((5, 33, 400)).astype("float32")[:, :, :300]
    step = tg.compile(lambda z: z[:, :, :300].sum(axis=(1, 2)))
    np.testing.assert_allclose(step(tg.tensor(z)).numpy(), z.sum(axis=(1, 2), dtype="float64"), rtol=1e-6)


@pytest.mark.parametrize("length", [17, 31, 64, 100, 127, 129, 200, 255])
def test_short_rows_are_added_up_in_registers(length, monkeypatch):
    """What is left behind whole registers counts once, and no bit depends on threads."""
    x = tg.tensor(np.random.default_rng(0).standard_normal((50, length)).astype("float32"))
    function = lambda x: (x.exp().sum(1), x.softmax(1), x.log_softmax(1))  # noqa: E731
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 0)
    found = []
    for count in (1, 3):
        monkeypatch.setattr(calling, "threads", lambda count=count: count)
        found.append(tg.compile(function)(x))
    for one, other, expected in zip(*found, function(x), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
        np.testing.assert_allclose(one.numpy(), expected.numpy(), rtol=2e-6)


@pytest.mark.parametrize("rows", [2, 100, 128, 129, 300])
def test_columns_that_are_one_run_are_added_up_where_they_belong(rows):
    """Elsewhere each run is taken into a wide total: the numbers are those of such totals in both cases."""
    x = np.random.default_rng(0).standard_normal((rows, 40)).astype(np.float32)
    step = tg.compile(lambda x: (x * 1).sum(0))
    total = np.zeros(40)
    for first in range(0, rows, 128):
        run = np.zeros(40, np.float32)
        for row in x[first : first + 128]:
            run = row + run
        total += run
    np.testing.assert_array_equal(step(tg.tensor(x)).numpy(), total.astype(np.float32))
    assert ("float64s" in step.source) == (rows > 128)


def test_few_products_that_lie_in_any_way_are_one_loop():
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((5, 6), (6, 7)))
    many, more = (random.standard_normal(shape).astype(np.float32) for shape in ((3, 5, 6), (3, 6, 7)))
    step = tg.compile(lambda a, b, many, more: (a @ b, many @ more, a @ more, many.mT.mT[:, ::2] @ b))
    results = step(*map(tg.tensor, (a, b, many, more)))
    for found, expected in zip(results, (a @ b, many @ more, a @ more, many[:, ::2] @ b), strict=True):
        assert np.allclose(found.numpy(), expected, atol=1e-5)
    assert step.source.count("# product") == 1, step.source


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_what_moves_nothing_is_not_called(shape):
    x = np.ones(shape, np.float32)
    step = tg.compile(lambda x: (x.mT.reshape(-1) * 1, tg.concat([x, x], 1) + 1, x.mT @ x, (x @ x.mT).sum(1)))
    for found, expected in zip(
        step(tg.tensor(x)), (x.mT.reshape(-1), np.concatenate([x, x], 1) + 1, x.mT @ x, (x @ x.mT).sum(1)), strict=True
    ):
        assert found.shape == expected.shape and (found.numpy() == expected).all()


@pytest.mark.parametrize("length", [40, 512, 513, 1100])
def test_rows_of_one_run_have_no_loop_around_it(length):
    x = np.random.default_rng(0).standard_normal((20, length)).astype(np.float32)
    step = tg.compile(lambda x: (x * 1).sum(1))
    np.testing.assert_allclose(step(tg.tensor(x)).numpy(), x.sum(1, dtype=np.float64), rtol=1e-5, atol=1e-5)
    assert ("for first in range" in step.source) == (length > 512)
