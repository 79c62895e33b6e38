"""`fit`, `evaluate` and `predict` of keras compile their steps: the same numbers as operation by operation, and whatever
else a step does still happens in each."""

import random
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.compile.guards.reach import Reach
from tinygrad_ml.errors import CompileError, OptionError, RangeError
from tinygrad_ml.keras import callbacks, constraints, layers, optimizers
from tinygrad_ml.keras.optimizers import schedules

pytestmark = pytest.mark.host_only

RNG = np.random.default_rng(0)
X = RNG.standard_normal((44, 6)).astype("float32")  # in batches of 8 the last one is smaller
LABELS = RNG.integers(0, 3, 44)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
IMAGES = RNG.random((44, 6, 5, 2)).astype("float32")


def dense(*between, **options):
    return keras.Sequential(
        [layers.Input((6,)), layers.Dense(7, "tanh", **options), *between, layers.Dense(3, "softmax")]
    )


def of_images(*before):
    return keras.Sequential(
        [
            layers.Input((6, 5, 2)),
            *before,
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )


def branches():
    a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
    shared, dropout = layers.Dense(5, "tanh"), layers.Dropout(0.3, seed=4)
    joined = layers.Concatenate()([dropout(shared(a)), dropout(shared(b))])
    outputs = [layers.Dense(3, "softmax", name="kind")(joined), layers.Dense(1, name="value")(joined)]
    return keras.Model([a, b], outputs)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.out = layers.Dense(6, "relu"), layers.Dropout(0.2), layers.Dense(3, "softmax")

    def call(self, x, training=False):
        h = self.hidden(x)
        self.add_loss(1e-3 * (h * h).mean())
        return self.out(self.drop(h, training=training))


class Scale(layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones")

    def call(self, inputs):
        return inputs * self.scale


class Positives(keras.metrics.Metric):
    """How many samples are taken for class 1, as Keras's users write it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.found = self.add_variable(name="found")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.found.assign(self.found + (y_pred.argmax(-1) == 1).astype("float32").sum())

    def result(self):
        return self.found


def trained(make, compiling, fitting, x=X, y=ONE_HOT, **options):
    """The model, its history and its predictions, after `fit` with those options."""
    tg.manual_seed(1)
    model = make()
    model.compile(**{"optimizer": "sgd", "loss": "categorical_crossentropy"} | compiling() | options)
    fitting = {"epochs": 3, "batch_size": 8, "verbose": 0} | fitting()
    history = model.fit(x, y, **fitting).history
    scores = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    return model, history, scores, model.predict(x, batch_size=8, verbose=0)


def assert_same(make, compiling=dict, fitting=dict, rtol=1e-4, **data):
    """Compiled and eager training give the same history, weights, scores and predictions."""
    eager, *expected = trained(make, compiling, fitting, run_eagerly=True, **data)
    model, *found = trained(make, compiling, fitting, **data)
    for step in (model.train_function, model.test_function, model.predict_function):
        assert "compiled" in repr(step) and step.why_not is None
        assert step.compiled.program.instructions
    for what, other in zip(expected[:2], found[:2], strict=True):
        assert list(what) == list(other)
        for name, values in what.items():
            np.testing.assert_allclose(other[name], values, rtol, 1e-6, err_msg=name)
    for a, b in zip(_arrays(expected[2]), _arrays(found[2]), strict=True):
        np.testing.assert_allclose(b, a, rtol, 1e-6)
    for a, b in zip(eager.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol, 1e-6)
    assert eager.optimizer.iterations == model.optimizer.iterations
    return model


def _arrays(predictions):
    return predictions if isinstance(predictions, list) else [predictions]


# -- the same numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [
    lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    lambda: optimizers.SGD(0.1, weight_decay=0.01, clipvalue=0.02),
    lambda: optimizers.SGD(schedules.ExponentialDecay(0.1, 4, 0.5, staircase=True), weight_decay=0.01),
    lambda: optimizers.Adam(schedules.CosineDecay(0.0, 20, warmup_target=0.02, warmup_steps=5)),
    lambda: optimizers.Adam(amsgrad=True, clipnorm=0.1),
    lambda: optimizers.AdamW(0.01),
    lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True, global_clipnorm=0.2),
    lambda: optimizers.Adagrad(0.1),
    lambda: optimizers.Adadelta(1.0),
])  # fmt: skip
def test_optimizers(optimizer):
    assert_same(dense, lambda: {"optimizer": optimizer()})


def test_losses_and_metrics():
    measured = ["accuracy", "mse", keras.metrics.TopKCategoricalAccuracy(2), keras.metrics.RootMeanSquaredError()]

    def compiling():
        own = [
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
            Positives(name="positives"),
        ]
        return {"metrics": [*measured[:2], *(type(m).from_config(m.get_config()) for m in measured[2:]), *own]}

    assert_same(dense, compiling)
    assert_same(dense, lambda: {"loss": "sparse_categorical_crossentropy", "metrics": ["acc"]}, y=LABELS)
    assert_same(dense, lambda: {"loss": lambda t, y: ((t - y) ** 2).mean(-1), "metrics": ["mae"]})


@pytest.mark.parametrize("make", [
    lambda: dense(layers.Dropout(0.4)),
    lambda: dense(layers.Dropout(0.4, seed=3), layers.GaussianNoise(0.1)),
    lambda: dense(layers.BatchNormalization(), layers.LayerNormalization()),
    lambda: dense(layers.LeakyReLU(), layers.PReLU(), Scale()),
    lambda: dense(layers.Lambda(lambda x: x * 2)),
    lambda: dense(kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2"),
    lambda: dense(kernel_constraint=constraints.MaxNorm(0.5), bias_constraint="non_neg"),
    Net,
], ids=range(8))  # fmt: skip
def test_layers(make):
    assert_same(make)


@pytest.mark.parametrize("before", [
    lambda: [layers.BatchNormalization(), layers.SpatialDropout2D(0.3, seed=1)],
    lambda: [layers.RandomTranslation(0.2, 0.2), layers.RandomContrast(0.3, seed=2)],
    lambda: [layers.RandomRotation(0.1, seed=5), layers.RandomZoom(0.2), layers.RandomFlip(seed=1)],
], ids=range(3))  # fmt: skip
def test_images(before):
    assert_same(lambda: of_images(*before()), x=IMAGES)


def test_several_inputs_and_outputs_and_a_shared_layer():
    compiling = {
        "loss": {"kind": "sparse_categorical_crossentropy", "value": "mse"},
        "loss_weights": {"kind": 0.3, "value": 1.0},
        "metrics": {"kind": ["accuracy"], "value": ["mae"]},
    }
    y = {"kind": LABELS, "value": X[:, :1]}
    assert_same(branches, lambda: compiling, x={"a": X, "b": X[::-1].copy()}, y=y)
    assert_same(branches, lambda: {"loss": "mse"}, x=[X, X], y=[ONE_HOT, X[:, :1]])


def test_weights_of_samples_and_classes():
    compiling = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    assert_same(dense, lambda: compiling, lambda: {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}})
    assert_same(dense, lambda: compiling, lambda: {"sample_weight": np.linspace(0, 2, 44).astype("float32")})


@pytest.mark.parametrize("fitting", [
    lambda: {"callbacks": [callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))]},
    lambda: {"callbacks": [callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1.0)], "epochs": 5},
    lambda: {"callbacks": [callbacks.EarlyStopping("loss", patience=1, min_delta=1.0, restore_best_weights=True)]},
    lambda: {"validation_split": 0.25, "validation_freq": 2, "epochs": 4},
    lambda: {"steps_per_epoch": 3, "epochs": 4},
    lambda: {"batch_size": 44, "epochs": 6},
], ids=["rates", "plateau", "stopping", "validation", "steps", "one batch"])  # fmt: skip
def test_ways_to_fit(fitting):
    assert_same(dense, lambda: {"metrics": ["accuracy"]}, fitting)


def test_frozen_and_thawed_and_compiled_anew():
    def run(**options):
        tg.manual_seed(2)
        model = dense(layers.BatchNormalization(scale=False, center=False))
        found = []
        for trainable, optimizer in ((True, "sgd"), (False, None), (True, None), (True, optimizers.SGD(0.5, 0.9))):
            for layer in model.layers[:2]:
                layer.trainable = trainable
            if optimizer is not None:
                model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], **options)
            found.append(model.fit(X, ONE_HOT, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"])
            found += [weight.ravel() for weight in model.get_weights()]
        return found

    for a, b in zip(run(run_eagerly=True), run(), strict=True):
        np.testing.assert_allclose(b, a, 1e-4, 1e-6)


def test_on_batches():
    def run(**options):
        tg.manual_seed(3)
        model = dense()
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], **options)
        found = [model.train_on_batch(X[:8], ONE_HOT[:8], sample_weight=np.ones(8)) for _ in range(4)]
        found += [model.test_on_batch(X[8:], ONE_HOT[8:]) for _ in range(3)]
        return model, np.array(found), np.array([model.predict_on_batch(X[:3]) for _ in range(3)])

    eager, compiled = run(run_eagerly=True), run()
    for a, b in zip(eager[1:], compiled[1:], strict=True):
        np.testing.assert_allclose(b, a, 1e-4, 1e-6)
    assert "1 program" in repr(compiled[0].train_function)


def test_logs_of_batches():
    def run(**options):
        tg.manual_seed(3)
        model, seen = dense(), []
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], **options)
        note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(list(dict(logs).values())))
        model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0, callbacks=[note])
        return seen

    np.testing.assert_allclose(run(), run(run_eagerly=True), 1e-5)


# -- what is compiled ---------------------------------------------------------------------------------


def test_shapes_that_come_again_are_recorded():
    model = dense()
    model.compile("sgd", "categorical_crossentropy")
    assert "0 programs" in repr(model.train_function)
    model.fit(X, ONE_HOT, batch_size=8, epochs=1, verbose=0)
    assert "1 program" in repr(model.train_function)  # the smaller batch came once
    model.fit(X, ONE_HOT, batch_size=8, epochs=3, verbose=0)
    assert "2 programs" in repr(model.train_function)
    assert "kernels" in model.train_function.compiled.explain()


class NobodysBusiness:
    """Stands for what is large among the variables of a file, and named by no step."""


ELSEWHERE = NobodysBusiness()


def test_a_step_looks_at_what_the_model_uses_and_not_at_all_variables_of_the_file():
    """A session's other variables may lead to millions of objects."""

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(3, name="head")

        def call(self, inputs):
            return self.head(inputs) * len(IMAGES)

    model = Net()
    model.compile("sgd", "mse")
    model.fit(X, ONE_HOT, batch_size=11, epochs=2, verbose=0)
    assert "1 program" in repr(model.train_function)
    reached = Reach(model.train_function.compiled)
    assert any(thing is model.head for thing in reached.reporters)
    assert not any(isinstance(thing, NobodysBusiness) for thing in reached.objects)


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": False}])
def test_what_turns_it_off(options):
    model = dense()
    model.compile("sgd", "categorical_crossentropy", **options)
    model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0)
    (name, value) = next(iter(options.items()))
    assert repr(model.train_function) == f"<train_step of {model.name!r}, operation by operation: {name}={value}>"
    model.predict(X, batch_size=8, verbose=0)
    assert "operation by operation" in repr(model.predict_function)
    with pytest.raises(OptionError, match="jit_compile='always'"):
        model.compile("sgd", "mse", jit_compile="always")


def test_a_file_remembers_it(tmp_path):
    model = dense()
    model.compile("sgd", "categorical_crossentropy", run_eagerly=True)
    model.save(tmp_path / "model")
    assert keras.models.load_model(tmp_path / "model").run_eagerly is True


class OwnStep(keras.Sequential):
    steps = 0

    def train_step(self, data):
        self.steps += 1
        return super().train_step(data)


def test_a_step_that_a_model_has_written_itself_is_its_own_business():
    model = OwnStep([layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0)
    assert model.steps == 12 and "the model's own" in repr(model.train_function)
    model.compile("sgd", "categorical_crossentropy", jit_compile=True)
    with pytest.raises(CompileError, match=r"changes OwnStep\.steps"):
        model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0)

    class Plain(keras.Sequential):
        def train_step(self, data):
            x, y = data
            loss = self.compute_loss(x, y, self(x, training=True))
            self.zero_grad()
            loss.backward()
            self.optimizer.step(self.trainable_weights)
            return {"loss": loss, "twice": loss * 2}

    histories = []
    for options in ({"jit_compile": True}, {"run_eagerly": True}):
        tg.manual_seed(0)
        model = Plain([layers.Input((6,)), layers.Dense(3, "softmax")])
        model.compile("sgd", "categorical_crossentropy", **options)
        histories.append(model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0).history)
        assert ("2 programs" in repr(model.train_function)) == ("jit_compile" in options)
    np.testing.assert_allclose(histories[0]["twice"], histories[1]["twice"], 1e-5)


def test_many_shapes_go_on_with_one_warning():
    def batches():
        for size in (*range(2, 9), *range(2, 9), 8, 7):
            yield X[:size], ONE_HOT[:size]

    def run(**options):
        tg.manual_seed(0)
        model = dense()
        model.compile("sgd", "categorical_crossentropy", **options)
        model.train_function.compiled.programs = 3
        return model, model.fit(batches(), epochs=1, verbose=0).history["loss"]

    with pytest.warns(UserWarning, match="train_step has been recorded for 3 combinations") as caught:
        model, losses = run()
    assert len(caught) == 1
    assert "3 programs" in repr(model.train_function)
    np.testing.assert_allclose(losses, run(run_eagerly=True)[1], 1e-5)


def test_anomalies_and_mistakes_are_named_as_ever():
    model = dense()
    model.compile("sgd", "sparse_categorical_crossentropy")
    labels = LABELS.copy()
    labels[-1] = 7
    with pytest.raises(RangeError, match="label 7"):
        model.fit(X[4:], labels[4:], batch_size=8, shuffle=False, verbose=0)
    model = keras.Sequential([layers.Input((6,)), layers.Lambda(lambda x: x.sqrt()), layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    model.fit(X**2, ONE_HOT, batch_size=8, epochs=2, verbose=0)
    with tg.detect_anomaly(), pytest.raises(tg.errors.AnomalyError, match="'sqrt'"):
        model.fit(X, ONE_HOT, batch_size=8, verbose=0)


# -- what a step does besides -------------------------------------------------------------------------


class Around(keras.Model):
    """Two layers, and another one between them."""

    def __init__(self, inner):
        super().__init__()
        self.first, self.inner, self.last = layers.Dense(7, "tanh"), inner, layers.Dense(3, "softmax")

    def call(self, x):
        return self.last(self.inner(self.first(x)))


class Reading(layers.Layer):
    def call(self, inputs):
        return inputs * 2 if float(inputs.sum()) > 0 else inputs


class Printing(layers.Layer):
    def call(self, inputs):
        print("called")
        return inputs


class Counting(layers.Layer):
    _calls_so_far = 0

    def call(self, inputs):
        self._calls_so_far += 1
        return inputs * (1 + self._calls_so_far / 100)


class Noisy(layers.Layer):
    def call(self, inputs):
        return inputs + float(np.random.normal()) + random.random()


class OwnNoise(layers.Layer):
    def __init__(self):
        super().__init__()
        self.stream = np.random.default_rng(1)

    def call(self, inputs):
        return inputs + self.stream.normal()


class Noting(layers.Layer):
    def __init__(self):
        super().__init__()
        self.notes = []

    def call(self, inputs):
        self.notes.append(inputs.shape)
        return inputs


class OfNumPy(layers.Layer):
    def call(self, inputs):
        return inputs + np.sin(inputs.detach().numpy())


class OfPython(keras.metrics.Metric):
    """A metric whose state is a number of Python's."""

    batches = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.batches += 1

    def result(self):
        return float(self.batches)


@pytest.mark.parametrize(("layer", "why"), [
    (Reading, "no numbers to read"),
    (Printing, "prints 'called'"),
    (Counting, r"changes Counting\._calls_so_far"),
    (Noisy, "changes (numpy.random|random),"),
    (OwnNoise, "changes OwnNoise,"),
    (Noting, "changes Noting,"),
    (OfNumPy, "no numbers to read"),
])  # fmt: skip
def test_a_layer_that_does_more_than_tensors(layer, why, capsys):
    def run(**options):
        tg.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        capsys.readouterr()
        model = Around(layer())
        model.compile(optimizers.Adam(schedules.CosineDecay(0.1, 50)), "categorical_crossentropy", **options)
        history = model.fit(X, ONE_HOT, batch_size=8, epochs=3, verbose=0).history["loss"]
        moments = [kept["exp_avg"].numpy() for kept in model.optimizer._rule.state.values()]
        steps = model.optimizer.iterations, [kept["step"] for kept in model.optimizer._rule.state.values()]
        inside = {name: value for name, value in vars(model.inner).items() if name in ("notes", "_calls_so_far")}
        return [history, *model.get_weights(), *moments], (steps, inside, capsys.readouterr().out), model

    expected, besides, _ = run(run_eagerly=True)
    with pytest.warns(UserWarning, match=f"operation by operation, because .*{why}.*run_eagerly=True") as caught:
        found, also, model = run()
    assert len(caught) == 1
    assert also == besides
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(b, a)  # bit for bit: there is nothing half-done
    assert "cannot be compiled" in repr(model.train_function) and "cannot be compiled" in repr(model.predict_function)
    with pytest.raises(Exception, match=why):
        run(jit_compile=True)


def test_a_metric_that_counts_in_python():
    model = dense()
    model.compile("sgd", "categorical_crossentropy", metrics=[OfPython(name="batches")])
    with pytest.warns(UserWarning, match=r"changes OfPython\.batches"):
        history = model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0).history
    assert history["batches"] == [6, 12]


FACTOR = 1.0


def test_numbers_that_callbacks_change():
    """A variable, an attribute of a layer and one of a loss: what a step reads of them is never out of date."""

    class Weighted(layers.Layer):
        _factor = 1.0

        def __init__(self):
            super().__init__()
            self._factor = 1.0

        def call(self, inputs):
            return inputs * self._factor

    class Penalised(keras.losses.Loss):
        def __init__(self):
            super().__init__()
            self.penalty = 0.0

        def call(self, y_true, y_pred):
            return ((y_true - y_pred) ** 2).mean(-1) * FACTOR + self.penalty * (y_pred**2).mean(-1)

    def change(layer, loss, epoch):
        global FACTOR
        FACTOR = 1.0 + epoch % 2
        layer._factor = 1.0 + epoch % 3
        loss.penalty = 0.1 * (epoch % 2)

    def run(**options):
        tg.manual_seed(1)
        layer, loss = Weighted(), Penalised()
        model = dense(layer)
        model.compile("sgd", loss, **options)
        between = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs=None: change(layer, loss, epoch))
        losses = model.fit(X, ONE_HOT, batch_size=11, epochs=8, verbose=0, callbacks=[between]).history["loss"]
        return model, losses

    (_, expected), (model, found) = run(run_eagerly=True), run()
    np.testing.assert_allclose(found, expected, 1e-5)
    assert "6 programs" in repr(model.train_function)


TABLE, LIMITS = {"shift": 1.0}, [0.0, 1.0]


def rescaled(x):
    return x * 2


def test_what_callbacks_change_elsewhere(monkeypatch):
    """An attribute of a class, what is in a dictionary and in a list, and a function."""

    class Scaling(layers.Layer):
        factor = 1.0

        def call(self, inputs):
            return rescaled(inputs * self.factor + TABLE["shift"]).clip(LIMITS[0] - 3, LIMITS[1] + 3)

    def change(epoch):
        if epoch == 1:
            Scaling.factor = 0.5
        elif epoch == 2:
            TABLE["shift"] = 0.1
        elif epoch == 3:
            LIMITS[1] = -3.5
        elif epoch == 4:
            monkeypatch.setitem(globals(), "rescaled", lambda x: x * 3)

    def run(**options):
        tg.manual_seed(1)
        Scaling.factor, TABLE["shift"], LIMITS[1] = 1.0, 1.0, 1.0
        monkeypatch.undo()
        model = dense(Scaling())
        model.compile("sgd", "mse", **options)
        between = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs=None: change(epoch))
        losses = model.fit(X, ONE_HOT, batch_size=11, epochs=6, verbose=0, callbacks=[between]).history["loss"]
        return model, losses

    (_, expected), (model, found) = run(run_eagerly=True), run()
    np.testing.assert_allclose(found, expected, 1e-5)
    assert "5 programs" in repr(model.train_function)


def test_a_number_that_changes_in_each_step_is_recorded_once():
    def run(**options):
        tg.manual_seed(1)
        penalty = keras.regularizers.L2(0.01)
        model = dense(kernel_regularizer=penalty)
        model.compile("sgd", "mse", **options)
        change = callbacks.LambdaCallback(on_train_batch_begin=lambda i, logs=None: setattr(penalty, "l2", 0.01 * i))
        return model, model.fit(X, ONE_HOT, batch_size=4, epochs=4, verbose=0, callbacks=[change]).history["loss"]

    (model, found), (_, expected) = run(), run(run_eagerly=True)
    np.testing.assert_allclose(found, expected, 1e-5)
    assert "1 program>" in repr(model.train_function)


def test_a_penalty_that_a_callback_raises():
    def run(**options):
        tg.manual_seed(1)
        penalty, loss = keras.regularizers.L2(0.01), keras.losses.CategoricalCrossentropy(label_smoothing=0.0)
        model = dense(kernel_regularizer=penalty)

        def change(epoch, logs=None):
            penalty.l2, loss.options["label_smoothing"] = 0.01 * (epoch + 1), 0.1 * epoch

        model.compile("sgd", loss, **options)
        between = callbacks.LambdaCallback(on_epoch_begin=change)
        return model.fit(X, ONE_HOT, batch_size=11, epochs=4, verbose=0, callbacks=[between]).history["loss"]

    np.testing.assert_allclose(run(), run(run_eagerly=True), 1e-5)


def test_who_listens_hears_each_step():
    model, heard, gradients = dense(), [], []
    model.compile("sgd", "categorical_crossentropy")
    options = {"batch_size": 8, "verbose": 0}
    model.fit(X, ONE_HOT, epochs=2, **options)
    hooks = [
        model.layers[0].register_forward_hook(lambda module, inputs, output: heard.append(output.shape)),
        model.layers[1].kernel.register_hook(lambda g: gradients.append(g.shape)),
    ]
    model.fit(X, ONE_HOT, epochs=2, **options)
    for hook in hooks:
        hook.remove()
    model.fit(X, ONE_HOT, epochs=2, **options)
    assert heard == [(8, 7), (8, 7), (8, 7), (8, 7), (8, 7), (4, 7)] * 2 and len(gradients) == 12
    assert "2 programs" in repr(model.train_function)


def test_a_frozen_batch_norm_without_weights():
    def run(**options):
        tg.manual_seed(1)
        norm = layers.BatchNormalization(scale=False, center=False, momentum=0.5)
        model, means = dense(norm), []
        model.compile("sgd", "categorical_crossentropy", **options)
        for trainable in (True, False, True):
            norm.trainable = trainable
            model.fit(X, ONE_HOT, batch_size=8, epochs=2, shuffle=False, verbose=0)
            means.append(norm.moving_mean.numpy())
        return means

    np.testing.assert_allclose(run(), run(run_eagerly=True), 1e-4, 1e-6)


def test_ordinary_training_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(dense, dict, dict)
