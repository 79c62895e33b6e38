"""One step of a recurrent network: what was kept, and what comes in, become what is kept.

`nonlinearity` and `gate` are functions in place of tanh and of σ. `keep` are factors of h where the weights multiply it, for
dropout that is the same at all steps.

Each takes what comes in as `projected` = W·x + b, which needs nothing of the steps before, and so is computed for all
steps at once. Weights of several gates stand one above the other, in PyTorch's order.

Read next: `../recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...errors import OptionError
from ...functional import sigmoid, split, tanh
from ...functional.composed import composed
from ...tensor import Tensor
from .activation import relu
from .linear import linear

NONLINEARITIES = {"tanh": tanh, "relu": relu}


def nonlinearity_of(name: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The function that `nonlinearity=` is or names; `OptionError` if it is none of those that there are."""
    if callable(name):
        return name
    if name not in NONLINEARITIES:
        raise OptionError(f"nonlinearity={name!r}; use {' or '.join(map(repr, NONLINEARITIES))}")
    return NONLINEARITIES[name]


@composed
def rnn_step(
    projected: Tensor,
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    nonlinearity: str | Callable[[Tensor], Tensor] = "tanh",
    keep: Tensor | None = None,
) -> Tensor:
    """h ← tanh(W_ih·x + b_ih + W_hh·h + b_hh), or relu in place of tanh.

    projected   (batch, hidden_size), W_ih·x + b_ih
    hidden      (batch, hidden_size)
    weight, bias  W_hh (hidden_size, hidden_size) and b_hh

    Raises `OptionError` for another nonlinearity. Source: J. Elman, "Finding Structure in Time" (1990).
    """
    return nonlinearity_of(nonlinearity)(projected + _recurrent_term(hidden, weight, bias, keep))


@composed
def lstm_step(
    projected: Tensor,
    hidden: Tensor,
    cell: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    weight_hr: Tensor | None = None,
    nonlinearity: Callable[[Tensor], Tensor] = tanh,
    gate: Callable[[Tensor], Tensor] = sigmoid,
    keep: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """i, f, g, o = the four quarters of W_ih·x + b_ih + W_hh·h + b_hh; c ← σ(f)·c + σ(i)·tanh(g); h ← σ(o)·tanh(c).

    projected     (batch, 4·hidden_size), W_ih·x + b_ih
    hidden, cell  (batch, hidden_size), h and c
    weight, bias  W_hh (4·hidden_size, hidden_size) and b_hh
    weight_hr     (proj_size, hidden_size): h is multiplied by it, and then of proj_size
    Returns the new h and c.

    Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory" (1997), with the forget gate of F. Gers et al. (2000);
    weight_hr: H. Sak et al., "Long Short-Term Memory Based Recurrent Neural Network Architectures" (2014).
    """
    gates = projected + _recurrent_term(hidden, weight, bias, keep)
    i, f, g, o = split(gates, gates.shape[-1] // 4, axis=-1)
    cell = gate(f) * cell + gate(i) * nonlinearity(g)
    hidden = gate(o) * nonlinearity(cell)
    return (hidden if weight_hr is None else linear(hidden, weight_hr)), cell


@composed
def gru_step(
    projected: Tensor,
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    nonlinearity: Callable[[Tensor], Tensor] = tanh,
    gate: Callable[[Tensor], Tensor] = sigmoid,
    keep: Tensor | None = None,
    reset_after: bool = True,
    update_first: bool = False,
) -> Tensor:
    """h ← (1 - z)·n + z·h, with r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r·h_n).

    projected     (batch, 3·hidden_size): x_r, x_z and x_n, the thirds of W_ih·x + b_ih
    hidden        (batch, hidden_size); h_r, h_z and h_n are the thirds of W_hh·h + b_hh
    weight, bias  W_hh (3·hidden_size, hidden_size) and b_hh
    reset_after   False: n = tanh(x_n + W_n·(r·h) + b_n), r before the product, as the paper has it
    update_first  True: the thirds are those of z, r and n, the order of Keras and ONNX

    Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014), with r behind the product.
    """
    size = hidden.shape[-1]
    two = 2 * size
    if reset_after:
        inside = _recurrent_term(hidden, weight, bias, keep)
    else:
        inside = _recurrent_term(hidden, weight[:two], None if bias is None else bias[:two], keep)
    gates = gate(projected[..., :two] + inside[..., :two])
    r, z = gates[..., :size], gates[..., size:]
    if update_first:
        r, z = z, r
    if reset_after:
        new = r * inside[..., two:]
    else:
        new = _recurrent_term(r * hidden, weight[two:], None if bias is None else bias[two:], keep)
    n = nonlinearity(projected[..., two:] + new)
    return n + z * (hidden - n)


def _recurrent_term(hidden: Tensor, weight: Tensor, bias: Tensor | None, keep: Tensor | None) -> Tensor:
    """W_hh·h + b_hh, h being multiplied by what dropout keeps of it."""
    return linear(hidden if keep is None else hidden * keep, weight, bias)
