"""Ranks are started by the MPI that is there: their lines are marked, an error of one ends all, Ctrl-C reaches each."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rank_programs

from tinygrad_ml import cli
from tinygrad_ml.cli import launch as launch_command
from tinygrad_ml.distributed import launching
from tinygrad_ml.distributed.program import MarkedStream
from tinygrad_ml.errors import OptionError, RankError

pytestmark = pytest.mark.host_only
ROOT = Path(__file__).parents[1]


def launch(*words, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tinygrad_ml", "launch", *map(str, words)]
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, **options
    )


@pytest.fixture
def program(tmp_path):
    def written(text):
        path = tmp_path / "program.py"
        path.write_text(f"import sys, time\nfrom tinygrad_ml import distributed\ngroup = distributed.init()\n{text}\n")
        return path

    return written


def test_each_line_says_which_rank_printed_it_and_arguments_arrive(program):
    path = program("print('one\\ntwo', sys.argv[1:])\nprint('three', file=sys.stderr)\ngroup.barrier()")
    with launch("-n", 2, path, "--lr", "0.1", "-n", "7") as started:
        printed, errors = started.communicate(timeout=120)
    assert started.returncode == 0, errors
    expected = [f"[rank {rank}] {line}" for rank in (0, 1) for line in ("one", "two ['--lr', '0.1', '-n', '7']")]
    assert sorted(printed.splitlines()) == sorted(expected)
    assert [f"[rank {rank}] three" in errors.splitlines() for rank in (0, 1)] == [True, True]


def test_a_rank_that_exits_with_a_code_gives_it_to_all(program):
    path = program("if group.rank == 1: sys.exit(7)\ngroup.barrier()")
    with launch("-n", 2, path) as started:
        _, errors = started.communicate(timeout=120)
    assert started.returncode == 7, errors
    assert "has ended with SystemExit: 7" in errors
    assert "rank 1" in errors and "rank 0 was waiting to meet at a barrier" in errors.lower()


@pytest.mark.parametrize("end", ["raise ValueError('early')", "sys.exit(5)"])
def test_an_error_before_the_ranks_have_met_ends_all(tmp_path, end):
    """MPI waits for all ranks at its beginning, which therefore has to come first."""
    path = tmp_path / "program.py"
    path.write_text(
        f"import os, sys\nfrom tinygrad_ml import distributed\nfrom tinygrad_ml.distributed.mpi import rank_of_environment\n"
        f"if rank_of_environment() == 1:\n    {end}\ndistributed.init()\n"
    )
    with launch("-n", 2, path) as started:
        _, errors = started.communicate(timeout=120)
    assert started.returncode == (5 if "exit" in end else 1), errors
    assert "exit" in end or "[rank 1] ValueError: early" in errors


def test_a_rank_that_has_left_before_the_ranks_met_is_not_waited_for(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "from tinygrad_ml import distributed\nfrom tinygrad_ml.distributed.mpi import rank_of_environment\n"
        "if rank_of_environment() == 0:\n    distributed.init()\n"
    )
    mpiexec = [rank_programs.ranks_start(), "-n", "2", sys.executable, path]
    for words in ([sys.executable, "-m", "tinygrad_ml", "launch", "-n", "2", path], mpiexec):
        done = subprocess.run(
            words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0
        assert "rank 1 has left: its program came to its end before it called distributed.init()" in done.stderr


def test_ranks_that_never_meet_end_well(tmp_path):
    """And what they start takes itself for no rank."""
    path = tmp_path / "program.py"
    path.write_text(
        "import subprocess, sys\nimport tinygrad_ml.distributed\n"
        "subprocess.run([sys.executable, '-c', 'import tinygrad_ml.distributed'], check=True)\nprint('done')\n"
    )
    words = [rank_programs.ranks_start(), "-n", "2", sys.executable, path]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\ndone\n"), done.stderr


def test_ctrl_c_is_passed_on_to_each_rank(program):
    path = program(
        "try:\n    print('ready')\n    time.sleep(100)\nexcept KeyboardInterrupt:\n    print('interrupted')\n    group.barrier()"
    )
    with launch("-n", 2, path) as started:
        ready = [started.stdout.readline() for _ in range(2)]
        assert sorted(ready) == ["[rank 0] ready\n", "[rank 1] ready\n"]
        time.sleep(0.2)
        started.send_signal(signal.SIGINT)
        printed, errors = started.communicate(timeout=120)
    assert sorted(line for line in printed.splitlines() if "interrupted" in line) == [
        "[rank 0] interrupted",
        "[rank 1] interrupted",
    ], errors


def marked(*pieces):
    memory = io.BytesIO()
    stream = MarkedStream(io.TextIOWrapper(memory, "utf-8"), "[rank 1] ")
    for piece in pieces:
        stream.flush() if piece is None else stream.write(piece)
    stream.flush()
    return memory.getvalue().decode()


def test_marks_stand_at_the_beginning_of_lines():
    assert marked("a\nb", "c\n", "\n") == "[rank 1] a\n[rank 1] bc\n[rank 1] \n"
    assert marked("a", None, "b\nc") == "[rank 1] ab\n[rank 1] c"
    assert marked("\r10 %", None, "\r20 %\n") == "\r[rank 1] 10 %\r[rank 1] 20 %\n"


def test_without_mpi_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(launching, "_ASK", "raise ImportError('no module mpi4py')")
    with pytest.raises(RankError, match=r"no module mpi4py.*pip install 'tinygrad_ml\[mpi\]'"):
        launching.installation()
    assert cli.main(["launch", "-n", "2", __file__]) == 2
    assert "pip install 'tinygrad_ml[mpi]'" in capsys.readouterr().err
    cli.main(["doctor"])
    assert 'pip install "tinygrad_ml[mpi]"' in capsys.readouterr().out


def test_an_mpi_without_its_launcher_and_one_that_nobody_knows(monkeypatch):
    monkeypatch.setattr(launching, "_launchers", lambda libraries: [])
    with pytest.raises(RankError, match="the mpiexec that belongs to it was not found"):
        launching.installation()
    monkeypatch.setattr(launching, "_ASK", "print('Other MPI 1.0')\nprint()")
    with pytest.raises(RankError, match=r"no way is known here to start ranks by Other MPI 1\.0"):
        launching.installation()


def test_each_mpi_is_started_in_its_own_way():
    mpich, openmpi, intel = (
        launching.Installation(flavour, flavour.name, Path("mpiexec")) for flavour in launching._FLAVOURS
    )
    program = [sys.executable, "-m", "tinygrad_ml.distributed.program", "train.py"]
    assert launching.command(mpich, 3, ["train.py"]) == ["mpiexec", "-n", "3", *program]
    assert "--oversubscribe" in launching.command(openmpi, 3, ["train.py"])
    assert "ulfm" in launching.command(openmpi, 3, ["train.py"], elastic=True)
    for other in (mpich, intel):
        with pytest.raises(OptionError, match="need Open MPI"):
            launching.command(other, 3, ["train.py"], elastic=True)
    with pytest.raises(OptionError, match="give 1 or more"):
        launching.command(mpich, 0, ["train.py"])


def test_a_launch_of_nothing_is_an_error(capsys):
    assert cli.main(["launch", "-n", "2"]) == 2
    assert "which program?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("nowhere.py",), ("--", "nowhere.py"), ("python", "train.py")])
def test_a_program_that_is_not_there_is_an_error_before_ranks_start(words, capsys, monkeypatch):
    monkeypatch.setattr(launch_command, "launch", None)
    assert cli.main(["launch", "-n", "2", *words]) == 2
    assert f"there is no program '{words[-1] if '--' in words else words[0]}' in" in capsys.readouterr().err


def test_what_follows_two_dashes_is_the_program(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(launch_command, "launch", lambda *words: given.append(words) or 0)
    path = tmp_path / "train.py"
    path.touch()
    assert cli.main(["launch", "-n", "2", "--", str(path), "--lr", "1"]) == 0
    assert cli.main(["launch", "-n", "2", "-m", "no.file", "-n", "1"]) == 0
    assert given == [(2, [str(path), "--lr", "1"], False), (2, ["-m", "no.file", "-n", "1"], False)]
