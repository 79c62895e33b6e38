"""How ranks close up when one has ended.

First the ranks that are missed really end, also those that only sleep. Then all calls that are on their way are cut off, on all
ranks: so no data arrives later in memory that has become something else. Then the survivors find each other, and have new lines.

Read next: `elastic.py`, what a training does then.
"""

from __future__ import annotations

import time

from ..errors import RankError
from .mpi import Cable, do_not_finish, numbers_at_the_start
from .supervision import Supervision, current
from .waiting import until_done

_SECONDS_TO_END = 3.0
_PAUSE = 0.01


def closed_up(cable: Cable, because: RankError, timeout: float | None) -> Cable:
    """The line between the ranks that are left. All of them call this, each when it has got its error.

    Raises `because`: a rank that it names does not end; `RankError`: a survivor does not come.
    """
    supervision = current()
    if supervision is None:
        raise because
    _end_others(supervision, because)
    cable.cut()
    shrinking = cable.shrinking()
    while True:
        gone = dict(supervision.lost)
        supervision.go_on_without(gone)
        try:
            until_done(shrinking, f"close up without rank {', '.join(map(str, because.ranks))}", timeout)
            break
        except RankError:
            if not supervision.lost:  # another one that ends meanwhile changes nothing
                raise
    assert shrinking.cable is not None
    do_not_finish(str(because))
    supervision.keep_to(numbers_at_the_start(shrinking.cable))
    return shrinking.cable


def _end_others(supervision: Supervision, because: RankError) -> None:
    """See to it that the ranks that an error names have ended."""
    asleep = [rank for rank in because.ranks if rank not in supervision.lost and rank in supervision.needed]
    if not asleep:
        return
    supervision.end_others(asleep)
    end = time.monotonic() + _SECONDS_TO_END
    while not all(rank in supervision.lost for rank in asleep):
        if time.monotonic() > end:
            raise because
        time.sleep(_PAUSE)
