"""Helpers: one-hot labels, seeds, folders of images, pictures of models."""

from ..absent import not_offered
from ..callbacks.progress import Progbar
from ..naming import clear_session
from ..saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from .image_dataset import image_dataset_from_directory, img_to_array, load_img
from .np_utils import normalize, set_random_seed, to_categorical
from .sequences import pad_sequences, timeseries_dataset_from_array
from .vis_utils import plot_model

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
