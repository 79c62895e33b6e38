"""All parameters of a network as one vector, and back: for methods that are written for a vector."""

from collections.abc import Iterable

from ...errors import ShapeError
from ...functional import concat, reshape
from ...modes import no_grad
from ...tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All numbers of the parameters, one after the other, as a tensor of 1 axis. Gradients flow to the parameters.

    Raises `ShapeError` if there is none.
    """
    return concat([reshape(p, -1) for p in parameters], axis=0)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Overwrite the parameters by the numbers of a vector, which are in the order of `parameters_to_vector`.

    Raises `ShapeError` for a vector that has not as many numbers as the parameters.
    """
    parameters = list(parameters)
    count = sum(p.size for p in parameters)
    if vec.shape != (count,):
        raise ShapeError(
            f"vector_to_parameters: {len(parameters)} parameters have {count} numbers, but got {vec._described()}"
        )
    end = 0
    with no_grad():
        for p in parameters:
            first, end = end, end + p.size
            p.assign(reshape(vec[first:end], p.shape))
