# Gradients of four small batches make a step, and are clipped.
import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_

model = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 1))
for i, p in enumerate(model.parameters()):
    p.data.copy_(torch.sin(torch.arange(p.numel()).float() + i).view_as(p) * 0.5)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)

x = torch.sin(torch.arange(160).float()).view(32, 5)
y = x[:, :2].prod(dim=1, keepdim=True)
accumulate = 4
optimizer.zero_grad()
for epoch in range(3):
    total = 0.0
    for i, (xb, yb) in enumerate(zip(x.split(4), torch.chunk(y, 8))):
        loss = nn.functional.l1_loss(model(xb), yb) / accumulate
        loss.backward()
        total += loss.item()
        if (i + 1) % accumulate == 0:
            norm = clip_grad_norm_(model.parameters(), max_norm=0.5)
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
    print(f"epoch {epoch}: loss {total:.5f}, norm {norm.item():.5f}")
