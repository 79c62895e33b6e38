"""How many threads go through a row of a domain, and which ones.

Read next: `rows.py`, the kernels in which they do.
"""

from __future__ import annotations

from typing import NamedTuple

BUSY_PROCESSOR_THREADS = 1 << 15
"""Threads that keep a processor busy: with fewer rows, more threads go through each."""
BUSY_PROCESSOR_BLOCKS = 528
"""Blocks that do so: four for each of 132 processors."""
BUSY_PROCESSOR_ROWS = 512
"""Rows of which a warp each does so."""
ROW_BLOCKS = 256
"""Blocks that share a row at most."""
READ_TOGETHER = 8
"""Numbers of float32 that come from memory at once."""


class Team(NamedTuple):
    """The threads that share the work.

    tile   neighbouring rows of a block, which neighbouring threads have; 0 where neighbours go along a row
    lanes  threads of a row in a block
    rows   rows of a block
    parts  blocks that share a row
    """

    tile: int
    lanes: int
    rows: int
    parts: int

    @property
    def threads(self) -> int:
        """Those of a block."""
        return self.lanes * self.rows

    def combined(self, fold: str, name: str) -> str:
        """What all threads of a row have found in `name`, as an expression that each of them computes."""
        if self.tile:
            return f"over_tile<{fold}, {self.tile}, {self.lanes}>({name})"
        if self.lanes > 32:
            return f"over_block<{fold}, {self.lanes}>({name})"
        return f"over_lanes<{fold}, {self.lanes}>({name})" if self.lanes > 1 else name


def team(rows: int, columns: int, last_is_reduced: bool, once: bool, threads: int | None = None) -> Team:
    """Threads for so many rows and columns.

    once     whether each row is gone through once only, so that blocks may share it
    threads  that every block has to have, if given: a power of two from 32 to 1024, and no blocks share a row then
    """
    most, all_of_them = threads or 1024, threads or 128
    lanes = _power_of_two(columns / 8)
    while lanes < columns and rows * lanes < BUSY_PROCESSOR_THREADS and (lanes < 32 or lanes * 4 < columns):
        lanes *= 2
    lanes = min(lanes, most)
    if threads and lanes > 32:
        lanes = 32 if rows >= BUSY_PROCESSOR_ROWS else threads
    tile, alone = 0, lanes == 1
    if not last_is_reduced and not alone:
        tile = 32 if rows >= 4096 else 16 if rows >= 2048 else 8
        lanes = max(min(lanes, most // tile), 32 // tile)
        if threads:
            tile = threads // lanes
        elif tile == 32:
            tile = max(tile, 128 // lanes)
    in_block = tile or (all_of_them // lanes if lanes <= 32 else 1)
    blocks = -(-rows // in_block)
    parts = 1
    if once and not threads and not alone and columns > 8 * lanes:
        parts = min(ROW_BLOCKS, -(-columns // (8 * lanes)), max(1, BUSY_PROCESSOR_BLOCKS // blocks))
    return Team(tile, lanes, in_block, parts)


def team_of_strip(rows: int, columns: int, last_is_reduced: bool, threads: int) -> Team:
    """So many threads, a block of them, for a few rows: each is shared by as many as there are for it, or as read what comes from
    memory together."""
    lanes, fewest = min(_power_of_two(columns), 32), READ_TOGETHER if last_is_reduced else 1
    while lanes > fewest and lanes * rows > threads:
        lanes //= 2
    if rows == 1 and columns > 4 * 32:
        return Team(0, threads, 1, 1)
    along = last_is_reduced or lanes == 1 or rows == 1
    return Team(0 if along else threads // lanes, lanes, threads // lanes, 1)


def _power_of_two(number: float) -> int:
    power = 1
    while power < number:
        power *= 2
    return power
