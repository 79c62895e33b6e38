"""A unit of a convolution sees a part of the image, and the same weights look at every part.

What a unit sees can be read off its gradient: the pixels on which it depends are those where the slope of its output is
not 0. After one layer of 3 x 3 these are 9 pixels; each further layer, and each pooling, widens the view, until the
dense layer at the end sees all. As all places share their weights, there are few of them; and what was learnt in one
place is known in all. Read next: `folder_of_images.py`; `tinygrad_ml/functional/windows.py`.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from examples.lessons.common import Run, digits, effect, main, train
from tinygrad_ml.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D, Reshape
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.utils import set_random_seed
from viz.training.style import picture, styled


def convolutional(seed: int) -> Sequential:
    set_random_seed(seed)
    return Sequential(
        [
            Reshape((28, 28, 1), input_shape=(784,)),
            Conv2D(8, 3, activation="relu"),
            MaxPooling2D(2),
            Conv2D(16, 3, activation="relu"),
            MaxPooling2D(2),
            Flatten(),
            Dense(10, activation="softmax"),
        ]
    )


def dense(units: int, seed: int) -> Sequential:
    set_random_seed(seed)
    return Sequential([Dense(units, activation="relu", input_dim=784), Dense(10, activation="softmax")])


def seen_by_the_middle_unit(model: Sequential, depth: int) -> np.ndarray:
    """Where the slope of one unit of the layer `depth` by the pixels is not 0, over 20 images of noise: (28, 28)."""
    x = tg.random.uniform(size=(20, 784))
    x.requires_grad = True
    a = x
    for layer in model.layers[: depth + 1]:
        a = layer(a)
    middle = a[:, a.shape[1] // 2, a.shape[2] // 2].sum() if a.ndim == 4 else a[:, 0].sum()
    return (tg.grad(middle, x)[0].numpy() != 0).any(axis=0).reshape(28, 28)


@styled
def drawn(model: Sequential, image: np.ndarray, views: dict[str, np.ndarray]) -> Figure:
    """What one unit of each layer sees; the filters of the first layer, and what they make of an image."""
    made = picture(10, 4.4)
    grid = made.subplots(3, 8)
    for axes, (name, view) in zip(grid[0], views.items(), strict=False):
        pixels = image.reshape(28, 28)
        axes.imshow(np.where(view, 0.5 + 0.5 * pixels, 0.25 * pixels), cmap="viridis", vmin=0, vmax=1)
        axes.set_title(name, fontsize=8)
    first = model.layers[1]
    kernels, maps = first.get_weights()[0], first(model.layers[0](tg.tensor(image[None]))).numpy()[0]
    for i in range(8):
        grid[1, i].imshow(kernels[..., 0, i], cmap="PuOr", vmin=-abs(kernels).max(), vmax=abs(kernels).max())
        grid[1, i].set_title(f"filter {i + 1}", fontsize=8)
        grid[2, i].imshow(maps[..., i], cmap="gray", vmin=0, vmax=maps.max())
    for axes in grid.ravel():
        axes.set_axis_off()
    return made


def lesson(run: Run) -> None:
    images, tests, _, epochs = run.setting(images=5000, epochs=3)
    data = digits(images, tests).one_hot()
    run.say(
        "A network of two convolutions of 3 x 3, with pooling, and a dense one of as many weights; Adam, batches of 50."
    )
    found, rows, trained = {}, [], convolutional(run.seed)
    for name, model in (("convolutional", trained), ("dense", dense(7, run.seed))):
        found[name] = train(model, data, epochs, "adam", batch_size=50)["val_accuracy"][-1]
        rows.append([name, model.count_params(), found[name]])
    run.table(["network", "parameters", "test accuracy"], rows)
    views, sizes, rows = {}, [], []
    for depth in (1, 2, 3, 4, 6):
        layer = trained.layers[depth]
        name = f"{depth}. {type(layer).__name__}"
        views[name] = view = seen_by_the_middle_unit(trained, depth)
        sizes.append((view.any(axis=1).sum(), view.any(axis=0).sum()))
        units, inputs = (int(np.prod(tensor.shape[1:])) for tensor in (layer.output, layer.input))
        weights = sum(w.size for w in layer.get_weights())
        rows.append([name, "{} x {}".format(*sizes[-1]), weights, (inputs + 1) * units if weights else 0])
    run.table(["layer", "pixels that a unit sees", "its weights", "weights of a dense layer of that size"], rows)
    run.expect(
        "a unit of the first layer sees 3 x 3 pixels, and each layer sees at least as many as the one before",
        sizes[0] == (3, 3) and sizes == sorted(sizes),
        exact=True,
    )
    run.expect(
        "with as many weights, the convolutional network is better",
        effect("test accuracy gained", found["convolutional"] - found["dense"], above=0.02),
    )
    run.picture(
        drawn(trained, data.x_test[0], views),
        "Above: the part of the image (bright) that a unit in the middle of each layer sees. Below: the eight filters of the "
        "first layer, 3 x 3 weights each, and the same digit through them.",
    )


if __name__ == "__main__":
    main(lesson)
