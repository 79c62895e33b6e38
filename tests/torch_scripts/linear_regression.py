# A line through points.
import torch
from torch import nn, optim

x = torch.linspace(-1, 1, 40).unsqueeze(1)
y = 3 * x + 0.5 + 0.1 * torch.sin(20 * x)

model = nn.Linear(1, 1)
with torch.no_grad():
    model.weight.fill_(0.1)
    model.bias.zero_()

criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.3)

for epoch in range(10):
    prediction = model(x)
    loss = criterion(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.6f}")

residual = (model(x) - y).detach().abs()
print("largest residual", residual.max().item())
