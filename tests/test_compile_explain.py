"""The figures of `step.explain()`, for programs so small that they can be counted by hand."""

import re

import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.compile.explain import Cost
from tinygrad_ml.errors import CompileError

pytestmark = pytest.mark.host_only


def run(function, *shapes, **options):
    step = tg.compile(function, **options)
    step(*[tg.random.rand(*shape) for shape in shapes])
    return step


def layer(x, w, b):
    return (x @ w + b).tanh()


SHAPES = (8, 16), (16, 32), (32,)
PRODUCT = (8 * 16 + 16 * 32 + 8 * 32) * 4, 2 * 8 * 16 * 32
LOOP = (8 * 32 + 32 + 8 * 32) * 4, 2 * 8 * 32
OUTPUT = 8 * 32 * 4


def test_bytes_and_work_of_a_layer():
    explanation = run(layer, *SHAPES).explanation
    assert [kernel.name for kernel in explanation.kernels] == ["matmul", "add tanh"]
    assert [(explanation.nbytes(kernel), kernel.flops) for kernel in explanation.kernels] == [PRODUCT, LOOP]
    assert explanation.results == ["returned"]


def test_a_fused_loop_moves_less_than_operation_by_operation():
    explanation = run(layer, *SHAPES).explanation
    work = PRODUCT[1] + LOOP[1]
    # By itself the sum is written, and read again by tanh.
    assert explanation.eager == Cost(3, PRODUCT[0] + LOOP[0] + 2 * OUTPUT, work, 2 * OUTPUT)
    assert explanation.compiled[:3] == (2, PRODUCT[0] + LOOP[0], work)
    assert 2 * OUTPUT <= explanation.compiled.memory <= 3 * OUTPUT


def test_a_reduction_at_the_end_of_a_loop_reads_nothing_again():
    pytest.importorskip("llvmlite")
    explanation = run(lambda x: x.exp().sum(axis=1), (4, 5)).explanation
    (kernel,) = explanation.kernels
    assert (kernel.shape, kernel.axes) == ((4, 5), (1,))
    assert (explanation.nbytes(kernel), kernel.flops) == ((4 * 5 + 4) * 4, 4 * 5 + 4 * 5)
    assert explanation.eager.nbytes == (3 * 4 * 5 + 4) * 4


def test_without_fusion_both_columns_are_equal():
    explanation = run(layer, *SHAPES, without=("fusion",)).explanation
    assert explanation.compiled[:3] == explanation.eager[:3]


def test_what_only_looks_at_memory_costs_nothing():
    explanation = run(lambda x, y: x.mT @ y, (4, 5), (4, 3)).explanation
    assert [kernel.name for kernel in explanation.kernels] == ["matmul"]
    assert explanation.eager.pieces == 1 and len(explanation.program.instructions) == 2
    assert explanation.eager.memory == 5 * 3 * 4


def test_what_is_looked_at_several_times_is_moved_once():
    explanation = run(lambda x: x.broadcast_to((100, 8)).exp(), (8,), without=("algebra",)).explanation
    (kernel,) = explanation.kernels
    assert explanation.nbytes(kernel) == 8 * 4 + 100 * 8 * 4


def test_memory_is_needed_until_the_last_view_of_it_is_read():
    def function(x):
        kept = x.exp().reshape(8, 16)
        return x.sin().sum() + x.cos().sum() + kept.sum()

    whole = 128 * 4
    assert 2 * whole <= run(function, (128,)).explanation.eager.memory <= 2 * whole + 3 * 4


def test_work_that_is_shared_is_counted_once():
    step = run(lambda x: (x.exp() + 1) * (x.exp() + 1), (10,))
    assert (step.explanation.compiled.flops, step.explanation.eager.flops) == (30, 50)
    assert re.search(
        "operations after a pass  recorded 5, dead 5, .*equal 3, ownership 3$", step.explain(), re.MULTILINE
    )


def test_copies_of_what_would_share_memory_are_counted():
    step = run(lambda x: (x.mT, x + 1), (2, 3))
    assert [i.op.name for i in step.explanation.stages["ownership"].instructions] == ["permute_dims", "add", "copy"]
    assert re.search("equal 2, ownership 3$", step.explain(), re.MULTILINE)


def test_updates_in_place_and_gradients_have_names():
    w = tg.ones(5, requires_grad=True)
    w.name = "w"
    optimizer = tg.optim.SGD([w], lr=0.1)

    def train(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    step = run(train, (5,))
    assert step.explanation.results == ["w.grad"]
    assert [memory.source.tensor is w for memory in step.explanation.in_place.values()] == [True]
    assert "written in place         1 of 1 tensors" in step.explain()
    late = run(train, (5,), without=("in_place",))
    assert "written in place         0 of 1 tensors\ncopied at the end        w" in late.explain()


def test_operations_without_a_compiled_form_are_marked_and_named():
    step = run(lambda x: x.exp().argsort(0), (5,))
    assert [instruction.op.name for instruction in step.explanation.uncompiled] == ["argsort"]
    assert " argsort * " in step.explain()
    assert step.explain().endswith("* no compiled form, so run eagerly: argsort")


def test_the_table_fits_into_a_hundred_columns():
    def function(x):
        for i in range(40):
            x = x.exp() if i % 2 else x.sin()
        return x, x + 1, x.reshape(1, 2, 3, 4, 5, 30).mT.exp()

    lines = run(function, (2, 3, 4, 5, 30)).explain().splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["kernel", "gives", "bytes", "moved", "FLOP"]
    assert lines[1].split()[:2] == ["1", "sin"]
    whole = " ".join(line[4:47].strip() for line in lines[1:])
    assert "…" not in whole and whole.count("sin") == whole.count("exp sin") + 1 == 20  # nothing is cut


def test_a_program_reads_like_this():
    w = tg.tensor([1.0, 2.0], name="w")

    @tg.compile
    def step(x, *rest, options):
        w.assign(w * 0.5)
        return (x[:, 0:2] * options["scale"] + rest[0][1]).sum(axis=0)

    step(tg.ones((4, 3)), (1, tg.ones(2)), options={"scale": tg.ones(2)})
    assert (
        str(step.stages["recorded"])
        == """\
%1 = argument x                           float32[4, 3]
%2 = argument rest[0][1]                  float32[2]
%3 = argument options['scale']            float32[2]
%4 = state w                              float32[2]
%5 = constant 0.5                         float32[]
%6 = mul(%4, %5)                          float32[2]
%7 = getitem(%1, index=(:, 0:2))          float32[4, 2]
%8 = mul(%7, %3)                          float32[4, 2]
%9 = add(%8, %2)                          float32[4, 2]
%10 = sum(%9, axis=(0,), keepdims=False)  float32[2]
%4 <- %6                                  state w
return %10"""
    )


def test_what_an_optimiser_keeps_is_called_after_its_parameter():
    model = tg.nn.Linear(2, 1)
    optimizer = tg.optim.Adam(model.parameters())

    @tg.compile
    def train(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    train(tg.ones((3, 2)))
    names = {value.source.name for value in train.program.sources() if value.source.kind == "state"}
    assert names == {"weight", "bias"} | {
        f"{p}.{kept}" for p in ("weight", "bias") for kept in ("exp_avg", "exp_avg_sq")
    }


def test_before_the_first_call_there_is_nothing_to_explain():
    with pytest.raises(CompileError, match="has not been called yet"):
        tg.compile(layer).explain()


def test_what_costs_more_than_operation_by_operation_says_why():
    small = run(lambda x: tg.softmax(x, axis=1), (4, 5), without=("loops",))
    assert small.explanation.compiled.memory > small.explanation.eager.memory
    assert "more memory: all that a kernel reads and makes" in small.explain() and "more FLOP" not in small.explain()

    loss = tg.compile(lambda x, y: tg.nn.functional.cross_entropy(x, y))
    loss(tg.random.rand(4, 50), tg.tensor([0, 1, 2, 3]))
    assert "more FLOP: labels are compared" in loss.explain()
    assert max(map(len, loss.explain().splitlines())) <= 100
    assert "more" not in run(lambda x: x + 1, (16,)).explain()


def test_results_are_listed_by_what_becomes_of_them():
    w = tg.ones(5, requires_grad=True)
    w.name = "w"

    def train(x):
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    step = run(train, (5,))
    (line,) = [line for line in step.explain().splitlines() if line.startswith("handed out")]
    numbers = [f"{value!r} {what}" for value, what in zip(step.program.results, step.explanation.results, strict=True)]
    assert line.split(maxsplit=2)[2] == ", ".join(numbers) and {"w.grad", "returned"} == set(step.explanation.results)


def test_after_a_first_run_that_failed_the_error_says_so(monkeypatch):
    from tinygrad_ml.compile.cpu.executable import Executable

    def fails(self):
        raise MemoryError("there is not so much")

    monkeypatch.setattr(Executable, "link", fails)
    step = tg.compile(layer)
    with pytest.raises(MemoryError):
        step(*[tg.random.rand(*shape) for shape in SHAPES])
    with pytest.raises(CompileError, match=r"first run failed.*call the step again"):
        step.explain()
    assert "matmul" in str(step.program)


def looping(x, w, rounds):
    h = tg.zeros_like(x)
    for _ in range(rounds):
        h = tg.tanh(h @ w + x)
    return h.sum()


@pytest.mark.parametrize("rounds", [7, 10, 30])
def test_a_loop_of_python_is_named_from_eight_equal_rounds_on(rounds):
    w = tg.ones(4, 4)
    w.requires_grad = True

    @tg.compile(without=("rolled",))
    def step(x):
        w.grad = None
        looping(x, w, rounds).backward()

    step(tg.ones(2, 4))
    said = [line for line in step.explain().splitlines() if line.startswith("written out")]
    assert len(said) == (2 if rounds >= 8 else 0)  # there and back
    for line in said:
        assert rounds - 2 <= int(line.split()[2]) <= rounds  # the first and the last one may differ
    assert ("tg.scan writes" in step.explain()) == bool(said)


def test_layers_in_a_row_and_updates_of_many_parameters_are_no_loop():
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(12)])
    optimizer = tg.optim.SGD(model.parameters(), 0.1)

    @tg.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    step(tg.ones(2, 4))
    assert "written out" not in step.explain() and "rolled up" not in step.explain()


def test_a_scan_is_not_written_out():
    w = tg.ones(4, 4)
    step = tg.compile(lambda x: tg.scan(lambda h, _: (tg.tanh(h @ w + x), None), tg.zeros_like(x), length=30)[0])
    step(tg.ones(2, 4))
    assert "written out" not in step.explain() and " scan of 30 rounds " in step.explain()
