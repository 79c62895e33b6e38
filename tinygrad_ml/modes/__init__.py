"""What holds while code runs, per thread: is a graph recorded, who watches, inside which module and function.

A thread begins with nothing of what holds in the one that starts it: a pool's threads do not inherit `no_grad`.

`state.py` has what holds; `recording.py` switches it on and off (`no_grad`), `scopes.py` and `watching.py` add to it;
`compiling.py` is for steps that are compiled.
"""

from .compiling import each_time, overwriting, rely_on
from .recording import enable_grad, no_grad
from .scopes import BACKWARD, UPDATE, differentiating, inside, part_of, path, scope, updating
from .state import Place, modes
from .watching import watching

__all__ = [
    "BACKWARD",
    "UPDATE",
    "Place",
    "differentiating",
    "each_time",
    "enable_grad",
    "inside",
    "modes",
    "no_grad",
    "overwriting",
    "part_of",
    "path",
    "rely_on",
    "scope",
    "updating",
    "watching",
]
