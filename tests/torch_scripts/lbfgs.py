# Rosenbrock's valley, and a fit, by L-BFGS with a closure.
import torch

xy = torch.tensor([-1.2, 1.0], requires_grad=True)
optimizer = torch.optim.LBFGS([xy], lr=0.5, max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = (1 - xy[0]) ** 2 + 10 * (xy[1] - xy[0] ** 2) ** 2
    loss.backward()
    return loss


for step in range(5):
    loss = optimizer.step(closure)
    print(step, loss.item())

t = torch.linspace(0, 3, steps=30)
data = 2.0 * torch.exp(-1.5 * t)
w = torch.tensor([1.0, 1.0]).requires_grad_()
fit = torch.optim.LBFGS([w], lr=0.5, max_iter=4)


def residual():
    fit.zero_grad()
    loss = torch.sub(w[0] * torch.exp(-w[1] * t), data).square().mean()
    loss.backward()
    return loss


for step in range(4):
    print("fit", step, fit.step(residual).item())
