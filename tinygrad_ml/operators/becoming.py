"""`x += y` and `x[...] = v`: x takes another value."""

from ..errors import GradientError, ShapeError
from ..modes import modes
from ..tensor import Tensor


def become(self: Tensor, value: Tensor, symbol: str) -> Tensor:
    """Take over the value of `value`, and its place in the graph, as a symbol asks."""
    if value.shape != self.shape:
        raise ShapeError(f"{symbol} would change {self._described()} to shape {value.shape}; write x = x ... instead")
    value = value.astype(self.dtype)
    if self.is_leaf and self._needs:
        if modes.grad:
            raise GradientError(
                f"{self._described()} is a leaf that requires a gradient, and {symbol} would make it the result of an "
                f"operation. Update it inside `with tg.no_grad():`, or write x = x ... for a new tensor."
            )
        return self.assign(value)
    self._become(value)
    return self
