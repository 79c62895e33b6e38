"""Give the loss the logits, not the softmax of them: in float32, what the softmax rounds away cannot be had back.

The cross-entropy of the right class c is -ln(eᶻᶜ / Σ eᶻ) = ln Σ eᶻ - zᶜ. Computed from the probability p, a p of 1e-40
has become 0, of which there is no logarithm: Keras then takes 1e-7 for it, so that the loss cannot be more than 16.1
and its slope is 0, just where the answer is most wrong. And a p of 0.999999998 has become 1, as if there were nothing
left to learn. Computed from the logits z, with their maximum taken out of the sum, the slope, which is what training
uses, is right to float32's last digits everywhere. So: a linear last layer, and `from_logits=True`.

Read next: `several_labels.py`; `log_softmax` in `tinygrad_ml/functional/reductions.py`.
"""

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, lines, main
from tinygrad_ml.keras.losses import CategoricalCrossentropy

from_probabilities = CategoricalCrossentropy()
from_logits = CategoricalCrossentropy(from_logits=True)


def loss_and_slope(loss_of, z: float, dtype: str = "float32") -> tuple[float, float]:
    """The loss where the right class has logit 0 and the wrong one z, and its slope by z."""
    logits = tg.tensor([[0.0, z]], dtype=dtype, requires_grad=True)
    loss = loss_of(logits)
    return loss.item(), tg.grad(loss, logits)[0].numpy()[0, 1]


def lesson(run: Run) -> None:
    right = np.array([[1.0, 0.0]], np.float32)
    ways = {
        "from probabilities": lambda z: from_probabilities(right, tg.softmax(z, axis=1)),
        "from logits": lambda z: from_logits(right, z),
    }
    run.say(
        "Settings: two classes in float32; the logit of the right one is 0, that of the wrong one varies. Exact: in float64."
    )
    where = np.array([-20.0, -10.0, -1.0, 1.0, 10.0, 20.0, 50.0, 100.0])
    exact_loss, exact_slope = np.logaddexp(0, where), 1 / (1 + np.exp(-where))
    losses, slopes, off = {}, {}, {}
    for name, way in ways.items():
        losses[name], slopes[name] = np.array([loss_and_slope(way, z) for z in where]).T
        off[name] = abs(slopes[name] - exact_slope) / exact_slope
    for what, exact, found in (("loss", exact_loss, losses), ("slope", exact_slope, slopes)):
        columns = (exact, found["from probabilities"], found["from logits"])
        rows = [[f"{z:g}", *row] for z, *row in zip(where, *columns, strict=True)]
        run.table(["wrong logit", f"exact {what}", "from probabilities", "from logits"], rows)
    run.expect(
        "from logits, losses and slopes are right where the answer is wrong, however wrong it is",
        np.allclose(losses["from logits"][3:], exact_loss[3:], rtol=1e-6) and off["from logits"].max() < 1e-5,
        exact=True,
    )
    run.expect(
        "from probabilities the loss stops at 16.1, and the slope is 0 where the answer is most wrong",
        16 < losses["from probabilities"][-1] < 16.2 and slopes["from probabilities"][-1] == 0,
        exact=True,
    )
    run.picture(
        lines(
            {name: (where, np.maximum(errors, 1e-9)) for name, errors in off.items()},
            "relative error of the slope",
            "logit of the wrong class",
            log=True,
        ),
        "How far each slope is from the exact one, on a log scale: 1 is all of it (1e-9 stands for nothing).",
    )


if __name__ == "__main__":
    main(lesson)
