"""`keras.saving`: models in files, and classes of your own that may be in them."""

from .absent import not_offered
from .models.saving import load_model, load_weights, save_model, save_weights
from .serialization import (
    custom_object_scope,
    deserialize,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize,
)

CustomObjectScope = custom_object_scope
deserialize_keras_object, serialize_keras_object = deserialize, serialize

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

__getattr__ = not_offered(
    "keras.saving", {"KerasFileEditor": "a .keras file is a zip; h5py opens the model.weights.h5 in it"}
)
