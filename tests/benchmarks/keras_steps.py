"""Keras through its `fit`, which is what its users call, and which is faster than its `train_on_batch`.

It compiles the step by itself where its backend can: on JAX always. A round is an epoch of so many batches, without
shuffling and without metrics other than the loss.
"""

import os
from collections.abc import Callable

import numpy as np
from tasks import Task, random_batch


def steps(task: Task, backend: str) -> Callable[[], None]:
    """`backend` is the one on which Keras computes, "jax" or "torch"."""
    os.environ["KERAS_BACKEND"] = backend
    import keras
    from keras import layers

    if task.network == "cnn":
        shape, network = (
            (28, 28, 1),
            [
                *(layers.Conv2D(8, 5), layers.MaxPooling2D(), layers.ReLU()),
                *(layers.Conv2D(16, 5), layers.MaxPooling2D(), layers.ReLU()),
                *(layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10)),
            ],
        )
    else:
        shape, network = (
            (784,),
            [*(layers.Dense(task.width, activation="sigmoid") for _ in range(2)), layers.Dense(10)],
        )
    model = keras.Sequential([keras.Input(shape), *network])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = random_batch(task)
    x = np.concatenate([images.reshape(task.batch, *shape)] * task.steps)
    y = np.concatenate([labels] * task.steps)
    return lambda: model.fit(x, y, batch_size=task.batch, epochs=1, shuffle=False, verbose=0)
