"""A page of torchvista's: `python torchvista_page.py NETWORK PATH` writes it, and prints, as JSON, how many boxes it has and the
seconds that it took. The layout is made by the browser that shows the page.

Its wheel installs a package that is called `tests`, so it is run by an interpreter that has it, and not by the one that has this library.
Called by `drawing.py`.
"""

import json
import re
import sys
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from networks import NETWORKS
from torchvista import trace_model


def page(name: str, path: Path) -> tuple[int, float]:
    """(boxes, seconds) of the page of a network with all its containers open."""
    network, shape = NETWORKS[name]
    model = network(torch.nn).eval()
    with redirect_stdout(StringIO()):
        start = time.perf_counter()
        trace_model(model, torch.ones(shape), export_path=str(path), collapse_modules_after_depth=9)
        seconds = time.perf_counter() - start
    text = path.read_text(encoding="utf-8")
    found = re.search(r"const adj_list = (?=\{)", text)
    assert found is not None, "the page has no list of boxes, as those of torchvista 0.2 have"
    boxes, _ = json.JSONDecoder().raw_decode(text, found.end())
    return len(boxes), seconds


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        page("LeNet", Path(folder) / "page.html")  # imports, and what is made once
    print(json.dumps(page(sys.argv[1], Path(sys.argv[2]))))
