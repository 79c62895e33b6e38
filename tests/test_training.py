"""The training loop: what a step does, what the history holds, and that stopping and going on changes no number."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras, nn, optim
from tinygrad_ml.data import DataLoader, TensorDataset
from tinygrad_ml.errors import AnomalyError, CompileError, OptionError
from tinygrad_ml.training import Events, Metric, Trainer, hits

SAMPLES, BATCH = 22, 5  # the last batch is smaller


def make_data():
    inputs = tg.random.randn(SAMPLES, 4)
    return TensorDataset(inputs, (inputs[:, 0] > 0).astype("int64"))


def make_training(**options):
    """Equal ones at each call; with dropout, so that random numbers are drawn in each step."""
    tg.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    loader = DataLoader(make_data(), BATCH, shuffle=True, seed=2)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=3 * len(loader))
    return Trainer(model, optimizer, scheduler, **options), loader


def loader_of_tests(loader):
    """The same data without the order of the training, which evaluating must not move on."""
    return DataLoader(loader.dataset, 10)


def numbers_of(trainer):
    return {name: tensor.numpy().tolist() for name, tensor in trainer.model.state_dict().items()}


def test_a_step_goes_down_the_gradient_of_the_mean_loss():
    model = nn.Linear(3, 2, bias=False)
    weight = model.weight.numpy().astype("float64")
    x, labels = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]]), np.array([1, 0])
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.5))

    loss, correct = trainer.step(tg.tensor(x.astype("float32")), tg.tensor(labels))

    logits = x @ weight.T
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = (p - np.eye(2)[labels]).T @ x / 2
    np.testing.assert_allclose(model.weight.numpy(), weight - 0.5 * gradient, rtol=1e-5)
    np.testing.assert_allclose(float(loss), -np.log(p[[0, 1], labels]).mean(), rtol=1e-5)
    assert int(correct) == (logits.argmax(1) == labels).sum()
    assert not loss.requires_grad


def test_the_history_has_the_keys_of_keras_and_a_number_for_each_epoch():
    trainer, loader = make_training()
    history = trainer.fit(loader, epochs=3, validation=loader)
    assert {name: len(values) for name, values in history.items()} == {
        "loss": 3,
        "accuracy": 3,
        "val_loss": 3,
        "val_accuracy": 3,
    }
    assert trainer.epoch == 3


def test_training_learns():
    trainer, loader = make_training()
    history = trainer.fit(loader, epochs=3)
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_loss"] == []


def test_a_mean_weighs_each_sample_alike_whatever_the_batches():
    trainer, loader = make_training()
    in_batches = trainer.evaluate(loader)
    at_once = trainer.evaluate(DataLoader(loader.dataset, SAMPLES))
    np.testing.assert_allclose(in_batches, at_once, rtol=1e-6)


def test_evaluating_is_as_in_use_and_draws_no_random_number():
    trainer, loader = make_training()
    state = tg.random.get_state()
    assert trainer.evaluate(loader_of_tests(loader)) == trainer.evaluate(loader_of_tests(loader))
    assert tg.random.get_state() == state


@pytest.mark.host_only  # a GPU's own stream of random numbers begins anew
@pytest.mark.parametrize("steps", [0, 1, 5, 7, 10])
def test_a_training_that_was_stopped_goes_on_to_the_same_numbers(steps, tmp_path):
    whole, loader = make_training()
    whole.fit(loader, 3, validation=loader_of_tests(loader))

    first, loader = make_training()
    done = 0
    while done < steps:
        for _ in first.train_epoch(loader):
            done += 1
            if done == steps and first.tally.count < SAMPLES:
                break
        else:
            first.end_epoch(loader_of_tests(loader))
    tg.save(tmp_path / "state", {"trainer": first.state_dict(), "loader": loader.state_dict()})

    tg.manual_seed(99)
    second, loader = make_training()
    state = tg.load(tmp_path / "state")
    second.load_state_dict(state["trainer"])
    loader.load_state_dict(state["loader"])
    second.fit(loader, 3, validation=loader_of_tests(loader))

    assert second.history == whole.history
    assert numbers_of(second) == numbers_of(whole)


def test_a_loss_that_is_nan_ends_the_training_with_the_way_out():
    trainer, loader = make_training()
    for parameter in trainer.model.parameters():
        parameter.assign(parameter * float("nan"))
    with pytest.raises(AnomalyError, match=r"epoch 1 is nan.*learning rate.*detect_anomaly"):
        trainer.fit(loader, 1)
    assert trainer.epoch == 0


def test_no_number_is_read_from_the_device_in_a_step(monkeypatch):
    trainer, loader = make_training()
    steps = trainer.train_epoch(loader)
    next(steps)

    def read(*_):
        raise AssertionError("a step waited for the device")

    for name in ("numpy", "item", "tolist", "__float__", "__int__", "__bool__", "__array__"):
        monkeypatch.setattr(tg.Tensor, name, read)
    for _ in steps:
        pass


class Batches:
    """The batches of a loader, which nobody can gather inside of a step."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return iter(self.loader)


@pytest.mark.host_only
@pytest.mark.parametrize("given", [lambda loader: loader, Batches], ids=["rows", "batches"])
def test_compiled_and_eager_training_give_the_same_numbers(given):
    histories, states = [], []
    for compiled in (True, False):
        trainer, loader = make_training(compiled=compiled)
        tg.manual_seed(3)
        histories.append(trainer.fit(given(loader), 3, validation=given(loader_of_tests(loader))))
        states.append(trainer.model.state_dict() | {"rate": tg.tensor(trainer.scheduler.get_last_lr())})
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, 1e-5, err_msg=name)
    for name, value in states[1].items():
        np.testing.assert_allclose(states[0][name].numpy(), value.numpy(), 1e-4, 1e-6, err_msg=name)


class Steps(nn.Module):
    """Classes of sequences of any length: (batch, steps, 4) -> (batch, 2)."""

    def __init__(self):
        super().__init__()
        self.each, self.whole = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.whole(self.each(x).relu().mean(1))


@pytest.mark.host_only
def test_batches_of_changing_shapes():
    """Each shape is recorded once; the mean of an epoch weighs samples alike, however they came."""
    rng = np.random.default_rng(0)
    shapes = [(5, 3), (2, 7), (5, 3), (1, 1), (4, 7), (2, 7), (3, 2)]
    batches = [
        (tg.tensor(rng.standard_normal((*shape, 4)).astype("float32")), tg.tensor(rng.integers(0, 2, shape[0])))
        for shape in shapes
    ]
    histories, weights, trainers = [], [], []
    for compiled in (True, False):
        tg.manual_seed(0)
        model = Steps()
        trainers.append(Trainer(model, optim.Adam(model.parameters(), lr=0.01), compiled=compiled))
        histories.append(trainers[-1].fit(batches, 3, validation=batches))
        weights.append(model.state_dict())
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, 1e-5, err_msg=name)
    for name, value in weights[1].items():
        np.testing.assert_allclose(weights[0][name].numpy(), value.numpy(), 1e-4, 1e-6, err_msg=name)
    by_hand = sum(float(nn.functional.cross_entropy(model(x), y)) * len(x) for x, y in batches) / sum(
        n for n, _ in shapes
    )
    assert histories[0]["val_loss"][-1] == pytest.approx(by_hand, rel=1e-5)
    assert len(trainers[0].train_on._programs) == len(trainers[0].test_on._programs) == len(set(shapes))


@pytest.mark.host_only
def test_a_trainer_goes_with_all_that_it_has_compiled():
    gc.disable()
    try:
        trainer, loader = make_training()
        trainer.fit(loader, 1, validation=loader_of_tests(loader))
        gone = weakref.ref(trainer.train_on), weakref.ref(loader.dataset)
        del trainer, loader
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()


@pytest.mark.host_only
def test_what_is_recorded():
    trainer, loader = make_training()
    trainer.fit(loader, 3, validation=loader_of_tests(loader))
    # Of all steps, and of the last, smaller batch.
    assert "2 programs" in repr(trainer.train_on) and "2 programs" in repr(trainer.test_on)
    assert f"int64[{SAMPLES % BATCH}]" in str(trainer.train_on.program)  # the rows are gathered in it
    assert not hasattr(make_training(compiled=False)[0].train_on, "program")


@pytest.mark.host_only
def test_a_model_that_cannot_be_recorded_trains_eagerly_and_only_so():
    class Reading(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (2.0 if float(x.sum()) > 0 else 1.0)

    def trainer(**options):
        tg.manual_seed(0)
        model = Reading(4, 2)
        return Trainer(model, optim.SGD(model.parameters(), lr=0.1), **options)

    loader = DataLoader(make_data(), BATCH)
    with pytest.raises(CompileError, match="no numbers to read"):
        trainer().fit(loader, 1)
    assert trainer(compiled=False).fit(loader, 1)["loss"]


@pytest.mark.host_only
def test_the_sums_follow_a_model_that_moves():
    trainer, loader = make_training(compiled=False)
    expected = trainer.evaluate(loader)
    there = TensorDataset(*(part.to("strict") for part in loader.dataset.tensors))
    trainer.model.to("strict")
    assert trainer.evaluate(DataLoader(there, BATCH)) == pytest.approx(expected)
    trainer.model.to("cpu")
    assert trainer.evaluate(loader) == pytest.approx(expected)


def test_hits_are_rows_whose_largest_logit_is_the_label():
    logits = tg.tensor([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]])
    assert int(hits(logits, tg.tensor([1, 1, 1]))) == 2


def test_who_listens_is_told_of_all_that_happens():
    told = []

    class Listener(Events):
        def __getattribute__(self, name):
            return lambda *given: told.append((name.removeprefix("on_"), *given))

    trainer, loader = make_training(events=Listener())
    history = trainer.fit(loader, 1, validation=loader_of_tests(loader))
    batches = [(f"train_batch_{end}", i) for i in range(5) for end in ("begin", "end")]
    tests = [(f"test_batch_{end}", i) for i in range(3) for end in ("begin", "end")]
    logs = {name: values[0] for name, values in history.items()}
    expected = [("train_begin",), ("epoch_begin", 0), *batches, ("test_begin",), *tests, ("test_end",)]
    assert [tuple(arg for arg in event if arg is not None) for event in told] == [
        *expected,
        ("epoch_end", 0, logs),
        ("train_end", logs),
    ]


class LargestError(Metric):
    """The largest |target - output| of all samples."""

    def __init__(self):
        super().__init__()
        self.most = self.add_variable(name="most")

    def update_state(self, y_true, y_pred):
        self.most.assign(tg.maximum(self.most, (y_true - y_pred).abs().max()))

    def result(self):
        return self.most


def make_regression(compiled=True):
    tg.manual_seed(3)
    inputs = tg.random.randn(SAMPLES, 4)
    loader = DataLoader(TensorDataset(inputs, inputs.sum(1, keepdims=True)), BATCH, shuffle=True, seed=2)
    model = nn.Linear(4, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    metrics = {"worst": LargestError(), "mae": keras.metrics.MeanAbsoluteError()}
    return Trainer(model, optimizer, loss=nn.functional.mse_loss, compiled=compiled, metrics=metrics), loader


@pytest.mark.parametrize("compiled", [True, False])
def test_any_loss_and_any_metrics_are_counted_of_targets_that_are_no_classes(compiled):
    trainer, loader = make_regression(compiled)
    history = trainer.fit(loader, 3, validation=loader)
    assert list(history) == ["loss", "worst", "mae", "val_loss", "val_worst", "val_mae"]
    assert {len(values) for values in history.values()} == {3}
    inputs, targets = (tensor.numpy() for tensor in loader.dataset.tensors)
    errors = trainer.model(tg.tensor(inputs)).numpy() - targets
    wanted = (errors**2).mean(), abs(errors).max(), abs(errors).mean()
    np.testing.assert_allclose([history[f"val_{name}"][-1] for name in ("loss", "worst", "mae")], wanted, rtol=1e-4)
    assert history["mae"][-1] < history["mae"][0]
    np.testing.assert_allclose(trainer.evaluate(loader), wanted, rtol=1e-4)


def test_metrics_go_on_in_the_middle_of_an_epoch():
    whole, loader = make_regression()
    whole.fit(loader, 1)
    first, loader = make_regression()
    for done in first.train_epoch(loader):
        if done == BATCH:
            break
    second, other = make_regression()
    first.evaluate(loader_of_tests(loader))  # which counts by itself
    second.load_state_dict(first.state_dict())
    other.load_state_dict(loader.state_dict())
    second.fit(other, 1)
    assert second.history == whole.history


@pytest.mark.parametrize("metrics", [{"loss": LargestError()}, {"mae": abs}])
def test_what_is_no_metric_by_name_is_refused(metrics):
    model = nn.Linear(4, 1)
    with pytest.raises(OptionError, match=r"training\.Metric by name"):
        Trainer(model, optim.SGD(model.parameters(), lr=0.1), metrics=metrics)
