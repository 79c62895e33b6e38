# A data set of one's own, read by a loader.
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    """Numbers and their squares."""

    def __init__(self, n):
        self.x = np.linspace(-1, 1, n, dtype=np.float32).reshape(-1, 1)
        self.mean = self.x.mean(axis=0)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        x = torch.from_numpy(self.x[i] - self.mean)
        return {"x": x, "y": x**2}


squares = Squares(40)
train, test = torch.utils.data.Subset(squares, range(0, 40, 2)), torch.utils.data.Subset(squares, range(1, 40, 2))
loader = DataLoader(train, batch_size=5, shuffle=False, num_workers=0)
model = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
for p in model.parameters():
    p.data.copy_(torch.sin(torch.arange(p.numel()).float()).view_as(p))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
loss_fn = torch.nn.HuberLoss()
for epoch in range(4):
    losses = []
    for batch in loader:
        loss = loss_fn(model(batch["x"]), batch["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    print(epoch, torch.stack(losses).mean().item())
with torch.no_grad():
    print("test", np.mean([loss_fn(model(b["x"]), b["y"]).item() for b in DataLoader(test, batch_size=10)]))
