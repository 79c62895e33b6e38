"""N processes are one, to the bit: what the ranks compute in `rank_programs.py`, and what one process does."""

import importlib.util
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy
import pytest
import rank_programs

from tinygrad_ml import distributed

pytestmark = pytest.mark.host_only

TESTS = Path(__file__).parent
WAYS = ("eager", "compiled")
TRAININGS = [f"bits:{name}:{how}" for name in rank_programs.MODELS for how in WAYS]


@cache
def ranks_start():
    """What starts ranks, or None where there is no MPI."""
    launcher = Path(sys.executable).with_name("mpiexec")
    return launcher if importlib.util.find_spec("mpi4py") and launcher.exists() else None


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """`given(n)`: what n ranks give for each check, started once."""

    @cache
    def of_ranks(count):
        if count == 1:
            group = distributed.init()
            return {check: rank_programs.bits(group, *check.split(":")[1:]) for check in TRAININGS}
        if ranks_start() is None:
            pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
        path = tmp_path_factory.mktemp("ranks") / f"{count}.pickle"
        program = [sys.executable, str(TESTS / "rank_programs.py"), str(path), *TRAININGS]
        done = subprocess.run([ranks_start(), "-n", str(count), *program], capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stdout + done.stderr
        return pickle.loads(path.read_bytes())

    return of_ranks


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("check", TRAININGS)
def test_a_hundred_steps_give_the_bits_of_one_process(given, ranks, check):
    _, name, how = check.split(":")
    expected = rank_programs.one_process(name, ranks, how == "compiled")
    for mine, its in zip(given(ranks)[check], expected, strict=True):
        assert numpy.array_equal(mine, its)
