"""N processes are one, to the bit: what the ranks compute in `rank_programs.py`, and what one process does."""

import pickle
import re
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
import rank_programs
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim
from tinygrad_ml.distributed.exchange import equal_parts, folded, whole_weights
from tinygrad_ml.errors import CompileError, OptionError, RankError

pytestmark = pytest.mark.host_only

TESTS = Path(__file__).parent
TRAININGS = [f"bits:{name}:{how}" for name in rank_programs.MODELS for how in ("eager", "compiled")]
CHECKS = {
    2: [
        *TRAININGS,
        "unsynchronised",
        "buckets",
        "early",
        "optimizer",
        "checkpointed",
        "evaluation",
        "exchanges",
        "halfway",
        "second_order",
        "accumulating",
    ],
    4: [*TRAININGS, "evaluation", "exchanges"],
}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """`start(n, checks)`: whether n ranks ended well, what they gave for each check, and what they printed."""

    def started(count, checks):
        if rank_programs.ranks_start() is None:
            pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
        path = tmp_path_factory.mktemp("ranks") / f"{count}.pickle"
        program = [sys.executable, str(TESTS / "rank_programs.py"), str(path), *checks]
        done = subprocess.run(
            [rank_programs.ranks_start(), "-n", str(count), *program], capture_output=True, text=True, timeout=150
        )
        said = done.stdout + done.stderr
        return done.returncode == 0, pickle.loads(path.read_bytes()) if path.exists() else {}, said

    return started


@pytest.fixture(scope="module")
def ranks(start):
    """`ranks(n)`: what n ranks give for each check, started once."""

    @cache
    def of(count):
        if count == 1:
            group = distributed.init()
            return {check: rank_programs.bits(group, *check.split(":")[1:]) for check in TRAININGS}
        went_well, found, said = start(count, CHECKS[count])
        assert went_well, said
        return found

    return of


def equal(arrays, others):
    """Whether arrays have the same bits."""
    return all(a.tobytes() == b.tobytes() for a, b in zip(arrays, others, strict=True))


# -- N ranks are one process -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("check", TRAININGS)
def test_a_hundred_steps_give_the_bits_of_one_process(ranks, count, check):
    """Batches of unequal parts, also of none; batch norm, dropout; a frozen parameter, one that one rank uses, one that none does;
    gradients clipped by their norm; accumulation and class weights."""
    _, name, how = check.split(":")
    assert equal(ranks(count)[check], rank_programs.one_process(name, count, how == "compiled"))


def test_without_synchronised_batch_norm_two_ranks_are_not_one_process(ranks):
    """So the test above can fail."""
    names = rank_programs.convolutional().state_dict()
    expected = rank_programs.one_process("convolutional", 2, steps=5)
    expected = [array for name, array in zip(names, expected, strict=True) if "running" not in name]
    found = ranks(2)["unsynchronised"]
    assert not equal(found, expected)
    assert max(numpy.abs(a - b).max() for a, b in zip(found, expected, strict=True)) > 1e-3


def test_the_size_of_buckets_does_not_change_a_bit(ranks):
    expected = rank_programs.one_process("branches", 2, steps=10)
    assert all(equal(found, expected) for found in ranks(2)["buckets"])


def test_gradients_set_out_while_the_walk_goes_on(ranks):
    seen, order, said = ranks(2)["early"]
    assert seen == [
        0,
        2,
    ]  # once it is known which gradients are finished first: those of the second layer, before the first
    starts = [place for place, name in enumerate(order) if name == "start average"]
    products = [place for place, name in enumerate(order) if name == "matmul"]
    assert len(starts) == 4 and starts[0] < products[-1], order
    assert order.index("wait for average") > max(starts)
    assert said == ["with other processes     start average × 4, wait for average × 4"]


@pytest.mark.parametrize("check", ["optimizer", "checkpointed", "exchanges", "second_order", "accumulating"])
def test_what_ranks_assert_themselves(ranks, check):
    assert ranks(2)[check]


@pytest.mark.parametrize("count", [2, 4])
def test_each_sample_is_evaluated_once(ranks, count):
    assert sum(ranks(count)["evaluation"]) == 11


def test_an_error_halfway_leaves_nothing_behind(ranks):
    """2 of the 5 samples are of ones, 3 of zeros."""
    gradient, said = ranks(2)["halfway"]
    assert numpy.allclose(gradient, 2 / 5) and "backward(create_graph=True) of a model over several ranks" in said


# -- wrong use is one clear error on every rank ----------------------------------------------------------------------------


def test_mistakes_are_told_to_every_rank(start):
    """In the same words, which `rank_programs.main` looks at. Who catches such an error does not end well all the same."""
    went_well, found, said = start(2, ["mistakes"])
    told = found.get("mistakes", said)
    assert not went_well
    both = "rank 0 wants to all_reduce (sum) float32[{}]; rank 1 wants to"
    assert f"{both.format(1)} broadcast float32[1] from rank 0" in told["another_call"]
    assert f"{both.format(3)} all_reduce (sum) float32[4]" in told["another_shape"]
    assert f"{both.format(3)} all_reduce (sum) float64[3]" in told["another_dtype"]
    assert told["another_weight"].startswith("weight[1, 2] is 0.0 on rank 0, and 0.5 on rank 1. All ranks must begin")
    assert "'weight', float32[2, 3] on rank 0, and 'weight', float32[4, 3] on rank 1" in told["another_model"]
    assert "rank 0 wants to meet at a barrier; rank 1 wants to average the gradients" in told["another_way_through"]
    assert said.count("all ranks have the same gradients") == 1  # of another way through: ones on all
    assert found["another number"].startswith(
        "the program was told of 7 ranks, and there are 2: start it by mpiexec -n 7"
    )


def test_mistakes_that_one_rank_sees_alone():
    group = distributed.init()
    with pytest.raises(RankError, match="told of 3 ranks, and there are 1"):
        distributed.init(ranks=3)
    with pytest.raises(OptionError, match="takes a module"):
        distributed.DataParallel(3, group)
    with pytest.raises(OptionError, match="bucket_cap_mb=0"):
        distributed.DataParallel(nn.Linear(2, 2), group, bucket_cap_mb=0)
    with pytest.raises(OptionError, match="no rank 1: there are 1"):
        group.broadcast([1.0], root=1)
    with pytest.raises(OptionError, match="all_reduce with op='median'"):
        group.all_reduce([1.0], "median")
    with pytest.raises(OptionError, match="takes an optimiser"):
        distributed.Optimizer(nn.Linear(2, 2), group)
    with pytest.raises(OptionError, match="int, which has no length|has no length"):
        distributed.Sampler(3.5, group)
    with pytest.raises((CompileError, OptionError), match="no place in a function that"):
        tg.compile(lambda x: group.all_reduce(x))(tg.ones(3))
    model = distributed.DataParallel(nn.Linear(2, 2), group)
    with pytest.raises(OptionError, match="averaged over the ranks already"):
        distributed.DataParallel(model.module, group)
    with pytest.raises(OptionError, match="no tensor with a first axis"):
        model(1.0)
    with pytest.raises(OptionError, match="which decides on the order"):
        tg.data.DataLoader([1, 2], sampler=distributed.Sampler(2, group), shuffle=True)


# -- alone, and what shows through -------------------------------------------------------------------------------------------


def test_alone_nothing_is_different():
    """The same program, the same names, and gradients that are added up in `.grad` as ever."""
    tg.manual_seed(0)
    plain = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    twin = nn.Sequential(*[nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)])
    twin.load_state_dict(plain.state_dict())
    model = distributed.DataParallel(twin)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [p.name for p in model.parameters()] == [p.name for p in plain.parameters()]
    x = tg.random.standard_normal((6, 3))
    for call in (plain, model):
        tg.manual_seed(1)
        for _ in range(2):
            call(x).sum().backward()
    assert equal([p.grad.numpy() for p in plain.parameters()], [p.grad.numpy() for p in twin.parameters()])
    model.eval()
    assert not twin[2].training


def test_the_share_of_a_rank_without_samples_is_not_looked_at():
    rows = numpy.float32([[1, -0.0], [numpy.nan, numpy.nan], [4, -0.0]])
    weights = whole_weights([6.0, 0.0, 3.0])
    assert weights == [2, 0, 1]
    assert folded(rows, "sum", weights, sum(weights)).tobytes() == numpy.float32([2, -0.0]).tobytes()
    assert whole_weights([8, 8]) == [1, 1] and whole_weights([0.5, 1.5]) == [0.5, 1.5]
    for impossible in ([0, 0], [-1, 2], [float("nan"), 1]):
        with pytest.raises(RankError, match="nothing is their mean"):
            whole_weights(impossible)


def test_weights_that_were_told_count_once():
    model = nn.Linear(1, 1, bias=False)
    optimizer = distributed.Optimizer(optim.SGD(model.parameters(), lr=0.5))
    optimizer.weigh(3)
    model(tg.ones((1, 1))).sum().backward()
    optimizer.step()
    assert (
        model.weight.grad.item() == 1 and optimizer.param_groups[0]["lr"] == 0.5 and "over 1 ranks" in repr(optimizer)
    )


def test_the_program_of_the_page_runs(capsys):
    text = Path(distributed.__file__).with_name("README.md").read_text(encoding="utf-8")
    program, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(program, {})
    assert re.fullmatch(r"epoch 0: \d\.\d{3}\nepoch 1: \d\.\d{3}\n", capsys.readouterr().out)


# -- the sampler, without MPI -------------------------------------------------------------------------------------------------


def group_of(rank, size):
    """What a sampler asks of a group."""
    return SimpleNamespace(rank=rank, size=size, broadcast_object=lambda thing: thing)


def epoch(samples, size, batch, **options):
    """The batches of an epoch, of each rank; and the loaders."""
    loaders = [
        tg.data.DataLoader(
            tg.data.TensorDataset(tg.arange(samples)),
            batch,
            sampler=distributed.Sampler(samples, group_of(rank, size), **options),
        )
        for rank in range(size)
    ]
    return [[x.numpy().tolist() for (x,) in loader] for loader in loaders], loaders


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.booleans())
def test_parts_of_a_batch_are_the_batch_of_one_process(samples, size, batch, shuffle, drop_last):
    """Each sample once, equally many batches on all ranks, parts as equal as can be, and a new order in each epoch."""
    parts, loaders = epoch(samples, size, batch, shuffle=shuffle, seed=3, drop_last=drop_last)
    alone = tg.data.DataLoader(
        tg.data.TensorDataset(tg.arange(samples)),
        batch * size,
        shuffle=shuffle,
        seed=3 if shuffle else None,
        drop_last=drop_last,
    )
    for _ in range(2):
        assert [[*chain(*of_ranks)] for of_ranks in zip(*parts, strict=True)] == [x.numpy().tolist() for (x,) in alone]
        for of_ranks in zip(*parts, strict=True):
            lengths = [len(part) for part in of_ranks]
            assert max(lengths) <= batch and max(lengths) - min(lengths) <= 1
        assert {len(loader) for loader in loaders} == {len(alone)}
        parts = [[x.numpy().tolist() for (x,) in loader] for loader in loaders]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.booleans())
def test_without_a_loader_a_sampler_deals_numbers_out(samples, size, drop_last):
    samplers = [
        distributed.Sampler(samples, group_of(rank, size), shuffle=True, seed=1, drop_last=drop_last)
        for rank in range(size)
    ]
    first, second = ([list(sampler) for sampler in samplers] for _ in range(2))
    for dealt in (first, second):
        every = [*chain(*dealt)]
        assert len(set(every)) == len(every) == samples - (samples % size if drop_last else 0)
        assert [len(part) for part in dealt] == [len(sampler) for sampler in samplers]
    assert first != second or len(every) < 6


def test_an_epoch_goes_on_with_another_number_of_ranks():
    """The state of a loader knows the samples that were handed out, and no ranks."""
    _, (loader, other) = epoch(24, 2, 3, shuffle=True, seed=5)
    seen = []
    for step, (mine, its) in enumerate(zip(loader, other, strict=True)):
        seen += mine[0].numpy().tolist() + its[0].numpy().tolist()
        if step == 1:
            state = loader.state_dict()
            break
    _, loaders = epoch(24, 4, 3, shuffle=True, seed=5)
    for each in loaders:
        each.load_state_dict(state)
    rest = [x.numpy().tolist() for each in loaders for (x,) in each]
    assert sorted([*seen, *chain(*rest)]) == list(range(24))


def test_parts_are_as_equal_as_can_be():
    assert equal_parts(10, 4) == [0, 3, 6, 8, 10] and equal_parts(2, 4) == [0, 1, 2, 2, 2]


def test_a_loader_takes_any_order_of_numbers():
    loader = tg.data.DataLoader(tg.data.TensorDataset(tg.arange(6)), 2, sampler=[5, 3, 1])
    assert [x.numpy().tolist() for (x,) in loader] == [[5, 3], [1]] and len(loader) == 2
