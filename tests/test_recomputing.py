"""tg.checkpoint: the same bits with less memory."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import GradientError
from tinygrad_ml.graph import topological
from tinygrad_ml.nn import functional as F
from tinygrad_ml.structure import leaves


def plainly(f, *x, **options):
    return f(*x, **options)


def block():
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.3), nn.Linear(8, 6), nn.Softplus(), nn.LayerNorm(6)
    )


def all_of_it(call, model, x, orders=3):
    """All numbers that come of a small training: results, gradients of three orders, buffers, and what is drawn next."""
    tg.manual_seed(4)
    for buffer in model.buffers():
        buffer.assign(buffer * 0 + 1)
    y = x
    for part in model:
        y = call(part, y)
    shown = [y, *model.buffers()]
    parameters = [x, *model.parameters()]
    total = (y**2).sum()
    for _ in range(orders):
        found = tg.grad(total, parameters, create_graph=True, allow_unused=True)
        shown += [g for g in found if g is not None]
        total = sum((g**2).sum() for g in found if g is not None)
    return [part.numpy().copy() for part in (*shown, tg.random.randn(3), *model.buffers())]


def same_bits(ours, expected):
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bits_to_third_order_with_dropout_and_batch_norm():
    model = nn.Sequential(block(), block())
    x = tg.random.randn(5, 6)
    x.requires_grad = True
    expected = all_of_it(plainly, model, x)
    same_bits(all_of_it(tg.checkpoint, model, x), expected)

    def nested(part, y):
        def inner(y):
            return tg.checkpoint(part[2:], tg.checkpoint(part[:2], y))

        return tg.checkpoint(inner, y)

    same_bits(all_of_it(nested, model, x), expected)


def test_backward_several_times_and_parts_of_it():
    w, x = tg.random.randn(4, 4), tg.random.randn(3, 4)
    w.requires_grad = x.requires_grad = True

    def f(x, pair, *, scale):
        y = (x @ w * scale).tanh()  # w is taken from outside
        return {"y": y.exp(), "pair": (y.sum() * pair[1], pair[0]), "n": 3}

    def gradients(call):
        z = call(f, x * 2, [x, x.exp()], scale=0.5)
        assert z["n"] == 3
        first = tg.grad(z["y"].sum(), x)
        (z["pair"][0].sum() + z["pair"][1].sum() + z["y"].sum()).backward(retain_graph=True)
        z["y"].sum().backward()
        found = [*first, x.grad, w.grad]
        x.grad = w.grad = None
        with pytest.raises(GradientError, match="the graph was freed"):
            z["y"].sum().backward()
        return [g.numpy() for g in found]

    same_bits(gradients(tg.checkpoint), gradients(plainly))


def test_gradients_inside():
    x = tg.random.randn(3, 4)
    x.requires_grad = True

    def penalty(x):
        (g,) = tg.grad((x**3).sum().exp() * 1e-3, x, create_graph=True)
        return (g * g).sum()

    def inputs(call):
        y = x * 0.5
        return [g.numpy() for g in tg.grad(call(penalty, y), x)]

    same_bits(inputs(tg.checkpoint), inputs(plainly))


def test_a_scan_inside_and_a_jacobian_around():
    w, x = tg.random.randn(3, 3), tg.random.randn(4, 3)
    w.requires_grad = True
    f = lambda x: tg.scan(lambda h, x: ((h @ w + x).tanh(),) * 2, tg.zeros(3), x)[1].sum(0)  # noqa: E731
    wrapped = lambda x: tg.checkpoint(f, x)  # noqa: E731
    same_bits([tg.jacobian(wrapped, x).numpy()], [tg.jacobian(f, x).numpy()])
    same_bits(
        [tg.hessian(lambda x: (wrapped(x) ** 2).sum(), x).numpy()], [tg.hessian(lambda x: (f(x) ** 2).sum(), x).numpy()]
    )


def test_in_a_compiled_step_and_in_a_vmap_it_is_the_function():
    model, x = block().eval(), tg.random.randn(5, 6)
    weights = list(model.parameters())
    gradients = lambda call: lambda x: tg.grad((call(model, x) ** 2).sum(), weights)  # noqa: E731
    expected = [g.numpy() for g in gradients(plainly)(x)]
    same_bits([g.numpy() for g in gradients(tg.checkpoint)(x)], expected)
    step = tg.compile(gradients(tg.checkpoint))
    for ours, other in zip(step(x), expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), other, rtol=1e-4, atol=1e-5)
    every = tg.vmap(lambda x: gradients(tg.checkpoint)(x[None]))(x)
    for ours, other in zip(every, expected, strict=True):
        np.testing.assert_allclose(ours.numpy().sum(0), other, rtol=1e-3, atol=1e-4)
    around = tg.checkpoint(tg.vmap(lambda x: model(x[None])), x)
    same_bits([around.numpy()], [tg.vmap(lambda x: model(x[None]))(x).numpy()])
    assert tg.checkpoint(model, tg.symbol((2, 6))).symbolic
    with tg.no_grad():
        assert not tg.checkpoint(model, x).requires_grad


def peak(call, layers, x, each):
    """The most memory that a step takes at a time, in bytes."""
    gc.collect()
    tracemalloc.start()
    y = x
    for start in range(0, len(layers), each):
        y = call(layers[start : start + each], y)
    y.sum().backward()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.host_only
def test_memory_falls_to_a_quarter():
    part = lambda: nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Dropout(0.1))  # noqa: E731
    layers = nn.Sequential(*[part() for _ in range(64)])
    x = tg.random.randn(4000, 8)
    plain, kept = peak(plainly, layers, x, 8), peak(tg.checkpoint, layers, x, 8)
    assert kept < plain / 4, (kept, plain)


@pytest.mark.host_only
def test_nothing_is_kept_afterwards():
    model, x = block(), tg.random.randn(5, 6)
    gc.collect()
    gc.disable()
    try:
        y = tg.checkpoint(model, x)
        node = weakref.ref(y.node)
        nodes = topological([y.node])
        assert all(
            type(array) is tg.backend.Absent for array in (n.value for n in nodes if n.op is None and n.shape == (5, 8))
        )
        del nodes
        tg.grad(y.sum(), list(model.parameters()))
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_picture_has_all_of_it():
    model, x = block().eval(), tg.random.randn(2, 6)
    loss = tg.checkpoint(model, x).sum()
    assert "Softplus" in viz.draw(loss, level="layers").source or "softplus" in viz.draw(loss).source
    assert viz.draw(loss, direction="both").source


# -- mistakes ------------------------------------------------------------------------------------------------------


def test_what_has_changed_is_noticed():
    model, x = block(), tg.random.randn(5, 6)
    x.requires_grad = True
    y = tg.checkpoint(model, x)
    model.eval()
    with pytest.raises(
        GradientError, match="has computed Sequential again for a gradient, and it did not apply the same"
    ):
        y.sum().backward()

    scale = tg.tensor(1.0)

    def scaled(x):
        return (x * scale.item()).exp() * 2

    y = tg.checkpoint(scaled, x)
    scale.assign(2.0)
    with pytest.raises(GradientError, match="computed scaled again for a gradient, and it gave other numbers"):
        y.sum().backward()

    y = tg.checkpoint(lambda x: (x * np.random.default_rng().random((5, 6))).exp(), x)
    with pytest.raises(GradientError, match="random numbers that are not of tg.random"):
        y.sum().backward()


def test_memory_that_was_overwritten_is_noticed():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    x = tg.tensor([3.0, 4.0], requires_grad=True)
    for changed, words in ((x, "a tensor that it was given has been overwritten"), (w, "was changed in place after")):
        y = tg.checkpoint(lambda x: (x * w).exp(), x)
        with tg.no_grad():
            changed.assign(changed * 1.0)
        with pytest.raises(GradientError, match=words):
            y.sum().backward()
    mine = np.ones(2, "float32")
    y = tg.checkpoint(lambda x, a: (x * a).exp(), x, tg.as_tensor(mine))
    mine[:] = 0.0
    np.testing.assert_array_equal(tg.grad(y.sum(), x)[0].numpy(), y.numpy())


def test_what_the_function_overwrites():
    x = tg.tensor([3.0, 4.0], requires_grad=True)
    count, total = tg.tensor([0.0]), tg.tensor([0.0], name="total")

    def counts(x):
        count.assign(count + 1)
        own = tg.zeros(2)
        own.assign(x.detach() * 2)
        return (x * own).exp()

    y = tg.checkpoint(counts, x)
    np.testing.assert_array_equal(tg.grad(y.sum(), x)[0].numpy(), (y * x * 2).numpy())
    assert count.item() == 1

    def depends(x):
        y = (x * total).exp()
        total.assign(total + 1)
        return y

    y = tg.checkpoint(depends, x)
    with pytest.raises(GradientError, match="it gave other numbers"):
        y.sum().backward()
    assert total.item() == 1


def test_cross_entropy_of_labels():
    model, x, labels = nn.Linear(6, 3), tg.random.randn(4, 6), tg.tensor([0, 2, 1, 0])
    loss = lambda call: tg.grad(call(lambda x, y: F.cross_entropy(model(x), y), x, labels), list(model.parameters()))  # noqa: E731
    same_bits([g.numpy() for g in loss(tg.checkpoint)], [g.numpy() for g in loss(plainly)])
    assert len(leaves(loss(tg.checkpoint))) == 2
