"""Training from nothing: fit a line to points with tensors and `grad` alone.

Every training, of the largest network too, is these three steps:

1. define a set of functions: here y = w·x + b, one function for each choice of w and b;
2. judge a function: the mean squared error on the data, called the loss;
3. pick the best one: start anywhere, and walk against the slope of the loss.

Read next: `04_xor.py`, where a network is the set of functions.
"""

import numpy as np

import tinygrad_ml as tg

tg.manual_seed(1)

# The data: a line that we pretend not to know, seen through noise.
x = tg.random.uniform(-2, 2, size=100)
y = 1.5 * x - 0.5 + tg.random.normal(scale=0.3, size=100)

# 1. A set of functions. These two numbers choose one of them.
w = tg.tensor(0.0, requires_grad=True, name="w")
b = tg.tensor(0.0, requires_grad=True, name="b")


def model(x):
    return w * x + b


# 2. Judge a function.
def loss_of(prediction, truth):
    return ((prediction - truth) ** 2).mean()


# 3. Pick the best.
learning_rate = 0.1
print(" step      loss        w        b    dloss/dw  dloss/db")
for step in range(41):
    loss = loss_of(model(x), y)
    dw, db = tg.grad(loss, (w, b))
    if step % 5 == 0:
        print(f"{step:5d}  {loss:8.4f}  {w:7.4f}  {b:7.4f}  {dw:10.4f}  {db:8.4f}")
    w.assign(w - learning_rate * dw)  # downhill: against the slope
    b.assign(b - learning_rate * db)

best_w, best_b = np.polyfit(x.numpy(), y.numpy(), 1)
print(f"\nfound by walking      y = {w:.4f} x {b:+.4f}")
print(
    f"the exact best line   y = {best_w:.4f} x {best_b:+.4f}   (for a line, algebra can tell; for a network, only walking)"
)
print("behind the data       y = 1.5000 x -0.5000   (the noise hides the last digits)")
