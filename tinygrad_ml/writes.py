"""Which memory was overwritten, and when: so that no gradient is computed from numbers that changed.

The graph keeps arrays for the backward pass. Whoever overwrites memory in place (an optimiser, `assign`) says so here, and
the moment is noted from the same clock that numbers the nodes. A node older than the last write to an array that it saved
is stale, and `backward` refuses it by name. Views are covered, because what is noted is the array that owns the memory.

Some memory can be written into without a word. The live array that `tensor.data` hands out is on loan: a checksum is taken,
and compared whenever a graph saves or uses the array, so that a write is noticed as if it had been announced. On the GPU a
checksum would wait for the device, so there only announced writes count. A user's own array is borrowed: a graph keeps a copy.
"""

import weakref
import zlib
from collections.abc import Callable, Iterable
from itertools import count

from .backend import Array, of, owner

tick = count(1).__next__
"""The clock of the library: it numbers the nodes of graphs, and the moments of writing."""

_written: dict[int, tuple[weakref.ref, int]] = {}  # id of the owner -> (the owner, when)
on_loan: dict[int, tuple[weakref.ref, int]] = {}  # id of the owner -> (the owner, its checksum)
borrowed: dict[int, tuple[weakref.ref, None]] = {}  # id of the owner -> the owner
latest = 0
"""When memory was last overwritten; a node younger than this needs no look at its arrays."""


def wrote(array: Array) -> None:
    """Note that the memory of `array` has just been overwritten."""
    global latest
    latest = tick()
    _note(_written, array, latest)


def noting(arrays: Iterable[Array]) -> Callable[[], None]:
    """What notes that the memory of all these has just been overwritten, as `wrote` does of one."""
    memories = list(map(owner, arrays))
    for memory in memories:
        if id(memory) not in _written:
            _note(_written, memory, 0)
    known = [(id(memory), _written[id(memory)][0]) for memory in memories]

    def wrote_all(memories: list[Array] = memories) -> None:  # which it holds: so their ids are theirs
        global latest
        latest = now = tick()
        for key, reference in known:
            _written[key] = reference, now

    return wrote_all


def overwritten_since(array: Array, number: float) -> bool:
    """Whether the memory of `array` was overwritten after moment `number`."""
    if on_loan:
        look(array)
    if latest <= number:
        return False
    _, when = _written.get(id(owner(array)), (None, 0))
    return when > number


def lend(array: Array) -> None:
    """Note that the user is given `array`, which graphs may have saved or save later, and may write into it."""
    if of(array).kind == "cpu":
        look(array)
        borrowed.pop(id(owner(array)), None)
        _note(on_loan, array, _checksum(owner(array)))


def borrow(array: Array) -> None:
    """Note that `array` is the user's own, who may write into it, and that no graph has saved it yet."""
    if of(array).kind == "cpu" and array.ndim and id(owner(array)) not in on_loan:
        _note(borrowed, array, None)


def give_back(array: Array) -> None:
    """Note that the loan of `array` has ended: the user has assigned what was written."""
    on_loan.pop(id(owner(array)), None)


def look(array: Array) -> None:
    """If `array` is on loan, note whether it was written into since the last look."""
    if (loan := on_loan.get(id(owner(array)))) is not None:
        now = _checksum(owner(array))
        if now != loan[1]:
            wrote(array)
            _note(on_loan, array, now)


def safe(arrays: tuple) -> tuple:
    """`arrays` as a graph may keep them: copies of those that are borrowed."""
    return tuple([array.copy() if id(owner(array)) in borrowed else array for array in arrays])


def _checksum(array: Array) -> int:
    return zlib.adler32(array if array.flags.c_contiguous else array.tobytes())


def _note(table: dict, array: Array, what: int | None) -> None:
    memory = owner(array)
    key = id(memory)
    known = table.get(key)
    # The entry goes when the array does, before its id can belong to another.
    reference = known[0] if known else weakref.ref(memory, lambda _: table.pop(key, None))
    table[key] = (reference, what)
