"""Models: layers put together, trained, saved. Read `model.py`, then `training.py`."""

from ..layers.input import Input as Input
from .functional import Functional as Functional
from .model import Model as Model
from .saving import clone_model as clone_model
from .saving import load_model as load_model
from .saving import model_from_json as model_from_json
from .saving import save_model as save_model
from .sequential import Sequential as Sequential
