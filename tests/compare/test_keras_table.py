"""`tinygrad_ml/keras/NAMES.md` says of every public name of Keras whether it is here: `python tests/compare/test_keras_table.py --write`
writes it, and the test compares it with the code."""

import importlib
import sys
import textwrap
from pathlib import Path

from keras_twins import ours, quiet, theirs

pytestmark = quiet

PAGE = Path(__file__).parents[2] / "tinygrad_ml" / "keras" / "NAMES.md"
ROOMS = [
    "layers", "ops", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "utils", "models", "saving",
    "activations", "initializers", "regularizers", "constraints", "random", "datasets",
]  # fmt: skip
COMMAND = "python tests/compare/test_keras_table.py --write"


def look_up(path):
    """What our room has of a name, or the reason why it has it not."""
    found = ours
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            reason = str(error).partition(": ")[2]
            return None, reason or "not offered"
    return found, None


def room(path):
    there = importlib.import_module(f"keras.{path}")
    names = sorted((name for name in dir(there) if not name.startswith("_")), key=str.lower)
    missing = {}
    for name in names:
        _, reason = look_up(f"{path}.{name}")
        if reason is not None:
            missing.setdefault(reason, []).append(name)
    gone = {name for group in missing.values() for name in group}
    offered = [name for name in names if name not in gone]
    lines = [f"## {path}: {len(offered)} of {len(names)} ({len(offered) * 100 // len(names)} %)", ""]
    if offered:
        lines += [*wrapped(offered), ""]
    lines += [line for reason, group in missing.items() for line in wrapped(group, reason)]
    return "\n".join(lines).rstrip()


def wrapped(names, reason=None):
    text = " ".join(f"`{name}`" for name in names)
    if reason is None:
        return textwrap.wrap(text, 125, break_on_hyphens=False)
    return textwrap.wrap(f"- not {text}: {reason}", 125, subsequent_indent="  ", break_on_hyphens=False)


def written():
    head = f"""# Every name of Keras

The public names of Keras {theirs.__version__}, room by room, and whether they are here. What is not says, where it is looked up, what to use
instead: that stands behind it. That options, defaults and configs of what is here are Keras's is tested in
`tests/compare/test_keras_api.py`.

This page is written by `{COMMAND}`.
"""
    return "\n\n".join([head.rstrip(), *map(room, ROOMS)]) + "\n"


def test_the_page_is_what_the_code_offers():
    assert PAGE.read_text(encoding="utf-8") == written(), f"write it anew: {COMMAND}"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(written(), encoding="utf-8")
