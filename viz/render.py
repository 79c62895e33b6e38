"""From DOT to SVG, PNG or PDF, with whatever Graphviz this machine has.

Tried in this order: the program `dot`; pygraphviz, whose wheels carry Graphviz itself. Both run in
a process of their own with a time limit, as a layout can take minutes, and a failed assertion in
Graphviz ends the process that it happens in.

Read next: `layout.py`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

TIME_LIMIT_SECONDS = 60.0
"""Seconds that a layout may take."""

PNG_DPI = 144
LARGEST_PNG = 32_000, 120e6
"""Pixels of a side, and in all: beyond it Graphviz shrinks a picture without a word, or takes minutes, and no viewer opens it."""

PICTURE_FORMATS = ("svg", "png", "pdf")

HOW_TO_GET_ONE = (
    "To turn it into a picture, install Graphviz: pip install pygraphviz (Graphviz included), or the package "
    "'graphviz' of your system (apt-get install graphviz, brew install graphviz, winget install graphviz)."
)

_IN_CHILD = """
import sys, pygraphviz
for text in sys.stdin.buffer.read().decode().split(chr(0)):
    graph = pygraphviz.AGraph(string=text)
    sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot", args=sys.argv[2]))
"""
_BETWEEN = {"dot": "\n", "pygraphviz": "\0"}
"""What the texts of several graphs are joined by for each renderer, which lays them out one after the other."""


class NoRenderer(Exception):
    """No picture could be made; the message says why."""


def render(source: str, form: str, time_limit: float = TIME_LIMIT_SECONDS) -> bytes:
    """DOT text as a picture in one of `PICTURE_FORMATS`.

    Raises `NoRenderer` if this machine has no Graphviz, or if it failed.
    """
    return _run([source], form, time_limit)


def render_all(sources: Sequence[str], time_limit: float = TIME_LIMIT_SECONDS) -> list[bytes]:
    """Several DOT texts as SVG, in one process: starting it takes longer than the layout of a small graph.

    Raises `NoRenderer` as `render` does.
    """
    pictures = re.split(rb"(?=<\?xml )", _run(sources, "svg", time_limit))[1:]
    if len(pictures) != len(sources):
        raise NoRenderer(f"of {len(sources)} layouts Graphviz made {len(pictures)}")
    return pictures


def lay_out(sources: Sequence[str], time_limit: float = TIME_LIMIT_SECONDS) -> list[dict[str, Any]]:
    """Where Graphviz places what each of several DOT texts tells of, in its JSON; in one process for all.

    Raises `NoRenderer` as `render` does.
    """
    text, decode = _run(sources, "json", time_limit).decode(errors="replace").lstrip(), json.JSONDecoder().raw_decode
    found = []
    while text:
        graph, end = decode(text)
        found.append(graph)
        text = text[end:].lstrip()
    return found


def _run(sources: Sequence[str], form: str, time_limit: float) -> bytes:
    commands = _commands(form)
    if not commands:
        raise NoRenderer("there is no Graphviz on this machine")
    reasons = []
    for name, command in commands:
        given = _BETWEEN.get(name, "\0").join(sources).encode()
        try:
            done = subprocess.run(command, input=given, capture_output=True, timeout=time_limit, check=False)
        except subprocess.TimeoutExpired:
            # Another renderer runs the same layout, and would take as long.
            raise NoRenderer(
                f"its layout took {name} more than {time_limit:g} s; draw less, as with depth=0, which closes all modules"
            ) from None
        except OSError as error:
            reasons.append(f"{name}: {error}")
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        reasons.append(f"{name} ended with code {done.returncode}: {last[0]}")
    raise NoRenderer("; ".join(reasons))


def _commands(form: str) -> list[tuple[str, list[str]]]:
    found = []
    fine = f"-Gdpi={PNG_DPI}" if form == "png" else ""
    dot = shutil.which("dot")
    if dot:
        found.append(("dot", [dot, f"-T{form}", *([fine] if fine else [])]))
    if importlib.util.find_spec("pygraphviz"):
        found.append(("pygraphviz", [sys.executable, "-c", _IN_CHILD, form, fine]))
    return found
