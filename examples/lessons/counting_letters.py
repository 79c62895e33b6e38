"""The simplest model of a language is a table: how often each letter comes after each other one, counted.

A name is written letter by letter, each drawn by how often it follows the one before it. Counting over two letters knows
more; over three and four it knows the names that it has counted by heart, and what it has never seen it can say nothing of.
The judge is the mean of -ln p over the letters of names that were not counted. Read next: `mlp_of_letters.py`;
`tinygrad_ml/data/text_sets.py`.
"""

import numpy as np

from examples.lessons.common import Run, effect, grid, lines, main
from tinygrad_ml.data import Characters, Names

SMOOTHING = 0.1  # how often each letter counts as seen before anything was
END = "\n"


def counted(names: list[str], before: int, letters: Characters) -> dict[str, np.ndarray]:
    """How often each letter stood behind each run of `before` letters; where a name begins, ends of names stand before it."""
    counts: dict[str, np.ndarray] = {}
    for name in names:
        whole = END * before + name + END
        for at, token in enumerate(letters.encode(name + END)):
            counts.setdefault(whole[at : at + before], np.zeros(letters.vocab_size))[token] += 1
    return counts


def probabilities(counts: dict[str, np.ndarray], seen: str, letters: Characters) -> np.ndarray:
    row = counts.get(seen, np.zeros(letters.vocab_size)) + SMOOTHING
    return row / row.sum()


def surprise(counts: dict[str, np.ndarray], names: list[str], before: int, letters: Characters) -> float:
    """The mean of -ln p over all letters and ends of names."""
    found = []
    for name in names:
        whole = END * before + name + END
        for at, token in enumerate(letters.encode(name + END)):
            found.append(-np.log(probabilities(counts, whole[at : at + before], letters)[token]))
    return float(np.mean(found))


def written(counts: dict[str, np.ndarray], before: int, letters: Characters, draw: np.random.Generator) -> str:
    name = END * before
    while len(name) < before + 16 and not (len(name) > before and name[-1] == END):
        p = probabilities(counts, name[len(name) - before :], letters)
        name += letters.decode(draw.choice(letters.vocab_size, p=p))
    return name.strip(END)


def lesson(run: Run) -> None:
    count, tests = run.choose(tiny=(300, 50), default=(20_000, 2_000))
    run.say(f"Settings: {count:,} first names, drawn with seed {run.seed}, are counted; {tests:,} others judge.")
    draw = np.random.default_rng(run.seed)
    names = [name.lower() for name in draw.permutation([*Names().words, *Names(train=False).words])]
    train, others = names[:count], names[count : count + tests]
    letters = Characters("\nabcdefghijklmnopqrstuvwxyz")

    rows, on_train, on_test = [], [], []
    for before in range(5):
        counts = counted(train, before, letters)
        on_train.append(surprise(counts, train[:tests], before, letters))
        on_test.append(surprise(counts, others, before, letters))
        sample = ", ".join(written(counts, before, letters, draw) for _ in range(4))
        rows.append([before, len(counts), on_train[-1], on_test[-1], sample])
    run.table(["letters before", "rows of the table", "-ln p, counted", "-ln p, others", "it writes"], rows)
    run.say(f"Knowing nothing costs ln 27 = {np.log(27):.4f} a letter.")
    run.expect(
        "each letter more that is looked at makes the counted names likelier; of other names only the first few do",
        effect("-ln p gained by the fourth, counted", on_train[3] - on_train[4]),
        effect("-ln p gained by the first, others", on_test[0] - on_test[1]),
        effect("-ln p gained by the second, others", on_test[1] - on_test[2]),
        effect("-ln p lost by the fourth, others", on_test[4] - on_test[3]),
    )
    counts = counted(train, 1, letters)
    table = np.stack([probabilities(counts, letter, letters) for letter in letters.pieces])
    shown = [letter if letter != END else "end" for letter in letters.pieces]
    run.picture(
        grid(table, shown, shown, "what comes next", "what stands before"),
        "How often each letter comes after each other one; 'end' is where names begin and end.",
    )
    run.picture(
        lines(
            {"counted names": (range(5), on_train), "others": (range(5), on_test)},
            "-ln p of a letter",
            "letters before",
        ),
        "Tables that look further back know the counted names by heart.",
        "_further",
    )


if __name__ == "__main__":
    main(lesson)
