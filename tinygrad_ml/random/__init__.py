"""`tg.random`: random tensors, with the names of NumPy's `Generator`. `manual_seed` rules them all.

Each device has a stream of its own, derived from the one seed. Permutations are drawn on the host,
so that a shuffle is the same wherever it is used.

Read in this order: `streams.py`, `drawing.py`.
"""

from .drawing import (
    bernoulli,
    beta,
    binomial,
    choice,
    gamma,
    integers,
    manual_seed,
    normal,
    permutation,
    rand,
    randn,
    random,
    set_state,
    standard_normal,
    uniform,
)
from .streams import get_state

__all__ = [
    "bernoulli",
    "beta",
    "binomial",
    "choice",
    "gamma",
    "get_state",
    "integers",
    "manual_seed",
    "normal",
    "permutation",
    "rand",
    "randn",
    "random",
    "set_state",
    "standard_normal",
    "uniform",
]
