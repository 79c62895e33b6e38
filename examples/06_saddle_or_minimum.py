"""Where the slope is zero: is it a minimum, or a saddle with a way out? The second derivatives tell.

The smallest deep network, y = w₁·w₂·x, shall learn y = x from the sample x = y = 1. Its loss L = (1 - w₁·w₂)² is flat
at w₁ = w₂ = 0: training that starts there never leaves, though the loss is 1 and could be 0.

The Hessian H, the matrix of second derivatives, describes the ground around such a critical point. Going a
little way v from there changes the loss by ½ vᵀHv. So look at the eigenvalues of H:

- all positive: up in every direction, a local minimum;
- one negative: a saddle, and the eigenvector of that eigenvalue is a direction that leads down.

Read next: `tinygrad_ml/autograd/derivatives.py`, where `hessian` is ten lines.
"""

import numpy as np

import tinygrad_ml as tg


def loss(w):
    return (1 - w[0] * w[1]) ** 2


def look_around(w):
    """Print what the derivatives say about the point w, and return the eigenvector of the lowest eigenvalue."""
    x = tg.tensor(w, requires_grad=True)
    (slope,) = tg.grad(loss(x), x)
    eigenvalues, eigenvectors = np.linalg.eigh(tg.hessian(loss, x).numpy())
    kind = (
        "a saddle"
        if eigenvalues[0] < -1e-3
        else "a minimum"
        if eigenvalues[0] > 1e-3
        else "a minimum with a flat floor"
    )
    print(f"   at w = {np.round(w, 3)}: loss {loss(x):.4f}, slope {slope.numpy().round(3)}")
    print(f"   eigenvalues of the Hessian {eigenvalues.round(3)}: {kind}\n")
    return eigenvectors[:, 0]


print("The start:")
way_out = look_around(np.zeros(2, np.float32))
print(
    f"The eigenvector of the negative eigenvalue is {way_out.round(3)}. A small step that way, then downhill as usual:\n"
)

w = tg.tensor(0.1 * way_out, requires_grad=True)
for step in range(61):
    value = loss(w)
    (slope,) = tg.grad(value, w)
    if step % 10 == 0:
        print(f"   step {step:2d}   w = ({w[0]:6.3f}, {w[1]:6.3f})   loss {value:.4f}")
    w.assign(w - 0.1 * slope)

print("\nThe end:")
look_around(w.numpy())
print("The floor is flat along w₁·w₂ = 1: there, many networks compute the same function.")
