# A variational autoencoder; its noise is arithmetic, so that runs can be compared.
import torch
import torch.nn as nn
import torch.nn.functional as F


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 10)
        self.fc21 = nn.Linear(10, 2)
        self.fc22 = nn.Linear(10, 2)
        self.fc3 = nn.Linear(2, 12)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.cos(torch.arange(std.numel(), dtype=std.dtype)).view_as(std)
        return eps.mul(std).add(mu)

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 12))
        return torch.sigmoid(self.fc3(self.reparameterize(mu, logvar))), mu, logvar


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.view(-1, 12), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


x = (torch.sin(torch.arange(120).float()).view(10, 3, 4) + 1) / 2
model = VAE()
for p in model.parameters():
    p.data.copy_(0.3 * torch.sin(torch.arange(p.numel()).float() * 2).view_as(p))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(5):
    optimizer.zero_grad()
    recon, mu, logvar = model(x)
    loss = loss_function(recon, x, mu, logvar)
    loss.backward()
    optimizer.step()
    print("loss {:.5f}".format(loss.item() / len(x)))
