# A classifier with one hidden layer, trained in batches.
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class MLP(nn.Module):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        x = x.view(x.size(0), -1)  # flatten images
        return self.out(F.relu(self.hidden(x)))


images = torch.sin(torch.arange(48 * 16, dtype=torch.float32)).view(48, 4, 4)
labels = images.view(48, -1).argmax(dim=1) % 3
loader = DataLoader(TensorDataset(images, labels), batch_size=16, num_workers=0, pin_memory=False)
model = MLP(16, 8, 3).to(device)
for p in model.parameters():
    p.data.copy_(0.4 * torch.cos(torch.arange(p.numel()).float()).view_as(p))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(4):
    correct, total = 0, 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        loss = F.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * x.size(0)
        _, predicted = torch.max(out.data, 1)
        correct += (predicted == y).sum().item()
    print(f"epoch {epoch + 1}: loss {total / len(images):.5f}, correct {correct}")
