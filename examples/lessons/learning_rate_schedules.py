"""Large steps first, small ones later; and with a very large rate, small ones at the very start, to warm up.

With a constant rate the network ends in a dance around the valley's floor, as each batch pulls elsewhere; steps that
shrink let it settle. Far from any valley, at the start, slopes are steep and say little of what lies further on: a
large rate then throws the weights so far that they may not come back, unless it is reached gradually. Which random
starts are lost is luck, so the lesson counts them.

Read next: `overfitting.py`; `tinygrad_ml/keras/optimizers/schedules.py`.
"""

import numpy as np

from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD
from tinygrad_ml.keras.optimizers.schedules import CosineDecay, ExponentialDecay

SMALL, LARGE = 0.1, 0.24
LOST = 0.9  # a start that ends at a lower test accuracy; those that are not lost end at 0.94 to 0.96
UNITS = 100  # how large a rate a network bears depends on its width: this one is often lost from 0.2 on


def lesson(run: Run) -> None:
    images, tests, _, epochs = run.setting(epochs=8)
    units, few, many = run.choose(tiny=(16, 1, 1), default=(UNITS, 3, 10))
    steps = epochs * -(-images // 100)
    warmup = steps * 4 // 10
    data = digits(images, tests).one_hot()
    rates = {
        f"constant {SMALL}": SMALL,
        "exponential decay": ExponentialDecay(SMALL, decay_steps=steps, decay_rate=0.01),
        "cosine decay": CosineDecay(SMALL, steps),
        f"constant {LARGE}": LARGE,
        f"cosine decay from {LARGE}": CosineDecay(LARGE, steps),
        f"warm-up to {LARGE}, cosine decay": CosineDecay(0.0, steps - warmup, warmup_target=LARGE, warmup_steps=warmup),
    }
    run.say(
        f"Five hidden layers of {units} ReLUs, SGD with momentum 0.9; {few} random starts, and {many} with and without "
        f"warm-up, where luck decides. A start is lost that ends below {LOST}."
    )
    found = {
        name: [
            train(network(5, units, "relu", seed=seed), data, epochs, SGD(learning_rate=rate, momentum=0.9))
            for seed in run.seeds(few if i < 4 else many)
        ]
        for i, (name, rate) in enumerate(rates.items())
    }
    accuracies = {name: np.array([history["val_accuracy"][-1] for history in found[name]]) for name in rates}
    losses = {name: np.median([history["loss"][-1] for history in found[name]]) for name in rates}
    run.table(
        ["learning rate", "training loss, median", "test accuracy, median", "the worst", "starts lost"],
        [
            [name, losses[name], np.median(values), values.min(), f"{(values < LOST).sum()} of {len(values)}"]
            for name, values in accuracies.items()
        ],
    )
    constant, _, cosine, _, cold, warm = accuracies.values()
    settled = np.array([[history["loss"][-1] for history in found[name]] for name in list(rates)[:3]])
    run.expect(
        "steps that shrink let it settle: rates that decay end at a lower training loss than a constant one",
        effect("loss of the constant one, over the higher of theirs", settled[0] / settled[1:].max(0), above=1),
    )
    run.expect(
        "one that falls slowly at first, as a cosine does, is ahead on the test images too",
        effect("test accuracy gained", cosine - constant),
    )
    run.expect(
        "a large rate needs its warm-up: without it random starts are lost, which are not with it",
        effect(
            "share of starts lost without, less that with it", (cold < LOST).mean() - (warm < LOST).mean(), above=0.1
        ),
    )
    at = np.arange(steps)
    run.picture(
        lines(
            {name: (at, [rate(step) if callable(rate) else rate for step in at]) for name, rate in rates.items()},
            "learning rate",
            "update",
        ),
        "The six schedules.",
        "_rates",
    )
    run.picture(
        lines(
            {name: np.median([one["val_accuracy"] for one in histories], axis=0) for name, histories in found.items()},
            "test accuracy",
        ),
        "What each did, the median of the random starts.",
    )


if __name__ == "__main__":
    main(lesson)
