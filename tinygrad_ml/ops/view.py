"""What an operation says that only shows memory in another way. Read before: `primitive.py`."""

from collections.abc import Callable
from typing import NamedTuple


class View(NamedTuple):
    """How the result of an operation looks at the memory of its first input.

    order  "kept" if it lies in memory as a new array would, where what it looks at does; "changed" if it does not;
           "part" if it is a part of what it looks at
    take   `take(x, **parameters)`: the view of an array of NumPy's, or an error if numbers had to be copied for it; None
           if only the operation's value can tell
    back   `back(shape, **parameters)`: the operation and its parameters by which a view that was written to becomes what
           it looks at, of that shape; None if that is not known
    when   `when(shape, **parameters)`: whether the result, of that shape, looks at memory at all
    many   whether it shows one number in several places, so that it is not to be overwritten
    """

    order: str
    take: Callable | None = None
    back: Callable | None = None
    when: Callable = lambda result, /, **_: True
    many: bool = False
