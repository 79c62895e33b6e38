"""What a rank tells the watcher, and what it hears from it. The watcher is a process beside rank 0; `watcher.py` says why.

Its address travels by MPI when ranks meet, so nothing is to be set up, on one machine or on many, and whoever has started
them. The connection is ordinary TCP, because MPI itself is what may hang, and because its end tells of a rank's death.

Read next: `watcher.py`.
"""

from __future__ import annotations

import contextlib
import json
import linecache
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import RankError
from . import watcher

if TYPE_CHECKING:
    from mpi4py.MPI import Comm

Wait = Callable[[Any, str], None]
"""Waits until a request is done, with what it is for: `until_done` of `waiting.py`."""

_SECONDS_TO_CONNECT = 20.0
_MACHINE_BYTES, _ADDRESS_BYTES = 256, 1024
_NOWHERE = b"-"  # the machine of a rank that has left
_MOST_UNSENT = 1 << 16
_PACKAGE = str(Path(__file__).parents[1])
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")


class Supervision:
    """A rank's connection to the watcher.

    rank       the number of this process, as all numbers here the one at the start
    needed     the ranks that go on together
    lost       what was heard of ranks that ended: their numbers and, in words, how
    left       the same of ranks that came to the end of their programs, with the time when that was heard
    late       why this rank waits, once it has asked: the numbers of the ranks it waits for, and in words what these do
    over       whether all ranks have come to their end, in whatever way
    failed     whether this rank has waited in vain
    connected  whether the watcher is there
    """

    def __init__(self, rank: int, size: int, connection: socket.socket):
        self.rank = rank
        self.needed = set(range(size))
        self._ends: dict[int, str] = {}
        self.lost: dict[int, str] = {}
        self.left: dict[int, tuple[str, float]] = {}
        self.late: tuple[tuple[int, ...], str] | None = None
        self.over, self.failed, self.connected = False, False, True
        self._connection, self._unsent, self._sending = connection, b"", threading.Lock()
        self._main, self._process = threading.main_thread().ident, os.getpid()
        threading.Thread(target=self._listen, name="supervision", daemon=True).start()
        # A forked process, as a worker that loads data, must not keep the connection when its rank is gone.
        os.register_at_fork(after_in_child=connection.close)

    def waits(self, what: str) -> None:
        """This rank begins to wait for others, to do this."""
        self._send(wait=what)

    def goes_on(self) -> None:
        """It has waited."""
        self._send(go_on=True)

    def raised(self, error: str, because_of_others: bool) -> None:
        """This rank ends by an error: its own, or one that tells of another."""
        self._send(raised=error, because_of_others=because_of_others)

    def leaves(self) -> None:
        """The program of this rank has come to its end."""
        self._send(left=True)

    def end_others(self, ranks: Iterable[int]) -> None:
        """Ask that these ranks end at once, which keep the others waiting."""
        self._send(end=list(ranks))

    def go_on_without(self, ranks: Iterable[int]) -> None:
        """These ranks have ended, and are not waited for any more."""
        self.needed -= {*ranks}
        self._forget()

    def keep_to(self, ranks: Iterable[int]) -> None:
        """These are the ranks that go on together."""
        died_since = {rank: why for rank, why in self._ends.items() if rank in {*ranks}}
        self.needed = {*ranks}
        self._forget()
        self.lost |= died_since

    def _forget(self) -> None:
        for rank in [*self.lost, *self.left]:
            if rank not in self.needed:
                self.lost.pop(rank, None)
                self.left.pop(rank, None)
        self.failed = False
        self._send(without=True)

    def ask_for_the_late(self) -> None:
        """Ask for whom this rank waits; `late` is the answer, in about a second."""
        self.late = None
        self._send(late=True)

    @property
    def own_process(self) -> bool:
        """Whether this is the process of the rank, and none that it has forked."""
        return os.getpid() == self._process

    def close(self) -> None:
        """Go: the watcher takes that for an end."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _send(self, **line: Any) -> None:
        """Write a line, now or with the next: nothing here waits, and what nobody reads is not kept for ever."""
        if not self.connected or not self.own_process:
            return
        with self._sending:
            if len(self._unsent) < _MOST_UNSENT:
                self._unsent += watcher.encoded(line)
            try:
                sent = self._connection.send(self._unsent, getattr(socket, "MSG_DONTWAIT", 0))
                self._unsent = self._unsent[sent:]
            except BlockingIOError:
                pass
            except OSError:
                self.connected = False

    def _listen(self) -> None:
        """Hear what the watcher says, in a thread that sleeps until it does."""
        with contextlib.suppress(OSError), self._connection.makefile("rb") as lines:
            for text in lines:
                line = json.loads(text)
                if "where" in line:
                    self._send(here=self._place())
                elif "lost" in line:
                    self._ends[line["lost"]] = line["why"]
                    if line["lost"] in self.needed:
                        self.lost[line["lost"]] = line["why"]
                elif "left" in line:
                    self.left[line["left"]] = line["why"], time.monotonic()
                elif "late" in line:
                    self.late = tuple(line["late"]), line["why"]
                elif "over" in line:
                    self.over = True
                elif "end" in line:
                    os._exit(0)
        self.connected = False

    def _place(self) -> str:
        """Where the main thread is, and whether it computes or sleeps."""
        before = self._processor_seconds()
        time.sleep(0.1)
        used = None if before is None else (self._processor_seconds() or before) - before
        state = "it is" if used is None else "it computes" if used > 0.01 else "it is asleep"
        frame = sys._current_frames().get(self._main or 0)
        return f"{state} in {line_of(traceback.walk_stack(frame) if frame else [])}"

    def _processor_seconds(self) -> float | None:
        """What the main thread has computed so far; None where the system does not say."""
        if self._main is None or not hasattr(time, "pthread_getcpuclockid"):
            return None
        return time.clock_gettime(time.pthread_getcpuclockid(self._main))


def line_of(places: Iterable[tuple[FrameType, int]]) -> str:
    """The line of the user's among frames with their lines, innermost first: the first that is neither ours nor Python's."""
    found = [(frame.f_code.co_filename, number) for frame, number in places]
    own = [place for place in found if not place[0].startswith((_PACKAGE, _STANDARD_LIBRARY, "<"))]
    if not found:
        return "no line that is known"
    file, number = (own or found)[0]
    text = linecache.getline(file, number).strip()
    return f"{Path(file).name}, line {number}" + (f": {text}" if text else "")


_current: list[Supervision] = []


def current() -> Supervision | None:
    """The connection of this process; None alone, before ranks have met, and where no watcher could be reached."""
    return _current[-1] if _current else None


def meet(comm: Comm, wait: Wait) -> Supervision | None:
    """Start the watcher, and connect all ranks to it. None, with a warning, if any of them cannot reach it.

    Every rank of `comm` calls this, once, or `leave`. Raises `RankError` if one has left.
    """
    everywhere = _gathered(comm, _machine().encode()[:_MACHINE_BYTES], wait)
    gone = [rank for rank, machine in enumerate(everywhere) if machine == _NOWHERE]
    if gone:
        raise RankError(
            f"rank {gone[0]} has left: its program came to its end before it called distributed.init(), where rank {comm.rank} "
            "waited for it. All ranks must call it",
            tuple(gone),
        )
    address = bytearray(_ADDRESS_BYTES)
    if comm.rank == 0:
        given = _started(comm.size, alone=len(set(everywhere)) == 1)
        text = json.dumps(given).encode()
        address[: len(text)] = text
    wait(comm.Ibcast(address, root=0), "hear of the watcher from rank 0")
    given = json.loads(bytes(address).rstrip(b"\0"))
    connection = _connected(given, comm.rank) if given else None
    failed = [rank for rank, said in enumerate(_gathered(comm, b"+" if connection else b"-", wait)) if said == b"-"]
    if failed or connection is None:
        if connection is not None:
            connection.sendall(watcher.encoded({"stop": True}))
            connection.close()
        if comm.rank == 0:
            reached = f"at port {given['port']} of {given['hosts']}" if given else "(it could not be started)"
            warnings.warn(
                f"ranks {failed} cannot reach the watcher beside rank 0 {reached}: a rank that ends leaves the others "
                f"waiting until the time limit. Let the machines connect to each other by TCP",
                stacklevel=3,
            )
        return None
    _current.append(Supervision(comm.rank, comm.size, connection))
    return _current[-1]


def leave(comm: Comm, wait: Wait) -> bool:
    """Say, in place of `meet`, that this rank is at its end; whether all are."""
    return set(_gathered(comm, _NOWHERE, wait)) == {_NOWHERE}


def _gathered(comm: Comm, own: bytes, wait: Wait) -> list[bytes]:
    """What each rank gives, at most 256 bytes."""
    mine, all_of_them = bytearray(_MACHINE_BYTES), bytearray(_MACHINE_BYTES * comm.size)
    mine[: len(own)] = own
    wait(comm.Iallgather(mine, all_of_them), "meet the other ranks")
    pieces = [all_of_them[i : i + _MACHINE_BYTES] for i in range(0, len(all_of_them), _MACHINE_BYTES)]
    return [bytes(piece).rstrip(b"\0") for piece in pieces]


def _machine() -> str:
    """The same for two processes just if they can meet at 127.0.0.1: names of machines may be given twice."""
    identities = ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/net")
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {Path(identities[0]).read_text().strip()} {os.readlink(identities[1])}"
    return socket.gethostname()


def _started(size: int, alone: bool) -> dict[str, Any]:
    """Start the watcher; where to find it, or {} if it does not start."""
    token = secrets.token_hex(16)
    hosts = ["127.0.0.1"] if alone else ["127.0.0.1", *_addresses()]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", watcher.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # what ends rank 0, a Ctrl-C too, must not end it
        )
        assert process.stdin is not None and process.stdout is not None
        with process.stdin, process.stdout:
            process.stdin.write(json.dumps({"size": size, "token": token, "alone": alone}) + "\n")
            process.stdin.flush()
            port = int(process.stdout.readline())
    except (OSError, ValueError):
        return {}
    process.returncode = 0  # nobody waits for it: it ends after the last rank
    return {"hosts": hosts, "port": port, "token": token}


def _addresses() -> list[str]:
    """The names and numbers by which other machines may know this one, as many as can be told."""
    name = socket.gethostname()
    found = [name, socket.getfqdn()]
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(name, None)]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: the system chooses the address from which it would
        found.append(probe.getsockname()[0])
    return [host for host in dict.fromkeys(found) if not host.startswith("127.") and len(host) < 80][:8]


def _connected(given: dict[str, Any], rank: int) -> socket.socket | None:
    """A connection to the watcher that has let this rank in; None if it is nowhere."""
    hello = {"hello": given["token"], "rank": rank, "where": f"process {os.getpid()} on {socket.gethostname()}"}
    for host in given["hosts"]:
        with contextlib.suppress(OSError):
            connection = socket.create_connection((host, given["port"]), timeout=_SECONDS_TO_CONNECT)
            connection.sendall(watcher.encoded(hello))
            if b"welcome" in connection.recv(64):
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            connection.close()
    return None


def lost_error(supervision: Supervision, what: str, patience: float) -> RankError | None:
    """The error of a rank that waits for one that has ended; None if none has, or has left less than `patience` ago."""
    if supervision.lost:
        return RankError(
            f"{next(iter(supervision.lost.values()))}. Rank {supervision.rank} was waiting to {what}",
            tuple(supervision.lost),
        )
    gone = {rank: why for rank, (why, when) in supervision.left.items() if time.monotonic() - when > patience}
    if gone:
        return RankError(
            f"{next(iter(gone.values()))}, while rank {supervision.rank} was waiting for it to {what}. All ranks must take "
            f"part in the same exchanges: as many steps, as many evaluations",
            tuple(gone),
        )
    return None
