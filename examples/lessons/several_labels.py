"""Where several labels can be right at once, each output is a sigmoid of its own; a softmax must choose one.

Five questions about a digit, each with yes or no: is it even, is it 5 or more, is it a prime, has it a loop (0, 6, 8,
9), is it a sum of two squares? The outputs of a softmax share a total of 1, so it cannot say yes twice. Sigmoids do not
know of each other: five networks for two classes that share their hidden layers. The loss is then the binary
cross-entropy, -t·ln p - (1 - t)·ln(1 - p), the mean over the labels. The network is written in Keras's functional
style. Read next: `full_batch_or_mini_batch.py`; `tinygrad_ml/keras/losses/functions.py`.
"""

import numpy as np
from matplotlib.figure import Figure

from examples.lessons.common import BLUE, VERMILLION, Run, digits, effect, main
from tinygrad_ml.keras import Input, Model
from tinygrad_ml.keras.layers import Dense
from tinygrad_ml.keras.utils import set_random_seed
from viz.training.style import picture, styled

QUESTIONS = {
    "even": (0, 2, 4, 6, 8),
    "5 or more": (5, 6, 7, 8, 9),
    "prime": (2, 3, 5, 7),
    "has a loop": (0, 6, 8, 9),
    "sum of two squares": (0, 1, 2, 4, 5, 8, 9),
}
ANSWERS = np.array([[digit in yes for yes in QUESTIONS.values()] for digit in range(10)], np.float32)  # (10, 5)


def with_output(activation: str, units: int, seed: int) -> Model:
    set_random_seed(seed)
    image = Input(shape=(784,))
    hidden = Dense(units, activation="relu")(image)
    return Model(image, Dense(len(QUESTIONS), activation=activation)(hidden))


@styled
def drawn(said: np.ndarray, image: np.ndarray, truth: np.ndarray) -> Figure:
    made = picture(7, 2.6)
    left, right = made.subplots(1, 2, width_ratios=(1, 2))
    left.imshow(image.reshape(28, 28), cmap="gray_r")
    left.set_axis_off()
    right.barh(list(QUESTIONS), said, color=[BLUE if yes else VERMILLION for yes in truth])
    right.invert_yaxis()
    right.set(xlim=(0, 1), xlabel="what the sigmoid says (blue: yes is right)")
    return made


def lesson(run: Run) -> None:
    images, tests, units, epochs = run.setting(epochs=5, units=200)
    run.say(f"One hidden layer of {units} ReLUs, Adam.")
    data = digits(images, tests)
    wanted = ANSWERS[data.y_test]
    right, by_question = {}, {}
    for activation, loss in (("sigmoid", "binary_crossentropy"), ("softmax", "categorical_crossentropy")):
        model = with_output(activation, units, run.seed)
        model.compile(loss=loss, optimizer="adam")
        model.fit(data.x, ANSWERS[data.y], batch_size=100, epochs=epochs, verbose=0)
        said = model.predict(data.x_test, verbose=0)
        hits = (said > 0.5) == (wanted == 1)
        right[activation], by_question[activation] = hits.all(axis=1).mean(), hits.mean(axis=0)
        if activation == "sigmoid":
            run.picture(
                drawn(said[0], data.x_test[0], wanted[0]), f"A {data.y_test[0]}, and what the five sigmoids say of it."
            )
    rows = [[name, by_question["sigmoid"][i], by_question["softmax"][i]] for i, name in enumerate(QUESTIONS)]
    run.table(
        ["label", "accuracy, a sigmoid each", "accuracy, softmax"],
        [*rows, ["all five right", right["sigmoid"], right["softmax"]]],
    )
    run.expect(
        "with a sigmoid for each label all five are right far more often than with a softmax",
        effect("share with all five right gained", right["sigmoid"] - right["softmax"], above=0.3),
    )


if __name__ == "__main__":
    main(lesson)
