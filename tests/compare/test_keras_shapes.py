"""What shapes mean is what they mean to Keras: all ranks of targets, predictions and weights, for every loss and metric.

For each combination either both give the same number, or both refuse, or it stands in one of two lists, with the reason:
`refused`, where Keras silently broadcasts what does not belong together, and `more`, what we can do and Keras cannot.
"""

import itertools

import numpy as np
import pytest
from keras_cases import ALIGNED, LOSSES, METRICS, REDUCTIONS, SHAPES, WEIGHTS, N, data, fit_together, ids
from keras_twins import agree, as_array, ours, quiet, theirs, torch

from tinygrad_ml.errors import TinygradError

pytestmark = [*quiet, pytest.mark.filterwarnings("ignore::SyntaxWarning")]  # one class


def attempt(compute, *arguments):
    """A number, or the error that there is instead."""
    try:
        return as_array(compute(*arguments)), None
    except Exception as error:
        return None, error


def as_torch(array):
    return None if array is None else torch.tensor(array)


def over_batches(metric, batches):
    metric.reset_state()
    for batch in batches:
        metric.update_state(*batch)
    return metric.result()


def compare(found, expected, refused, more, what):
    """One number or an error of both, or a listed reason; whether there is a number of ours."""
    (own, own_error), (other, other_error) = found, expected
    assert own_error is None or isinstance(own_error, TinygradError), (what, own_error)
    if own_error is not None:
        assert other_error is not None or refused, (what, own_error, other)
    elif other_error is not None:
        assert more, (what, own, other_error)
    elif not more or "table" not in more:
        assert own.shape == other.shape, (what, own, other)
        agree(own, other)
    return own_error is None


@pytest.mark.parametrize(("name", "options", "targets", "predictions"), LOSSES, ids=ids(LOSSES))
def test_losses(name, options, targets, predictions):
    rng = np.random.default_rng(0)
    losses = {
        reduction: [getattr(room.losses, name)(reduction=reduction, **options) for room in (ours, theirs)]
        for reduction in REDUCTIONS
    }
    numbers = 0
    for t_shape, p_shape in itertools.product(SHAPES, SHAPES):
        t, p = data(targets, t_shape, rng), data(predictions, p_shape, rng)
        for w_shape in WEIGHTS if fit_together(name, t_shape, p_shape) else [None]:
            w = None if w_shape is None else np.asarray(rng.uniform(0, 2, w_shape), "float32")
            for reduction, (own, other) in losses.items():
                found = attempt(own, t, p, w)
                expected = attempt(other, *map(as_torch, (t, p, w)))
                refused, more = reasons_of_losses(name, options, t_shape, p_shape, w_shape)
                numbers += compare(found, expected, refused, more, (t_shape, p_shape, w_shape, reduction))
    assert numbers > 30


def reasons_of_losses(name, options, t, p, w):
    """Why we may refuse where Keras gives a number; what we can do and Keras cannot."""
    if not fit_together(name, t, p):
        return "targets of other samples than the predictions: Keras broadcasts them", None
    losses = (
        p[:-1]
        if name.startswith("Sparse")
        else max(t, p, key=len)[:-1]
        if 1 in map(len, (t, p))
        else min(t, p, key=len)[:-1]
    )
    if w is None or w in ((), (1,)):
        # PyTorch's `sample_weight *= mask` does not broadcast; Keras on JAX does.
        return None, "mask of one weight" if "ignore_class" in options else None
    if not losses:
        return "targets and predictions (batch,) are one sample to a loss, which has no weights", None
    if w not in (losses, (*losses, 1)) and losses != (*w, 1) and w != (*losses[:1], *(1 for _ in losses[1:])):
        return "weights of other samples than the losses: Keras broadcasts them", "a weight for each of longer samples"
    return None, "mask of columns" if "ignore_class" in options else None


@pytest.mark.parametrize(("name", "options", "targets", "predictions"), METRICS, ids=ids(METRICS))
def test_metrics_over_two_batches_of_other_sizes(name, options, targets, predictions):
    rng = np.random.default_rng(0)
    own, other = (getattr(room.metrics, name)(**options) for room in (ours, theirs))
    numbers = 0
    for t_shape, p_shape in itertools.product(SHAPES, SHAPES):
        fits = fit_together(name, t_shape, p_shape)
        for w_shape in WEIGHTS if fits else [None]:
            batches = []
            for n in (N, 2):
                w = None if w_shape is None else np.asarray(rng.uniform(0, 2, of_samples(n, w_shape)), "float32")
                batches.append((data(targets, (n, *t_shape[1:]), rng), data(predictions, (n, *p_shape[1:]), rng), w))
            found = attempt(over_batches, own, batches)
            expected = attempt(over_batches, other, [map(as_torch, batch) for batch in batches])
            refused, more = reasons_of_metrics(name, t_shape, p_shape, w_shape)
            numbers += compare(found, expected, refused, more, (t_shape, p_shape, w_shape))
    assert numbers > 10


def of_samples(n, shape):
    return shape if shape in ((), (1,)) else (n, *shape[1:])


def reasons_of_metrics(name, t, p, w):
    if not fit_together(name, t, p):
        return "targets of other samples than the predictions: Keras broadcasts them", None
    more = None
    if len(t) != len(p) and not name.startswith(ALIGNED):
        more = "Keras makes a table (batch, batch) of (batch,) and (batch, 1), or refuses: only its losses align them"
    if name.startswith("Sparse") and w is not None:
        more = "mask and weights that PyTorch's in-place product does not broadcast"
    if name.startswith("TopK") and (p[-1] == 1 or len(p) == 1):
        more = "there are fewer classes than k, or no axis of samples"
    if name in ("Precision", "Recall") and w is not None and w[-1:] == (1,):
        more = "a weight for each number, with a last axis of 1"
    return None, more
