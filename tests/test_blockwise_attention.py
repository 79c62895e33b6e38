"""Attention block by block: what machine code computes is what operations give, eager and compiled, to third derivatives."""

import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.graph import topological
from tinygrad_ml.kernels import attention as kernels
from tinygrad_ml.machine.products import plan
from tinygrad_ml.machine.sharing import again
from tinygrad_ml.nn.functional import attention

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not plan.register(), reason="needs llvmlite, OpenBLAS and a processor with AVX2"),
]

F = nn.functional
NEVER = 1 << 60
SIZES = ("FEWEST_PAIRS", "FEWEST_CAUSAL_PAIRS", "FEWEST_PLAIN_PAIRS", "SCORES_MULTIPLICATIONS")


@pytest.fixture
def worth(monkeypatch):
    """`worth(size)`: blocks for so many pairs, or multiplications."""
    return lambda size: [monkeypatch.setattr(kernels, name, size) for name in SIZES]


@pytest.fixture(params=[64, 32], ids=["AVX-512", "AVX2"])
def register(request, monkeypatch):
    """The width of the vectors; a processor with wide ones can do narrow ones too."""
    if request.param > plan.register():
        pytest.skip("not on this processor")
    monkeypatch.setattr(plan, "register", lambda: request.param)
    again._alone.cache_clear()
    yield
    again._alone.cache_clear()


def given(length, width, features=16, values=16, batch=(2, 3), dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    shapes = ((*batch, length, features), (*batch, width, features), (*batch, width, values))
    return [tg.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True) for shape in shapes]


def names(y):
    return [node.op.name for node in topological([y.node]) if node.op is not None]


def derivatives(q, k, v, order=1, **options):
    """y, and the gradients of Σy², of the squares of these, and so on."""
    found = [F.scaled_dot_product_attention(q, k, v, **options)]
    last = found
    for left in range(order, 0, -1):
        last = tg.grad(sum((x**2).sum() for x in last), [q, k, v], create_graph=left > 1)
        found += last
    return found


def agree(ours, theirs, dtype="float64"):
    for one, other in zip(ours, theirs, strict=True):
        most = max(abs(other.numpy()).max(), 1)  # some are 0
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(
            one.numpy(), other.numpy(), rtol=0, atol=most * (1e-13 if dtype == "float64" else 5e-6)
        )


LENGTHS = [(64, 64), (200, 200), (70, 300), (300, 70), (1, 500), (500, 3), (129, 65)]


@pytest.mark.parametrize("causal", [False, True], ids=["plain", "causal"])
@pytest.mark.parametrize("length, width", LENGTHS)
def test_blocks_are_all_pairs_at_once(worth, register, length, width, causal):
    for dtype in ("float32", "float64"):
        tensors = given(length, width, 32, 48, dtype=dtype)
        worth(1)
        blocks = derivatives(*tensors, is_causal=causal)
        assert "attention" in names(blocks[0])
        worth(NEVER)
        agree(blocks, derivatives(*tensors, is_causal=causal), dtype)


@pytest.mark.parametrize("causal", [False, True], ids=["plain", "causal"])
@pytest.mark.parametrize("wide", [(16, 256), (256, 16), (80, 80), (128, 112)], ids=str)
def test_numbers_of_features(worth, wide, causal):
    tensors = given(100, 90, *wide, batch=(), dtype="float32")
    worth(1)
    blocks = derivatives(*tensors, is_causal=causal, scale=0.05)
    worth(NEVER)
    agree(blocks, derivatives(*tensors, is_causal=causal, scale=0.05), "float32")


@pytest.mark.parametrize("causal", [False, True], ids=["plain", "causal"])
def test_derivatives_of_derivatives_and_compiled_steps(worth, causal):
    tensors = given(70, 90)
    worth(NEVER)
    expected = derivatives(*tensors, order=3, is_causal=causal)
    worth(1)
    agree(derivatives(*tensors, order=3, is_causal=causal), expected)
    step = tg.compile(lambda: derivatives(*tensors, order=3, is_causal=causal))
    agree(step(), expected)
    kinds = [instruction.op.name for instruction in step.program.instructions]
    assert {"attention", "attention_gradient"} <= set(kinds)


def test_compiled_and_eager_are_equal_to_the_bit(worth):
    tensors = given(300, 300, dtype="float32")
    worth(1)
    step = tg.compile(lambda: derivatives(*tensors, is_causal=True))
    for one, other in zip(step(), derivatives(*tensors, is_causal=True), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_gradients_of_what_is_constant_are_not_asked_for(worth):
    q, k, v = given(70, 90)
    worth(1)
    k.requires_grad = False
    (slope,) = tg.grad((F.scaled_dot_product_attention(q, k, v) ** 2).sum(), q, create_graph=True)
    ours = tg.grad((slope**2).sum(), [q, v])
    worth(NEVER)
    (slope,) = tg.grad((F.scaled_dot_product_attention(q, k, v) ** 2).sum(), q, create_graph=True)
    agree(ours, tg.grad((slope**2).sum(), [q, v]))


def test_gradcheck_and_jacobians(worth):
    q, k, v = given(3, 5, batch=())
    worth(1)
    assert tg.gradcheck(lambda *x: F.scaled_dot_product_attention(*x, is_causal=True), [q, k, v], order=2)
    rows = tg.jacobian(lambda q: F.scaled_dot_product_attention(q, k, v), q).numpy()
    each = tg.vmap(lambda q: F.scaled_dot_product_attention(q, k, v))(tg.stack([q, 2 * q]))
    worth(NEVER)
    np.testing.assert_allclose(
        rows, tg.jacobian(lambda q: F.scaled_dot_product_attention(q, k, v), q).numpy(), 0, 1e-13
    )
    np.testing.assert_allclose(each[1].numpy(), F.scaled_dot_product_attention(2 * q, k, v).numpy(), 1e-12)


def test_what_lies_in_no_order(worth):
    rng = np.random.default_rng(0)
    whole = tg.tensor(rng.standard_normal((2, 130, 3, 4, 16)), requires_grad=True)

    def found():
        q, k, v = (whole[:, :, i].permute_dims((0, 2, 1, 3)) for i in range(3))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).mT
        return [y, *tg.grad((y**3).sum(), [whole])]

    worth(1)
    blocks = found()
    worth(NEVER)
    agree(blocks, found())


@pytest.mark.parametrize("matrices", [1, 3, 20])
def test_threads_change_no_bit(worth, matrices):
    worth(1)
    tensors = given(400, 700, batch=(matrices,), dtype="float32")
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads, "blas"):
            found.append([x.numpy().tobytes() for x in derivatives(*tensors)])
    assert found[0] == found[1] == found[2]


def test_far_scores_and_what_is_no_number(worth):
    q, k, v = given(100, 100, batch=(), dtype="float32")
    worth(1)
    far = [x.detach() * factor for x, factor in ((q, 1000), (k, 1000), (v, 1))]
    y = F.scaled_dot_product_attention(*far)
    worth(NEVER)
    np.testing.assert_allclose(y.numpy(), F.scaled_dot_product_attention(*far).numpy(), 1e-5)
    worth(1)
    numbers = q.numpy().copy()
    numbers[7, 3] = np.nan
    wrong = np.isnan(F.scaled_dot_product_attention(tg.tensor(numbers), k, v).numpy())
    assert wrong[7].all() and not wrong[:7].any() and not wrong[8:].any()


def test_memory_grows_with_places_and_not_with_pairs():
    length = 2048
    tensors = given(length, length, 16, 16, (1,), "float32")
    derivatives(*tensors, is_causal=True)
    for run in (derivatives, tg.compile(lambda *x, **options: derivatives(*x, **options))):
        run(*tensors, is_causal=True)
        tracemalloc.start()
        run(*tensors, is_causal=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * length * length / 4, peak


@pytest.mark.parametrize(
    "options, features, dtype",
    [
        ({"attn_mask": np.tri(100, dtype=bool)}, 16, "float32"),
        ({"dropout_p": 0.5}, 16, "float32"),
        ({"scale": -1.0}, 16, "float32"),
        ({}, 17, "float32"),
        ({}, 272, "float32"),
        ({}, 16, "float16"),
    ],
    ids=["mask", "dropout", "negative", "odd", "wide", "float16"],
)
def test_what_blocks_do_not_do_is_composed(worth, options, features, dtype):
    worth(1)
    tensors = given(100, 100, features, features, (), dtype)
    y = F.scaled_dot_product_attention(*tensors, **options)
    assert "attention" not in names(y)


def test_who_sees_operations_sees_those_of_which_attention_is_composed(worth, tmp_path):
    def function(x):
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)

    worth(1)
    assert "attention" not in names(function(tg.symbol((200, 16))))
    tg.onnx.export(function, (200, 16), tmp_path / "x.onnx")
    x = given(200, 200, batch=(), dtype="float32")[0]
    np.testing.assert_allclose(tg.onnx.load(tmp_path / "x.onnx")(x).numpy(), function(x).numpy(), 1e-4, 1e-5)


def test_small_ones_need_no_compiler():
    q, k, v = given(100, 100, dtype="float32")
    assert "attention" not in names(F.scaled_dot_product_attention(q, k, v, is_causal=True))
    many = given(128, 128, 64, 64, (4,), "float32")
    assert "attention" in names(F.scaled_dot_product_attention(*many, is_causal=True))
    assert "attention" not in names(F.scaled_dot_product_attention(*many))  # the weights of all fit into the caches
    assert attention.MANY_PAIRS > kernels.FEWEST_PLAIN_PAIRS


def test_a_layer_that_hands_out_no_weights_goes_block_by_block(worth):
    worth(0)
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(64, 2, batch_first=True)
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 32, 64), "float32"), requires_grad=True)
    for causal in (False, True):
        whole, weights = layer(x, x, x, is_causal=causal)
        y, nothing = layer(x, x, x, need_weights=False, is_causal=causal)
        assert "attention" in names(y) and "attention" not in names(whole)
        assert nothing is None and weights is not None
        np.testing.assert_allclose(y.numpy(), whole.numpy(), atol=1e-5)
        np.testing.assert_allclose(*(tg.grad((out**2).sum(), x)[0].numpy() for out in (y, whole)), atol=1e-4)
    ignored = tg.zeros((2, 32), dtype="bool")
    assert "attention" not in names(layer(x, x, x, ignored, need_weights=False)[0])  # as there is a mask
