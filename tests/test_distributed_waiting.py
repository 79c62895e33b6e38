"""Waiting for other ranks ends: when all is done, or with an error."""

import time

import pytest

from tinygrad_ml.distributed import watcher
from tinygrad_ml.distributed.waiting import until_done
from tinygrad_ml.errors import RankError


class Exchange:
    """A request that is done when it was asked so many times."""

    def __init__(self, questions):
        self.questions = questions

    def Test(self):
        self.questions -= 1
        return self.questions < 0


def test_all_requests_are_waited_for():
    several = [Exchange(3), Exchange(50), Exchange(0)]
    until_done(several, "add")
    assert all(exchange.questions < 0 for exchange in several)
    until_done(Exchange(5), "add")
    until_done([], "do nothing")


def test_waiting_ends_when_the_time_is_over():
    began = time.monotonic()
    with pytest.raises(RankError, match=r"For 0\.05 s this rank was waiting to average the gradients of step 7"):
        until_done(Exchange(10**9), "average the gradients of step 7", timeout=0.05)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("order, named", [((0, 1), [0, 1]), ((1, 0), [1])], ids=["waits", "does-not-wait"])
def test_of_ranks_that_end_in_one_moment_one_that_waited_is_not_blamed_alone(order, named, capsys):
    """A launcher kills the others because of one; under load these may be gone before it."""
    watching = watcher.Watcher(2, None, "")
    for member in watching.members:
        member.name = f"rank {member.rank} (process 7 on here)"
    watching.members[0].waits, watching.members[0].words = True, "add up gradients"
    watching._gone([watching.members[rank] for rank in order])
    said = capsys.readouterr().err
    assert [rank for rank in range(2) if f"rank {rank} (process 7 on here) has ended without a word" in said] == named
    assert said.count("\n") == 1
