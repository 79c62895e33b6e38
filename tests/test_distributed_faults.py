"""Five of the runs of `distributed_faults.py`: no rank is left waiting, and the error names the one that is to blame.

Of these a training goes on from its checkpoint, with the bits of one that nobody has disturbed.
"""

import importlib.util

import pytest
from distributed_faults import FAULTS, Fault, Run, check_the_end

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not importlib.util.find_spec("mpi4py"), reason="needs mpi4py, and MPI itself"),
]
RUNS = [Fault.drawn(seed, kind, ranks=2) for seed, kind in enumerate(FAULTS, start=1)]
CHECKPOINTED = Fault("kill", ranks=2, rank=1, step=10)
SECONDS = 30.0  # on a machine that others use; the command wants five


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """All at once: most of the time they wait."""
    folder = tmp_path_factory.mktemp("faults")
    runs = {fault: Run(folder / fault.kind, 2, fault.options(), bare=fault.rank == 0) for fault in RUNS}
    runs[CHECKPOINTED] = Run(folder / "checkpointed", 2, CHECKPOINTED.options())
    runs["undisturbed"] = Run(folder / "undisturbed", 2)
    yield runs
    for run in runs.values():
        run.end()


@pytest.mark.parametrize("fault", RUNS, ids=lambda fault: fault.kind)
def test_all_end_and_it_is_said_which_rank_did_what(started, fault):
    check_the_end(fault, started[fault], SECONDS)


def test_a_training_goes_on_from_its_checkpoint(started):
    """With the same ranks to the bit, and with others to about the same loss."""
    folder = started[CHECKPOINTED].folder
    check_the_end(CHECKPOINTED, started[CHECKPOINTED], SECONDS)
    checkpoint = ["--resume", str(folder / "checkpoint.safetensors")]
    again = {ranks: Run(folder.parent / f"again-{ranks}", ranks, checkpoint) for ranks in (2, 1)}
    code, said = started["undisturbed"].ended()
    assert code == 0, said
    expected = started["undisturbed"].results()
    assert expected[0]["bits"] == expected[1]["bits"] and expected[0]["loss"] < 0.1
    for ranks, run in again.items():
        code, said = run.ended()
        assert code == 0, said
        results = run.results()
        assert len(results) == ranks
        if ranks == 2:
            assert {result["bits"] for result in results} == {expected[0]["bits"]}
        else:
            assert abs(results[0]["loss"] - expected[0]["loss"]) < 0.02
