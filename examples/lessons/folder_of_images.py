"""A folder of image files becomes arrays and labels: read, make grey and of one size, stack, scale, number the classes.

The usual form of a collection is a folder for each class, with the images in it. The script makes such a folder, from
images of MNIST, and reads it twice: by hand, with Pillow, to see what there is to do; and with
`image_dataset_from_directory`, which reads each batch when it is wanted, so that the images need not all fit into
memory. It needs Pillow (pip install pillow). Read next: `tinygrad_ml/keras/utils/image_dataset.py`.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import viz
from examples.lessons.common import Run, effect, main
from tinygrad_ml import keras
from tinygrad_ml.data import MNIST
from tinygrad_ml.keras.layers import Dense, Flatten, Rescaling
from tinygrad_ml.keras.models import Sequential


def make_folder(folder: Path, count: int) -> None:
    """Write `count` images as folder/<digit>/<number>.png."""
    data = MNIST(train=True)
    for number, (pixels, label) in enumerate(zip(data.images[:count], data.labels[:count], strict=True)):
        path = folder / str(label) / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def read_folder(folder: Path, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images (N, height, width, 1) of numbers from 0 to 255, labels (N,), and what the labels mean."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    images, labels = [], []
    for label, name in enumerate(names):
        for path in sorted((folder / name).glob("*.png")):
            with Image.open(path) as image:
                grey = image.convert("L").resize((size[1], size[0]))  # Pillow says width first
            images.append(np.asarray(grey, np.float32)[..., None])
            labels.append(label)
    return np.stack(images), np.array(labels), names


def lesson(run: Run) -> None:
    count, epochs = run.choose(tiny=(100, 1), default=(2000, 5), full=(60_000, 5))
    folder = run.out / f"digits_{count}"
    make_folder(folder, count)
    files = sum(1 for _ in folder.glob("*/*.png"))
    run.say(
        f"Settings: {count:,} images of MNIST, written to {folder}; 784-100-10, Adam, {epochs} epochs, seed {run.seed}."
    )

    x, y, names = read_folder(folder, (28, 28))
    run.table(
        ["array", "shape", "numbers"],
        [
            ["images", str(x.shape), f"{x.dtype}, {x.min():g} to {x.max():g}"],
            ["labels", str(y.shape), f"{y.dtype}, {y.min()} to {y.max()}: {', '.join(names)}"],
        ],
    )
    from_folder = keras.utils.image_dataset_from_directory(
        folder, color_mode="grayscale", image_size=(28, 28), batch_size=100, shuffle=False
    )
    batches = [(images.numpy(), labels.numpy()) for images, labels in from_folder]
    same = all(
        np.array_equal(ours, np.concatenate(theirs))
        for ours, theirs in zip((x, y), zip(*batches, strict=True), strict=True)
    )
    run.expect("both ways of reading give the same arrays", same, exact=True)

    keras.utils.set_random_seed(run.seed)
    model = Sequential(
        [
            Rescaling(1 / 255, input_shape=(28, 28, 1)),
            Flatten(),
            Dense(100, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    train = keras.utils.image_dataset_from_directory(
        folder, color_mode="grayscale", image_size=(28, 28), batch_size=50, seed=run.seed
    )
    history = model.fit(train, epochs=epochs, verbose=0).history
    test = MNIST(train=False)
    _, accuracy = model.evaluate(test.images[..., None].astype("float32"), test.labels, batch_size=1000, verbose=0)
    run.table(
        ["trained from the folder", "figure"],
        [["files", files], ["training accuracy", history["accuracy"][-1]], ["test accuracy", accuracy]],
    )
    run.expect("a network learns from the folder", effect("test accuracy", accuracy, above=0.8))
    some = np.linspace(0, len(x) - 1, 20).astype(int)
    run.picture(
        viz.images(x[some], y[some], classes=names), "Twenty of the files, as arrays, with the names of their folders."
    )


if __name__ == "__main__":
    main(lesson)
