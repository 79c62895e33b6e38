# Noise is added to points of a circle, and a network learns to tell it.
import torch
import torch.nn as nn

T = 20
betas = torch.linspace(1e-3, 0.2, T)
alphas_bar = torch.cumprod(1.0 - betas, dim=0)

angles = torch.linspace(0, 6.2, 32)
circle = torch.stack([angles.cos(), angles.sin()], dim=1)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 24), nn.SiLU(), nn.Linear(24, 24), nn.SiLU(), nn.Linear(24, 2))

    def forward(self, x, t):
        return self.net(torch.cat((x, t.float().unsqueeze(-1) / T), dim=-1))


model = Denoiser()
for p in model.parameters():
    p.data.copy_(0.3 * torch.sin(1.7 * torch.arange(p.numel()).float()).view_as(p))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(8):
    t = (torch.arange(32) * 7 + step) % T
    noise = torch.cos(torch.arange(64).float() * (1.3 + step)).view(32, 2)
    scale = alphas_bar[t].view(-1, 1)
    noisy = scale.sqrt() * circle + (1 - scale).sqrt() * noise
    loss = (model(noisy, t) - noise).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print("step", step, "loss", loss.item())

x = torch.cos(torch.arange(8).float()).view(4, 2)
with torch.no_grad():
    for i in reversed(range(T)):
        eps = model(x, torch.full((4,), i, dtype=torch.long))
        x = (x - betas[i] / torch.sqrt(1 - alphas_bar[i]) * eps) / torch.sqrt(1 - betas[i])
print("norms", torch.norm(x, dim=1).tolist())
