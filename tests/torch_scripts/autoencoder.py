# Waves, squeezed into two numbers each.
import torch
from torch import nn
from torch.utils.data import DataLoader

waves = torch.stack([torch.sin(k * torch.linspace(0, 3, 16)) for k in range(1, 25)])
encoder = nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2))
decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 16))
for net in (encoder, decoder):
    for i, p in enumerate(net.parameters()):
        nn.init.zeros_(p)
        p.data.add_(0.3 * torch.cos(torch.arange(p.numel()) * 1.3 + i).view(*p.shape))

parameters = list(encoder.parameters()) + list(decoder.parameters())
optimizer = torch.optim.AdamW(parameters, lr=0.02, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
loader = DataLoader(waves, batch_size=8, shuffle=False, drop_last=True)
for epoch in range(5):
    running = 0.0
    for batch in loader:
        loss = nn.functional.mse_loss(decoder(encoder(batch)), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    print(epoch, running / len(loader), scheduler.get_last_lr()[0])
codes = encoder(waves).detach().cpu().numpy()
print("codes", codes.shape, float(codes.mean()))
