"""At nine layers sigmoids stop learning and ReLUs do not: a sigmoid passes on at most a quarter of the gradient.

The chain rule multiplies, layer by layer. The slope of the sigmoid is σ·(1 - σ) ≤ ¼, so the gradient of the first of
nine layers is a product with eight such factors; that of the ReLU is 1 wherever it is on. `viz.LayerRecorder` listens
to the gradient of each layer while the network trains. Read next: `relu_family.py`; `viz/training/layers.py`.
"""

import numpy as np

import viz
from examples.lessons.common import Run, digits, effect, lines, main, network, train
from tinygrad_ml.keras.optimizers import SGD

NOTES = {"sigmoid": 0.113, "relu": 0.963}
LAYERS = 9


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=6)
    run.say(f"{LAYERS} layers, {units} units in each hidden one, SGD with learning rate 0.1.")
    data = digits(images, tests).one_hot()
    accuracy, norms = {}, {}
    for activation in NOTES:
        model = network(LAYERS - 1, units, activation, seed=run.seed)
        with viz.LayerRecorder(model, every=25) as recorder:
            accuracy[activation] = train(model, data, epochs, SGD(learning_rate=0.1))["val_accuracy"]
        # The first recorded step: the networks are as they were drawn, and only the activation differs.
        norms[activation] = np.array([steps[0] for steps in recorder.gradients().values()])
        run.picture(
            viz.gradients(recorder),
            f"{activation}: the gradient norm of each layer, over the steps of training.",
            f"_{activation}",
        )
    # The last epoch's may be a bad moment of steps this large; whether a network learns shows in its best one.
    best = {name: max(values) for name, values in accuracy.items()}
    run.table(
        ["activation", "test accuracy at the end", "of the best epoch", "notes"],
        [[name, accuracy[name][-1], best[name], NOTES[name]] for name in NOTES],
    )
    run.table(
        ["layer", "gradient norm, sigmoid", "gradient norm, ReLU"],
        [[i + 1, norms["sigmoid"][i], norms["relu"][i]] for i in range(LAYERS)],
    )
    run.expect(
        "nine layers learn with ReLU, and not with sigmoid",
        effect("test accuracy with ReLU, best epoch", best["relu"], above=0.9),
        effect("errors with sigmoid, best epoch", 1 - best["sigmoid"], above=0.7),
    )
    run.expect(
        "with sigmoid the first layer's gradient is next to nothing beside the last's, with ReLU it is not",
        effect("with sigmoid, the last's over the first's", norms["sigmoid"][-1] / norms["sigmoid"][0], above=1000),
        effect("with ReLU, the first's over the last's", norms["relu"][0] / norms["relu"][-1], above=0.01),
    )
    run.picture(
        lines(norms, "gradient norm", "layer, from the input", log=True),
        "The gradient norm of each layer at the first step, on a log scale: a straight fall for the sigmoid.",
    )


if __name__ == "__main__":
    main(lesson)
