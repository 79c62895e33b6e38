"""The library behind NumPy's matrix products."""

from __future__ import annotations

from typing import Any

from threadpoolctl import threadpool_info


def blas() -> dict[str, Any] | None:
    """What threadpoolctl knows of it: its "internal_api" ("openblas", "mkl" ...), "version", "num_threads"; None if nothing."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # SciPy brings a library of its own along, which the products of NumPy do not use.
    return min(libraries, key=lambda library: "numpy" not in library["filepath"], default=None)
