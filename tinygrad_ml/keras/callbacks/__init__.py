"""Callbacks: what `fit` tells of its progress, and who listens. Read `base.py`, then `monitoring.py`."""

from ..absent import not_offered
from .base import Callback, History
from .callback_list import CallbackList
from .logging import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN
from .monitoring import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from .progress import Progbar, ProgbarLogger

__getattr__ = not_offered(
    "keras.callbacks",
    {
        "TensorBoard": "use CSVLogger, and viz.curves(history)",
        "BackupAndRestore": "use ModelCheckpoint, and load_model with fit(initial_epoch=...)",
        "RemoteMonitor": "use LambdaCallback",
        "SwapEMAWeights": "average the weights in a LambdaCallback",
    },
)
