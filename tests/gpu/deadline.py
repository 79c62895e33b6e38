"""A plugin of pytest for `run.py`: says at once which test has failed, ends the run in time, and counts."""

import json
import os
import pathlib
import time
from collections import Counter

END = float(os.environ.get("GPU_TESTS_END", "inf"))
COUNTS = os.environ.get("GPU_TESTS_COUNTS")

counts: Counter[str] = Counter()
failed: list[str] = []
sessions = []


def pytest_sessionstart(session):
    sessions.append(session)


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        counts[report.outcome] += 1
    if report.failed:
        failed.append(report.nodeid)
        lines = str(report.longrepr).strip().splitlines()
        print(f"\nFAILED {report.nodeid}: {lines[-1] if lines else ''}", flush=True)
    if time.time() > END:
        counts["ended early"] = 1
        for session in sessions:
            session.shouldstop = "the time is over"


def pytest_sessionfinish(session):
    if COUNTS and "PYTEST_XDIST_WORKER" not in os.environ:
        pathlib.Path(COUNTS).write_text(json.dumps({"tests": counts, "failed": failed[:200]}))
