"""What arrays let go of is kept for the next ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"), reason="needs the C library of GNU"
)

FAULTS = """
import resource
import tinygrad_ml as tg

x = tg.zeros((3, 1 << 18))  # 3 MB
for turn in range(6):
    if turn == 3:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [x + number for number in range(6)]
    parts.clear()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

LARGE_PAGES = """
from pathlib import Path
import tinygrad_ml as tg

arrays = [tg.ones((3, 1 << 18)) for _ in range(20)]  # 60 MB
wanted = []
for line in Path("/proc/self/smaps").read_text().splitlines():
    word = line.split()[0]
    if "-" in word:
        first, end = (int(address, 16) for address in word.split("-"))
    elif word == "VmFlags:" and "hg" in line.split():
        wanted.append((first, end))
places = [array.numpy().__array_interface__["data"][0] + 3 * 2**19 for array in arrays]
print(sum(any(first <= place < end for first, end in wanted) for place in places))
"""

UNTOUCHED = """
from pathlib import Path
import tinygrad_ml as tg
from tinygrad_ml import heap

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)

before = resident()
heap._ask_for_large_pages()
print(resident() - before)
"""


def said(program, **environment):
    """The number that a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def faults(**environment):
    """How often the system gave a page of memory in three rounds of six arrays, of 768 pages each."""
    return said(FAULTS, **environment)


@pytest.mark.host_only
def test_memory_is_asked_for_once():
    assert faults() < 768


@pytest.mark.host_only
def test_who_has_told_the_library_otherwise_is_heard():
    assert faults(MALLOC_TRIM_THRESHOLD_="131072") > 3 * 768


@pytest.mark.host_only
@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage/enabled").exists()
    or not numpy._core.multiarray._get_madvise_hugepage(),
    reason="there are no large pages, or NumPy was told not to ask for them",
)
def test_arrays_lie_in_large_pages():
    assert said(LARGE_PAGES) >= 19
    assert said(LARGE_PAGES, NUMPY_MADVISE_HUGEPAGE="0") == 0


@pytest.mark.host_only
def test_to_ask_for_large_pages_takes_no_memory():
    assert said(UNTOUCHED) < 4096  # kilobytes
