"""Helpers: one-hot labels, seeds, folders of images, pictures of models."""

from ..callbacks.progress import Progbar
from ..naming import clear_session, not_offered
from ..serialization import custom_object_scope, register_keras_serializable
from .image_dataset import image_dataset_from_directory, img_to_array, load_img
from .np_utils import normalize, set_random_seed, to_categorical
from .vis_utils import plot_model

__getattr__ = not_offered(
    "keras.utils",
    {
        "get_file": "use tinygrad_ml.data.download",
        "PyDataset": "derive from tinygrad_ml.data.Dataset, and give fit a data.DataLoader of it",
        "Sequence": "derive from tinygrad_ml.data.Dataset, and give fit a data.DataLoader of it",
        "model_to_dot": "use plot_model, or viz.draw(model, input_shape=...).source",
    },
)
