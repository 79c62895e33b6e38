"""A GPT is attention and small networks in turn: a hundred lines of it write names that no list has.

It reads up to 32 letters from left to right and says for each place what comes next, so one window gives 32 things to learn
from. Then it writes: one letter is drawn of what it says, and read in turn. After a minute most of its names can be
pronounced, and many are in no list. Read before: `attention_by_hand.py`. Read next: `tinygrad_ml/models/gpt.py`;
`tinygrad-ml train --model gpt` trains it for longer, or on plays.
"""

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, effect, lines, main
from examples.lessons.counting_letters import counted, surprise
from tinygrad_ml import optim
from tinygrad_ml.data import DataLoader, Names
from tinygrad_ml.models import GPT, generate, next_token_loss
from tinygrad_ml.training import Trainer


def judged(model: GPT, text: Names) -> float:
    """The mean of -ln p over the second half of each window: as windows overlap by half, it is over each letter once."""
    model.eval()
    half, found = text.length // 2, []
    with tg.no_grad():
        for x, y in DataLoader(text, batch_size=100):
            found += [next_token_loss(model(x)[:, half:], y[:, half:]).item()] * len(x)
    return float(np.mean(found))


def lesson(run: Run) -> None:
    steps, width, letters = run.choose(tiny=(2, 16, 60), default=(1_200, 64, 1_500))
    run.say(
        f"Settings: 26,919 first names, 2,991 others judge; 2 layers, width {width}, {steps:,} steps of AdamW, seed {run.seed}."
    )
    train, test = Names(stride=4), Names(train=False, stride=16)
    tg.manual_seed(run.seed)
    model = GPT(train.vocab_size, context=32, width=width, layers=2, heads=4)
    optimizer = optim.AdamW(model.parameters(), lr=0.004)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.004, total_steps=steps, cycle_momentum=False)
    trainer = Trainer(model, optimizer, schedule, loss=next_token_loss, metrics={})
    batches = DataLoader(train, batch_size=32, shuffle=True, drop_last=True, seed=run.seed)

    curve, told = {"step": [], "loss": []}, max(steps // 20, 1)
    for number, _ in zip(range(1, steps + 1), trainer.train_epoch(batches), strict=False):
        if number % told == 0:
            curve["step"].append(number)
            curve["loss"].append(trainer.tally.means()[0])
            trainer.tally.reset_state()
    loss = judged(model, test)

    others = list(test.words[: run.choose(tiny=20, default=2_991)])
    tables = {
        before: surprise(counted(train.words, before, train.tokenizer), others, before, train.tokenizer)
        for before in run.choose(tiny=(1,), default=(1, 2, 3))
    }
    rows = [[f"table, {before} before", value] for before, value in tables.items()]
    run.table(["model", "-ln p of other names"], [*rows, ["GPT", loss]])
    written = train.decode(generate(model, train.encode("\n"), letters, temperature=0.8)).split("\n")[1:-1]
    known = {*train.words, *test.words}
    new = [name for name in written if name not in known]
    run.say(f"It writes: {', '.join(written[:20])}.")
    run.say(f"In no list: {', '.join(new[:20])}.")
    run.expect(
        "it knows more of other names than tables of one, two and three letters do",
        effect("-ln p gained over the best table", min(tables.values()) - loss),
    )
    run.expect(
        "some names that it writes are real, and some are its own",
        effect("real, of those written", 1 - len(new) / max(len(written), 1), above=0.1),
        effect("its own, of those written", len(new) / max(len(written), 1), above=0.1),
    )
    run.picture(
        lines({"training": (np.array(curve["step"]), np.array(curve["loss"]))}, "-ln p of a letter", "step"),
        "How the GPT learns; a guess among 53 letters costs 3.97.",
    )


if __name__ == "__main__":
    main(lesson)
