"""What ranks do in `test_distributed.py`, and what one process does of which they must have the bits.

As a program: `mpiexec -n 2 python tests/rank_programs.py FILE CHECK...` runs the checks on all ranks of one start. Each gives
arrays, which are the same on all ranks; those of rank 0 go to the file.
"""

import hashlib
import itertools
import math
import pickle
import sys
from pathlib import Path

import numpy

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim
from tinygrad_ml.distributed.exchange import equal_parts
from tinygrad_ml.ops import Primitive
from tinygrad_ml.tensor import apply

F = nn.functional
STEPS = 100
CLASS_WEIGHTS = [1.0, 0.5, 2.0, 1.5]


class Branches(nn.Module):
    """With a layer that only odd ranks use, one that nobody uses, and one that is frozen."""

    def __init__(self):
        self.body = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4))
        self.side, self.idle = nn.Linear(6, 4), nn.Linear(2, 2)
        self.body[0].requires_grad_(False)

    def forward(self, x, odd):
        """The side counts on odd ranks."""
        return self.body(x) + self.side(x) if odd else self.body(x)


def convolutional():
    """With batch norm of both kinds."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(27, 8),
        nn.BatchNorm1d(8),
        nn.Tanh(),
        nn.Linear(8, 4),
    )


def dropping():
    """With two layers of dropout, one of them of channels."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Dropout2d(0.3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 8),
        nn.Dropout(0.5),
        nn.Linear(8, 4),
    )


def plain():
    """Two layers."""
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 4))


MODELS = {"branches": Branches, "convolutional": convolutional, "dropping": dropping, "accumulated": plain}
IMAGES = ("convolutional", "dropping")


def batches(name):
    """(x, y) of each step: 12 samples, and after some of these a last batch of 7, or of 3."""
    random = numpy.random.default_rng(5)
    shape = (1, 6, 6) if name in IMAGES else (6,)
    sizes = itertools.cycle([12, 12, 7] if name in IMAGES else [12, 12, 7, 12, 3])
    for samples in itertools.islice(sizes, STEPS):
        x = random.standard_normal((samples, *shape)).astype("float32")
        yield tg.tensor(x), tg.tensor((numpy.abs(x).reshape(samples, -1).sum(1) * 5).astype("int64") % 4)


def cut(x, y, ranks):
    """The parts of a batch."""
    return [(x[first:end], y[first:end]) for first, end in itertools.pairwise(equal_parts(len(x), ranks))]


def begun(name):
    """A model that is the same whenever it is made, and its optimiser."""
    tg.manual_seed(3)
    model = MODELS[name]()
    return model, optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01, weight_decay=0.1)


def state(model):
    """All that a model holds, as arrays."""
    return [tensor.numpy() for tensor in model.state_dict().values()]


# -- what ranks do -------------------------------------------------------------------------------------------------------


def trained(group, name, compiled, bucket_cap_mb=0.0005, **options):
    """The model after all steps, on this rank."""
    model, optimizer = begun(name)
    parallel = distributed.DataParallel(model, group, bucket_cap_mb, **options)
    odd = [group.rank % 2 == 1] if name == "branches" else []
    class_weights = tg.tensor(CLASS_WEIGHTS)

    def loss_of(x, y):
        if name != "accumulated":
            return F.cross_entropy(parallel(x, *odd), y)
        parallel.weigh(class_weights[y].sum())
        return F.cross_entropy(parallel(x), y, weight=class_weights)

    def step(x, y):
        optimizer.zero_grad()
        loss_of(x, y).backward()
        if name == "branches":
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()

    def step_of_two(x, y, more, labels):
        optimizer.zero_grad()
        with parallel.no_sync():
            (loss_of(x, y) / 2).backward()
        (loss_of(more, labels) / 2).backward()
        optimizer.step()

    run = (tg.compile if compiled else lambda function: function)(step_of_two if name == "accumulated" else step)
    tg.manual_seed(4)
    for x, y in batches(name):
        if name != "accumulated":
            run(*cut(x, y, group.size)[group.rank])
        elif len(x) >= group.size:
            run(*cut(x, y, group.size)[group.rank], *cut(-x, y, group.size)[group.rank])
    return state(model)


# -- what one process does -----------------------------------------------------------------------------------------------


def sum_of_parts(parts, weights):
    """For each part a row with the sum of all, added up in their order; what its gradient gives to each weighs what a part
    weighs in the loss."""

    def value(xp, *arrays):
        total = arrays[0]
        for array in arrays[1:]:
            total = total + array
        return numpy.stack([total] * len(arrays))

    def gradient(g, position):
        total = None
        for row, weight in zip(range(len(parts)), weights, strict=True):
            share = g[row] if weight == 1 else g[row] * weight
            total = share if total is None else total + share
        return total if weights[position] == 1 else total / weights[position]

    operation = Primitive(
        "sum of parts",
        value,
        lambda *shapes: (len(parts), *shapes[0]),
        (gradient,),
        inputs=("parts*",),
        local=("all rows",),
    )
    return apply(operation, tuple(parts))


def batch_norm_of_parts(layer, own, parts, weights):
    """Batch norm of a batch that is there in parts, with the weight and bias `own` for each part."""
    axes = (0, *range(2, parts[0].ndim))
    channels = (1, -1) + (1,) * (parts[0].ndim - 2)
    count = float(sum(math.prod((len(x), *x.shape[2:])) for x in parts))
    sums = sum_of_parts([x.sum(axes) for x in parts], weights)
    means = [sums[row] / count for row in range(len(parts))]
    centred = [x - mean.reshape(channels) for x, mean in zip(parts, means, strict=True)]
    squares = sum_of_parts([(c * c).sum(axes) for c in centred], weights)
    variances = [squares[row] / count for row in range(len(parts))]
    with tg.no_grad():
        layer.num_batches_tracked.assign(layer.num_batches_tracked + 1)
        layer.running_mean.assign(layer.running_mean * 0.9 + means[0] * 0.1)
        layer.running_var.assign(layer.running_var * 0.9 + variances[0] * (count / tg.tensor(count - 1)) * 0.1)
    scales = [
        1 / tg.sqrt(var.reshape(channels) + layer.eps) * each["weight"].reshape(channels)
        for var, each in zip(variances, own, strict=True)
    ]
    return [c * scale + each["bias"].reshape(channels) for c, scale, each in zip(centred, scales, own, strict=True)]


def dropout_of_parts(layer, parts):
    """Dropout of a batch that is there in parts: a mask for the whole batch."""
    samples = sum(map(len, parts))
    kept = parts[0].shape[1:] if isinstance(layer, nn.Dropout) else (parts[0].shape[1], 1, 1)
    mask = (tg.random.random((samples, *kept)) >= layer.p).astype("float32") * (1 / (1 - layer.p))
    ends = itertools.accumulate(map(len, parts), initial=0)
    return [x * mask[first:end] for x, (first, end) in zip(parts, itertools.pairwise(ends), strict=True)]


def outputs_of_parts(name, model, copies, parts, weights):
    """What the model makes of each part of a batch, with parameters of its own for each."""
    if name == "branches":
        return [
            tg.functional_call(model, own, (x, place % 2 == 1))
            for place, (own, x) in enumerate(zip(copies, parts, strict=True))
        ]
    for number, layer in model.named_children():
        own = [
            {path.removeprefix(f"{number}."): p for path, p in each.items() if path.startswith(f"{number}.")}
            for each in copies
        ]
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            parts = batch_norm_of_parts(layer, own, parts, weights)
        elif isinstance(layer, (nn.Dropout, nn.Dropout2d)):
            parts = dropout_of_parts(layer, parts)
        else:
            parts = [tg.functional_call(layer, each, x) for each, x in zip(own, parts, strict=True)]
    return parts


def reduced(weights):
    """Weights without a common factor."""
    if len(set(weights)) == 1:
        return [1] * len(weights)
    return [weight // math.gcd(*weights) for weight in weights] if all(isinstance(w, int) for w in weights) else weights


def mean_of(gradients, weights):
    """Σ weight·gradient / Σ weight, in the order of the parts; without those that have none."""
    total = None
    for gradient, weight in zip(gradients, weights, strict=True):
        if gradient is not None and weight:
            share = gradient if weight == 1 else gradient * weight
            total = share if total is None else total + share
    return None if total is None else total / sum(weights)


def one_process(name, ranks, compiled):
    """The model after all steps of one process, which adds up micro-batches in the order of the ranks."""
    model, optimizer = begun(name)
    wrap = tg.compile if compiled else lambda function: function
    trainable = {path: p for path, p in model.named_parameters() if p.requires_grad}
    class_weights = tg.tensor(CLASS_WEIGHTS)

    def gradients(*parts):
        xs, ys = parts[::2], parts[1::2]
        copies = [{path: p.detach() for path, p in trainable.items()} for _ in xs]
        for p in itertools.chain(*(each.values() for each in copies)):
            p.requires_grad = True
        outputs = outputs_of_parts(name, model, copies, list(xs), reduced([len(x) for x in xs]))
        weight = class_weights if name == "accumulated" else None
        losses = [F.cross_entropy(output, y, weight=weight) for output, y in zip(outputs, ys, strict=True)]
        losses = [loss / 2 for loss in losses] if name == "accumulated" else losses
        wanted = [p for each in copies for p in each.values()]
        found = tg.grad(losses, wanted, allow_unused=True)
        return [list(found[first : first + len(trainable)]) for first in range(0, len(found), len(trainable))]

    def update(means):
        for p, mean in zip(trainable.values(), means, strict=True):
            p.grad = mean
        if name == "branches":
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()

    gradients, update = wrap(gradients), wrap(update)
    tg.manual_seed(4)
    for x, y in batches(name):
        if name == "accumulated":
            parts, more = cut(x, y, ranks), cut(-x, y, ranks)
            if len(x) < ranks:
                continue
            sums = []
            for one, two in zip(parts, more, strict=True):
                (first,), (second,) = gradients(*one), gradients(*two)
                sums.append([a + b for a, b in zip(first, second, strict=True)])
            weights = [float(class_weights[labels].sum().item() * 2) for _, labels in parts]
            weights = reduced([int(w) if w.is_integer() else w for w in weights])
        else:
            parts = [part for part in cut(x, y, ranks) if len(part[0])]
            sums, weights = gradients(*itertools.chain(*parts)), reduced([len(part) for part, _ in parts])
        update([mean_of(each, weights) for each in zip(*sums, strict=True)])
    return state(model)


# -- the program ---------------------------------------------------------------------------------------------------------


def bits(group, name, how):
    """Train, eager or compiled."""
    return trained(group, name, how == "compiled")


def main(path, *checks):
    """Run checks on all ranks; what they give on rank 0 goes to the file."""
    group = distributed.init(timeout=60)
    given = {}
    for check in checks:
        kind, *arguments = check.split(":")
        result = globals()[kind](group, *arguments)
        digests = group.all_gather_object(hashlib.sha1(pickle.dumps(result)).hexdigest())
        assert len(set(digests)) == 1, f"{check} differs between ranks"
        given[check] = result
    if group.rank == 0:
        Path(path).write_bytes(pickle.dumps(given))


if __name__ == "__main__":
    main(*sys.argv[1:])
