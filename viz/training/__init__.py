"""Pictures of training: curves, error surfaces, mistakes, and what happens inside the layers.

Each function returns a matplotlib figure, takes tensors and arrays alike, and needs no display. They are offered as
`viz.curves` and so on; matplotlib is imported only when one of them is asked for.

Read in this order: `style.py`, `curves.py`, `surface.py`, `layers.py`, `histograms.py`, `confusion.py`,
`images.py`, `filters.py`, `attention.py`, `boundary.py`.
"""

try:
    import matplotlib
except ImportError as missing:
    raise ImportError(
        "pictures of training need matplotlib: pip install 'tinygrad_ml[viz]'", name="matplotlib"
    ) from missing

from .attention import attention
from .boundary import decision_boundary
from .confusion import confusion
from .curves import curves
from .filters import feature_maps, filters
from .histograms import histograms
from .images import images
from .layers import LayerRecorder, activations, gradients
from .surface import surface

__all__ = [
    "LayerRecorder",
    "activations",
    "attention",
    "confusion",
    "curves",
    "decision_boundary",
    "feature_maps",
    "filters",
    "gradients",
    "histograms",
    "images",
    "surface",
]
