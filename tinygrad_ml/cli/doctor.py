"""`tinygrad-ml doctor`: what this machine has for this library, and what to install for what is missing."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import numpy

from .. import __version__
from ..blas import blas
from ..cuda import gpu_available, why_not
from ..distributed.launching import installation
from ..errors import RankError
from ..machine.processors import PROCESSOR

_CUPY_PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "doctor",
        help="say what this machine has, and how to get what is missing",
        description="Say what this machine has for tinygrad_ml, and how to get what is missing. Nothing is changed.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a line for each thing: its name, what was found, and the way to get it if it is missing."""
    for name, found, remedy in findings():
        print(f"{name:<12}{found}")
        if remedy:
            print(f"{'':<12}-> {remedy}")
    device = "gpu" if gpu_available() else "cpu"
    print(f"\n'tinygrad-ml train' runs on the {device} here.")


def findings() -> list[tuple[str, str, str]]:
    """(name, what was found, how to get it, empty if nothing is missing) for each thing that matters."""
    driver, cuda = _driver()
    gpu_extra = "gpu12" if cuda == "12" else "gpu"
    cupy = next((f"{package} {_version(package)}" for package in _CUPY_PACKAGES if _version(package)), "")
    return [
        ("tinygrad_ml", f"{__version__}, in {Path(__file__).parents[1]}", ""),
        ("Python", f"{platform.python_version()}, {platform.platform()}, {_cores()} cores", ""),
        ("NumPy", f"{numpy.__version__}, {_blas()}", _chosen_for_blas()),
        _package("SciPy", "scipy", "fast", "erf is computed one number after the other"),
        _llvmlite(),
        ("CuPy", cupy or "missing: no GPU can be used", "" if cupy else _install(gpu_extra)),
        ("Driver", driver or "no NVIDIA driver found (nvidia-smi)", ""),
        ("GPU", "ready" if gpu_available() else f"cannot be used: {why_not()}", ""),
        _mpi(),
        _graphviz(),
        _package("Matplotlib", "matplotlib", "viz", "no learning curves are drawn"),
    ]


def _package(name: str, package: str, extra: str, consequence: str) -> tuple[str, str, str]:
    """The finding about an optional Python package, which the extra of that name installs."""
    version = _version(package)
    return (name, version, "") if version else (name, f"missing: {consequence}", _install(extra))


def _llvmlite() -> tuple[str, str, str]:
    """The compiler of loops, and whether a variable makes it write for other processors than this one."""
    name, found, remedy = _package("llvmlite", "llvmlite", "fast", "fused loops run as blocks of NumPy calls")
    chosen = os.environ.get(PROCESSOR)
    if chosen and not remedy:
        found, remedy = (
            f"{found} for {chosen}",
            f"unset {PROCESSOR} ({chosen}), and loops are written for this processor",
        )
    return name, found, remedy


def _install(extra: str) -> str:
    return f'pip install "tinygrad_ml[{extra}]"'


def _version(package: str) -> str:
    """The version of an installed package, empty if it is not. It is not imported: a broken one must not stop us."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blas() -> str:
    """The library behind NumPy's matrix products, and the threads it takes."""
    library = blas()
    if library:
        kernels = f" for {library['architecture']}" if library.get("architecture") else ""
        return f"{library['internal_api']} {library['version']}{kernels} as BLAS, {library['num_threads']} threads"
    return f"{numpy.show_config(mode='dicts')['Build Dependencies']['blas']['name']} as BLAS, threads unknown"


def _chosen_for_blas() -> str:
    """What to do where a variable makes NumPy's products run as on another processor, which may take twice as long."""
    chosen = os.environ.get("OPENBLAS_CORETYPE")
    return f"unset OPENBLAS_CORETYPE ({chosen}), and OpenBLAS takes what fits this processor best" if chosen else ""


def _driver() -> tuple[str, str]:
    """What nvidia-smi says: the driver with its GPUs, and the CUDA version it supports; both empty without it."""
    gpus = _output("nvidia-smi", "--query-gpu=driver_version,name,memory.total", "--format=csv,noheader")
    cuda = re.search(r"CUDA.*Version: (\d+)", _output("nvidia-smi"))
    return "; ".join(gpus.splitlines()), cuda[1] if cuda else ""


def _mpi() -> tuple[str, str, str]:
    """What starts several processes that train together."""
    try:
        there = installation()
    except RankError as missing:
        return "MPI", f"{str(missing).partition('. ')[0]}: one process trains alone", _install("mpi")
    return "MPI", f"{there.version} by mpi4py {_version('mpi4py')}, started by {there.mpiexec}", ""


def _graphviz() -> tuple[str, str, str]:
    """What turns a drawn graph into a picture: the program `dot`, or the Graphviz inside of pygraphviz."""
    if shutil.which("dot"):
        return "Graphviz", _output("dot", "-V") or "the program dot", ""
    if _version("pygraphviz"):
        return "Graphviz", f"pygraphviz {_version('pygraphviz')}, with a Graphviz of its own", ""
    return (
        "Graphviz",
        "missing: graphs are saved as .dot text",
        f"{_install('viz')}, or the package 'graphviz' of your system",
    )


def _output(*command: str) -> str:
    """What a program prints (`dot -V` prints on stderr); empty if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout or done.stderr).strip()
