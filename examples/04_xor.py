"""A first network: XOR, which no line can separate and a few hidden units can.

The answer is 1 where exactly one of two inputs is 1. Whatever line is drawn through the plane, one of
the four points is on the wrong side; so y = σ(w·x + b) fails. A hidden layer bends the plane first.

This is the loop of `03_training_loop.py`, with the parts that a library provides: `nn` for sets of
functions, a loss, and `optim` for walking downhill. Read next: `05_mnist.py`.
"""

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

tg.manual_seed(0)

x = tg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = tg.tensor([[0.0], [1.0], [1.0], [0.0]])


def train(model, steps=500):
    """Fit the model to the four points, and return its last loss."""
    loss_fn = nn.BCEWithLogitsLoss()  # takes the sum before the sigmoid, which is more exact than after it
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


line = nn.Linear(2, 1)
network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
print(f"loss of a line:    {train(line):.4f}   (ln 2 = 0.6931 is what guessing costs)")
print(f"loss of a network: {train(network):.4f}\n")

print("  x1  x2   XOR   line says   network says")
with tg.no_grad():
    for point, truth, by_line, by_network in zip(x, y, line(x).sigmoid(), network(x).sigmoid(), strict=True):
        x1, x2 = point.tolist()
        print(f"{x1:4g}{x2:4g}{truth.item():6g}{by_line.item():12.2f}{by_network.item():15.2f}")

print("\nWhat the network says between the four points, from 0 (blank) to 1 (#); the inputs are the corners:\n")
shades = " .:-=+*#"
with tg.no_grad():
    for x2 in tg.linspace(1, 0, 11).tolist():
        row = tg.stack([tg.linspace(0, 1, 41), tg.full(41, x2)], axis=1)
        print("   ", "".join(shades[int(p * 7.999)] for p in network(row).sigmoid().flatten().tolist()))
