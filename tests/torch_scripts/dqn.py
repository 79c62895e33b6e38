# One network is followed by another: the update of deep Q-learning.
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

policy = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
with torch.no_grad():
    for p in policy.parameters():
        p.copy_(torch.sin(torch.arange(p.numel()).float()).view(p.shape).mul(0.4))
target = copy.deepcopy(policy)
target.load_state_dict(policy.state_dict())
target.eval()
optimizer = torch.optim.RMSprop(policy.parameters(), lr=5e-3)

states = torch.sin(torch.arange(60).float()).reshape(20, 3)
following = torch.roll(states, shifts=-1, dims=0)
actions = (torch.arange(20) % 2).long().unsqueeze(1)
rewards = states.sum(dim=1)
done = torch.zeros(20, dtype=torch.bool)
done[-1] = True

for step in range(6):
    q = policy(states).gather(1, actions).squeeze(1)
    with torch.no_grad():
        best = target(following).max(1)[0].masked_fill(done, 0.0)
        expected = rewards + 0.9 * best
    loss = F.smooth_l1_loss(q, expected)
    optimizer.zero_grad()
    loss.backward()
    for param in policy.parameters():
        param.grad.data.clamp_(-1, 1)
    optimizer.step()
    for slow, fast in zip(target.parameters(), policy.parameters()):
        slow.data.copy_(0.9 * slow.data + 0.1 * fast.data)
    print(step, loss.item())
