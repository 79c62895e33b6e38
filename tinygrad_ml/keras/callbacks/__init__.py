"""Callbacks: what `fit` tells of its progress, and who listens. Read `base.py`, then `monitoring.py`."""

from ..absent import not_offered
from .averaging import SwapEMAWeights as SwapEMAWeights
from .backup import BackupAndRestore as BackupAndRestore
from .base import Callback as Callback
from .base import History as History
from .callback_list import CallbackList as CallbackList
from .logging import CSVLogger as CSVLogger
from .logging import LambdaCallback as LambdaCallback
from .logging import LearningRateScheduler as LearningRateScheduler
from .logging import RemoteMonitor as RemoteMonitor
from .logging import TerminateOnNaN as TerminateOnNaN
from .monitoring import EarlyStopping as EarlyStopping
from .monitoring import ModelCheckpoint as ModelCheckpoint
from .monitoring import ReduceLROnPlateau as ReduceLROnPlateau
from .progress import Progbar as Progbar
from .progress import ProgbarLogger as ProgbarLogger
from .tensorboard import TensorBoard as TensorBoard

__getattr__ = not_offered(
    "keras.callbacks", {"OrbaxCheckpoint": "it belongs to Keras's JAX; use ModelCheckpoint, or BackupAndRestore"}
)
