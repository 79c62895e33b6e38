"""The library behind NumPy's matrix products."""

from __future__ import annotations

from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_info


def blas() -> dict[str, Any] | None:
    """What threadpoolctl knows of it: its "internal_api" ("openblas", "mkl" ...), "version", "num_threads"; None if nothing."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # SciPy brings a library of its own along, which the products of NumPy do not use.
    return min(libraries, key=lambda library: "numpy" not in library["filepath"], default=None)


def product_threads() -> int:
    """How many threads it has at this moment, without looking for it again; 1 if there is none."""
    library = _found()
    return 1 if library is None else library.num_threads


@cache
def _found() -> Any:
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return min(libraries, key=lambda library: "numpy" not in library.filepath, default=None)
