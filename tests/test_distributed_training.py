"""What stands on several ranks: optimisers in shards, trainings that are saved and gone on with, the command line."""

import csv
import json
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy
import pytest
import rank_trainings
from rank_programs import ranks_start

import tinygrad_ml as tg
from tinygrad_ml import cli, distributed, keras, optim
from tinygrad_ml.cli import ranks, train
from tinygrad_ml.errors import CheckpointError, OptionError

pytestmark = pytest.mark.host_only

PROGRAM = str(Path(__file__).with_name("rank_trainings.py"))
WAYS = ("plain", "shard:compiled")
SHARDS = [f"shards:{kind}" for kind in rank_trainings.OPTIMIZERS] + ["shards:adamw:compiled"]
CHECKS = [
    *SHARDS,
    *(f"{kind}:{way}" for way in WAYS for kind in ("undisturbed", "resumed")),
    "from_one",
    "seen",
    "alone_weighs",
    "of_keras",
    "of_keras:dropout",
    "agreed",
]


def mpiexec(count, *words, **options):
    """Run ranks of the program; what they print."""
    if ranks_start() is None:
        pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
    started = [ranks_start(), "-n", str(count), sys.executable, PROGRAM, *map(str, words)]
    done = subprocess.run(started, capture_output=True, text=True, timeout=150, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the ranks leave what they save; a process alone has saved a training there."""
    folder = tmp_path_factory.mktemp("trainings")
    trainer, loader, _ = rank_trainings.training(distributed.init(), False, False)
    tg.save(folder / "of-one.safetensors", rank_trainings.interrupted(trainer, loader, 2))
    return folder


@pytest.fixture(scope="module")
def given(folder):
    """`given(n)`: what n ranks give for each check, started once."""

    @cache
    def of_ranks(count):
        mpiexec(count, folder, *(CHECKS if count == 2 else ("shards:sgd", "shards:adamw", "from_one")))
        return pickle.loads((folder / f"{count}.pickle").read_bytes())

    return of_ranks


def same(mine, its):
    return all(numpy.array_equal(a, b) for a, b in zip(mine, its, strict=True))


# -- shards --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", SHARDS)
def test_shards_change_no_bit_of_parameters_and_state(given, check):
    (parameters, state, _), *sharded = given(2)[check]
    for its_parameters, its_state, _ in sharded:
        assert same(parameters, its_parameters)
        assert state.keys() == its_state.keys() and same(state.values(), its_state.values())


@pytest.mark.parametrize(("ranks", "kind"), [(2, "sgd"), (2, "adam"), (2, "adamw"), (3, "sgd"), (3, "adamw")])
def test_a_rank_keeps_its_part_of_the_state_and_no_more(given, ranks, kind):
    (_, _, whole), (_, _, in_buckets), (_, _, at_once) = given(ranks)[f"shards:{kind}"]
    idle = 12  # numbers that are never updated, and have no state
    for rank in range(ranks):
        assert abs(at_once[rank] - whole[rank] / ranks) <= 4 * 3 * (idle + 2)
        assert in_buckets[rank] <= whole[rank] / ranks + 4 * 3 * (idle + 8)  # that many are cut, and none is whole
    assert sum(in_buckets) == whole[0]


def test_what_needs_whole_parameters_gets_them(given):
    (_, _, whole), _, (_, _, sharded) = given(2)["shards:adafactor"]
    assert sum(sharded) == whole[0] and max(sharded) < whole[0]


def test_alone_there_are_no_shards():
    parameter = tg.ones((3,), requires_grad=True)
    optimizer = distributed.Optimizer(optim.Adam([parameter]), shard=True)
    (parameter * 2).sum().backward()
    optimizer.step()
    assert list(optimizer.state) == [parameter]
    with pytest.raises(CheckpointError, match="of groups with"):
        optimizer.load_state_dict({"param_groups": [], "state": {}})


# -- trainings that are saved --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_training_gone_on_with_by_as_many_ranks_has_the_bits_of_the_undisturbed_one(given, way):
    (state, history), (its_state, its_history) = (given(2)[f"{kind}:{way}"] for kind in ("undisturbed", "resumed"))
    assert same(state, its_state) and history == its_history


@pytest.mark.parametrize("way", ["plain", "shard:compiled"])
def test_the_file_of_two_ranks_is_gone_on_with_by_one_process(given, folder, way):
    state, history = given(2)[f"undisturbed:{way}"]
    saved = tg.load(folder / f"{way.replace(':', '-')}-of-2.safetensors")
    its_state, its_history = rank_trainings.gone_on(distributed.init(), saved, False, False)
    for mine, its in zip(state, its_state, strict=True):
        numpy.testing.assert_allclose(mine, its, atol=1e-5)
    for name, values in history.items():
        numpy.testing.assert_allclose(values, its_history[name], rtol=1e-4)


def test_the_file_of_one_process_is_gone_on_with_by_two_and_by_three(given, folder):
    state, history = rank_trainings.undisturbed(distributed.init(), folder)
    for count in (2, 3):
        its_state, its_history = given(count)["from_one"]
        for mine, its in zip(state, its_state, strict=True):
            numpy.testing.assert_allclose(mine, its, atol=1e-5)
        numpy.testing.assert_allclose(history["loss"], its_history["loss"], rtol=1e-4)
        assert history["accuracy"] == its_history["accuracy"]


@pytest.mark.parametrize("count", [2])
def test_each_sample_is_seen_once_an_epoch(given, count):
    parts, tested = given(count)["seen"]
    assert tested == rank_trainings.SAMPLES
    for epoch in (0, 1):
        numbers = [number for part in parts for batch in part[epoch] for number in batch]
        assert sorted(numbers) == list(range(rank_trainings.SAMPLES))
    assert len({len(part[0]) for part in parts}) == 1  # all ranks take equally many steps


def test_parts_weigh_as_much_as_they_have_samples_also_without_data_parallel(given):
    (weight, losses), (its_weight, its_losses) = given(2)["alone_weighs"]
    assert same([weight], [its_weight]) and losses == its_losses


# -- Keras ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [None, "dropout"])
def test_a_program_for_keras_trains_on_ranks_by_one_line(given, folder, dropout):
    history, weights, tested, compiled = given(2)["of_keras:dropout" if dropout else "of_keras"]
    its_history, its_weights, its_tested, _ = rank_trainings.of_keras(dropout=dropout)
    assert compiled or dropout
    for name, values in its_history.items():
        numpy.testing.assert_allclose(history[name], values, rtol=1e-5)
    for mine, its in zip(weights, its_weights, strict=True):
        numpy.testing.assert_allclose(mine, its, atol=1e-6)
    numpy.testing.assert_allclose(tested, its_tested, rtol=1e-5)
    assert len((folder / "log.csv").read_text().splitlines()) == 4  # which one rank has written


def test_distributions_of_keras_that_are_refused():
    for wrong in ({"devices": ["cpu:0"]}, {"device_mesh": 1}, {"auto_shard_dataset": False}):
        with pytest.raises(OptionError, match="a rank is a process"):
            keras.distribution.DataParallel(**wrong)
    with pytest.raises(OptionError, match="takes keras.distribution.DataParallel"):
        keras.distribution.set_distribution("data")
    with pytest.raises(AttributeError, match="each rank has the whole model"):
        keras.distribution.ModelParallel
    assert keras.distribution.distribution() is None
    assert keras.distribution.list_devices() == ["cpu"] and keras.distribution.get_device_count("gpu") == 0


# -- the command line ----------------------------------------------------------------------------------------------------

QUICK = ("--limit", "300", "--epochs", "2", "--batch-size", "64", "--threads", "1", "--eager")


def history_of(folder):
    with open(folder / "history.csv", encoding="utf-8") as file:
        return [[float(number) for number in row] for row in list(csv.reader(file))[1:]]


def test_ranks_of_the_command_line_leave_one_run_which_one_process_goes_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "draw_run", lambda *_: {})
    printed = mpiexec(2, tmp_path, "cli", *QUICK, "--out", tmp_path / "two", "--shard")
    assert printed.count("epoch 1/2") == printed.count("model.safetensors") == 1 and "in 2 processes" in printed
    assert cli.main(["train", "--device", "cpu", *QUICK, "--out", str(tmp_path / "one")]) == 0
    numpy.testing.assert_allclose(history_of(tmp_path / "two"), history_of(tmp_path / "one"), rtol=2e-3)
    settings = [json.loads((tmp_path / run / "settings.json").read_text()) for run in ("one", "two")]
    assert settings[0] == settings[1]

    half = (*QUICK, "--out", str(tmp_path / "half"))
    epochs = iter([True, False])
    monkeypatch.setattr(ranks.Consent, "now", lambda self, wish: not next(epochs))
    assert cli.main(["train", "--device", "cpu", *half]) == 130
    printed = mpiexec(2, tmp_path, "cli", "--resume", tmp_path / "half")
    assert "epoch 2/2" in printed and "epoch 1/2" not in printed
    numpy.testing.assert_allclose(history_of(tmp_path / "half"), history_of(tmp_path / "one"), rtol=2e-3)


def test_all_ranks_stop_at_the_same_step_when_one_is_asked_to(given):
    heard, at_the_end, of_the_first = given(2)["agreed"]
    assert heard == [False, False, False, True, False, False]
    assert (at_the_end, of_the_first) == (False, True)
    alone = ranks.Consent(None)
    assert [alone.soon(True), alone.soon(False), alone.now(True)] == [True, False, True]


def test_processes_start_the_command_again_as_ranks(monkeypatch, tmp_path):
    launched = []
    monkeypatch.setattr(ranks, "launch", lambda count, words: launched.append((count, words)) or 7)
    monkeypatch.setattr(ranks, "started", lambda: False)
    words = ["train", "--processes", "2", "--epochs", "1", "--eager", "--lr", "0.1", "--resume", "--out", str(tmp_path)]
    assert cli.main(words) == 7
    ((count, given),) = launched
    assert count == 2 and given[:3] == ["-m", "tinygrad_ml", "train"]
    again = cli._parser().parse_args(given[2:])
    assert vars(again) == vars(cli._parser().parse_args(words))


def test_one_process_is_this_one(monkeypatch, tmp_path):
    monkeypatch.setattr(train, "draw_run", lambda *_: {})
    words = [
        "train",
        "--device",
        "cpu",
        "--processes",
        "1",
        "--limit",
        "100",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "run"),
    ]
    assert cli.main(words) == 0
