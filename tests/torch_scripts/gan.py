# A generator and a discriminator of numbers.
import torch
import torch.nn as nn

G = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1))
D = nn.Sequential(nn.Linear(1, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1), nn.Sigmoid())
for p in [*G.parameters(), *D.parameters()]:
    p.data.copy_(0.5 * torch.sin(torch.arange(p.numel()).float() + 1).view_as(p))

criterion = nn.BCELoss()
opt_g = torch.optim.Adam(G.parameters(), lr=0.01, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=0.01, betas=(0.5, 0.999))
n = 16
real = 2 + 0.3 * torch.sin(torch.arange(n).float()).unsqueeze(1)
ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)

for step in range(6):
    noise = torch.cos(torch.arange(2 * n).float() * (step + 1)).view(n, 2)
    fake = G(noise)

    opt_d.zero_grad()
    loss_d = criterion(D(real), ones) + criterion(D(fake.detach()), zeros)
    loss_d.backward()
    opt_d.step()

    opt_g.zero_grad()
    loss_g = criterion(D(fake), ones)
    loss_g.backward()
    opt_g.step()
    print("step %d D %.5f G %.5f" % (step, loss_d.item(), loss_g.item()))
