"""What arrays let go of is kept for the next ones."""

import os
import subprocess
import sys

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


def faults(**environment):
    """How often the system gave a page of memory in three rounds of six arrays, of 768 pages each."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.host_only
def test_memory_is_asked_for_once():
    assert faults() < 768


@pytest.mark.host_only
def test_who_has_told_the_library_otherwise_is_heard():
    assert faults(MALLOC_TRIM_THRESHOLD_="131072") > 3 * 768
