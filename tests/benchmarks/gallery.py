"""The pictures of `viz/gallery`, which the README files show: drawn again, by one command.

    python tests/benchmarks/gallery.py

Four are of `examples/08_gallery.py`, one is of a LeNet, one of the residual network of `networks.py`. Letters are as wide as in the fonts that Graphviz
finds: with Helvetica, Arial or Liberation Sans, which are equally wide, they are what a reader's browser shows.
"""

from __future__ import annotations

import runpy
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from networks import NETWORKS

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn

F = nn.functional
ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "viz" / "gallery"
OF_THE_EXAMPLE = {
    "1-reuse": "reuse",
    "7-second-derivative": "second-derivative",
    "8-residual": "residual",
    "9-compiled-step": "compiled-step",
}


class LeNet(nn.Module):
    """Two convolutions and three linear layers, by the names that papers give them."""

    def __init__(self):
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.reshape(len(x), -1)))
        return self.fc3(F.relu(self.fc2(x)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["08_gallery.py", folder]
        runpy.run_path(str(ROOT / "examples" / "08_gallery.py"))
        for name, here in OF_THE_EXAMPLE.items():
            shutil.copy(Path(folder) / f"{name}.svg", GALLERY / f"{here}.svg")
    tg.manual_seed(0)
    np.random.seed(0)
    images = tg.tensor(np.random.standard_normal((4, 1, 28, 28)).astype("float32"), name="images")
    loss = F.cross_entropy(LeNet()(images), tg.tensor([3, 1, 4, 1], name="labels"))
    viz.draw(loss).save(GALLERY / "lenet.svg")
    network, shape = NETWORKS["residual network of 18 layers"]
    viz.draw(network(nn), input_shape=shape).save(GALLERY / "residual18.svg")


if __name__ == "__main__":
    main()
