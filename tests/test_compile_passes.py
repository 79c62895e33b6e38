"""What each pass does to a program, and that it does no more."""

import importlib
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import loops, walks
from tinygrad_ml.compile.schedule.buffers import Lifetime, places
from tinygrad_ml.compile.schedule.kernel import Turns
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.axes import merged
from tinygrad_ml.ops import Primitive
from tinygrad_ml.tensor import apply

fusion = importlib.import_module("tinygrad_ml.compile.schedule.fusion")

pytestmark = pytest.mark.host_only


def operations(step, stage: str) -> list[str]:
    return [instruction.op.name for instruction in step.stages[stage].instructions]


machine_code_only = pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")


def run(function, *shapes, without=()):
    step = tg.compile(function, without=without)
    step(*[tg.random.rand(*shape) for shape in shapes])
    return step


def kernels(step) -> list[str]:
    return [kernel.name for kernel in step._latest.executable.kernels]


def test_dead_work_goes():
    def function(x):
        x.exp().log()
        return x + 1

    step = run(function, (3,))
    assert operations(step, "recorded") == ["exp", "log", "add"]
    assert operations(step, "dead") == ["add"]


def test_equal_work_is_done_once():
    step = run(lambda x: (x.exp() * 2 + x.exp() * 2, x.sum(0) + x.sum(1)), (3, 3))
    assert operations(step, "equal") == ["exp", "mul", "add", "sum", "sum", "add"]


def test_equal_constants_are_one_value():
    def function(x):
        return x.exp() * tg.arange(3.0) + 0.5, x.exp() * tg.arange(3.0) + 0.5, x * 0.0, x * -0.0, x + tg.ones(3)

    step = run(function, (3,))
    assert operations(step, "equal") == ["exp", "mul", "add", "mul", "mul", "add"]
    constants = [value for value in step.program.sources() if value.source.kind == "constant"]
    assert [repr(value.source.array.tolist()) for value in constants] == [
        "[0.0, 1.0, 2.0]",
        "0.5",
        "0.0",
        "-0.0",
        "[1.0, 1.0, 1.0]",
    ]
    listing = str(step.program)
    assert "= constant [0.0, 1.0, 2.0] " in listing and "= constant 1.0 everywhere " in listing


def test_what_only_looks_equal_is_not():
    """Constants of the same bits in another dtype or shape; slices of other steps."""

    def function(x):
        square, line = tg.arange(4.0).reshape(2, 2), tg.arange(4.0)
        floats, integers = tg.ones(2), tg.full((2,), 0x3F800000, dtype="int32")
        return (
            square + x[:2],
            line + x[:2, :1],
            x[0] + floats,
            tg.where(x[0] > 9, 0, integers),
            x[0:4:2],
            x[0:4:3],
            x[0:4],
            x.T[0:2],
            x[0:2],
        )

    x = tg.random.rand(5, 2)
    for a, b in zip(tg.compile(function)(x), function(x), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_large_constants_show_their_ends_and_are_not_compared():
    step = run(lambda x: (x * tg.arange(5000.0), x + tg.arange(5000.0)), (5000,))
    assert str(step.program).count("= constant [0.0, 1.0, ..., 4998.0, 4999.0] ") == 2


def test_exact_algebra():
    def function(x):
        return (
            x.negative().negative() * 1 / 1 - 0,
            x.reshape(4).reshape(2, 2),
            x.mT.mT,
            x * (tg.ones(1) + 2).broadcast_to((2, 2)),
        )

    step = run(function, (2, 2))
    assert [instruction.op.name for instruction in step.program.instructions] == ["copy", "copy", "copy", "mul"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * tg.ones(1),
        lambda x: tg.ones(1) * x,
        lambda x: x / tg.ones(1),
        lambda x: x - tg.zeros(1),
        lambda x: x.negative().negative(),
        lambda x: x**1,
        lambda x: x.reshape(6).reshape(2, 3),
        lambda x: x.permute_dims((1, 0)).permute_dims((1, 0)),
        lambda x: x.permute_dims((0, 1)),
        lambda x: x.astype("float32"),
        lambda x: x.broadcast_to((2, 3)),
    ],
)
def test_what_changes_nothing_is_no_operation(function):
    step = run(lambda x: function(x.exp()) + 2, (2, 3))
    assert [instruction.op.name for instruction in step.program.instructions] == ["exp", "add"]


@pytest.mark.parametrize(
    "function", [lambda x: x * tg.zeros(1), lambda x: x / (tg.ones(1) * 2), lambda x: tg.ones(1) - x, lambda x: x**2]
)
def test_what_changes_something_stays(function):
    assert len(run(lambda x: function(x.exp()) + 2, (2, 3)).program.instructions) == 3


def test_algebra_that_is_not_exact_is_left_alone():
    step = run(lambda x: (x + 0, x * 0, (x + 1) - 1, x / 3), (2,))
    assert operations(step, "algebra") == ["add", "mul", "add", "sub", "div"]


def test_algebra_gives_the_same_bits():
    """Every neutral number, and some that are not, at both sides of each operation; zeros of both signs among the numbers."""
    sides = (lambda n: (lambda x: x + n, lambda x: n + x), lambda n: (lambda x: x - n, lambda x: n - x))
    sides += (lambda n: (lambda x: x * n, lambda x: n * x), lambda n: (lambda x: x / n, lambda x: n / x))
    sides += (lambda n: (lambda x: x**n, lambda x: n**x), lambda n: (lambda x: x // n, lambda x: n % x))
    functions = [f for both in sides for n in (0, -0.0, 1, -1, 2) for f in both(n)]
    functions += [
        lambda x: x.negative().negative(),
        lambda x: -(0 - x),
        lambda x: x - x,
        lambda x: x / x,
        lambda x: x.astype("int64").astype("float32"),
    ]
    x = tg.tensor([0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 1e-45])
    with np.errstate(all="ignore"):
        expected = [f(x).numpy() for f in functions]
    step = tg.compile(lambda x: tuple(f(x) for f in functions))
    for a, b in zip(step(x), expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
        signs = [np.signbit(values)[~np.isnan(b)] for values in (a.numpy(), b)]  # nan has none
        np.testing.assert_array_equal(*signs)
    assert len(step.program.instructions) < len(step.stages["dead"].instructions)


@pytest.mark.parametrize(
    "rows, columns, left", [(1, 64, ["add"]), (1, 65, ["mul", "add"]), (8, 8, ["add"]), (8, 9, ["mul", "add"])]
)
def test_small_constants_are_computed_while_compiling(rows, columns, left):
    step = run(lambda x: tg.arange(float(rows))[:, None] * tg.arange(float(columns)) + x, (rows, columns))
    assert operations(step, "algebra") == left


def trained():
    """A step that meets every pass: a loss of classes, an update, a constant, a movement that goes."""
    w, labels = tg.random.randn(4, 3, requires_grad=True), tg.tensor([0, 2, 1, 2, 0])

    def step(x):
        loss = tg.nn.functional.cross_entropy((x - 0).T.T @ (w * 1), labels) + (x.exp() + x.exp()).mean()
        slopes = tg.grad(loss, w)[0]
        with tg.no_grad():
            w.assign(w - slopes * (tg.arange(3.0) + 1))
        return loss, slopes.reshape(12).reshape(3, 4), w.T

    return step


def test_each_pass_leaves_shapes_and_dtypes_that_the_operations_foretell():
    step, seen = tg.compile(trained()), set()
    step(tg.random.randn(5, 4))
    for stage in (*step.stages.values(), step.program):
        for instruction in stage.instructions:
            if isinstance(instruction.op, Primitive):
                inputs = tuple(tg.symbol(value.shape, value.dtype) for value in instruction.inputs)
                foretold = apply(instruction.op, inputs, instruction.params)
                assert (foretold.shape, foretold.dtype) == (instruction.output.shape, instruction.output.dtype)
                seen.add(instruction.op.name)
        numbers = [value.number for value in (*stage.producers(), *stage.sources())]
        assert len(set(numbers)) == len(numbers)
    assert {"equal", "where", "getitem", "scatter_add", "permute_dims", "matmul"} <= seen


def test_a_constant_gradient_is_no_operation():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    step = tg.compile(lambda x: tg.grad(x, x, tg.full((2,), 5.0), create_graph=True)[0] + x)
    assert step(x).numpy().tolist() == [6, 7]
    assert (operations(step, "dead"), operations(step, "algebra")) == (["constant_in", "add"], ["add"])


def test_two_permutations_are_one():
    step = tg.compile(lambda x: x.permute_dims((1, 2, 0)).permute_dims((1, 0, 2)) * 2)
    x = tg.random.rand(2, 3, 4)
    np.testing.assert_array_equal(step(x).numpy(), x.numpy().transpose(1, 2, 0).transpose(1, 0, 2) * 2)
    assert step.stages["algebra"].instructions[-2].inputs[0].source is not None


def chain(x, b):
    return ((x + b).tanh() * 2).sum(axis=0).exp()


def softmax(x):
    return x.exp() / x.exp().sum(axis=1, keepdims=True)


def over_columns(x):
    return x.exp() / x.exp().sum(axis=0)


def test_elementwise_chains_become_one_kernel_each():
    assert kernels(run(chain, (3, 4), (4,), without=("loops",))) == ["add tanh mul", "sum", "exp"]


def test_what_needs_the_other_through_a_third_stays_apart():
    assert kernels(run(softmax, (3, 4), without=("loops",))) == ["exp", "sum", "div"]


@machine_code_only
def test_reductions_join_the_kernel_before_them():
    assert kernels(run(softmax, (3, 4))) == ["exp sum div"]
    # The sums of columns are known after the last row only, so what follows is another walk.
    assert kernels(run(over_columns, (3, 4))) == ["exp sum", "div"]
    assert kernels(run(chain, (3, 4), (4,))) == ["add tanh mul sum exp"]
    # NumPy computes an arc tangent for many numbers at a time, a loop for one: it stays where it is fast.
    assert kernels(run(lambda x, b: ((x + b).atan() * 2).sum(axis=0).exp(), (90, 4), (4,))) == [
        "add atan mul",
        "sum exp",
    ]


@machine_code_only
@pytest.mark.parametrize(
    "length, expected",
    [(fusion.NEAR_ROW_ELEMENTS, ["exp sum div"]), (fusion.NEAR_ROW_ELEMENTS + 1, ["exp sum", "div"])],
)
def test_rows_are_one_kernel_as_long_as_they_stay_near(length, expected):
    assert kernels(run(softmax, (2, length))) == expected


@machine_code_only
def test_what_is_reduced_over_axes_of_one_element_stays_apart_from_what_is_not():
    """Full and reduced values have one shape there, and no level could be told from the other."""
    function = lambda x: x.exp().sum(axis=1, keepdims=True).exp()  # noqa: E731
    assert kernels(run(function, (5, 1))) == ["exp", "sum", "exp"]
    assert kernels(run(function, (5, 2))) == ["exp sum exp"]
    assert kernels(run(lambda x: (x.exp().sum(axis=1), x.exp().sum(axis=0)), (4, 4))) == ["exp sum", "sum"]


@machine_code_only
@pytest.mark.parametrize(
    "function, other, expected",
    [
        (lambda x, y: x.exp().sum(1).sum(0), (4,), ["exp sum", "sum"]),  # a sum of sums is another domain
        (lambda x, y: x.exp().sum(1).max(axis=0), (4,), ["exp sum", "max"]),
        (lambda x, y: x.exp().sum(1) * y, (4,), ["exp sum mul"]),  # a number for each row
        (lambda x, y: x.exp().sum(1) * y, (3, 4), ["exp sum", "mul"]),  # several for each
        (lambda x, y: x.exp().sum(1, keepdims=True) * y, (4, 3), ["exp sum", "mul"]),
        (lambda x, y: y.exp() + x.exp().sum(1), (4,), ["exp exp sum add"]),
    ],
)
def test_what_follows_a_reduction_joins_it_where_it_is_of_its_rows(function, other, expected):
    x, y = tg.random.rand(4, 5), tg.random.rand(*other)
    step = tg.compile(function)
    np.testing.assert_allclose(step(x, y).numpy(), function(x, y).numpy(), 1e-6)
    assert kernels(step) == expected


def test_an_operation_joins_what_was_computed_last():
    """Of two kernels it can be one with only one, if both together are too long."""
    step = run(lambda x: x.exp() * x.sin(), (3,), without=("loops",))
    made = fusion.fusion(step.program, lambda instruction: True, longest=2)
    assert [kernel.name for kernel in made] == ["exp", "sin mul"]


@machine_code_only
def test_the_example_of_fusion_is_as_its_page_says():
    pytest.importorskip("llvmlite")

    def softmax(x):
        e = (x - x.max(axis=1, keepdims=True)).exp()
        return e / e.sum(axis=1, keepdims=True)

    (kernel,) = run(softmax, (400, 50)).explanation.kernels
    rows = [(i.op.name, kernel.reduced(i.output), Turns(kernel).of[i.output]) for i in kernel.instructions]
    page = re.findall(r"^    \w = (\w+)\(.*(full|reduced) +(\d)", fusion.__doc__, re.MULTILINE)
    assert rows == [(name, level == "reduced", int(turn)) for name, level, turn in page] and len(rows) == 5
    assert kernels(run(lambda x: x.sum(axis=1).log(), (400, 50))) == ["sum log"]
    assert kernels(run(lambda x: x - x.max(axis=0), (400, 50))) == ["max", "sub"]
    assert kernels(run(lambda x: x.sum(axis=1) + x, (50, 50))) == ["sum", "add"]


@machine_code_only
def test_a_loss_is_one_kernel_over_rows():
    labels = tg.tensor([0, 3, 1])

    def loss_and_gradient(x, w):
        logits = x + w
        loss = tg.nn.functional.cross_entropy(logits, labels)
        return loss, tg.grad(loss, w)[0]

    step = tg.compile(loss_and_gradient)
    x, w = tg.random.randn(3, 4), tg.random.randn(3, 4, requires_grad=True)
    for a, b in zip(step(x, w), loss_and_gradient(x, w), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-6)
    rows = [kernel for kernel in step._latest.executable.kernels if kernel.shape == (3, 4)]
    assert len(rows) == 1 and {"max", "exp", "log", "equal", "where", "div"} <= set(rows[0].name.split())
    assert "getitem" not in str(step.program) and "scatter_add" not in str(step.program)
    # Its gradient is one number in a row of zeros, which are not added up.
    assert [i.params.get("axis") for i in step.program.instructions if i.op.name == "sum"].count((1,)) == 2


@machine_code_only
def test_a_row_keeps_what_took_a_function_and_computes_the_rest_again():
    """A softmax keeps its exponentials, in the place of its gradient; numbers less their maximum, and which of them the label is, cost less than memory."""
    x, labels = (
        tg.tensor(np.random.default_rng(0).normal(size=(6, 40)).astype("float32")),
        tg.tensor([3, 0, 39, 7, 7, 1]),
    )

    def slope(x, labels):
        x = x.detach()
        x.requires_grad = True
        loss = tg.nn.functional.cross_entropy(x, labels)
        return loss.detach(), tg.grad(loss, x)[0]

    step = tg.compile(slope)
    for a, b in zip(step(x, labels), slope(x, labels), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-8)
    loop = max(step._latest.executable.layout.loops.values(), key=lambda loop: loop.turns.count)
    kept = {i.op.name: loop.lent[i.output] for i in loop.kernel.instructions if i.output in loop.lent}
    assert kept == {"exp": loop.kernel.instructions[-1].output} and not loop.kept
    written = walks.written(loop, step._latest.executable.layout.forms, {})
    assert written.growth is not None  # so threads can share the rows


@machine_code_only
def test_what_a_loop_overwrites_is_neither_read_again_nor_lent_before():
    """Each state takes its next value in its own place, in the middle of a row's walks."""
    numbers = np.random.default_rng(1).normal(size=(40, 300)).astype("float32")
    first, second = tg.tensor(numbers), tg.tensor(numbers)

    @tg.compile
    def read_again():
        x = first * 2
        less = x - x.max(axis=1, keepdims=True)
        y = less * less.exp().sum(axis=1, keepdims=True)
        first.assign(y)
        return less * (y * y).sum(axis=1, keepdims=True)

    @tg.compile
    def lent():
        x = second * 2
        e = (x - x.max(axis=1, keepdims=True)).exp()
        second.assign(e / e.sum(axis=1, keepdims=True) + second)

    less = (numbers - numbers.max(axis=1, keepdims=True)) * 2
    y = less * np.exp(less).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(read_again().numpy(), less * (y * y).sum(axis=1, keepdims=True), 1e-4)
    np.testing.assert_allclose(first.numpy(), y, 1e-5)
    lent()
    e = np.exp(less)
    np.testing.assert_allclose(second.numpy(), e / e.sum(axis=1, keepdims=True) + numbers, 1e-5, 1e-6)
    for step in (read_again, lent):
        assert step._latest.executable.layout.in_place


@machine_code_only
def test_equal_updates_are_one_loop():
    parameters = [tg.ones(30, 40, requires_grad=True), tg.ones(1000, requires_grad=True)]
    optimizer = tg.optim.Adam(parameters)

    @tg.compile
    def step():
        optimizer.zero_grad()
        sum((p * p).sum() for p in parameters).backward()
        optimizer.step()

    for _ in range(3):
        step()
    updates = [line for line in step.source.split("\n") if "loop_" in line]
    assert len({line.split("(")[0].strip() for line in updates}) < len(updates)


def test_what_is_written_may_be_a_view_of_what_is_computed_and_what_is_handed_out_may_not():
    w, v = tg.ones(3, 2), tg.ones(2, 3)

    def step(x):
        w.assign((x * 2).T)
        v.assign(x)
        return (x * 3).T, (x * 4).reshape(6)

    compiled = run(step, (2, 3))
    assert operations(compiled, "ownership") == [
        "copy",  # of the argument, before anything is overwritten
        "mul",
        "permute_dims",
        "mul",
        "permute_dims",
        "mul",
        "reshape",
        "copy",
    ]


def parts_of_two(x):
    one, other, third = x * 2, x + 3, x.exp()
    return tg.concat([one, other], axis=1) @ tg.ones((6, 2)), tg.concat([other, third]) @ tg.ones((3, 2))


@machine_code_only
def test_parts_are_computed_where_they_are_put_together():
    x = tg.tensor(np.random.default_rng(0).standard_normal((200, 3)).astype("float32"))
    step = tg.compile(parts_of_two)
    for one, other in zip(step(x), parts_of_two(x), strict=True):  # `other` is a part of one only
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5)
    assert len(step._latest.executable.layout.parts) == 2


@machine_code_only
def test_tanh_of_many_numbers_is_exact_to_two_units_in_the_last_place():
    ends = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -1e-30, 1e30, 0.625, -0.625]
    x = np.concatenate([np.linspace(-12, 12, 100_001), ends]).astype("float32")
    step = tg.compile(lambda x: x.tanh() * 1)
    y, exact = step(tg.tensor(x)).numpy(), np.tanh(x.astype("float64"))
    assert "tanh(x0)" in step.source
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    known = ~np.isnan(x)
    assert (np.abs(y - exact)[known] <= 2 * np.spacing(np.abs(exact).astype("float32"))[known]).all()
    assert (np.signbit(y) == np.signbit(x))[known].all()


def test_an_update_is_written_in_place():
    w = tg.ones(5)

    @tg.compile
    def step(g):
        w.assign(w * 0.5 + g)

    step(tg.ones(5))
    assert "written in place         1 of 1" in step.explain()
    assert w.numpy().tolist() == [1.5] * 5


def test_buffers_overlap_only_in_different_times():
    random = np.random.default_rng(0)
    lifetimes = []
    for key in range(200):
        first = int(random.integers(0, 50))
        lifetimes.append(Lifetime(key, int(random.integers(1, 5000)), first, first + int(random.integers(0, 8))))
    offsets, total = places(lifetimes)
    for a in lifetimes:
        assert offsets[a.key] % 64 == 0 and offsets[a.key] + a.nbytes <= total
        for b in lifetimes[: a.key]:
            if a.first <= b.last and b.first <= a.last:
                assert offsets[a.key] + a.nbytes <= offsets[b.key] or offsets[b.key] + b.nbytes <= offsets[a.key]
    assert total < sum(lifetime.nbytes for lifetime in lifetimes) / 2


def test_a_steady_step_allocates_nothing_of_size():
    model = tg.nn.Sequential(tg.nn.Linear(200, 300), tg.nn.Sigmoid(), tg.nn.Linear(300, 100))
    optimizer = tg.optim.Adam(model.parameters())

    @tg.compile
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    x = tg.random.rand(64, 200)
    for _ in range(4):
        step(x)
    tracemalloc.start()
    try:
        step(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000  # one intermediate of the batch alone takes 76,800


def test_the_explanation_says_what_runs_eagerly():
    step = run(lambda x: x.argsort(0), (5,))
    assert "run eagerly: argsort" in step.explain()
    assert "kernels                  1" in step.explain()


def test_a_long_chain_compiles_in_linear_time():
    def function(x):
        for _ in range(3000):
            x = x * 1.001 + 0.001
        return x

    assert len(kernels(run(function, (4,), without=("loops",)))) == 1


@machine_code_only
def test_a_chain_too_long_for_one_loop_becomes_several_and_one_value_goes_from_each_to_the_next():
    def function(x):
        for _ in range(2 * loops.LOOP_OPERATIONS + 5):
            x = x * 1.001 + 0.001
        return x

    step = tg.compile(function, without=("rolled",))
    x = tg.random.rand(5000)
    np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), 1e-4)
    made = step._latest.executable.kernels
    assert [len(kernel.instructions) for kernel in made] == [loops.LOOP_OPERATIONS] * 4 + [10]
    assert all(len(kernel.outputs) == 1 for kernel in made)
    called = [line for line in step.source.splitlines() if "# loop_" in line]
    assert len(called) == 5 and step.source.count("def loop_") < 5  # equal parts of it are one loop


def test_what_a_row_sums_to_is_not_added_to_its_column():
    x = tg.random.rand(5, 5)
    for function in (
        lambda x: x.sum(1) + x,
        lambda x: x.sum(1) * x.sum(1, keepdims=True),
        lambda x: (x[0] * x[1] + x).sum(1),
    ):
        np.testing.assert_allclose(tg.compile(function)(x).numpy(), function(x).numpy(), 1e-6)


@given(st.lists(st.integers(0, 4), max_size=5).map(tuple), st.data())
def test_merged_axes_are_the_same_elements_in_the_same_order(shape, data):
    def array():
        """An array of the shape: its axes in any order, some of them broadcast, or every second place of them."""
        order = data.draw(st.permutations(range(len(shape))))
        steps = [data.draw(st.sampled_from([0, 1, 1, 1, 2])) for _ in shape]
        whole = np.arange(np.prod([shape[axis] * max(steps[axis], 1) for axis in order], dtype=int))
        whole = whole.reshape([shape[axis] * max(steps[axis], 1) for axis in order]).transpose(np.argsort(order))
        places = tuple(slice(None, None, max(step, 1)) for step in steps)
        once = tuple(slice(None) if step else slice(0, 1) for step in steps)
        return np.broadcast_to(whole[places][once], shape)

    arrays = [array(), array()] if 0 not in shape else [np.empty(shape)]
    sizes, strides = merged(shape, [x.strides for x in arrays])
    assert len(sizes) <= len(shape) and 1 not in sizes
    for x, steps in zip(arrays, strides, strict=True):
        np.testing.assert_array_equal(as_strided(x, sizes, steps).reshape(-1), x.reshape(-1))


def test_axes_along_which_all_lie_in_order_are_one():
    x = np.empty((2, 3, 1, 4), np.float32)
    assert merged(x.shape, [x.strides]) == ((24,), [(4,)])
    assert merged(x.shape, [x.strides, (48, 0, 0, 4)]) == ((2, 3, 4), [(48, 16, 4), (48, 0, 4)])
