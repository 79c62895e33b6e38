"""Jobs of machine code that follow each other in the function of a program are one call: a *stretch*.

A call from Python takes about as long as a thousand multiplications, and a small network has dozens of kernels. Lines that
only look something up, or get memory for a result, are done in front of the stretch.

Read before: `source.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy

from .sharing import calling
from .sharing.job import SHARED

SHORT_JOBS = 8
"""So many jobs that are not shared may stand in front of one that is, within a stretch: meanwhile other threads wait awake."""

MOST_JOBS = 1 << 20
"""In a stretch; with 1, each has a line of its own, as for whoever measures them."""


class JobCall(NamedTuple):
    """A line that does a job.

    moving  place in the job -> (variable, by how many bytes behind its array's beginning) whose address belongs there, if that
            is another one in each call
    what    it does, in words
    """

    job: numpy.ndarray
    moving: Mapping[int, tuple[str, int]]
    what: str


class Preparation(str):
    """A line that reads no number that is computed: it may be done sooner."""

    __slots__ = ()


class Stretches:
    """Lines in which jobs that follow each other are one call each.

    names    gets what these lines name
    looks    variable -> the one at whose memory it looks, and by how many bytes further on
    runners  of the stretches
    whole    that of the only one, if there is nothing else
    """

    def __init__(
        self, lines: Iterable[str | JobCall], names: dict[str, Any], looks: Mapping[str, tuple[str, int]], threads: int
    ):
        self.names, self.looks, self.threads = names, looks, threads
        self.runners: list[Any] = []
        self._jobs: list[JobCall] = []
        self._waiting: list[str] = []
        self._addresses: set[str] = set()
        self._numbers = count(1)
        self.whole: Any = None
        self.lines = [line for part in (*lines, "") for line in self._taken(part)][:-1]
        if len(self.runners) == 1 and all(line.startswith(("stretch_", "    #")) for line in self.lines):
            (self.whole,) = self.runners

    def _taken(self, line: str | JobCall) -> Iterator[str]:
        """The lines that can be written now."""
        if isinstance(line, JobCall):
            short = next((i for i, call in enumerate(reversed(self._jobs)) if call.job[SHARED]), len(self._jobs))
            if (line.job[SHARED] and self.threads > 1 and short > SHORT_JOBS) or len(self._jobs) >= MOST_JOBS:
                yield from self._ended()
            if line.moving:
                name = f"job_{next(self._numbers)}"
                self.names[name] = line.job
                self._waiting += [f"{name}[{place}] = {self._address(*where)}" for place, where in line.moving.items()]
            self._jobs.append(line)
        elif isinstance(line, Preparation) and self._jobs:
            self._waiting.append(line)
        else:
            yield from self._ended()
            yield line

    def _address(self, word: str, behind: int = 0) -> str:
        """An expression for the address of a variable's array, or so many bytes behind. It is asked for once."""
        if word in self.looks:
            base, further = self.looks[word]
            return self._address(base, behind + further)
        address = f"at_{word}"
        if address not in self._addresses:
            self._addresses.add(address)
            pool = f"new_{word[1:]}"
            self._waiting.append(f"{address} = {f'{pool}.address' if pool in self.names else f'address({word})'}")
        return f"{address} + {behind}" if behind else address

    def _ended(self) -> Iterator[str]:
        """The lines of the stretch that ends here."""
        if not self._jobs:
            return
        yield from self._waiting
        jobs = [call.job for call in self._jobs]
        threads = self.threads if any(job[SHARED] for job in jobs) else 1
        name = f"stretch_{next(self._numbers)}"
        self.names[name] = run = calling.runner(jobs, threads)
        self.names[f"{name}_jobs"] = jobs  # which the addresses in it do not hold
        self.runners.append(run)
        if len(jobs) == 1:
            yield f"{name}()  # {self._jobs[0].what}"
        else:
            yield f"{name}()"
            yield from (f"    # {call.what}" for call in self._jobs)
        self._jobs, self._waiting = [], []
