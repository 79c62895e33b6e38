"""MNIST in forty lines: a network reads handwritten digits. Real data, one look at each image, a few seconds.

Sixty thousand images of 28 x 28 pixels, part of the package, train a network of 784 inputs, one hidden
layer and ten outputs, a score for each digit. Ten thousand images that it has never seen tell how well it
does. `tinygrad-ml train` does the same with a progress bar, several epochs and a saved model.

Read next: `06_saddle_or_minimum.py`; or the library itself, along `tinygrad_ml/README.md`.
"""

import time

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import MNIST, DataLoader, TensorDataset

tg.manual_seed(0)
x, y = MNIST(train=True).tensors(flatten=True, normalize=True)
x_test, y_test = MNIST(train=False).tensors(flatten=True, normalize=True)

model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=2e-3)

started, seen = time.perf_counter(), 0
for step, (images, labels) in enumerate(DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True), start=1):
    optimizer.zero_grad()
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    seen += len(labels)
    if step % 100 == 0:
        print(f"{seen:6d} images seen, loss {loss.item():.3f}")

with tg.no_grad():
    guess = model(x_test).argmax(axis=1)
wrong = guess != y_test
print(
    f"\ntest accuracy {1 - wrong.sum().item() / len(y_test):.2%}, after {time.perf_counter() - started:.1f} s of training\n"
)

i = wrong.numpy().argmax()  # the first mistake
for row in MNIST(train=False).images[i, 4:24:2]:  # every second row: a character is twice as high as wide
    print("   ", "".join(" .:-=+*#"[pixel // 32] for pixel in row))
print(f"\n    a {y_test[i].item()}, which the network takes for a {guess[i].item()}")
