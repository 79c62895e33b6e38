"""Timing contestants fairly on a shared machine: in one process, alternating, medians and paired ratios.

A slow moment of the machine then falls on all of them, and the ratio to the reference, taken pair
by pair, hardly moves. What is printed is a Markdown table; nothing here judges.
"""

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from threadpoolctl import threadpool_info

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables by which libraries are told how many threads to take."""


def alternate(contestants: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 2) -> dict[str, list[float]]:
    """Seconds of each contestant, `rounds` times, in turn; after `warmup` rounds that do not count."""
    for _ in range(warmup):
        for run in contestants.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            gc.collect()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def table(seconds: Mapping[str, list[float]], reference: str, unit: str, scale: float) -> str:
    """A row for each contestant: fastest and median time in `unit`, and the median of its paired ratios to `reference`."""
    rows = [f"| who | fastest, {unit} | median, {unit} | against {reference} |", "|---|---|---|---|"]
    for name, times in seconds.items():
        ratio = median(a / b for a, b in zip(times, seconds[reference], strict=True))
        rows.append(f"| {name} | {min(times) * scale:.2f} | {median(times) * scale:.2f} | {ratio:.2f}x |")
    return "\n".join(rows)


def machine(*packages: str) -> str:
    """One line: processor, threads, Python, the versions of packages, and for which processor NumPy's products are computed."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    found += [
        f"{library['internal_api']} {library['version']} for {library.get('architecture')}"
        for library in threadpool_info()
        if "numpy" in library["filepath"] and library["user_api"] == "blas"
    ]
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, threads: {threads}; Python {platform.python_version()}, {', '.join(found)}"


def gpu() -> str:
    """Name and driver of the GPU, if there is one to ask."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "no GPU"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def with_threads(script: str, threads: int | None, *arguments: str) -> str:
    """What `script` prints when it is run again with that many threads for every library (None: as many as they like)."""
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    if threads is not None:
        environment |= dict.fromkeys(THREADS, str(threads))
    done = subprocess.run([sys.executable, script, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout
