"""Where old courses import helpers for data from; today they are in `keras.utils`."""

from ..absent import not_offered
from ..utils import image_dataset_from_directory, timeseries_dataset_from_array
from . import sequence

__all__ = ["image_dataset_from_directory", "sequence", "timeseries_dataset_from_array"]
__getattr__ = not_offered(
    "keras.preprocessing",
    {
        "image": "use keras.utils.load_img and img_to_array, and the Random... layers",
        "text": "use keras.layers.TextVectorization",
        "text_dataset_from_directory": "read the texts, and give them to keras.layers.TextVectorization",
        "audio_dataset_from_directory": "derive from tinygrad_ml.data.Dataset, and give fit a data.DataLoader of it",
    },
)
