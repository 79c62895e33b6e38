# The body of a network is frozen, and a new head trained upon it.
import os
import tempfile

import torch
from torch import nn, optim


def make(classes):
    return nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, classes))


old = make(4)
for p in old.parameters():
    p.data.copy_(0.4 * torch.cos(torch.arange(p.numel()).float()).view_as(p))
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "old.pt")
    torch.save(old.state_dict(), path)
    model = make(4)
    model.load_state_dict(torch.load(path, map_location="cpu"))

for param in model.parameters():
    param.requires_grad = False
model[2] = nn.Linear(10, 2)
model[2].weight.data.fill_(0.05)
model[2].bias.data.zero_()

optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1, momentum=0.9, nesterov=True)
print("trainable", sum(p.numel() for p in model.parameters() if p.requires_grad))
x = torch.sin(torch.arange(120).float()).view(20, 6)
y = x.sum(dim=1).gt(0).long()
for epoch in range(6):
    out = model(x)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
