"""Matrix products as machine code: the right numbers, however operands lie and whoever computes them."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import layout
from tinygrad_ml.machine.products import plan
from tinygrad_ml.machine.products.plan import Product
from tinygrad_ml.machine.sharing.calling import runner
from tinygrad_ml.machine.sharing.job import MEMORY, SHARED, address
from tinygrad_ml.machine.sharing.stretch import Stretch

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not plan.register(), reason="needs llvmlite, OpenBLAS and a processor with AVX2"),
]


def product(a, b, threads=1):
    """a·b by machine code; `out` lies in the middle of memory that must not change otherwise."""
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    around = np.full((*shape[:-1], shape[-1] + 8), 7, a.dtype)
    out = around[..., 3:-5]
    assert Product.fits(a, b, out)
    found = Product(a, b, out)
    found.shared = True
    scratch = np.empty(found.scratch + 64, np.uint8)
    [(job, places)] = found.jobs(threads, address(scratch))
    job[list(places)] = address(a), address(b), address(out)
    job[MEMORY], job[SHARED] = address(scratch), True
    stretch = Stretch([job])
    runner(stretch, threads)()
    around[..., 3:-5], kept = 7, around[..., 3:-5].copy()
    assert (around == 7).all()
    return kept


def matrix(random, rows, columns, dtype, lies, batch=()):
    """Numbers whose rows lie in one piece, or their columns, or every second one of the columns."""
    if lies == "transposed":
        return random.standard_normal((*batch, columns, rows)).astype(dtype).swapaxes(-1, -2)
    if lies == "rows apart":
        return random.standard_normal((*batch, rows, columns + 3)).astype(dtype)[..., 1:-2]
    if lies == "columns apart":
        return random.standard_normal((*batch, rows, 2 * columns)).astype(dtype)[..., ::2]
    return random.standard_normal((*batch, rows, columns)).astype(dtype)


def assert_right(found, a, b):
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = (abs(a.astype(np.float64)) @ abs(b.astype(np.float64))) * a.shape[-1] * np.finfo(a.dtype).eps
    assert (abs(found - exact) <= bound + np.finfo(a.dtype).tiny).all()


@pytest.fixture(params=[64, 32], ids=["AVX-512", "AVX2"])
def register(request, monkeypatch):
    """The width of the vectors; a processor with wide ones can do narrow ones too."""
    if request.param > plan.register():
        pytest.skip("not on this processor")
    monkeypatch.setattr(plan, "register", lambda: request.param)


@given(
    m=st.integers(16, 140),
    n=st.integers(16, 140),
    k=st.integers(1, 80) | st.sampled_from([512, 513, 700]),
    dtype=st.sampled_from(["float32", "float64"]),
    a_lies=st.sampled_from(["in order", "transposed", "rows apart", "columns apart"]),
    b_lies=st.sampled_from(["in order", "transposed", "rows apart"]),
    threads=st.integers(1, 3),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_right_however_operands_lie(register, m, n, k, dtype, a_lies, b_lies, threads):
    random = np.random.default_rng(m * n * k)
    a, b = matrix(random, m, k, dtype, a_lies), matrix(random, k, n, dtype, b_lies)
    assert_right(product(a, b, threads), a, b)


@pytest.mark.parametrize("rows", range(4, 20))
@pytest.mark.parametrize("columns", [8, 10, 16, 17, 40, 41, 56, 63, 64, 65, 80, 128, 129])
def test_tiles_at_the_edges_are_right(register, rows, columns):
    random = np.random.default_rng(rows)
    a, b = matrix(random, rows, 5, "float32", "in order"), matrix(random, 5, columns, "float32", "in order")
    assert_right(product(a, b), a, b)


@pytest.mark.parametrize(
    "batches", [((3,), (3,)), ((), (4,)), ((4,), ()), ((1,), (5,)), ((2, 3), (2, 3)), ((2, 3), ())]
)
@pytest.mark.parametrize("b_lies", ["in order", "transposed"])
def test_many_matrices(register, batches, b_lies):
    random = np.random.default_rng(0)
    a = matrix(random, 20, 9, "float32", "in order", batches[0])
    b = matrix(random, 9, 33, "float32", b_lies, batches[1])
    for threads in (1, 2):
        assert_right(product(a, b, threads), a, b)


@pytest.mark.parametrize("rows", [12, 70])
@pytest.mark.parametrize("columns", [10, 16, 33, 40])
def test_panels_that_are_copied_change_no_bit(register, rows, columns):
    random = np.random.default_rng(0)
    a, b = matrix(random, rows, 700, "float32", "in order"), matrix(random, 700, columns, "float32", "in order")
    apart = np.full((700, 1024), np.nan, np.float32)  # rows that collide in a cache, and nothing beside them is read
    apart[:, :columns] = b
    found, whole = product(a, apart[:, :columns]), np.zeros((700, 48), np.float32)
    whole[:, :columns] = b
    assert (found == product(a, b)).all() and (found == product(a, whole)[:, :columns]).all()
    assert (found[:12] == product(a[:12], b)).all()  # so few rows are not worth a copy


def test_threads_change_no_bit():
    random = np.random.default_rng(0)
    a, b = matrix(random, 100, 784, "float32", "in order"), matrix(random, 784, 500, "float32", "transposed")
    alone = product(a, b)
    for threads in (2, 3, 5):
        for _ in range(50):
            assert (product(a, b, threads) == alone).all()


@pytest.mark.parametrize(("rows", "width", "turned"), [(10, 40, False), (10, 160, True), (16, 160, False)])
def test_many_products_are_computed_the_other_way_round_where_that_is_sooner(rows, width, turned):
    random = np.random.default_rng(0)
    x, w = (tg.tensor(random.standard_normal((4, n, width)).astype(np.float32)) for n in (rows, width))
    step = tg.compile(lambda x, w: tg.tanh(x @ w.mT).sum())
    expected = np.tanh(x.numpy() @ w.numpy().mT).sum(dtype=np.float64)
    np.testing.assert_allclose(step(x, w).item(), expected, rtol=1e-4, atol=1e-2)
    assert ("_T = " in step.source or "_T)" in step.source) == turned


def test_infinities_and_nan_stay_in_their_rows():
    a, b = np.ones((20, 33), np.float32), np.ones((33, 40), np.float32)
    a[3, 32], a[7, 0], b[1, 39] = np.inf, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(product(a, b), a @ b)


def test_what_numpy_does_as_fast_is_left_to_it():
    def fits(m, n, k, dtype="float32", lies="in order"):
        random = np.random.default_rng(0)
        return Product.fits(*(matrix(random, *s, dtype, lies) for s in ((m, k), (k, n))), np.empty((m, n), dtype))

    assert fits(100, 500, 784) and fits(512, 5000, 64)
    assert not fits(1, 500, 784) and not fits(100, 3, 784) and not fits(300, 500, 2000) and not fits(0, 500, 784)
    assert not fits(100, 500, 784, lies="columns apart") and not fits(100, 500, 784, "int64")
    assert fits(8, 500, 784) and not fits(8, 500, 784, lies="transposed")  # nothing is copied for few rows
    narrow = plan.register() // 4 - 1
    assert not fits(25, narrow, 576, lies="transposed") and fits(25, narrow, 64, lies="transposed")
    assert fits(25, narrow, 576) and fits(25, narrow + 1, 576, lies="transposed")
    batch = np.empty((2, 3, 20, 20), np.float32)
    assert Product.fits(batch, batch, batch)
    assert not Product.fits(batch.swapaxes(0, 1), batch.reshape(3, 2, 20, 20), batch.reshape(3, 2, 20, 20))


def perceptron(seed=0):
    tg.manual_seed(seed)
    model = tg.nn.Sequential(tg.nn.Linear(784, 300), tg.nn.Sigmoid(), tg.nn.Linear(300, 10))
    optimizer = tg.optim.Adam(model.parameters())

    @tg.compile
    def step(images, labels):
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return model, step


def test_a_step_says_which_products_run_so():
    _, step = perceptron()
    random = np.random.default_rng(0)
    images, labels = tg.tensor(random.random((100, 784), np.float32)), tg.tensor(random.integers(0, 10, 100))
    step(images, labels)
    assert re.search(r"# v\d+ = v\d+ @ v\d+", step.source)
    plain = tg.compile(step.function, without=("loops",))
    plain(images, labels)
    assert " @ " not in plain.source


def test_steps_in_several_threads_at_once_are_as_if_alone():
    """The board is one, and whoever does not get it computes alone."""
    random = np.random.default_rng(0)
    batches = [(random.random((100, 784), np.float32), random.integers(0, 10, 100)) for _ in range(4)]

    def train(found, name):
        model, step = models[name]
        for _ in range(10):
            for images, labels in batches:
                step(tg.tensor(images), tg.tensor(labels))
        found[name] = [parameter.numpy().copy() for parameter in model.parameters()]

    with threadpool_limits(3, user_api="blas"):
        models = {name: perceptron() for name in range(3)}
        alone, together = {}, {}
        train(alone, 0)
        models = {name: perceptron() for name in range(3)}
        threads = [threading.Thread(target=train, args=(together, name)) for name in models]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for found in together.values():
        for a, b in zip(found, alone[0], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_computes_on():
    program = """
import os
import re
import numpy as np
from threadpoolctl import threadpool_limits
import tinygrad_ml as tg

threadpool_limits(2, user_api="blas")
multiply = tg.compile(lambda x, y: x @ y)
x = tg.tensor(np.random.default_rng(0).standard_normal((200, 200)).astype("float32"))
before = multiply(x, x).numpy()
assert " @ " in multiply.source
child = os.fork()
if not child:
    os._exit(0 if all((multiply(x, x).numpy() == before).all() for _ in range(100)) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (multiply(x, x).numpy() == before).all()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_machine_code_is_kept_and_found_again(tmp_path):
    program = """
import numpy as np
import tinygrad_ml as tg

x = tg.tensor(np.ones((50, 50), np.float32))
multiply = tg.compile(lambda x, y: x @ y)
assert (multiply(x, x).numpy() == 50).all()
"""
    environment = os.environ | {"TINYGRAD_ML_CACHE": str(tmp_path)}

    def run():
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kernels").glob("*.o")}

    first = run()
    assert len(first) == 4  # the product, its tiles, those that end in half a vector, and what shares it
    assert run() == first
    for path in (tmp_path / "kernels").glob("*.o"):  # damage is noticed, and mended
        path.write_bytes(path.read_bytes()[:100])
    assert run().keys() == first.keys()
    assert all(path.stat().st_size > 1000 for path in (tmp_path / "kernels").glob("*.o"))


def test_there_is_code_for_those_tiles_alone_that_a_program_has(tmp_path):
    """Of all products of a program there is one function, and those of another program find its tiles."""
    program = """
import sys
import numpy as np
import tinygrad_ml as tg

def found(a, b):
    return tg.compile(lambda a, b: a @ b)(a, b).numpy()

x, w = (tg.tensor(np.random.default_rng(i).standard_normal((128, n)).astype("float32")) for i, n in ((0, 128), (1, 32)))
both = tg.compile(lambda x, w: (x @ w, x @ x, w.mT @ x))(x, w)
for one, other in zip(both, (found(x, w), found(x, x), found(w.mT, x)), strict=True):
    assert (one.numpy() == other).all()
"""
    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, env=os.environ | {"TINYGRAD_ML_CACHE": str(tmp_path)}
    )
    names = sorted(path.name.partition("_")[0] for path in (tmp_path / "kernels").glob("*.o"))
    assert [names.count(name) for name in ("product", "tiles", "copies")] == [3, 2, 0], names


def test_without_a_place_to_keep_it_machine_code_is_made_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    program = """
import numpy as np
import tinygrad_ml as tg

x = tg.tensor(np.ones((50, 50), np.float32))
multiply = tg.compile(lambda x, y: x @ y)
assert (multiply(x, x).numpy() == 50).all() and " @ " in multiply.source
"""
    environment = os.environ | {"TINYGRAD_ML_CACHE": str(tmp_path / "file")}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)


@pytest.mark.parametrize("batch", [(), (3,)])
def test_a_product_that_is_only_read_transposed_lies_so(batch):
    """The gradient of w in x @ wᵀ: its sum with others, and the update, go through memory in order."""
    r = np.random.default_rng(0)
    w = tg.tensor(r.normal(size=(*batch, 48, 32)), requires_grad=True)
    xs = [tg.tensor(r.normal(size=(*batch, 16, 32))) for _ in range(3)]

    def gradient():
        loss = sum(((x @ w.mT).square().sum() for x in xs), tg.tensor(0.0, dtype="float64"))
        return tg.grad(loss, w)[0] * 2

    step = tg.compile(gradient)
    np.testing.assert_allclose(step().numpy(), gradient().numpy(), 1e-12, 1e-11)  # some are sums that cancel
    (found,) = [compiled.executable.layout for compiled in step._programs]
    turned = [i for i in found.program.instructions if i.op.name == "permute_dims" and i.output.shape[-2:] == (48, 32)]
    assert len(turned) == 3
    assert all(found.forms[i.output].flags.c_contiguous for i in turned)


def test_a_product_that_a_result_is_a_view_of_lies_in_order(monkeypatch):
    """What is handed out is new memory in order, also where a product would sooner lie transposed."""
    monkeypatch.setattr(layout, "TURNED_PRODUCT_MULTIPLICATIONS", 0)  # small ones, too
    r = np.random.default_rng(0)
    x, w = (tg.tensor(r.standard_normal(shape).astype("float32")) for shape in ((2, 2, 3), (2, 8, 3)))
    for view in (lambda y: y.reshape(2, 1, 2, 8), lambda y: y[:1], lambda y: y[:, None].squeeze(1)):
        step = tg.compile(lambda x, w, view=view: view(x @ w.mT))
        np.testing.assert_allclose(step(x, w).numpy(), view(x @ w.mT).numpy(), 1e-5, 1e-6)
    x = tg.tensor(r.standard_normal((5, 2, 8)), requires_grad=True)
    w, g = tg.tensor(r.standard_normal((2, 1, 3))), tg.tensor(r.standard_normal((5, 1, 14)))

    def slopes(x):
        y = tg.nn.functional.conv_transpose1d(x, w, stride=2, padding=2, output_padding=1)
        return tg.grad(y, x, g)[0]

    np.testing.assert_allclose(tg.compile(slopes)(x).numpy(), slopes(x).numpy(), 1e-12)
