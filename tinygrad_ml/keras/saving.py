"""`keras.saving`: models in files, and classes of your own that may be in them."""

from .models.saving import load_model, save_model
from .serialization import custom_object_scope, deserialize, register_keras_serializable, serialize

CustomObjectScope = custom_object_scope
deserialize_keras_object, serialize_keras_object = deserialize, serialize

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "load_model",
    "register_keras_serializable",
    "save_model",
    "serialize_keras_object",
]
