"""tinygrad_ml: an autograd engine whose computation graph is plain data. Imported as `tg`.

>>> import tinygrad_ml as tg
>>> x = tg.tensor(3.0, requires_grad=True)
>>> y = x * x + x
>>> y.backward()
>>> x.grad
tensor(7.)

`README.md` in this folder says in which order to read the code.
"""

import re as _re
import typing as _typing
import warnings as _warnings
from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import data, errors, linalg, methods, nn, optim, random
from .anomaly import detect_anomaly
from .autograd import backward, grad
from .backend import Device as device
from .backend import set_default_device
from .backend.dtypes import (
    bool_ as bool,
)
from .backend.dtypes import (
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .compile import compile
from .cuda import gpu_available
from .derivatives import hessian, hvp, jacobian, jvp, vjp
from .functional import *  # noqa: F403
from .functional.data_types import STANDARD as __array_api_version__
from .functional.data_types import __array_namespace_info__
from .gradcheck import gradcheck
from .heap import keep_freed_memory as _keep_freed_memory
from .io import load, save
from .loops import scan
from .modes import enable_grad, no_grad
from .random import manual_seed
from .summary import summary
from .tensor import Tensor, as_tensor, tensor

__version__ = "0.1.0"

_keep_freed_memory()

# To the engine inf and nan are values, as to PyTorch; `detect_anomaly` says where a nan came from.
# NumPy's warnings about its own arithmetic, outside of this package, stay as they are.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinygrad_ml\.")


_ROOMS = frozenset(
    (
        "anomaly",
        "autograd",
        "backend",
        "blas",
        "blocks",
        "cli",
        "cuda",
        "derivatives",
        "functional",
        "graph",
        "indexing",
        "io",
        "loops",
        "methods",
        "models",
        "modes",
        "operators",
        "ops",
        "protocols",
        "structure",
        "symbols",
        "totals",
        "training",
        "typing",
        "writes",
    )
)
"""Files and folders that are imported under way. They are for readers of the code, and not among what is offered."""


def __dir__() -> list[str]:
    """What there is for users, as an editor shows it behind `tg.`"""
    return sorted(name for name in {*globals(), "keras"} if name not in _ROOMS and not _re.match("_[^_]", name))


if _typing.TYPE_CHECKING:
    from . import keras
else:

    def __getattr__(name: str) -> _ModuleType:
        """`tg.keras` is imported when somebody asks for it."""
        if name == "keras":
            return _import_module(".keras", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
