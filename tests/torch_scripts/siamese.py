# Pairs of points that belong together are drawn together, others apart.
import torch
import torch.nn.functional as F
from torch import nn


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, a, b):
        return F.normalize(self.body(a), p=2, dim=1), F.normalize(self.body(b), dim=1)


def contrastive(a, b, same, margin=1.0):
    distance = F.pairwise_distance(a, b)
    apart = torch.clamp(margin - distance, min=0.0)
    return torch.mean(same * distance.pow(2) + (1 - same) * torch.pow(apart, 2))


first = torch.sin(torch.arange(64).float()).view(16, 4)
second = torch.cos(torch.arange(64).float() * 0.5).view(16, 4)
same = torch.where(first[:, 0] * second[:, 0] > 0, torch.ones(16), torch.zeros(16))
net = Siamese()
for name, p in net.named_parameters():
    p.data.copy_((torch.arange(p.numel()).float() * 1.1).sin().view_as(p) / 2)
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.05)
for step in range(6):
    a, b = net(first, second)
    loss = contrastive(a, b, same)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item(), torch.dist(a, b).item())
