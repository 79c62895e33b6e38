"""For which processors machine code is written: for this one, or for those that the environment names.

Read next: `llvm/native.py`, which asks.
"""

from __future__ import annotations

import os
from collections.abc import Set

from ..errors import OptionError

PROCESSOR = "TINYGRAD_ML_PROCESSOR"
"""The variable of the environment that names the processors for which code is written, instead of this one."""
_V2 = "cx16 popcnt sahf sse3 sse4.1 sse4.2 ssse3"
_V3 = f"{_V2} avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave"
X86_LEVELS = {
    name: frozenset(has.split())
    for name, has in {
        "x86-64": "",
        "x86-64-v2": _V2,
        "x86-64-v3": _V3,
        "x86-64-v4": f"{_V3} avx512f avx512bw avx512cd avx512dq avx512vl",
    }.items()
}
"""What it may say -> what such processors have, in LLVM's words. x86-64 psABI, micro-architecture levels."""


def chosen(has: Set[str]) -> str:
    """The level that the environment names, "" if none. `has` is what this processor has.

    OptionError  where that is no level, or one of which this processor does not have all
    """
    name = os.environ.get(PROCESSOR, "")
    if name and name not in X86_LEVELS:
        raise OptionError(
            f"{PROCESSOR} is one of {', '.join(X86_LEVELS)}, or not set, which means this processor; not {name!r}"
        )
    missing = X86_LEVELS[name] - has if name else ()
    if missing:
        raise OptionError(
            f"{PROCESSOR}={name} is not possible: this processor does not have {', '.join(sorted(missing))}. "
            "Unset it, or take a lower level"
        )
    return name
