"""What ranks do in `test_distributed_training.py`: optimisers in shards, trainings that are saved and gone on with.

As a program: `mpiexec -n 2 python tests/rank_trainings.py FOLDER CHECK...` runs the checks on all ranks of one start; what they
give on rank 0, which is the same on all, goes to a file in the folder. `... FOLDER cli ARGUMENTS` is the command without pictures.
"""

import hashlib
import pickle
import sys
from pathlib import Path

import numpy

import tinygrad_ml as tg
from tinygrad_ml import distributed, keras, nn, optim
from tinygrad_ml.cli.ranks import Consent
from tinygrad_ml.data import DataLoader, TensorDataset
from tinygrad_ml.training import Trainer

SAMPLES, BATCH, EPOCHS = 22, 6, 3
OPTIMIZERS = {
    "sgd": lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda parameters: optim.Adam(parameters, lr=0.01, amsgrad=True),
    "adamw": lambda parameters: optim.AdamW(
        [{"params": parameters[::2]}, {"params": parameters[1::2], "weight_decay": 0.1}], lr=0.01
    ),
    "adafactor": optim.Adafactor,  # which needs whole parameters
}


def tensors_of(state):
    """The tensors of an optimiser's state, as arrays by the number of the parameter and the name."""
    return {
        (number, name): value.numpy()
        for number, kept in state["state"].items()
        for name, value in kept.items()
        if isinstance(value, tg.Tensor)
    }


def stepped(group, kind, shard, compiled, bucket_cap_mb=25.0):
    """Parameters, state, and bytes of state on this rank, after some steps with clipped gradients and an unused layer."""
    tg.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 50), nn.Tanh(), nn.Linear(50, 40), nn.Tanh(), nn.Linear(40, 4))
    idle = nn.Linear(3, 3)
    parameters = [*model.parameters(), *idle.parameters()]
    optimizer = OPTIMIZERS[kind](parameters)
    parallel = distributed.DataParallel(model, group)
    if shard:
        optimizer = distributed.Optimizer(optimizer, group, bucket_cap_mb, shard=True)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

    def step(x, y):
        loss = nn.functional.cross_entropy(parallel(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        schedule.step()

    run = tg.compile(step) if compiled else step
    random = numpy.random.default_rng(group.rank)
    for number in range(6):
        if number == 4:
            optimizer.load_state_dict(optimizer.state_dict())
        run(tg.tensor(random.standard_normal((8, 6)).astype("float32")), tg.tensor(random.integers(0, 4, 8)))
    kept = [value for kept in optimizer.state.values() for value in kept.values() if isinstance(value, tg.Tensor)]
    bytes_of_state = group.all_gather_object(sum(value.numpy().nbytes for value in kept))
    state = tensors_of(optimizer.state_dict())
    return [p.numpy() for p in model.parameters()], state, bytes_of_state


def shards(group, folder, kind, *ways):
    """Without shards and with them, of several buckets, and of one."""
    compiled = "compiled" in ways
    sharded = [stepped(group, kind, True, compiled, bucket_cap_mb) for bucket_cap_mb in (0.004, 25.0)]
    return [stepped(group, kind, False, compiled), *sharded]


def training(group, shard, compiled):
    """Equal ones at each call, with random numbers in each step."""
    tg.manual_seed(1)
    inputs = tg.random.randn(SAMPLES, 4)
    data = TensorDataset(inputs, (inputs[:, 0] > 0).astype("int64"))
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    parallel = distributed.DataParallel(model, group)
    if shard:
        optimizer = distributed.Optimizer(optimizer, group, shard=True)
    loader = DataLoader(data, BATCH, sampler=distributed.Sampler(data, group, shuffle=True, seed=2, divide=True))
    tests = DataLoader(data, 10, sampler=distributed.Sampler(data, group, divide=True))
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=EPOCHS * len(loader))
    return Trainer(parallel, optimizer, scheduler, compiled=compiled), loader, tests


def interrupted(trainer, loader, steps):
    """The training after some steps of an epoch: what is to be saved."""
    for number, _ in enumerate(trainer.train_epoch(loader), 1):
        if number == steps:
            break
    return {"trainer": trainer.state_dict(), "loader": loader.state_dict()}


def gone_on(group, state, shard, compiled):
    """The end of a training that was saved."""
    trainer, loader, tests = training(group, shard, compiled)
    trainer.load_state_dict(state["trainer"])
    loader.load_state_dict(state["loader"])
    trainer.fit(loader, EPOCHS, tests)
    return result(trainer)


def result(trainer):
    """What a training comes to."""
    return [tensor.numpy() for tensor in trainer.model.state_dict().values()], trainer.history


def undisturbed(group, folder, *ways):
    """A training from its beginning to its end."""
    trainer, loader, tests = training(group, "shard" in ways, "compiled" in ways)
    trainer.fit(loader, EPOCHS, tests)
    return result(trainer)


def resumed(group, folder, *ways):
    """One that is saved by rank 0 in the middle of its first epoch, and gone on with by others."""
    trainer, loader, _ = training(group, "shard" in ways, "compiled" in ways)
    state, path = interrupted(trainer, loader, 2), Path(folder, f"{'-'.join(ways)}-of-{group.size}.safetensors")
    if group.rank == 0:
        tg.save(path, state)
    group.barrier()
    return gone_on(group, tg.load(path), "shard" in ways, "compiled" in ways)


def from_one(group, folder):
    """One that a process alone has saved, gone on with by all ranks, in shards."""
    return gone_on(group, tg.load(Path(folder, "of-one.safetensors")), True, False)


def seen(group, folder):
    """Which samples all ranks together see in an epoch, and in one that is gone on with; and what a test counts."""
    trainer, loader, tests = training(group, False, False)
    first = [batch.tolist() for batch in loader.indices()]
    second = [batch.tolist() for _, batch in zip(range(2), loader.indices(), strict=False)]
    state = loader.state_dict()
    _, loader, _ = training(group, False, False)
    loader.load_state_dict(state)
    second += [batch.tolist() for batch in loader.indices()]
    trainer.evaluate(tests)
    return group.all_gather_object((first, second)), trainer._tested.count


def alone_weighs(group, folder):
    """A plain model with an optimiser over all ranks: parts of unequal size have the weight of their samples."""
    found = []
    for wrap in (lambda model, optimizer: (distributed.DataParallel(model), optimizer),
                 lambda model, optimizer: (model, distributed.Optimizer(optimizer))):  # fmt: skip
        tg.manual_seed(1)
        model = nn.Linear(4, 2)
        x = tg.random.randn(5, 4)
        data = TensorDataset(x, (x[:, 1] > 0).astype("int64"))
        loader = DataLoader(data, 5, sampler=distributed.Sampler(data, group, divide=True))
        trainer = Trainer(*wrap(model, optim.SGD(model.parameters(), lr=0.5)))
        trainer.fit(loader, 3)
        found.append((model.weight.numpy(), trainer.history["loss"]))
    return found


def agreed(group, folder):
    """When ranks hear that the last one wants to stop after its third step; and of a wish that is there at the end."""
    consent, heard = Consent(group), []
    for number in range(1, 7):
        heard.append(consent.soon(group.rank == group.size - 1 and number == 3))
    return heard, consent.now(False), consent.now(group.rank == 0)


def of_keras(group=None, folder=None, dropout=None):
    """A program for Keras with batch normalisation, parts of unequal size, and a last batch that leaves nothing for a rank; alone, without the one line.
    With dropout each rank gets samples of each batch."""
    if group is not None:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    try:
        keras.utils.set_random_seed(1)
        x = numpy.random.default_rng(0).standard_normal((105 if dropout else 106, 6)).astype("float32")
        y = (x.sum(1) > 0).astype("int64")
        layers = keras.layers
        model = keras.Sequential(
            [
                layers.Dense(16),
                layers.BatchNormalization(),
                layers.Activation("tanh"),
                layers.Dropout(0.3 if dropout else 0),
                layers.Dense(2),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=loss, metrics=["accuracy"])
        log = [keras.callbacks.CSVLogger(Path(folder, "log.csv"))] if folder else []
        history = model.fit(x, y, batch_size=21, epochs=3, validation_split=0.2, callbacks=log).history
        return history, model.get_weights(), model.evaluate(x, y, verbose=0), "2 programs" in repr(model.train_function)
    finally:
        keras.distribution.set_distribution(None)


def command(folder, arguments):
    """The command line without its pictures."""
    from tinygrad_ml import cli
    from tinygrad_ml.cli import train

    train.draw_run = lambda *_: {}
    return cli.main(["train", "--device", "cpu", *arguments])


def main(folder, *checks):
    """Run checks on all ranks; what they give on rank 0 goes to the file."""
    if checks[0] == "cli":
        sys.exit(command(folder, checks[1:]))
    group = distributed.init(timeout=60)
    given = {}
    for check in checks:
        kind, *arguments = check.split(":")
        found = globals()[kind](group, folder, *arguments)
        digests = group.all_gather_object(hashlib.sha1(pickle.dumps(found)).hexdigest())
        assert len(set(digests)) == 1, f"{check} differs between ranks"
        given[check] = found
    if group.rank == 0:
        Path(folder, f"{group.size}.pickle").write_bytes(pickle.dumps(given))


if __name__ == "__main__":
    main(*sys.argv[1:])
