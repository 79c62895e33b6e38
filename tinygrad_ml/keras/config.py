"""`keras.config`: what holds for a whole program.

`epsilon()` is read by losses and constraints, `image_data_format()` by the layers and operations that were told no
`data_format=`. What cannot be otherwise here can be set to what it is, and to nothing else.
"""

from __future__ import annotations

from ..backend import DEFAULT_FLOAT
from ..errors import OptionError
from . import checks
from .absent import not_offered
from .interactive import disable_interactive_logging as disable_interactive_logging
from .interactive import enable_interactive_logging as enable_interactive_logging
from .interactive import is_interactive_logging_enabled as is_interactive_logging_enabled

FLOATX = str(DEFAULT_FLOAT)
BACKEND = "tinygrad_ml"


class _Settings:
    epsilon = 1e-7
    image_data_format = "channels_last"
    flash_attention = False


_settings = _Settings()


def backend() -> str:
    """The name of what computes, "tinygrad_ml"."""
    return BACKEND


def set_backend(backend: str) -> None:
    """Accepts "tinygrad_ml". Raises `OptionError` for another, as there is one."""
    if backend != BACKEND:
        raise OptionError(f"set_backend({backend!r}): there is one backend here, {BACKEND!r}")


def epsilon() -> float:
    """A small number that keeps logarithms and quotients finite, 10⁻⁷ by default."""
    return _settings.epsilon


def set_epsilon(value: float) -> None:
    """Let `epsilon()` be another number, which losses and constraints read when they compute.

    A step that is compiled already keeps the number that it was recorded with."""
    _settings.epsilon = float(checks.number("epsilon", value, 0))


def floatx() -> str:
    """The dtype of what is made without one, "float32"."""
    return FLOATX


def set_floatx(value: str) -> None:
    """Accepts "float32". Raises `OptionError` for another, as layers compute in float32."""
    if value != FLOATX:
        raise OptionError(
            f"set_floatx({value!r}): layers compute in float32. Operations take tensors of float64, too: give dtype= "
            f"where they are made"
        )


def image_data_format() -> str:
    """Where images have their channels, if nothing else is said: "channels_last" (by default) or "channels_first"."""
    return _settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Let `image_data_format()` be the other one, for layers and operations that are made after this."""
    known = ("channels_last", "channels_first")
    _settings.image_data_format = checks.one_of("data_format", str(data_format), known)


def enable_flash_attention() -> None:
    """Changes nothing but what `is_flash_attention_enabled` says: long sequences are always attended to in parts."""
    _settings.flash_attention = True


def disable_flash_attention() -> None:
    """Changes nothing but what `is_flash_attention_enabled` says."""
    _settings.flash_attention = False


def is_flash_attention_enabled() -> bool:
    """What was said last; False by default."""
    return _settings.flash_attention


def enable_traceback_filtering() -> None:
    """Changes nothing: tracebacks are shown whole."""


def disable_traceback_filtering() -> None:
    """Changes nothing: tracebacks are shown whole."""


def is_traceback_filtering_enabled() -> bool:
    """False: tracebacks are shown whole."""
    return False


def is_nnx_enabled() -> bool:
    """False: NNX belongs to Keras on JAX."""
    return False


def enable_unsafe_deserialization() -> None:
    """Changes nothing: no file that is read here can run code."""


_EPOCHS = "give fit epochs= and steps_per_epoch="
__getattr__ = not_offered(
    "keras.config",
    {
        **dict.fromkeys(("dtype_policy", "set_dtype_policy"), "layers compute in float32"),
        **dict.fromkeys(("max_epochs", "set_max_epochs"), _EPOCHS),
        **dict.fromkeys(("max_steps_per_epoch", "set_max_steps_per_epoch"), _EPOCHS),
    },
)
