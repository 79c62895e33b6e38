"""The page that is a map, in a real browser: how long it takes to make, until it is seen, and how smoothly it moves.

    python tests/benchmarks/page.py
    python tests/benchmarks/page.py --only LeNet --write

The networks of `networks.py`, with a loss and its gradients. "Made" are the seconds of `viz.explain`, checks of the gradients
included; in brackets those that the processor took, for Python and, beside it, for Graphviz. All else is the browser's own timing: "first view" from the start of loading to the second picture after the script
has drawn the map, by `performance.mark`; "pictures a second" while the map is moved and zoomed for two seconds, the slowest
tenth left out, for the first view and with everything open; "opens" is the time until the largest closed box is drawn open.
Needs Playwright for Python, and a Chromium (Debian's `chromium`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import results
from networks import NETWORKS
from timing import machine

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn

WINDOW = {"width": 1280, "height": 800}

MOVING = """async (seconds) => {
  const times = [], began = performance.now(), from = { ...camera };
  let before = 0;
  await new Promise((done) => {
    const frame = (now) => {
      if (before) times.push(now - before);
      before = now;
      const t = (now - began) / 1000;
      look(from.x + 120 * Math.sin(5 * t), from.y + 80 * Math.sin(3 * t), from.k * 2 ** (1.5 * Math.sin(2 * t)));
      if (t < seconds) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  look(from.x, from.y, from.k);
  times.sort((a, b) => b - a);
  const kept = times.slice(Math.ceil(times.length / 10));
  return 1000 / (kept.reduce((a, b) => a + b, 0) / kept.length);
}"""
OPENING = """async () => {
  const closed = [...rooms.values()].filter((room) => room.id && !open.has(room.id) && open.has(room.around));
  if (!closed.length) return NaN;
  const largest = closed.reduce((a, b) => (b.boxes.length > a.boxes.length ? b : a)), began = performance.now();
  setOpen(largest, true);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}"""


def loss_of(name: str) -> tuple[tg.Tensor, nn.Module]:
    """The loss of a network on random numbers, and the network."""
    network, shape = NETWORKS[name]
    model = network(nn)
    output = model(tg.tensor(np.random.standard_normal(shape).astype("float32"), name="x"))
    return (output * output).mean(), model


def _processor() -> tuple[float, float]:
    """Seconds of the processor that this process took, and those that others took for it."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def measure(browser: Any, name: str, folder: Path) -> str:
    """A row of the table."""
    loss, _model = loss_of(name)
    start, before = time.perf_counter(), _processor()
    path = viz.explain(loss, folder / "page.html")
    made, own, layout = time.perf_counter() - start, *(after - b for after, b in zip(_processor(), before, strict=True))
    page = browser.new_page(viewport=WINDOW)
    page.goto(path.resolve().as_uri())
    page.wait_for_function("performance.getEntriesByName('first view').length > 0")
    first = page.evaluate("performance.getEntriesByName('first view')[0].startTime")
    boxes = page.evaluate("data.rooms.reduce((sum, room) => sum + room.boxes.length, 0)")
    seen = page.evaluate("seenNow.boxes.size")
    smooth = page.evaluate(MOVING, 2)
    opens = page.evaluate(OPENING)
    page.evaluate("openAll(true)")
    page.wait_for_timeout(500)
    smooth_all = page.evaluate(MOVING, 2)
    all_seen = page.evaluate("seenNow.boxes.size")
    page.close()
    cells = [
        f"{made:.2f} s ({own:.1f}, {layout:.1f})",
        f"{path.stat().st_size / 1e6:.1f} MB",
        f"{first:.0f} ms",
        f"{smooth:.0f} ({seen:,} boxes)",
        f"{opens:.0f} ms",
        f"{smooth_all:.0f} ({all_seen:,} boxes)",
    ]
    return f"| {name} | {boxes:,} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        sys.exit("there is no Chromium on this machine")
    np.random.seed(0)
    viz.explain(loss_of("LeNet")[0], Path(tempfile.mkdtemp()) / "page.html")  # imports, and what is made once
    rows = [
        "| network | boxes | made | page | first view | pictures a second | opens | with all open |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with sync_playwright() as running, tempfile.TemporaryDirectory() as folder:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        measure(browser, "LeNet", Path(folder))  # the browser's first page
        for name in options.only:
            rows.append(measure(browser, name, Path(folder)))
            print(rows[-1], file=sys.stderr, flush=True)
        about = f"{machine('tinygrad_ml', 'graphviz', 'pygraphviz', 'playwright')}, Chromium {browser.version}, no GPU"
        browser.close()
    print("\n".join([about, "", *rows]))
    if options.write:
        results.write("page", results.dated("python tests/benchmarks/page.py", about, "\n".join(rows)))


if __name__ == "__main__":
    main()
