"""What ranks do in `test_distributed.py`, and what one process does of which they must have the bits.

As a program: `mpiexec -n 2 python tests/rank_programs.py FILE CHECK...` runs the checks on all ranks of one start. Each gives
arrays, which are the same on all ranks; those of rank 0 go to the file.
"""

import contextlib
import hashlib
import importlib.util
import itertools
import math
import os
import pickle
import sys
from functools import cache
from pathlib import Path

import numpy

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim
from tinygrad_ml.distributed.exchange import equal_parts
from tinygrad_ml.distributed.mpi import Cable
from tinygrad_ml.errors import GradientError, RankError, ShapeError
from tinygrad_ml.ops import Primitive
from tinygrad_ml.tensor import apply

F = nn.functional
STEPS = 100
CLASS_WEIGHTS = [1.0, 0.5, 2.0, 1.5]


@cache
def ranks_start():
    """What starts ranks, or None where there is no MPI."""
    beside = Path(sys.executable).with_name("mpiexec")
    return beside if importlib.util.find_spec("mpi4py") and beside.exists() else None


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


def batches(name, steps=STEPS):
    """(x, y) of each step: 12 samples, and after some of these a last batch of 7, or of 3."""
    random = numpy.random.default_rng(5)
    shape = (1, 6, 6) if name in IMAGES else (6,)
    sizes = itertools.cycle([12, 12, 7] if name in IMAGES else [12, 12, 7, 12, 3])
    for samples in itertools.islice(sizes, steps):
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


def trained(group, name, compiled=False, steps=STEPS, bucket_cap_mb=0.0005, **options):
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
    for x, y in batches(name, steps):
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


def one_process(name, ranks, compiled=False, steps=STEPS):
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
    for x, y in batches(name, steps):
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


def unsynchronised(group):
    """The parameters after 5 steps in which each rank normalises by the moments of its own part."""
    trained_so = trained(group, "convolutional", steps=5, sync_batchnorm=False)
    names = [*convolutional().state_dict()]
    return [array for name, array in zip(names, trained_so, strict=True) if "running" not in name]


def buckets(group):
    """The same training with buckets of one parameter each, of a few, and of all."""
    return [trained(group, "branches", steps=10, bucket_cap_mb=cap) for cap in (1e-9, 0.0003, 25)]


def early(group):
    """How many buckets had set out when the walk came to the first layer, and what a compiled step does when."""
    model = plain()
    parallel = distributed.DataParallel(model, group, bucket_cap_mb=1e-9)
    x, y = cut(*next(batches("accumulated")), group.size)[group.rank]
    seen = []
    for _ in range(2):
        hidden = []
        hook = model[0].register_forward_hook(lambda module, given, output, into=hidden: into.append(output))
        loss = F.cross_entropy(parallel(x), y)
        hook.remove()
        hidden[0].register_hook(lambda gradient: seen.append(parallel._averages._under_way))
        loss.backward()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @tg.compile
    def step(x, y):
        optimizer.zero_grad()
        F.cross_entropy(parallel(x), y).backward()
        optimizer.step()

    step(x, y)
    order = [instruction.op.name for kernel in step.explanation.kernels for instruction in kernel.instructions]
    said = [line for line in step.explain().splitlines() if line.startswith("with other processes")]
    return seen, order, said


def optimizer(group):
    """What `distributed.Optimizer` does, with and without `no_sync`, is what `DataParallel` does."""
    results = []
    for wrapped in (False, True):
        model, inner = begun("accumulated")
        if wrapped:
            outer = distributed.Optimizer(inner, group)
            call = model
        else:
            outer = call = distributed.DataParallel(model, group)
        for x, y in batches("accumulated", 6):
            x, y = cut(x, y, group.size)[group.rank]
            inner.zero_grad()
            for flip, syncing in ((-1, False), (1, True)):
                with contextlib.nullcontext() if syncing else outer.no_sync():
                    if wrapped:
                        outer.weigh(len(x))
                    F.cross_entropy(call(x * flip), y).backward()
            (outer if wrapped else inner).step()
        results.append(state(model))
    assert all(map(numpy.array_equal, *results))
    return results[0]


def checkpointed(group):
    """Dropout is drawn as for the whole batch again when `tg.checkpoint` computes it again."""
    results = []
    for again in (False, True):
        model, optimizer = begun("dropping")
        inside = nn.Sequential(*model.children())
        if again:
            inside.forward = lambda x, whole=nn.Sequential.forward, inside=inside: tg.checkpoint(
                lambda x: whole(inside, x), x
            )
        parallel = distributed.DataParallel(inside, group)
        tg.manual_seed(1)
        for x, y in batches("dropping", 4):
            optimizer.zero_grad()
            x, y = cut(x, y, group.size)[group.rank]
            F.cross_entropy(parallel(x), y).backward()
            optimizer.step()
        results.append(state(model))
    assert all(map(numpy.array_equal, *results))
    return results[0]


def evaluation(group):
    """Predictions for 11 samples, and their mean loss: by all ranks, and by each alone."""
    tg.manual_seed(0)
    model, x = plain(), tg.random.standard_normal((11, 6))
    y = tg.arange(11) % 4
    data = tg.data.TensorDataset(x, y)
    loader = tg.data.DataLoader(data, batch_size=2, sampler=distributed.Sampler(data, group))
    predictions, losses, counts = [], [], []
    with tg.no_grad():
        for part, labels in loader:
            predictions.append(group.all_gather(model(part)))
            losses.append(group.mean(F.cross_entropy(model(part), labels), weight=len(part)))
            counts.append(int(group.all_reduce(len(part)).item()))
        assert numpy.allclose(tg.concat(predictions).numpy(), model(x).numpy(), atol=1e-6)
    mean = sum(loss.item() * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)
    assert sum(counts) == 11 and abs(mean - F.cross_entropy(model(x), y).item()) < 1e-6
    return counts


def exchanges(group):
    """What a group offers, with numbers of which no rank has the same."""
    own = (
        numpy.random.default_rng(group.rank).standard_normal(70_001).astype("float32")
    )  # in pieces, and in unequal ones
    every = [numpy.random.default_rng(rank).standard_normal(70_001).astype("float32") for rank in range(group.size)]
    total = every[0]
    for array in every[1:]:
        total = total + array
    assert numpy.array_equal(group.all_reduce(own).numpy(), total)
    assert numpy.array_equal(group.all_reduce(own[:5], "max").numpy(), numpy.max([array[:5] for array in every], 0))
    assert numpy.array_equal(group.broadcast(own, group.size - 1).numpy(), every[-1])
    rows = group.all_gather(tg.tensor(own[: 3 * group.rank]).reshape(group.rank, 3)).numpy()
    assert rows.shape == (sum(range(group.size)), 3) and numpy.array_equal(rows[0], every[1][:3])
    assert group.all_gather_object({"rank": group.rank}) == [{"rank": rank} for rank in range(group.size)]
    assert numpy.isclose(group.mean(float("nan") if group.rank else 3.0, weight=0.0 if group.rank else 2.0).item(), 3.0)
    begun = [group.begin(f"add {k}", group.talk.reduction(own * k, f"add {k}")) for k in range(1, 5)]
    for k in (3, 0, 2, 1):  # in whichever order they are waited for
        assert numpy.allclose(group.finish(begun[k]), total * (k + 1), atol=1e-5)
    group.barrier()
    weights = tg.tensor(own[:3])
    distributed.broadcast_parameters([weights], 1, group)
    only_one = tg.tensor([1.0], requires_grad=True)
    parallel = distributed.DataParallel(nn.Linear(1, 1), group)
    if group.rank == 0:  # the gradient of its own part is what a rank may ask alone
        tg.grad(parallel(only_one.reshape(1, 1)).sum(), only_one)
    return weights.numpy(), tg.random.random(3).numpy()


def second_order(group):
    """A derivative of a derivative through batch norm over ranks, in float64, and that of one process with the whole batch."""

    def begun_wide():
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))
        return model.to(dtype="float64")

    batch, count = numpy.random.default_rng(0).standard_normal((4 * group.size, 3)), group.size
    model, alone = begun_wide(), begun_wide()
    parallel = distributed.DataParallel(model, group)
    x = tg.tensor(batch[4 * group.rank :][:4], dtype="float64", requires_grad=True)
    (slope,) = tg.grad(parallel(x).square().mean(), x, create_graph=True)
    slope.square().sum().backward()
    whole = tg.tensor(batch, dtype="float64", requires_grad=True)
    (slopes,) = tg.grad(alone(whole).square().mean() * count, whole, create_graph=True)
    (slopes.square().sum() / count).backward()
    found, expected = ([p.grad.numpy() for p in each.parameters()] for each in (model, alone))
    assert all(numpy.allclose(a, b, rtol=1e-10, atol=1e-14) for a, b in zip(found, expected, strict=True))
    return found


def accumulating(group):
    """Steps that only add up, and steps that average, compiled each by itself and called in any order."""
    results = []
    for wrap in (lambda function: function, tg.compile):
        model, optimizer = begun("accumulated")
        parallel = distributed.DataParallel(model, group)

        @wrap
        def add_up(x, y, parallel=parallel):
            F.cross_entropy(parallel(x), y).backward()

        @wrap
        def update(x, y, parallel=parallel, optimizer=optimizer):
            F.cross_entropy(parallel(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()

        for step, (x, y) in enumerate(batches("accumulated", 5)):
            part = cut(x, y, group.size)[group.rank]
            for _ in range(step % 3):
                with parallel.no_sync():
                    add_up(*part)
            update(*part)
        results.append(state(model))
    assert all(numpy.allclose(a, b, atol=1e-5) for a, b in zip(*results, strict=True))
    return results


def halfway(group):
    """A walk back that an error ends on all ranks leaves nothing behind; one that keeps its graph is refused."""
    model = nn.Linear(2, 1)
    nn.init.ones_(model.weight)
    parallel, x = distributed.DataParallel(model, group), tg.full((3 - group.rank, 2), float(group.rank))

    def refuse(gradient):
        raise ShapeError("on the way")

    for _ in range(2):
        hook = model.bias.register_hook(refuse)
        try:
            parallel(x).sum().backward()
        except ShapeError:
            hook.remove()
        model.zero_grad()
        parallel(x).mean().backward()
    try:
        parallel(x).square().sum().backward(create_graph=True)
    except GradientError as error:
        return model.weight.grad.numpy(), str(error)
    raise AssertionError("was not refused")


def mistakes(group):
    """What ranks are told that do not do the same."""
    odd = group.rank == 1

    def another_call(group):
        return group.broadcast([1.0]) if odd else group.all_reduce([1.0])

    def another_shape(group):
        return group.all_reduce(numpy.zeros(4 if odd else 3, "float32"))

    def another_dtype(group):
        return group.all_reduce(numpy.zeros(3, "float64" if odd else "float32"))

    def another_weight(group):
        layer = nn.Linear(3, 2)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        if odd:
            layer.weight.assign(numpy.float32([[0, 0, 0], [0, 0, 0.5]]))
        return distributed.DataParallel(layer, group)

    def another_model(group):
        return distributed.DataParallel(nn.Linear(3, 4 if odd else 2), group)

    def another_way_through(group):
        tg.manual_seed(0)
        parallel = distributed.DataParallel(nn.Linear(3, 2), group)
        parallel(tg.ones((2, 3))).sum().backward()
        if odd:
            parallel(tg.ones((2, 3))).sum().backward()
        else:
            group.barrier()

    told = {}
    for mistake in (
        another_call,
        another_shape,
        another_dtype,
        another_weight,
        another_model,
        another_way_through,
    ):
        anew = distributed.Group(Cable(group.cable.communicator), group.device)
        try:
            mistake(anew)
            told[mistake.__name__] = ""
        except RankError as error:
            told[mistake.__name__] = str(error)
    return told


def main(path, *checks):
    """Run checks on all ranks; what they give on rank 0 goes to the file."""
    given = {}
    try:
        distributed.init(ranks=7 if os.environ.get("PMI_RANK") == "1" else None, timeout=60)
    except RankError as error:  # rank 1 alone was told so
        given["another number"] = str(error)
    group = distributed.init(timeout=60)
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
