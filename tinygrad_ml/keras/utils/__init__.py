"""Helpers: labels, seeds, sequences, files and folders as data sets, pictures of models, classes of one's own."""

from ..absent import not_offered
from ..callbacks.progress import Progbar as Progbar
from ..interactive import disable_interactive_logging as disable_interactive_logging
from ..interactive import enable_interactive_logging as enable_interactive_logging
from ..interactive import is_interactive_logging_enabled as is_interactive_logging_enabled
from ..naming import clear_session as clear_session
from ..py_dataset import PyDataset as PyDataset
from ..saving import CustomObjectScope as CustomObjectScope
from ..saving import custom_object_scope as custom_object_scope
from ..saving import deserialize_keras_object as deserialize_keras_object
from ..saving import get_custom_objects as get_custom_objects
from ..saving import get_registered_name as get_registered_name
from ..saving import get_registered_object as get_registered_object
from ..saving import register_keras_serializable as register_keras_serializable
from ..saving import serialize_keras_object as serialize_keras_object
from .files import get_file as get_file
from .image_dataset import image_dataset_from_directory as image_dataset_from_directory
from .images import array_to_img as array_to_img
from .images import img_to_array as img_to_array
from .images import load_img as load_img
from .images import save_img as save_img
from .np_utils import normalize as normalize
from .np_utils import set_random_seed as set_random_seed
from .np_utils import to_categorical as to_categorical
from .sequences import pad_sequences as pad_sequences
from .sequences import timeseries_dataset_from_array as timeseries_dataset_from_array
from .split import split_dataset as split_dataset
from .symbols import get_source_inputs as get_source_inputs
from .symbols import is_keras_tensor as is_keras_tensor
from .symbols import pack_x_y_sample_weight as pack_x_y_sample_weight
from .symbols import standardize_dtype as standardize_dtype
from .symbols import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from .text_dataset import audio_dataset_from_directory as audio_dataset_from_directory
from .text_dataset import text_dataset_from_directory as text_dataset_from_directory
from .vis_utils import model_to_dot as model_to_dot
from .vis_utils import plot_model as plot_model

Sequence = PyDataset

_WRITE = "write it in NumPy, before the model"
__getattr__ = not_offered(
    "keras.utils",
    {
        "FeatureSpace": _WRITE,
        "bounding_boxes": _WRITE,
        "Config": "a dataclass of Python does the same",
        "legacy": "the functions are here under their own names",
    },
)
