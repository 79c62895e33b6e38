# Words by their neighbours, with negative samples.
import torch
import torch.nn as nn
import torch.nn.functional as F

words = "a king and a queen rule a land and a sea".split()
vocabulary = {word: i for i, word in enumerate(sorted(set(words)))}
ids = [vocabulary[word] for word in words]
pairs = [(ids[i], ids[i + d]) for i in range(1, len(ids) - 1) for d in (-1, 1)]
center = torch.LongTensor([pair[0] for pair in pairs])
context = torch.LongTensor([pair[1] for pair in pairs])
negative = (context.unsqueeze(1) + torch.arange(1, 4)) % len(vocabulary)


class SkipGram(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.inner = nn.Embedding(size, dim, sparse=False)
        self.outer = nn.Embedding(size, dim)

    def forward(self, center, context, negative):
        v = self.inner(center)
        positive = torch.sum(v * self.outer(context), dim=1)
        wrong = torch.bmm(self.outer(negative), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(positive) + F.logsigmoid(-wrong).sum(1)).mean()


model = SkipGram(len(vocabulary), 6)
for p in model.parameters():
    p.data.copy_(torch.sin(torch.arange(p.numel()).float()).view_as(p))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range(6):
    loss = model(center, context, negative)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
king, queen = model.inner.weight[vocabulary["king"]], model.inner.weight[vocabulary["queen"]]
print("likeness", F.cosine_similarity(king, queen, dim=0).item())
