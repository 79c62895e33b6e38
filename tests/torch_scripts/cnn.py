# Stripes, lying or standing, told apart by convolutions.
import torch
import torch.nn as nn


class ConvNet(nn.Module):
    def __init__(self):
        super(ConvNet, self).__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=3, padding=1),  # 8 x 8
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(4 * 4 * 4, 2)

    def forward(self, x):
        out = self.layer1(x)
        return self.fc(torch.flatten(out, 1))


stripes = torch.sin(1.5 * torch.arange(8).float())
lying = stripes.view(1, 1, 8, 1).expand(12, 1, 8, 8)
standing = stripes.view(1, 1, 1, 8).expand(12, 1, 8, 8)
noise = 0.3 * torch.cos(torch.arange(24 * 64).float()).view(24, 1, 8, 8)
x = torch.cat([lying, standing], dim=0) + noise
y = torch.cat([torch.zeros(12), torch.ones(12)]).long()

net = ConvNet()
for p in net.parameters():
    nn.init.constant_(p, 0.1)
with torch.no_grad():
    net.layer1[0].weight.copy_(torch.sin(torch.arange(36).float()).view(4, 1, 3, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for step in range(6):
    loss = criterion(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print("step", step, "loss", loss.item())
net.eval()
print("accuracy", net(x).max(1)[1].eq(y).float().mean().item())
