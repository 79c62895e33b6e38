"""`fit` with steps of one's own: what lessons about it do. Metrics that are attributes are reported and begun anew, `data` is
what `fit` was given, and logs are dictionaries."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.keras import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 5)).astype("float32")
Y = X.sum(1, keepdims=True)
WEIGHTS = RNG.uniform(0, 2, 48).astype("float32")


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = layers.Dense(4, "tanh"), layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def network(kind):
    keras.utils.set_random_seed(0)
    return kind()


def learn(model, loss):
    """One update, as a step of one's own does it."""
    model.zero_grad()
    loss.backward()
    weights = model.trainable_variables
    model.optimizer.apply([weight.grad for weight in weights], weights)


class ByComputeLoss(Net):
    """The same training as that of `Model`, of its public parts."""

    seen = ()

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        learn(self, loss)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=float(x.shape[0]))
            else:
                metric.update_state(y, y_pred.detach())
        self.seen = [metric.name for metric in self.metrics]
        return {metric.name: metric.result() for metric in self.metrics}


class WithSampleWeights(ByComputeLoss):
    def train_step(self, data):
        x, y, sample_weight = data if len(data) == 3 else (*data, None)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight)
        learn(self, loss)
        self.metrics[0].update_state(loss, sample_weight=float(x.shape[0]))
        self.compute_metrics(x, y, y_pred.detach(), sample_weight=sample_weight)
        return self.get_metrics_result()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [ByComputeLoss, WithSampleWeights])
def test_a_step_of_public_parts_is_the_step_of_fit(kind, weighted):
    if weighted and kind is ByComputeLoss:
        pytest.skip("it takes none")
    histories = []
    for cls in (Net, kind):
        made = network(cls)
        made.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mse"])
        given = {"sample_weight": WEIGHTS} if weighted else {}
        histories.append(made.fit(X, Y, epochs=3, verbose=0, shuffle=False, **given).history)
    assert list(histories[0]) == list(histories[1]) == ["loss", "mae", "mse"]
    if kind is ByComputeLoss:
        assert made.seen == ["loss", "compile_metrics"]
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5)


class WithoutLoss(Net):
    """Loss and metrics are its own; `compile` is only told of an optimizer."""

    def __init__(self):
        super().__init__()
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.error = keras.metrics.MeanAbsoluteError(name="error")

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        loss = keras.losses.mean_squared_error(y, y_pred).mean()
        learn(self, loss)
        self.loss_tracker.update_state(loss.detach())
        self.error.update_state(y, y_pred.detach())
        return {"loss": self.loss_tracker.result(), "error": self.error.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.error]


def test_metrics_that_are_attributes_begin_anew_with_each_epoch():
    made = network(WithoutLoss)
    made.compile(optimizer=keras.optimizers.SGD(0.0))
    history = made.fit(X, Y, epochs=3, batch_size=24, verbose=0).history
    for values in history.values():
        np.testing.assert_allclose(values, values[:1] * 3, rtol=1e-5)  # at rest, so the epochs are the same
    expected = abs(Y - made.predict(X, verbose=0)).mean()
    np.testing.assert_allclose(history["error"], expected, rtol=1e-5)


class Counting(Net):
    """A metric of its own beside those of `compile`, and logs with one more number."""

    def __init__(self):
        super().__init__()
        self.largest = keras.metrics.Mean(name="largest")

    def test_step(self, data):
        logs = super().test_step(data)
        x, _ = data
        self.largest.update_state(self(x).max())
        logs["twice"] = logs["loss"] * 2
        logs.update(rows=x.shape[0])
        assert isinstance(logs, dict) and dict(logs)["twice"] == {**logs}["twice"] == logs.get("twice")
        return logs


def test_logs_of_a_step_are_a_dictionary_that_takes_items():
    made = network(Counting)
    made.compile("sgd", "mse", metrics=["mae"])
    logs = made.evaluate(X, Y, batch_size=24, verbose=0, return_dict=True)
    assert sorted(logs) == ["largest", "loss", "mae", "rows", "twice"]
    assert logs["twice"] == pytest.approx(2 * logs["loss"]) and logs["rows"] == 24
    outputs = made.predict(X, verbose=0)
    assert logs["largest"] == pytest.approx((outputs[:24].max() + outputs[24:].max()) / 2, rel=1e-5)
    assert made.evaluate(X, Y, batch_size=24, verbose=0)[:2] == pytest.approx([logs["loss"], logs["mae"]])


class Adversaries(keras.Model):
    """Two networks that learn against each other, with an optimizer each."""

    def __init__(self, critic, maker):
        super().__init__()
        self.critic, self.maker = critic, maker
        self.critic_loss, self.maker_loss = keras.metrics.Mean("critic_loss"), keras.metrics.Mean("maker_loss")

    def compile(self, critic_optimizer, maker_optimizer, loss):
        super().compile()
        self.critic_optimizer, self.maker_optimizer, self.judge = critic_optimizer, maker_optimizer, loss

    @property
    def metrics(self):
        return [self.critic_loss, self.maker_loss]

    def train_step(self, real):
        seeds = tg.random.standard_normal((real.shape[0], 3))
        both = tg.concat([self.maker(seeds).detach(), real])
        truth = tg.concat([tg.ones((real.shape[0], 1)), tg.zeros((real.shape[0], 1))])
        for optimizer, part, loss, seen in (
            (self.critic_optimizer, self.critic, lambda: self.judge(truth, self.critic(both)), self.critic_loss),
            (
                self.maker_optimizer,
                self.maker,
                lambda: self.judge(tg.zeros((real.shape[0], 1)), self.critic(self.maker(seeds))),
                self.maker_loss,
            ),
        ):
            self.zero_grad()
            value = loss()
            value.backward()
            optimizer.apply([weight.grad for weight in part.trainable_weights], part.trainable_weights)
            seen.update_state(value.detach())
        return {"critic_loss": self.critic_loss.result(), "maker_loss": self.maker_loss.result()}


def test_two_networks_with_an_optimizer_each():
    keras.utils.set_random_seed(0)
    critic = keras.Sequential([layers.Input((2,)), layers.Dense(8, "relu"), layers.Dense(1)])
    maker = keras.Sequential([layers.Input((3,)), layers.Dense(8, "relu"), layers.Dense(2)])
    made = Adversaries(critic, maker)
    made.compile(
        keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True)
    )
    before = [part.get_weights()[0].copy() for part in (critic, maker)]
    history = made.fit((X[:, :2] + 3), batch_size=16, epochs=4, verbose=0).history
    assert sorted(history) == ["critic_loss", "maker_loss"] and np.isfinite(list(history.values())).all()
    assert history["critic_loss"][-1] < history["critic_loss"][0]
    for part, old in zip((critic, maker), before, strict=True):
        assert (part.get_weights()[0] != old).any()


@pytest.mark.parametrize(
    ("given", "expected"),
    [((X,), "array"), ((X, Y), 2), ((X, Y, WEIGHTS), 3), ((iter([(X, Y)] * 2),), 2), ((iter([(X, Y, WEIGHTS)]),), 3)],
    ids=["x", "x,y", "x,y,weights", "pairs", "triples"],
)
def test_data_is_what_fit_was_given(given, expected):
    kinds = set()

    class Looking(Net):
        def train_step(self, data):
            kinds.add(len(data) if isinstance(data, tuple) else "array")
            return {}

    made = network(Looking)
    made.compile("sgd", "mse")
    names = ("x", "y", "sample_weight")
    history = made.fit(**dict(zip(names, given, strict=False)), verbose=0).history
    assert kinds == {expected} and history == {}


class Positives(keras.metrics.Metric):
    """What Keras's page on metrics of one's own does, with a `reset_state` of its own."""

    def __init__(self, name="positives", **options):
        super().__init__(name=name, **options)
        self.found = self.add_weight(shape=(), initializer="zeros", name="found")
        self.resets = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = ((y_true == 1) & (y_pred > 0.5)).astype("float32")
        if sample_weight is not None:
            values = values * sample_weight
        self.found.assign_add(values.sum())

    def result(self):
        return self.found

    def reset_state(self):
        self.resets += 1
        self.found.assign(0)


def test_a_metric_with_its_own_reset_state():
    metric = Positives()
    assert metric.resets == 0 and metric.dtype == "float32"
    metric.update_state(
        tg.tensor([1.0, 0.0, 1.0]), tg.tensor([0.9, 0.8, 0.7]), sample_weight=tg.tensor([1.0, 1.0, 3.0])
    )
    assert float(metric.result()) == 4
    made = keras.Sequential([layers.Input((5,)), layers.Dense(1, "sigmoid")])
    made.compile("sgd", "binary_crossentropy", metrics=[Positives()])
    made.fit(X, (Y > 0).astype("float32"), epochs=2, verbose=0)
    expected = ((made.predict(X, verbose=0) > 0.5) & (Y > 0)).sum()
    assert made.evaluate(X, (Y > 0).astype("float32"), verbose=0)[1] == expected


def test_a_metric_without_super_says_so():
    class Bare(keras.metrics.Metric):
        def __init__(self):
            self.found = self.add_weight()

    with pytest.raises(tg.errors.OptionError, match="super"):
        Bare()


def test_a_model_whose_parts_are_all_frozen_trains_with_a_warning():
    made = network(Net)
    made(X)
    made.trainable = False
    made.compile("sgd", "mse")
    before = made.get_weights()
    with pytest.warns(UserWarning, match="frozen"):
        history = made.fit(X, Y, epochs=2, verbose=0).history
    assert history["loss"] == pytest.approx([made.evaluate(X, Y, verbose=0)] * 2, rel=1e-5)
    for old, new in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_layer_that_adds_up_what_it_has_seen():
    """What Keras's page on layers of one's own does."""

    class Total(layers.Layer):
        def __init__(self):
            super().__init__()
            self.total = self.add_weight(shape=(2,), initializer="zeros", trainable=False)

        def call(self, inputs):
            self.total.assign_add(inputs.sum(0))
            return self.total

    layer = Total()
    for _ in range(2):
        seen = layer(np.ones((3, 2), "float32"))
    np.testing.assert_array_equal(seen.numpy(), [6, 6])
    layer.total.assign_sub([1.0, 2.0])
    np.testing.assert_array_equal(layer.get_weights()[0], [5, 4])
    assert layer.trainable_weights == []
    adding = Total()
    model = keras.Sequential([layers.Input((2,)), adding])
    assert adding.total.numpy().tolist() == [0, 0]  # a model is made with symbols, of which nothing can be kept
    assert model(np.ones((3, 2), "float32")).numpy().tolist() == [3, 3]


def test_a_metric_of_a_layer_in_a_model_of_symbols():
    class Watching(layers.Layer):
        def __init__(self):
            super().__init__()
            self.size = keras.metrics.Mean(name="size")

        def call(self, inputs):
            self.size.update_state(inputs)
            self.add_loss(0.5)
            return inputs

    model = keras.Sequential([layers.Input((2,)), Watching(), layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    assert model.evaluate(np.full((4, 2), 3.0), np.ones((4, 1)), verbose=0, return_dict=True) == {
        "loss": 1.5,
        "size": 3.0,
    }


def test_targets_only_for_outputs_that_have_a_loss():
    x = layers.Input((5,))
    made = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(2)(x), layers.Dense(1, name="c")(x)])
    made.compile("sgd", ["mse", None, "mse"])
    both = made.evaluate(X, [Y, None, Y * 0], verbose=0, return_dict=True)
    assert made.evaluate(X, [Y, Y * 0], verbose=0, return_dict=True) == both
    assert sorted(both) == ["a_loss", "c_loss", "loss"]
