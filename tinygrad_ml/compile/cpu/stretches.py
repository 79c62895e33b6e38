"""Jobs of machine code that follow each other in the function of a program are one call: a *stretch*.

A call from Python takes about as long as a thousand multiplications, and a small network has dozens of kernels. Lines that
only look something up, or get memory for a result, are done in front of the stretch, and not at all if nobody names what
they give. Where an array begins that is another one in each call, stands in a list, `bases`; the machine code takes it from
there to all jobs that read the array, or a part of it.

Read before: `source.py`, `keepers.py`, `machine/sharing/stretch.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy

from ...machine.sharing import calling
from ...machine.sharing.job import SHARED
from ...machine.sharing.stretch import Stretch
from .keepers import Keeper

SHORT_JOBS = 8
"""So many jobs that are not shared may stand in front of one that is, within a stretch: meanwhile other threads wait awake."""

MOST_JOBS = 1 << 20
"""In a stretch; with 1, each has a line of its own, as for whoever measures them."""

WORDS = re.compile(r"\b(?:v|target_)\d+\b")
"""The variables in a line."""


class JobCall(NamedTuple):
    """A line that does a job.

    moving  place in the job -> (variable, by how many bytes behind its array's beginning) whose address belongs there, if that
            is another one in each call
    what    it does, in words
    """

    job: numpy.ndarray
    moving: Mapping[int, tuple[str, int]]
    what: str


class Preparation(NamedTuple):
    """A line that gives a variable an array, and reads no number that is computed: it may be done sooner.

    keeper  what notes the array's address; else that has to be asked for
    """

    word: str
    given: str
    keeper: Keeper | None = None

    @property
    def line(self) -> str:
        """As it is written."""
        return f"{self.word} = {self.given}"


class NotedMistake(str):
    """A line that asks whether a job has noted a mistake, and raises its error then. It calls nothing of NumPy's else."""


class Stretches:
    """Lines in which jobs that follow each other are one call each.

    names    gets what these lines name
    looks    variable -> the one at whose memory it looks, and by how many bytes further on
    results  the variables that are wanted in the end
    whole    the only stretch, and what runs it, if there is nothing else
    alone    whether there is nothing but stretches, what prepares them, and what asks for mistakes
    """

    def __init__(
        self,
        lines: Iterable[str | JobCall | Preparation],
        names: dict[str, Any],
        looks: Mapping[str, tuple[str, int]],
        threads: int,
        results: Iterable[str] = (),
    ):
        self.names, self._looks, self._threads = names, looks, threads
        lines = list(lines)
        self._keepers = {line.word: line.keeper for line in lines if isinstance(line, Preparation)}
        self.alone = not any(isinstance(line, str) and not isinstance(line, NotedMistake) for line in lines)
        self._numbers, self._jobs, self._waiting = count(1), list[JobCall](), list[str]()
        self._found: list[tuple[Stretch, Callable[[], object]]] = []
        bases = [self._base(*where)[0] for line in lines if isinstance(line, JobCall) for where in line.moving.values()]
        self._places = {word: place for place, word in enumerate(dict.fromkeys(bases))}
        self.names["bases"] = self._bases = numpy.zeros(len(self._places), numpy.int64)
        self._known: set[str] = set()
        wanted = _wanted(lines, {*results, *bases})
        self.lines = [line for part in (*lines, "") for line in self._taken(part, wanted)][:-1]
        plain = all(line.startswith(("stretch_", "    #")) for line in self.lines)
        self.whole = self._found[0] if len(self._found) == 1 and plain else None

    def _base(self, word: str, behind: int) -> tuple[str, int]:
        """(the variable in whose array it lies, how many bytes behind its beginning)"""
        while word in self._looks:
            word, further = self._looks[word]
            behind += further
        return word, behind

    def _taken(self, line: str | JobCall | Preparation, wanted: set[str]) -> Iterator[str]:
        """The lines that can be written now."""
        if isinstance(line, JobCall):
            short = next((i for i, call in enumerate(reversed(self._jobs)) if call.job[SHARED]), len(self._jobs))
            if (line.job[SHARED] and self._threads > 1 and short > SHORT_JOBS) or len(self._jobs) >= MOST_JOBS:
                yield from self._ended()
            for where in line.moving.values():
                self._ask_for(self._base(*where)[0])
            self._jobs.append(line)
        elif not isinstance(line, Preparation):
            yield from self._ended()
            yield line
        elif line.word in wanted:
            if self._jobs:
                self._waiting.append(line.line)
            else:
                yield line.line

    def _ask_for(self, word: str) -> None:
        """See that it is noted where a variable's array begins."""
        if word in self._known:
            return
        self._known.add(word)
        keeper = self._keepers.get(word)
        if keeper is None:
            self._waiting.append(f"bases[{self._places[word]}] = address({word})")
        else:
            keeper.note_at(self._bases, self._places[word])

    def _ended(self) -> Iterator[str]:
        """The lines of the stretch that ends here."""
        if not self._jobs:
            return
        yield from self._waiting
        jobs, moving = [call.job for call in self._jobs], []
        for call in self._jobs:
            for place, where in call.moving.items():
                word, behind = self._base(*where)
                moving.append((call.job, place, self._places[word], behind))
        stretch = Stretch(jobs, moving, self._bases)
        run = calling.runner(stretch, self._threads if any(job[SHARED] for job in jobs) else 1)
        self._found.append((stretch, run))
        name = f"stretch_{next(self._numbers)}"
        self.names[name], self.names[f"{name}_kept"] = run, stretch
        if len(jobs) == 1:
            yield f"{name}()  # {self._jobs[0].what}"
        else:
            yield f"{name}()"
            yield from (f"    # {call.what}" for call in self._jobs)
        self._jobs, self._waiting = [], []


def _wanted(lines: Iterable[str | JobCall | Preparation], known: set[str]) -> set[str]:
    """The variables that these lines name, or need for those that are known to be wanted."""
    lines = list(lines)
    wanted = known.union(*(WORDS.findall(line) for line in lines if isinstance(line, str)))
    for line in reversed(lines):
        if isinstance(line, Preparation) and line.word in wanted:
            wanted.update(WORDS.findall(line.given))
    return wanted
