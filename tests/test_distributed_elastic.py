"""A training goes on without a rank that was lost: from the step that the farthest of the others has completed.

With ranks that really die it is tested by `python -m tests.distributed_faults --elastic`, which needs Open MPI.
"""

import pytest

import tinygrad_ml as tg
from tinygrad_ml import distributed, optim
from tinygrad_ml.distributed import mpi
from tinygrad_ml.errors import OptionError, RankError


class Ranks:
    """A group as one of its ranks sees it, in which others have completed so many steps."""

    def __init__(self, others, copy=None):
        self.others, self.copy, self.size, self.refuses = others, copy, 3, ()

    def shrink(self, because):
        if because.ranks in self.refuses:
            raise because
        self.size -= 1

    def all_gather_object(self, commits):
        return [commits, *self.others]

    def broadcast_object(self, copy, root):
        return copy if root == 0 else self.copy


def same(state, expected):
    return all((state[name] == expected[name]).all().item() for name in expected)


def training(group, lost_at, ranks=(2,)):
    model = tg.nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    elastic = distributed.Elastic(group, model, optimizer)
    drawn = []

    def train():
        while elastic.commits < 6:
            number = tg.random.rand(2)
            optimizer.zero_grad()
            (model(number) ** 2).sum().backward()
            if elastic.commits == 3 and lost_at:
                lost_at.pop()
                for parameter in model.parameters():
                    parameter.data[...] = 9.0  # a step that was not complete
                raise RankError("rank 2 has ended", ranks)
            optimizer.step()
            drawn.append(number.tolist())
            elastic.commit()
        return model.state_dict()

    return elastic.run(train), drawn, elastic


def test_the_step_in_which_a_rank_was_lost_is_repeated_to_the_bit():
    tg.manual_seed(1)
    expected, numbers, _ = training(Ranks([]), lost_at=[])
    tg.manual_seed(1)
    state, drawn, elastic = training(Ranks([3, 3]), lost_at=[1])
    assert drawn == numbers and len(drawn) == 6
    assert same(state, expected)
    assert elastic.group.size == 2


def test_who_is_behind_takes_the_copy_of_who_is_ahead():
    tg.manual_seed(1)
    _, _, ahead = training(Ranks([]), lost_at=[])
    tg.manual_seed(1)
    state, drawn, elastic = training(Ranks([6, 3], copy=ahead._copy), lost_at=[1])
    assert elastic.commits == 6 and len(drawn) == 3
    assert same(state, ahead.parts[0].state_dict())


def test_an_error_that_no_closing_up_mends_is_raised():
    group = Ranks([])
    group.refuses = [()]
    with pytest.raises(RankError, match="rank 2 has ended"):
        training(group, lost_at=[1], ranks=())
    alone = distributed.Elastic(distributed.init())
    with pytest.raises(RankError, match="the ranks do different things"):
        alone.recover(RankError("the ranks do different things"))


def test_an_mpi_that_ends_all_ranks_with_one_is_no_help(monkeypatch):
    class World:
        def Get_size(self):
            return 2

    monkeypatch.delenv("OMPI_MCA_mpi_ft_enable", raising=False)
    monkeypatch.setattr("tinygrad_ml.distributed.group.world", World)
    assert not mpi.can_lose_ranks()
    with pytest.raises(OptionError, match="tinygrad-ml launch --elastic"):
        distributed.init(elastic=True)
