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

from . import data, distributions, errors, linalg, methods, nn, optim, random
from .anomaly import detect_anomaly as detect_anomaly
from .autograd import backward as backward
from .autograd import grad as grad
from .backend import Device as _Device
from .backend import dtypes as _dtypes
from .backend import set_default_device as set_default_device
from .backend.dtypes import float16 as float16
from .backend.dtypes import float32 as float32
from .backend.dtypes import float64 as float64
from .backend.dtypes import int8 as int8
from .backend.dtypes import int16 as int16
from .backend.dtypes import int32 as int32
from .backend.dtypes import int64 as int64
from .backend.dtypes import uint8 as uint8
from .backend.dtypes import uint16 as uint16
from .backend.dtypes import uint32 as uint32
from .backend.dtypes import uint64 as uint64
from .batching import vmap as vmap
from .compile import compile as compile
from .cuda import gpu_available as gpu_available
from .derivatives import hessian as hessian
from .derivatives import hvp as hvp
from .derivatives import jacobian as jacobian
from .derivatives import jvp as jvp
from .derivatives import vjp as vjp
from .distributions import multinomial as multinomial
from .functional import *  # noqa: F403
from .functional.data_types import STANDARD as __array_api_version__
from .functional.data_types import __array_namespace_info__ as __array_namespace_info__
from .gradcheck import gradcheck as gradcheck
from .heap import keep_freed_memory as _keep_freed_memory
from .io import load as load
from .io import save as save
from .loops import scan as scan
from .modes import enable_grad as enable_grad
from .modes import no_grad as no_grad
from .modes import set_grad_enabled as set_grad_enabled
from .nn.calling import functional_call as functional_call
from .nn.calling import stack_module_state as stack_module_state
from .random import manual_seed as manual_seed
from .recomputing import checkpoint as checkpoint
from .spellings import missing_from as _missing_from
from .summary import summary as summary
from .tensor import Tensor as Tensor
from .tensor import as_tensor as as_tensor

from .functional import tensor as tensor  # isort: skip, because the function hides the room of its name

device = _Device
bool = _dtypes.bool_
__version__ = "0.1.0"

_keep_freed_memory()

# To the engine inf and nan are values, as to PyTorch; `detect_anomaly` says where a nan came from.
# NumPy's warnings about its own arithmetic, outside of this package, stay as they are.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinygrad_ml\.")


_LATE = ("distributed", "keras", "onnx")
"""The modules that are imported when somebody asks for them."""
_ROOMS = frozenset(("data", "distributions", "errors", "linalg", "nn", "optim", "random", *_LATE))
"""The modules that are offered. The other files and folders, which are imported under way, are for readers of the code."""


def __dir__() -> list[str]:
    """What there is for users, as an editor shows it behind `tg.`"""
    modules = {name for name, thing in globals().items() if isinstance(thing, _ModuleType)} - _ROOMS
    return sorted(name for name in {*globals(), *_LATE} - modules if not _re.match("_[^_]", name))


if _typing.TYPE_CHECKING:
    from . import distributed, keras, onnx
else:
    _missing = _missing_from(__name__, "torch", "x")

    def __getattr__(name: str) -> _typing.Any:
        """Those of `_LATE` are imported when somebody asks for them; a name of PyTorch's says what it is here."""
        return _import_module(f".{name}", __name__) if name in _LATE else _missing(name)
