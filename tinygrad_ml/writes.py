"""Which memory was overwritten, and when: so that no gradient is computed from numbers that changed.

The graph keeps arrays for the backward pass. Whoever overwrites memory in place (an optimiser,
`assign`) says so here, and the moment is noted from the same clock that numbers the nodes. A node
older than the last write to an array that it saved is stale, and `backward` refuses it by name.
Views are covered, because what is noted is the array that owns the memory.

Some memory can be written into without a word: the live array that `tensor.data` hands out, and a
user's own array that a tensor shares. It is on loan. A graph that saves such an array keeps a copy;
graphs that saved it before `tensor.data` was asked for are covered by a checksum, taken then and
compared before the array is used. On the GPU a checksum would wait for the device, so there only
announced writes count.
"""

import weakref
import zlib
from itertools import count

from .backend import of, owner

tick = count(1).__next__
"""The clock of the library: it numbers the nodes of graphs, and the moments of writing."""

_written: dict[int, tuple[weakref.ref, int]] = {}  # id of the owner -> (the owner, when)
on_loan: dict[int, tuple[weakref.ref, int | None]] = {}  # id of the owner -> (the owner, checksum)
latest = 0
"""When memory was last overwritten; a node younger than this needs no look at its arrays."""


def wrote(array) -> None:
    """Note that the memory of `array` has just been overwritten."""
    global latest
    latest = tick()
    _note(_written, array, latest)


def overwritten_since(array, number: int) -> bool:
    """Whether the memory of `array` was overwritten after moment `number`."""
    if on_loan:
        _look(array)
    if latest <= number:
        return False
    note = _written.get(id(owner(array)))
    return note is not None and note[1] > number


def lend(array) -> None:
    """Note that the user is given `array`, which graphs may have saved, and may write into it."""
    if of(array).kind == "cpu":
        _note(on_loan, array, _checksum(owner(array)))


def borrow(array) -> None:
    """Note that `array` is the user's own, who may write into it, and that no graph has saved it yet."""
    if array.ndim and of(array).kind == "cpu" and id(owner(array)) not in on_loan:
        _note(on_loan, array, None)


def give_back(array) -> None:
    """Note that the loan of `array` has ended: the user has assigned what was written."""
    on_loan.pop(id(owner(array)), None)


def safe(arrays: tuple) -> tuple:
    """`arrays` as a graph may keep them: copies of those on loan."""
    return tuple([array.copy() if id(owner(array)) in on_loan else array for array in arrays])


def _look(array) -> None:
    """If `array` is on loan, note whether it was written into in the meantime."""
    checksum = on_loan.get(id(owner(array)), (None, None))[1]
    if checksum is not None and _checksum(owner(array)) != checksum:
        wrote(array)
        lend(array)


def _checksum(array) -> int:
    return zlib.adler32(array if array.flags.c_contiguous else array.tobytes())


def _note(table: dict, array, what: int) -> None:
    memory = owner(array)
    key = id(memory)
    known = table.get(key)
    # The entry goes when the array does, before its id can belong to another.
    reference = known[0] if known else weakref.ref(memory, lambda _: table.pop(key, None))
    table[key] = (reference, what)
