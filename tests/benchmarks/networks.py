"""Networks that pictures are made of, written once for modules of PyTorch's names, here and there.

Read next: `drawing.py`, which measures their pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any


def lenet(nn: Any) -> Any:
    """Two convolutions and three linear layers."""
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *first, nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
    )


def residual(nn: Any) -> Any:
    """Eighteen layers, as ResNet-18 has them, for small images."""

    class Block(nn.Module):
        def __init__(self, width: int, out: int, stride: int):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
            self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
            self.shortcut = nn.Conv2d(width, out, 1, stride, bias=False) if stride > 1 else nn.Identity()
            self.relu = nn.ReLU()

        def forward(self, x):
            inside = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(inside + self.shortcut(x))

    widths = [(8, 8, 1), (8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
    head = [nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*head, *[Block(*width) for width in widths], nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 10))


def transformer(blocks: int) -> Callable[[Any], Any]:
    """So many encoder layers."""
    return lambda nn: nn.Sequential(*[nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(blocks)])


def long(nn: Any) -> Any:
    """250 linear layers of unlike widths, each with its activation."""
    widths = [8 + i % 7 for i in range(251)]
    pairs = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*[layer for pair in pairs for layer in pair])


NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "LeNet": (lenet, (4, 1, 28, 28)),
    "residual network of 18 layers": (residual, (2, 3, 32, 32)),
    "transformer, 2 blocks": (transformer(2), (2, 5, 16)),
    "transformer, 12 blocks": (transformer(12), (2, 5, 16)),
    "500 layers": (long, (2, 8)),
}
