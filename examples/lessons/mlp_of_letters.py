"""A network fills in what a table of letters cannot count: letters become vectors, and alike ones share what is learnt.

The last three letters, each as a vector of its own, go into one hidden layer; out come logits of the next. A table over three
letters has 19,683 rows, most of them empty or almost; the network has less than a hundredth of its numbers, and is better on
names that it has not seen. Source: Y. Bengio et al., "A Neural Probabilistic Language Model" (2003). Read before:
`counting_letters.py`. Read next: `rnn_unrolled.py`.
"""

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, effect, lines, main
from examples.lessons.counting_letters import END, counted, surprise
from tinygrad_ml import nn, optim
from tinygrad_ml.data import Characters, Names
from tinygrad_ml.nn.functional import cross_entropy

BEFORE = 3


def windows(names: list[str], letters: Characters) -> tuple[np.ndarray, np.ndarray]:
    """The three letters before each letter (n, 3), and the letters (n,)."""
    seen, following = [], []
    for name in names:
        tokens = letters.encode(END * BEFORE + name + END)
        seen += [tokens[at : at + BEFORE] for at in range(len(name) + 1)]
        following += tokens[BEFORE:].tolist()
    return np.array(seen), np.array(following)


def network(vocab_size: int, features: int, units: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Embedding(vocab_size, features),
        nn.Flatten(),
        nn.Linear(BEFORE * features, units),
        nn.Tanh(),
        nn.Linear(units, vocab_size),
    )


def trained(
    model: nn.Module, seen: np.ndarray, following: np.ndarray, steps: int, draw: np.random.Generator
) -> list[float]:
    """The loss of each step."""
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    @tg.compile
    def step(x, y):
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    losses = []
    for _ in range(steps):
        batch = draw.integers(len(seen), size=256)
        losses.append(step(tg.tensor(seen[batch]), tg.tensor(following[batch])).item())
    return losses


def lesson(run: Run) -> None:
    count, tests, steps = run.choose(tiny=(300, 50, 5), default=(2_000, 2_000, 600))
    starts = run.seeds(run.choose(tiny=1, default=3))
    run.say(
        f"Settings: {count:,} first names, {tests:,} others judge, drawn with seed {run.seed}; {len(starts)} random starts, "
        f"{steps:,} steps of Adam with batches of 256, 8 features for a letter, 64 hidden units."
    )
    names = [
        name.lower()
        for name in np.random.default_rng(run.seed).permutation([*Names().words, *Names(train=False).words])
    ]
    train, others = names[:count], names[count : count + tests]
    letters = Characters("\nabcdefghijklmnopqrstuvwxyz")
    tables = {before: surprise(counted(train, before, letters), others, before, letters) for before in (1, 2, 3)}
    seen, following = windows(train, letters)
    test, expected = windows(others, letters)

    found, curves = [], {}
    for seed in starts:
        tg.manual_seed(seed)
        model = network(letters.vocab_size, 8, 64)
        losses = trained(model, seen, following, steps, np.random.default_rng(seed))
        curves[f"start {len(curves) + 1}"] = np.convolve(losses, np.ones(50) / 50, "valid") if steps > 50 else losses
        with tg.no_grad():
            found.append(cross_entropy(model(test), tg.tensor(expected)).item())
    numbers = sum(parameter.size for parameter in model.parameters())
    rows = [[f"table, {before} before", 27 ** (before + 1), value] for before, value in tables.items()]
    run.table(
        ["model", "numbers", "-ln p of other names"], [*rows, ["network, 3 before", numbers, float(np.median(found))]]
    )
    run.expect(
        "the network is better on other names than each table, with a hundredth of the numbers of the largest",
        effect("-ln p gained over the best table", min(tables.values()) - np.array(found)),
        numbers < 27 ** (BEFORE + 1) / 100,
    )
    run.picture(lines(curves, "loss, mean of 50 steps", "step"), "The loss of three random starts in training.")


if __name__ == "__main__":
    main(lesson)
