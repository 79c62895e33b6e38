"""`keras.ops` that take functions, in compiled steps and models; `keras.random`, `keras.backend`, `keras.config`."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
from checks import assert_close

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import CompileError, DTypeError, OptionError, ShapeError
from tinygrad_ml.keras import backend as K
from tinygrad_ml.keras import ops
from tinygrad_ml.keras.absent import NotOfferedError

X = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")


def eager_and_compiled(function, *arrays):
    """What a function gives, eagerly, and recorded and replayed."""
    tensors = [tg.tensor(array) for array in arrays]
    compiled = tg.compile(function)
    return function(*tensors), compiled(*tensors), compiled(*tensors)


# -- tensors in and out --------------------------------------------------------------------------------


def test_numbers_become_int32_and_float32_and_arrays_stay():
    assert ops.convert_to_tensor(3).dtype == ops.convert_to_tensor([1, 2]).dtype == tg.int32
    assert ops.convert_to_tensor(3.0).dtype == ops.convert_to_tensor([[1.0], [2.0]]).dtype == tg.float32
    assert ops.convert_to_tensor(np.zeros(2)).dtype == tg.float64
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    both = ops.convert_to_tensor([[x[0], 3.0], [4.0, x[1]]])
    assert both.tolist() == [[1, 3], [4, 2]]
    assert tg.grad(both.sum(), x)[0].tolist() == [1, 1]
    assert ops.is_tensor(x) and not ops.is_tensor([1.0])
    assert (ops.shape(X), ops.ndim(X), ops.size(X), ops.dtype(X)) == ((3, 4), 2, 12, "float32")
    assert isinstance(ops.convert_to_numpy(x), np.ndarray)
    assert ops.add(tg.zeros(2, dtype="float64"), 1).dtype == tg.float64


def test_what_is_not_offered_says_what_to_use():
    with pytest.raises(NotOfferedError, match="use eigh for symmetric matrices"):
        ops.eig(np.eye(2))
    assert not hasattr(ops, "view_as_complex")
    assert not hasattr(ops.nn, "polar")
    with pytest.raises(ImportError, match="real and the imaginary part"):
        from tinygrad_ml.keras.ops import view_as_real  # noqa: F401
    with pytest.raises(OptionError, match="no sparse tensors"):
        ops.one_hot([1], 2, sparse=True)


def test_what_keras_has_otherwise():
    y = ops.sparsemax(X * 2)
    assert_close(y.sum(-1), np.ones(3))
    assert_close(ops.sparsemax(y), y.numpy())  # which are there already
    assert_close(ops.sparsemax([[1.0, 1.2, -3.0]]), [[0.4, 0.6, 0.0]])
    assert tg.gradcheck(ops.sparsemax, X.astype("float64"))
    assert_close(ops.imag(X), np.zeros_like(X))
    assert ops.isreal(X).all().item()
    assert [places.tolist() for places in ops.nonzero([[0, 3], [4, 0]])] == [[0, 1], [1, 0]]
    assert_close(ops.cross([1.0, 2.0], [3.0, 5.0]), -1)
    assert_close(ops.linspace(X[0], X[1], 3, axis=-1)[:, 1], (X[0] + X[1]) / 2)
    assert_close(ops.rearrange(X.reshape(1, 3, 2, 2), "b ... c -> b c ...")[0, 1], X.reshape(3, 2, 2)[..., 1])
    assert_close(ops.pad([1, 2, 3], [(2, 1)], "symmetric"), np.pad([1, 2, 3], (2, 1), "symmetric"))
    assert ops.image.elastic_transform(np.ones((1, 5, 5, 1)), seed=1).shape == (1, 5, 5, 1)


def test_patterns_that_do_not_fit():
    with pytest.raises(ShapeError, match="not \\(a=2, b=2\\)"):
        ops.rearrange(X, "(a b) c -> a b c", a=2, b=2)
    with pytest.raises(OptionError, match="each axis once"):
        ops.rearrange(X, "a b -> a")


# -- loops ---------------------------------------------------------------------------------------------


def test_scan_map_and_loops_in_eager_mode_and_compiled():
    def running(x):
        last, every = ops.scan(lambda c, row: (c + row, c * row), ops.zeros(4), x)
        doubled = ops.map(lambda row: row * 2, x)
        vectors = ops.vectorized_map(lambda row: ops.sum(row), x)
        power = ops.fori_loop(0, 3, lambda i, v: v * 2 + ops.cast(i, "float32"), ops.sum(x))
        return last, every, doubled, vectors, power

    sums = np.cumsum(X, 0)
    before = np.concatenate([np.zeros((1, 4)), sums[:-1]])
    for last, every, doubled, vectors, power in eager_and_compiled(running, X):
        assert_close(last, sums[-1], rtol=1e-5)
        assert_close(every, before * X, rtol=1e-5)
        assert_close(doubled, X * 2)
        assert_close(vectors, X.sum(1), rtol=1e-5)
        assert_close(power, X.sum() * 8 + 4, rtol=1e-5)


def test_while_loops():
    def halved(x):
        return ops.while_loop(lambda x, n: ops.max(x) > 1, lambda x, n: (x / 2, n + 1), (x, 0), maximum_iterations=20)

    for x, n in eager_and_compiled(halved, np.array([5.0, 3.0], "float32")):
        assert_close(x, [0.625, 0.375])
        assert n.item() == 3 and n.dtype == tg.int32
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0).item() == 6
    assert ops.while_loop(lambda i: i < 50, lambda i: i + 2, 0, maximum_iterations=3).item() == 6
    with pytest.raises(OptionError, match="maximum_iterations="):
        tg.compile(lambda x: ops.while_loop(lambda x: x > 1, lambda x: x / 2, x))(tg.tensor(3.0))


def test_choices():
    def chosen(x):
        flipped = ops.cond(ops.sum(x) > 0, lambda: {"y": x}, lambda: {"y": -x})["y"]
        return flipped, ops.switch(ops.cast(x[0], "int32"), [lambda v: v, lambda v: v * 10, lambda v: v * 20], x)

    for sign in (1, -1):
        x = np.array([sign * 1.5, sign * 2.0], "float32")
        for flipped, switched in eager_and_compiled(chosen, x):
            assert_close(flipped, x * sign)
            assert_close(switched, x * 10 if sign > 0 else x)
    assert ops.switch(7, [lambda: 1, lambda: 2]) == 2


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scans(n, reverse):
    x = np.random.default_rng(n).standard_normal((2, n)).astype("float32")
    step = lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1])  # noqa: E731
    for a, b in eager_and_compiled(lambda x: ops.associative_scan(step, (x, x * 0 + 1), reverse, axis=1), x):
        factors = x[:, ::-1] if reverse else x
        expected, total = [], np.zeros(2)
        for column in factors.T:
            total = total * column + 1
            expected.append(total)
        found = b.numpy()[:, ::-1] if reverse else b.numpy()
        np.testing.assert_allclose(found, np.stack(expected, 1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose((a.numpy()[:, ::-1] if reverse else a.numpy()), np.cumprod(factors, 1), rtol=1e-4)


def test_functions_of_single_numbers():
    add = ops.vectorize(lambda a, b: a * 10 + b)
    assert_close(add(np.array([[1], [2]]), np.array([3, 4])), [[13, 14], [23, 24]])
    with pytest.raises(OptionError, match="signature"):
        ops.vectorize(lambda x: x, signature="(n)->()")


# -- derivatives ---------------------------------------------------------------------------------------


def test_custom_gradients():
    @ops.custom_gradient
    def log1pexp(x):
        e = ops.exp(x)

        def grad(*args, upstream=None):
            return upstream * (1 - 1 / (1 + e))

        return ops.log(1 + e), grad

    @ops.custom_gradient
    def product(a, b):
        return a * b, lambda g: (g * b * 100, g * a)

    x = tg.tensor(100.0, requires_grad=True)
    assert tg.grad(log1pexp(x), x)[0].item() == 1
    a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    assert [g.item() for g in tg.grad(product(a, b), [a, b])] == [300, 2]
    step = tg.compile(lambda x: tg.grad(log1pexp(x), x)[0])
    for value in (0.5, 0.5, 2.0):
        assert_close(step(tg.tensor(value, requires_grad=True)), 1 / (1 + math.exp(-value)))


def test_directional_derivatives():
    y, slope = ops.jvp(lambda x: ops.sin(x), (tg.tensor(0.5),), (tg.tensor(2.0),))
    assert_close(y, math.sin(0.5))
    assert_close(slope, 2 * math.cos(0.5))
    *_, aux = ops.jvp(lambda x: (ops.sin(x), "beside"), (tg.tensor(0.5),), (tg.tensor(2.0),), has_aux=True)
    assert aux == "beside"
    assert tg.grad(ops.stop_gradient(x := tg.tensor(2.0, requires_grad=True)) * x, x)[0].item() == 2


def test_second_derivatives_of_what_is_composed_here():
    images = np.random.default_rng(1).uniform(0.1, 0.9, (1, 4, 4, 3))
    turn = np.array([0.9, 0.31, 0.27, -0.2, 1.1, 0.33, 0.01, 0.02])
    assert tg.gradcheck(lambda x, t: ops.image.affine_transform(x, t, "bilinear", "reflect"), (images, turn))
    assert tg.gradcheck(lambda x: ops.image.ssim(x, x[:, ::-1] * 0.9, filter_size=3), images)
    assert tg.gradcheck(
        lambda x: ops.segment_max(x, [0, 1, 0]) * ops.segment_prod(x, [1, 1, 0], 2), X.astype("float64")
    )
    assert tg.gradcheck(lambda x: ops.stft(x, 4, 2, 6)[0] ** 2, X.astype("float64").reshape(1, 12))
    kernel = np.random.default_rng(2).standard_normal((2, 2, 2, 3))
    assert tg.gradcheck(lambda x, k: ops.conv_transpose(x, k, 2, "same") ** 2, (images, kernel))


# -- between layers ------------------------------------------------------------------------------------


def test_operations_between_layers_are_remembered_saved_and_trained(tmp_path):
    x = keras.Input((4, 6), name="x")
    both = ops.concatenate([x, ops.sin(x)], axis=-1)
    flat = ops.reshape(both, (-1, 48))
    first = x[:, 0]
    mixed = keras.layers.Dense(6)(flat) * 0.5 + first.reshape(-1, 6)
    model = keras.Model(x, ops.mean(ops.stack([mixed, first], axis=1), axis=1))
    assert [ops.shape(one) for one in (both, flat, first, mixed)] == [(None, 4, 12), (None, 48), (None, 6), (None, 6)]
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    assert any(layer.name.startswith("concatenate") for layer in model.operations)
    data = np.random.default_rng(0).standard_normal((8, 4, 6)).astype("float32")
    target = data.mean((1, 2), keepdims=True)[:, 0].repeat(6, 1)
    model.compile("adam", "mse")
    history = model.fit(data, target, epochs=4, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_close(again(data), model(data).numpy())
    assert_close(keras.models.clone_model(model)(data).sum() * 0, 0)
    lines = []
    model.summary(print_fn=lines.append)
    assert any("reshape" in line for line in lines)


def test_operations_on_the_batch_know_its_shape():
    x = keras.Input((None, 6))
    assert ops.shape(x) == (None, None, 6)
    assert ops.shape(ops.sum(x)) == ()
    assert ops.shape(ops.mean(x, axis=0)) == (None, 6)
    assert ops.shape(ops.transpose(x, (2, 0, 1))) == (6, None, None)
    assert ops.shape(ops.reshape(x, (-1, 3))) == (None, 3)
    assert ops.shape(ops.shape(x) and ops.zeros_like(x)) == (None, None, 6)
    model = keras.Model(x, ops.sum(x, axis=(0, 1)))
    assert_close(model(np.ones((5, 2, 6), "float32")), np.full(6, 10))


def test_loops_between_layers_go_over_the_whole_batch():
    x = keras.Input((4,))
    last, every = ops.scan(lambda c, row: (c + row, c), ops.zeros((4,)), x)
    halved = ops.while_loop(lambda y: ops.max(y) > 1, lambda y: y / 2, x, maximum_iterations=9)
    picked = ops.cond(ops.sum(x) > 0, lambda: x, lambda: -x)
    model = keras.Model(
        x, [ops.vectorized_map(lambda row: row * 2, x), ops.map(ops.sum, x), last, every, halved, picked]
    )
    data = np.random.default_rng(3).uniform(-3, 0, (5, 4)).astype("float32")
    doubled, sums, last, every, halved, picked = model(data)
    assert_close(doubled, data * 2)
    assert_close(sums, data.sum(1), rtol=1e-5)
    assert_close(last, data.sum(0), rtol=1e-5)
    assert_close(every[1:], np.cumsum(data, 0)[:-1], rtol=1e-5)
    assert_close(halved, data)
    assert_close(picked, -data)


def test_operations_inside_of_layers_just_compute():
    class Attend(keras.layers.Layer):
        def call(self, x):
            return ops.matmul(ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1)))), x[:, :, :2])

    x = keras.Input((None, 4))
    y = Attend()(x)
    assert ops.shape(y) == (None, None, 2)
    assert [type(layer).__name__ for layer in keras.Model(x, y).operations] == ["InputLayer", "Attend"]


# -- random numbers ------------------------------------------------------------------------------------

N = 20_000


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda seed: keras.random.normal((N,), 1.0, 2.0, seed=seed), 1, 4),
        (lambda seed: keras.random.uniform((N,), -1.0, 3.0, seed=seed), 1, 16 / 12),
        (lambda seed: keras.random.truncated_normal((N,), 1.0, 2.0, seed=seed), 1, 4 * 0.7737),
        (lambda seed: keras.random.randint((N,), 2, 6, seed=seed), 3.5, 15 / 12),
        (lambda seed: keras.random.gamma((N,), 3.0, seed=seed), 3, 3),
        (lambda seed: keras.random.beta((N,), 2.0, 3.0, seed=seed), 0.4, 0.04),
        (lambda seed: keras.random.binomial((N,), 10, 0.3, seed=seed), 3, 2.1),
        (lambda seed: keras.random.categorical(np.log([[0.2, 0.3, 0.5]]), N, seed=seed)[0], 1.3, 0.61),
        (lambda seed: keras.random.dropout(np.ones(N, "float32"), 0.2, seed=seed), 1, 0.25),
    ],
)
def test_distributions_have_their_moments_and_seeds_repeat(draw, mean, variance):
    x = draw(3).astype("float64")
    assert abs(x.mean().item() - mean) < 5 * math.sqrt(variance / N)
    assert abs(x.var().item() / variance - 1) < 0.06
    assert (draw(3) == draw(3)).all().item()
    assert not (draw(3) == draw(4)).all().item()
    assert not (draw(None) == draw(None)).all().item()
    first, second = keras.random.SeedGenerator(5), keras.random.SeedGenerator(5)
    one, two = draw(first), draw(first)
    assert not (one == two).all().item()
    assert (draw(second) == one).all().item() and (draw(second) == two).all().item()


def test_truncated_numbers_stay_inside_and_shuffles_keep_all():
    assert abs(keras.random.truncated_normal((N,), seed=1)).max().item() <= 2
    shuffled = keras.random.shuffle(np.arange(20).reshape(2, 10), axis=1, seed=1)
    assert sorted(shuffled[0].tolist()) == list(range(10))
    assert (shuffled[1] - shuffled[0]).tolist() == [10] * 10
    assert keras.random.uniform((3,), 0, 5, dtype="int32").dtype == tg.int32
    mask = keras.random.dropout(np.ones((4, 5), "float32"), 0.5, noise_shape=(None, 1), seed=2)
    assert_close(mask, mask[:, :1].broadcast_to((4, 5)).numpy())
    assert keras.random.SeedGenerator.from_config(keras.random.SeedGenerator(4).get_config()).seed == 4


def test_random_numbers_in_compiled_steps():
    generator = keras.random.SeedGenerator(1)
    step = tg.compile(lambda x: (x + keras.random.normal((2,), seed=generator), x + keras.random.normal((2,), seed=7)))
    first, second = step(tg.zeros(2)), step(tg.zeros(2))
    assert not (first[0] == second[0]).all().item()
    assert_close(first[1], second[1].numpy())
    assert_close(first[1], keras.random.normal((2,), seed=7).numpy())
    with pytest.raises(CompileError, match="trial and error"):
        tg.compile(lambda x: x + keras.random.gamma((2,), 2.0))(tg.zeros(2))
    with pytest.raises(OptionError, match="random.gamma"):
        tg.random.gamma(-1.0)
    assert tg.random.binomial(5, 0.5, (3,)).dtype == tg.int64


# -- what holds for a program --------------------------------------------------------------------------


def test_settings():
    assert (keras.config.epsilon(), keras.config.floatx(), keras.config.backend()) == (1e-7, "float32", "tinygrad_ml")
    assert keras.__version__.startswith("3.") and keras.version() == keras.__version__
    keras.config.set_floatx("float32")
    with pytest.raises(OptionError, match="layers compute in float32"):
        keras.config.set_floatx("float16")
    with pytest.raises(OptionError, match="one backend"):
        keras.config.set_backend("jax")
    try:
        keras.config.set_epsilon(0.1)
        assert_close(keras.losses.binary_crossentropy(np.array([[1.0]]), np.array([[0.0]])), [-math.log(0.1)])
        keras.config.set_image_data_format("channels_first")
        assert keras.layers.Conv2D(4, 3).data_format == "channels_first"
        assert keras.ops.max_pool(np.zeros((1, 3, 4, 6)), 2).shape == (1, 3, 2, 3)
    finally:
        keras.config.set_epsilon(1e-7)
        keras.config.set_image_data_format("channels_last")
    assert keras.layers.Conv2D(4, 3).data_format == "channels_last"
    assert not hasattr(keras.config, "set_dtype_policy")


def test_dtypes_by_name():
    assert K.standardize_dtype(None) == K.standardize_dtype(float) == K.standardize_dtype("float32") == "float32"
    assert K.standardize_dtype(int) == "int32" and K.standardize_dtype(tg.int64) == "int64"
    assert K.is_float_dtype("float16") and K.is_int_dtype("uint8") and not K.is_int_dtype("bool")
    assert K.result_type("int32", "float16") == "float16"
    assert K.result_type("int32", float) == "float32" and K.result_type() == "float32" and K.result_type(int) == "int32"
    assert K.is_keras_tensor(keras.Input((2,))) and not K.is_keras_tensor(tg.zeros(2))
    K.clear_session()
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid("b")] == [1, 2, 1]


def test_the_functions_of_old_programs():
    a, b = np.arange(24.0).reshape(2, 3, 4), np.ones((2, 4, 5))
    assert K.batch_dot(a, b).shape == (2, 3, 5)
    assert_close(K.batch_dot(a, b), a @ b)
    assert_close(K.batch_dot(a[:, 0], a[:, 1], axes=1), (a[:, 0] * a[:, 1]).sum(1, keepdims=True))
    assert_close(K.l2_normalize(a, axis=-1), a / np.linalg.norm(a, axis=-1, keepdims=True), rtol=1e-5)
    assert K.int_shape(K.batch_flatten(a)) == (2, 12) and K.count_params(a) == 24
    assert_close(K.concatenate([a, a]), np.concatenate([a, a], -1))
    assert K.permute_dimensions(a, (0, 2, 1)).shape == (2, 4, 3)
    assert K.repeat(a[:, 0], 3).shape == (2, 3, 4)
    assert_close(K.gather(a, [1]), a[[1]])
    assert_close(K.relu(np.array([-2.0, 1, 9]), alpha=0.1, max_value=6), [-0.2, 1, 6])
    assert K.resize_images(np.zeros((1, 2, 3, 1)), 2, 3, "channels_last").shape == (1, 4, 9, 1)
    assert K.pool2d(np.ones((1, 4, 4, 1)), (2, 2), pool_mode="avg").shape == (1, 3, 3, 1)
    assert K.conv2d(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 5))).shape == (1, 2, 2, 5)
    assert_close(K.switch(np.array([True, False]), np.ones((2, 2)), np.zeros((2, 2))), [[1, 1], [0, 0]])
    assert K.foldl(lambda c, x: c * 10 + x, np.array([1.0, 2, 3])).item() == 123
    assert K.foldr(lambda c, x: c * 10 + x, np.array([1.0, 2, 3])).item() == 321
    weight = K.variable([1.0, 2.0], name="weight")
    (slope,) = K.gradients(K.sum(K.square(weight)), [weight])
    assert_close(slope, [2, 4])
    K.update_sub(weight, 0.5)
    K.set_value(weight, K.get_value(weight) * 2)
    assert_close(weight, [1, 3])
    loss = keras.layers.Lambda(lambda y: K.mean(K.sqrt(K.abs(y) + K.epsilon()), axis=-1))
    assert loss(np.ones((2, 3))).shape == (2,)
    assert not hasattr(K, "placeholder")


def test_mistakes_are_told():
    with pytest.raises(ShapeError, match="one shape"):
        ops.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(OptionError, match="two of the two sides"):
        ops.image.crop_images(np.ones((4, 4, 1)), 1, 1)
    with pytest.raises(DTypeError, match="divide them by 255"):
        ops.image.rgb_to_hsv(np.ones((4, 4, 3), "uint8"))
    with pytest.raises(OptionError, match="'biliear' is not 'nearest'"):
        ops.image.resize(np.ones((4, 4, 3)), (2, 2), interpolation="biliear")
    with pytest.raises(OptionError, match="no operation 'resahpe'"):
        ops.Operation("resahpe")
    with pytest.raises(OptionError, match=r"keras\.ops\.reshape"):
        x = keras.Input((4,))
        keras.Model(x, keras.layers.Dense(2)(tg.reshape(x + 1, (-1, 2))))(np.ones((2, 4)))


def test_rows_of_tables_say_what_they_take_and_what_they_are_for():
    for operation in (ops.mean, ops.tril, ops.elu, ops.linalg.cholesky):
        x, *options = inspect.signature(operation).parameters.values()
        assert (x.name, x.annotation) == ("x", Any) and options and operation.__doc__
    assert ops.mean.__name__ == "mean" and ops.mean.__doc__ == tg.mean.__doc__
    assert ops.mean(x=[1, 2]).dtype == "float32" and ops.tril(x=[[1, 2], [3, 4]], k=-1).tolist() == [[0, 0], [3, 0]]
    y = keras.Input((2, 3))
    assert keras.Model(y, ops.mean(y, axis=1))(np.ones((4, 2, 3), "float32")).shape == (4, 3)


def test_all_that_numpy_has_stands_in_ops():
    names = {name for name in vars(ops.numpy) if not name.startswith("_") and name != "not_offered"}
    assert len(names) > 200 and all(getattr(ops, name) is getattr(ops.numpy, name) for name in names)


def test_layers_of_one_kind_and_any_rank_say_the_same():
    for kinds in ("Conv{}D", "MaxPooling{}D", "ZeroPadding{}D"):
        first, second = (getattr(keras.layers, kinds.format(rank)).__doc__ for rank in (1, 3))
        assert first == second and "data_format" in first
