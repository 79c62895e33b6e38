"""Runs tests on mutants, one after the other, in a copy of the repository that is the working folder.

A line of JSON goes in for each, and one comes out. What tests import from elsewhere is imported here, once; each run is a
fork of this process.
"""

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import time
import traceback
from pathlib import Path

import pytest

HEAVY = (
    "numpy",
    "scipy.special",
    "llvmlite.binding",
    "hypothesis.extra.numpy",
    "pytest",
    "safetensors.numpy",
    "graphviz",
    "PIL.Image",
)
OPTIONS = ("-x", "-q", "--assert=plain", "--tb=no", "--no-header", "-rfE")
FEW = 12
FIRST = re.compile(r"^(?:FAILED|ERROR) (\S+)")


def main() -> None:
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(outcome(**json.loads(line))), flush=True)


def outcome(file: str | None, source: str | None, tests: list[str], seconds: float) -> dict:
    """What became of the tests with this source in that file: "survived", "killed" or "endless", by which test and when.

    Without a file, the tests run on the code as it is.
    """
    began = time.monotonic()
    with _changed(Path(file), source) if file is not None else contextlib.nullcontext():
        child = os.fork()
        if not child:
            _run(tests, keep_bytecode=file is None)
        code = _waited(child, seconds)
    lines = Path("mutation.log").read_text(errors="replace").splitlines()
    by = next((found[1] for line in reversed(lines) if (found := FIRST.match(line))), lines[-1] if lines else "")
    kind = {0: "survived", None: "endless"}.get(code, "killed")
    return {"outcome": kind, "by": by if code else "", "seconds": round(time.monotonic() - began, 2)}


@contextlib.contextmanager
def _changed(path: Path, source: str):
    before = path.read_text()
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()  # whose date may be that of the new text
    path.write_text(source)
    try:
        yield
    finally:
        path.write_text(before)


def _run(tests: list[str], keep_bytecode: bool) -> None:
    """The tests, in a process of which nothing is left."""
    os.setsid()
    sys.dont_write_bytecode = not keep_bytecode
    log = os.open("mutation.log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0), os.dup2(log, 1), os.dup2(log, 2)
    code = 70
    try:
        for some in (tests[:FEW], tests[FEW:]):  # to collect them all takes longer than the first needs to fail
            code = pytest.main([*OPTIONS, *some]) if some else 0
            if code:
                break
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(int(code))


def _waited(child: int, seconds: float) -> int | None:
    """The exit status of a process; None if it was ended because it took longer. None of its children stays behind."""
    end, status = time.monotonic() + seconds, None
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not done:
        os.waitpid(child, 0)
        return None
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
