"""Which memory was overwritten, and when: so that no gradient is computed from numbers that changed.

The graph keeps arrays for the backward pass. Whoever overwrites memory in place (an optimiser,
`assign`) says so here, and the moment is noted from the same clock that numbers the nodes. A node
older than the last write to an array that it saved is stale, and `backward` refuses it by name.
Views are covered, because what is noted is the array that owns the memory.

`tensor.data` hands the live array to the user, who may write into it without saying so. Such
memory is on loan: a checksum is taken, and compared whenever a graph saves or uses the array. On
the GPU a checksum would make every look wait for the device, so there only announced writes count.
"""

import weakref
import zlib
from itertools import count

from .backend import of, owner

tick = count(1).__next__
"""The clock of the library: it numbers the nodes of graphs, and the moments of writing."""

_written: dict[int, tuple[weakref.ref, int]] = {}  # id of the owner -> (the owner, when)
_on_loan: dict[int, tuple[weakref.ref, int]] = {}  # id of the owner -> (the owner, checksum)
latest = 0
"""When memory was last overwritten; a node younger than this needs no look at its arrays."""


def wrote(array) -> None:
    """Note that the memory of `array` has just been overwritten."""
    global latest
    latest = tick()
    _note(_written, array, latest)


def overwritten_since(array, number: int) -> bool:
    """Whether the memory of `array` was overwritten after moment `number`."""
    if latest <= number:
        return False
    note = _written.get(id(owner(array)))
    return note is not None and note[1] > number


def lend(array) -> None:
    """Note that the user holds `array` and may write into it."""
    if of(array).kind == "cpu":
        _note(_on_loan, array, _checksum(owner(array)))


def give_back(array) -> None:
    """Note that the loan of `array` has ended: the user has assigned what was written."""
    _on_loan.pop(id(owner(array)), None)


def notice() -> None:
    """Look at all memory on loan, and note what was written there in the meantime."""
    for memory, checksum in list(_on_loan.values()):
        array = memory()
        if array is not None and _checksum(array) != checksum:
            wrote(array)
            lend(array)


def any_on_loan() -> bool:
    """Whether `notice` has anything to look at."""
    return bool(_on_loan)


def _checksum(array) -> int:
    return zlib.adler32(array if array.flags.c_contiguous else array.tobytes())


def _note(table: dict, array, what: int) -> None:
    memory = owner(array)
    key = id(memory)
    known = table.get(key)
    # The entry goes when the array does, before its id can belong to another.
    reference = known[0] if known else weakref.ref(memory, lambda _: table.pop(key, None))
    table[key] = (reference, what)
