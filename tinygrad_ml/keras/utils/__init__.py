"""Helpers: one-hot labels, seeds, folders of images, pictures of models."""

from ..absent import not_offered
from ..callbacks.progress import Progbar as Progbar
from ..naming import clear_session as clear_session
from ..saving import CustomObjectScope as CustomObjectScope
from ..saving import custom_object_scope as custom_object_scope
from ..saving import deserialize_keras_object as deserialize_keras_object
from ..saving import get_custom_objects as get_custom_objects
from ..saving import get_registered_name as get_registered_name
from ..saving import get_registered_object as get_registered_object
from ..saving import register_keras_serializable as register_keras_serializable
from ..saving import serialize_keras_object as serialize_keras_object
from .image_dataset import image_dataset_from_directory as image_dataset_from_directory
from .image_dataset import img_to_array as img_to_array
from .image_dataset import load_img as load_img
from .np_utils import normalize as normalize
from .np_utils import set_random_seed as set_random_seed
from .np_utils import to_categorical as to_categorical
from .sequences import pad_sequences as pad_sequences
from .sequences import timeseries_dataset_from_array as timeseries_dataset_from_array
from .vis_utils import plot_model as plot_model

_LOADER = "derive from tinygrad_ml.data.Dataset, and give fit a data.DataLoader of it"
_LOG = "give fit verbose=0, 1 or 2"
_IMAGES = "use Pillow: Image.fromarray(array.astype('uint8')).save(path)"
__getattr__ = not_offered(
    "keras.utils",
    {
        "get_file": "use tinygrad_ml.data.download",
        **dict.fromkeys(("PyDataset", "Sequence", "split_dataset"), _LOADER),
        **dict.fromkeys(("text_dataset_from_directory", "audio_dataset_from_directory"), _LOADER),
        **dict.fromkeys(("array_to_img", "save_img"), _IMAGES),
        **dict.fromkeys(("enable_interactive_logging", "disable_interactive_logging"), _LOG),
        "is_interactive_logging_enabled": _LOG,
        "model_to_dot": "use plot_model, or viz.draw(model, input_shape=...).source",
        "is_keras_tensor": "use tensor.symbolic",
        "get_source_inputs": "use model.inputs",
        **dict.fromkeys(
            ("pack_x_y_sample_weight", "unpack_x_y_sample_weight"), "they are tuples (x, y, sample_weight)"
        ),
        "standardize_dtype": "use str(tensor.dtype)",
        **dict.fromkeys(("FeatureSpace", "Config", "bounding_boxes", "legacy"), "write it in NumPy"),
    },
)
