"""Models: layers put together, trained, saved. Read `model.py`, then `training.py`."""

from ..layers.input import Input
from .functional import Functional
from .model import Model
from .saving import clone_model, load_model, model_from_json, save_model
from .sequential import Sequential
