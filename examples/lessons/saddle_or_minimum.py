"""Training stands still: at a saddle point the Hessian has a negative eigenvalue, and its eigenvector is the way on.

A small network, y = c₁·tanh(w₁·x) + c₂·tanh(w₂·x), shall learn y = sin(1.5x). Where all weights are zero its
gradient is exactly zero: gradient descent that starts there stays. Around such a critical point θ* the loss is

    L(θ* + v) ≈ L(θ*) + ½·vᵀHv,        H the matrix of second derivatives, Hᵢⱼ = ∂²L/∂θᵢ∂θⱼ

so the eigenvalues of H tell what it is: all positive, a local minimum; one negative, a saddle, and along its
eigenvector u the loss falls by ½·|λ|·t² for a step of length t, until higher terms matter. From a small step
along u, gradient descent finds its way again, here to another saddle, where one of the two units is still asleep; and
from there, by the same step, to a minimum. `../06_saddle_or_minimum.py` has the smallest example. Read next:
`tinygrad_ml/autograd/derivatives.py`, where `hessian` is ten lines.
"""

import itertools

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from examples.lessons.common import BLUE, VERMILLION, Run, main
from viz.training.style import picture, styled

x = tg.linspace(-2, 2, 41, dtype="float64")
y = tg.sin(1.5 * x)


def loss(weights: tg.Tensor) -> tg.Tensor:
    """Mean squared error of the network with the weights (w₁, w₂, c₁, c₂)."""
    w, c = weights[:2], weights[2:]
    return (((tg.tanh(x[:, None] * w) * c).sum(axis=1) - y) ** 2).mean()


def slope(w: np.ndarray) -> np.ndarray:
    w = tg.tensor(w, requires_grad=True)
    return tg.grad(loss(w), w)[0].numpy()


def eigen(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues of the Hessian at w, from the lowest, and the eigenvectors as columns."""
    return np.linalg.eigh(tg.hessian(loss, tg.tensor(w)).numpy())


def descend(w: np.ndarray, steps: int, rate: float) -> tuple[np.ndarray, list[float]]:
    """Where gradient descent from w ends, and the loss at each step."""
    losses = []
    for _ in range(steps):
        losses.append(loss(tg.tensor(w)).item())
        w = w - rate * slope(w)
    return w, losses


@styled
def drawn(u: np.ndarray, across: np.ndarray, curvature: float, losses: list[float], saddles: list[int]) -> Figure:
    """Two straight ways through the first saddle, and the loss over all steps of gradient descent."""
    made = picture(9, 3.8)
    left, right = made.subplots(1, 2)
    t = np.linspace(-1.5, 1.5, 61)
    flat = loss(tg.tensor(0 * u)).item()
    for way, name, look in ((u, "along u, where λ < 0", "-"), (across, "along an eigenvector where λ > 0", "--")):
        colour = BLUE if look == "-" else VERMILLION
        left.plot(t, [loss(tg.tensor(step * way)).item() for step in t], look, color=colour, label=name)
    left.plot(t, flat + 0.5 * curvature * t**2, color="black", linestyle=":", label="L + ½λt², what H says")
    left.set(xlabel="distance t from the first saddle", ylabel="loss", ylim=(0, 4 * flat))
    left.legend()
    right.plot(losses, color=BLUE)
    for step in saddles:
        right.plot(step, losses[step], "o", color=VERMILLION)
        right.annotate(" saddle", (step, losses[step]), va="bottom")
    right.set(xlabel="step of gradient descent", ylabel="loss", yscale="log")
    return made


def lesson(run: Run) -> None:
    # The further down, the steeper the last valley's walls: λ is 7 after 4,000 steps, and 29 in the full run. A rate
    # above 2/λ would throw gradient descent from one wall to the other.
    steps, rate = run.choose(tiny=(5, 0.05), default=(4000, 0.05), full=(40_000, 0.02))
    run.say(
        f"Settings: four weights, 41 points, learning rate {rate}; {steps} steps of gradient descent from each point."
    )
    where, losses = descend(np.zeros(4), steps, rate)
    run.expect("gradient descent from a point with zero gradient stays there", losses[-1] == losses[0], exact=True)
    first = eigen(where)
    rows, saddles = [], []
    while True:
        values, vectors = eigen(where)
        settled = -values[0] < 1e-3 or len(rows) == 4
        numbers = " ".join(f"{value:.4f}" for value in values)
        rows.append(
            [
                len(losses),
                loss(tg.tensor(where)).item(),
                np.linalg.norm(slope(where)),
                numbers,
                "a minimum" if settled else "a saddle",
            ]
        )
        if settled:
            break
        saddles.append(len(losses) - 1)
        where, walked = descend(where + 0.1 * vectors[:, 0], steps, rate)
        losses += walked
    run.table(["steps so far", "loss", "length of the gradient", "eigenvalues of the Hessian", "so it is"], rows)
    run.expect(
        "each step along the eigenvector of a negative eigenvalue leads further down, until there is none",
        len(rows) > 1 and rows[-1][-1] == "a minimum" and all(b[1] < a[1] for a, b in itertools.pairwise(rows)),
    )
    u, across = first[1][:, 0], first[1][:, -1]
    run.picture(
        drawn(u, across, first[0][0], losses, saddles),
        f"Left: through the first saddle, the loss falls on one way as its eigenvalue {first[0][0]:.2f} says, and rises on "
        "another. Right: gradient descent stands still, until it is shown the way.",
    )


if __name__ == "__main__":
    main(lesson)
