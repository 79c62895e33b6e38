# A policy that learns which of three arms pays.
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=-1))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.05)
pays = torch.tensor([0.0, 0.2, 1.0])
state = torch.ones(1, 1)

for episode in range(6):
    log_probs, rewards = [], []
    for t in range(8):
        m = Categorical(policy(state))
        action = m.sample()
        log_probs.append(m.log_prob(action))
        rewards.append(pays[action.item()].item())
    returns = torch.tensor(rewards)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    policy_loss = []
    for log_prob, R in zip(log_probs, returns):
        policy_loss.append(-log_prob * R)
    optimizer.zero_grad()
    loss = torch.cat(policy_loss).sum()
    loss.backward()
    optimizer.step()
    print(f"episode {episode}: loss {loss.item():.4f}, reward {sum(rewards):.1f}")
