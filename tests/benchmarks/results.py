"""Where measured tables are kept: `--write` puts them into RESULTS.md, between the markers of their section.

<!-- step_cpu -->
what `python tests/benchmarks/step_cpu.py --write` puts here
<!-- /step_cpu -->
"""

from __future__ import annotations

import datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def dated(command: str, machine: str, body: str) -> str:
    """A measurement as it is written down: the day, the command, the machine, and the tables."""
    return f"{datetime.date.today()}, `{command}`. {machine}\n\n{body.strip()}\n"


def write(section: str, text: str) -> None:
    """Put `text` between the markers of `section`, in place of what was there."""
    opening, closing = f"<!-- {section} -->\n", f"<!-- /{section} -->"
    whole = RESULTS.read_text(encoding="utf-8")
    before, found, rest = whole.partition(opening)
    _, end, after = rest.partition(closing)
    if not (found and end):
        raise SystemExit(f"{RESULTS} has no lines {opening.strip()} and {closing} to write between")
    RESULTS.write_text(f"{before}{opening}{text}{closing}{after}", encoding="utf-8")
