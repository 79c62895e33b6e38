"""Large steps first, small ones later; and with a very large rate, small ones at the very start, to warm up.

With a constant rate the network ends in a dance around the valley's floor, as each batch pulls elsewhere; steps that
shrink let it settle. Far from any valley, at the start, slopes are steep and say little of what lies further on: a
large rate then throws the weights so far that they do not come back, unless it is reached gradually.

Read next: `overfitting.py`; `tinygrad_ml/keras/optimizers/schedules.py`.
"""

import numpy as np

from examples.lessons.common import Run, digits, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD
from tinygrad_ml.keras.optimizers.schedules import CosineDecay, ExponentialDecay

SMALL, LARGE = 0.1, 0.2
UNITS = 100  # how large a rate a network bears depends on its width: with 500 units, 0.2 is not too much


def lesson(run: Run) -> None:
    images, tests, _, epochs = run.setting(epochs=8)
    units, starts = run.choose(tiny=(16, 1), default=(UNITS, 3))
    steps = epochs * -(-images // 100)
    warmup = steps * 3 // 10
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
        f"Five hidden layers of {units} ReLUs, SGD with momentum 0.9; the mean over {starts} random starts, and the "
        f"worst of them: where a rate is too large, luck decides."
    )
    found = {
        name: [
            train(network(5, units, "relu", seed), data, epochs, SGD(learning_rate=rate, momentum=0.9))
            for seed in range(starts)
        ]
        for name, rate in rates.items()
    }
    accuracies = {name: np.array([history["val_accuracy"][-1] for history in found[name]]) for name in rates}
    losses = {name: np.mean([history["loss"][-1] for history in found[name]]) for name in rates}
    run.table(
        ["learning rate", "training loss", "test accuracy", "the worst"],
        [[name, losses[name], values.mean(), values.min()] for name, values in accuracies.items()],
    )
    constant, exponential, cosine, thrown, cold, warm = (values.mean() for values in accuracies.values())
    run.expect("a rate that decays ends better than a constant one", min(exponential, cosine) > constant)
    run.expect(
        "a large rate needs its warm-up: with it the network learns far better than without",
        warm > max(thrown, cold) + 0.1,
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
            {name: np.mean([one["val_accuracy"] for one in histories], axis=0) for name, histories in found.items()},
            "test accuracy",
        ),
        "What each did, the mean over the random starts.",
    )


if __name__ == "__main__":
    main(lesson)
