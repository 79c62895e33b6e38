"""ONNX both ways: networks made elsewhere are read as modules of this library, and what is made here is written for elsewhere.

Read next: `graph.py`, `table.py`, `reading.py`, `expanding.py`, `plan.py`, `running.py`, `weights.py`, `model.py`; `export/` for the way out.
"""

from .export import export as export
from .model import OnnxModel as OnnxModel
from .model import load as load
