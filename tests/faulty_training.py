"""A training by several ranks in which one of them goes wrong; started by `distributed_faults.py`.

    mpiexec -n 3 python tests/faulty_training.py FOLDER --fault kill --rank 1 --step 7

Each rank writes its process number, what it counted in complete steps and a hash of the parameters to the folder; rank 0 a
checkpoint after every fourth step, from which --resume goes on.
"""

import argparse
import faulthandler
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from distributed_faults import BATCH, SAMPLES, STEPS

import tinygrad_ml as tg
from tinygrad_ml import distributed, nn, optim

CHECKPOINT_EVERY = 4
SECONDS_TO_SAY_WHERE = 40.0


def go_wrong(fault, folder):
    """The fault, with the time at which it happened."""
    (folder / "fault").write_text(json.dumps(time.time()))
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "raise":
        raise ValueError("a number that cannot be")
    if fault == "leave":
        sys.exit(0)
    if fault == "sleep":
        time.sleep(1000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fault", default="")
    parser.add_argument("--rank", type=int, default=-1)
    parser.add_argument("--step", type=int, default=-1)
    parser.add_argument("--elastic", action="store_true")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--compiled", action="store_true")
    args = parser.parse_args()

    faulthandler.dump_traceback_later(
        SECONDS_TO_SAY_WHERE
    )  # a rank that hangs is a failure, and shall say where it does
    group = distributed.init(timeout=3, elastic=args.elastic)
    me = group.rank  # as it was at the start
    (args.folder / f"process-{me}").write_text(str(os.getpid()))
    tg.manual_seed(5)
    x = tg.random.randn(SAMPLES, 6)
    y = (x.sum(axis=1, keepdims=True) * 0.5).tanh()
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    parallel = distributed.DataParallel(model)
    sampler = distributed.Sampler(SAMPLES, group, shuffle=True, seed=3)
    data = tg.data.TensorDataset(x, y, tg.arange(SAMPLES))
    loader = tg.data.DataLoader(data, batch_size=BATCH // group.size, sampler=sampler)
    parts = (model, optimizer, loader)
    elastic = distributed.Elastic(group, *parts)
    checkpoint = args.folder / "checkpoint.safetensors"
    counted = []
    if args.resume:
        state = tg.load(args.resume)
        for part, saved in zip(parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        tg.random.set_state(state["random"])
        elastic = distributed.Elastic(group, *parts)
        elastic.commits = state["steps"]

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(parallel(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if args.compiled:
        step = tg.compile(step)

    def train():
        while elastic.commits < STEPS:
            for inputs, targets, numbers in loader:
                if me == args.rank and elastic.commits == args.step:
                    go_wrong(args.fault, args.folder)
                step(inputs, targets)
                elastic.commit()
                del counted[elastic.commits - 1 :]
                counted.append(numbers.tolist())
                if elastic.commits % CHECKPOINT_EVERY == 0 and group.rank == 0 and not args.elastic:
                    state = {"parts": [part.state_dict() for part in parts], "random": tg.random.get_state()}
                    tg.save(checkpoint, state | {"steps": elastic.commits})

    elastic.run(train)
    model.eval()
    parallel.eval()
    loss = float(nn.functional.mse_loss(model(x), y))
    bits = hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest()
    result = {"loss": loss, "bits": bits, "counted": counted, "ranks": group.size}
    (args.folder / f"result-{me}").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
