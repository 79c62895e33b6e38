# Whether a sequence rises: an LSTM's last state decides.
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, hidden=6):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, num_layers=1, batch_first=True)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x):
        h0 = x.new_zeros(1, x.size(0), 6)
        c0 = torch.zeros_like(h0)
        out, (h, c) = self.lstm(x, (h0, c0))
        return self.head(out[:, -1, :])


slopes = torch.linspace(-1, 1, 20)
time = torch.arange(0, 7).float()
x = (slopes.unsqueeze(1) * time.unsqueeze(0)).unsqueeze(-1)
y = (slopes > 0).long()

model = Classifier()
for i, p in enumerate(model.parameters()):
    p.data = 0.3 * torch.sin(torch.arange(p.numel()).float() + i).reshape(p.shape)
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.02)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(6):
    model.train()
    loss = loss_fn(model(x), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    print(epoch, round(loss.item(), 6))
