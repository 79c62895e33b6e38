# Two clouds of points; the gradient step is written by hand.
import numpy as np
import torch
import torch.nn.functional as F

steps = np.arange(60, dtype=np.float32)
points = np.stack([np.cos(steps), np.sin(1.7 * steps)], axis=1)
X = torch.from_numpy(points)
y = (X[:, 0] + X[:, 1] > 0).float()

w = torch.zeros(2, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
rate = 0.5

for epoch in range(12):
    logits = X.mm(w).squeeze(1) + b
    loss = F.binary_cross_entropy_with_logits(logits, y)
    loss.backward()
    with torch.no_grad():
        w -= rate * w.grad
        b -= rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
    accuracy = (torch.sigmoid(logits).round().eq(y)).float().mean()
    print(epoch, loss.item(), accuracy.item())
