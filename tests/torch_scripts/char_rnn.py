# The next letter of a text.
import torch
import torch.nn as nn
import torch.nn.functional as F

text = "the cat sat on the mat and the rat ran "
letters = sorted(set(text))
index = {c: i for i, c in enumerate(letters)}
codes = torch.tensor([index[c] for c in text], dtype=torch.long)
inputs, targets = codes[:-1].unsqueeze(0), codes[1:].unsqueeze(0)


class CharRNN(nn.Module):
    def __init__(self, vocab, hidden=12):
        super().__init__()
        self.embed = nn.Embedding(vocab, 8)
        self.rnn = nn.GRU(8, hidden, batch_first=True)
        self.decode = nn.Linear(hidden, vocab)

    def forward(self, x, h=None):
        out, h = self.rnn(self.embed(x), h)
        return self.decode(out.contiguous().view(-1, out.size(2))), h


model = CharRNN(len(letters))
for p in model.parameters():
    p.data.copy_(torch.sin(torch.arange(p.numel()).float() * 0.7).view(p.size()) * 0.4)
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
for step in range(8):
    out, hidden = model(inputs)
    loss = F.cross_entropy(out, targets.view(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{step} {loss.item():.5f}")
with torch.no_grad():
    out, _ = model(inputs[:, :4])
    print("next after 'the ':", letters[out[-1].topk(1)[1].item()])
