"""The test suite of the Python Array API standard, run on this library. Not a part of the tests that run by themselves.

    git clone --recurse-submodules https://github.com/data-apis/array-api-tests
    pip install "ndindex>=1.8" pytest-json-report
    python -m tests.array_api array-api-tests [--max-examples 20] [more options of pytest]

What is about complex numbers or Fourier transforms, which the library does not have, is left out. The suite expects that
there are complex dtypes; in a copy of it, one line that looks for the widest of them is told that there may be none.
How it came out, and what is known to fail, is in `tests/benchmarks/RESULTS.md`.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

VERSION = "2024.12"
SETTINGS = {
    "ARRAY_API_TESTS_MODULE": "tinygrad_ml",
    "ARRAY_API_TESTS_VERSION": VERSION,
    "ARRAY_API_TESTS_SKIP_DTYPES": "complex64,complex128",
}
COMPLEX = re.compile(
    r"fft|imag\(x_i\)|real\(x_i\)|[-_\[](conj|real|imag)(\]|$)|test_real|test_imag|test_conj|vecdot_conj"
)
"""What is in the name of a test of complex numbers."""
WIDEST = "for dt in complex_dtypes], key=lambda x: x[1]"


class WithoutComplexNumbers:
    def pytest_collection_modifyitems(self, config, items):
        left_out = [item for item in items if COMPLEX.search(item.name)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.array_api", description=__doc__.partition("\n")[0])
    parser.add_argument("suite", type=Path, help="the folder of array-api-tests, with its submodule array-api")
    parser.add_argument("--max-examples", type=int, default=20, help="how many examples Hypothesis tries in each test")
    options, more = parser.parse_known_args()
    if not (options.suite / "array-api" / "spec" / VERSION).is_dir():
        parser.error(f"{options.suite} has no array-api/spec/{VERSION}: clone it with --recurse-submodules")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(options.suite, Path(folder) / "suite", ignore=shutil.ignore_patterns(".git")))
        helpers = copy / "array_api_tests" / "dtype_helpers.py"
        text = helpers.read_text(encoding="utf-8")
        helpers.write_text(text.replace(WIDEST, f"{WIDEST}, default=(None,)"), encoding="utf-8")
        here = os.getcwd()
        os.environ |= SETTINGS
        os.chdir(copy)
        sys.path[:0] = [str(copy), here]
        asked = ["--disable-deadline", "--disable-extension", "fft", "-p", "no:cacheprovider", "-q", "-W", "ignore"]
        try:
            return pytest.main(
                ["array_api_tests", *asked, "--max-examples", str(options.max_examples), *more],
                plugins=[WithoutComplexNumbers()],
            )
        finally:
            os.chdir(here)


if __name__ == "__main__":
    raise SystemExit(main())
