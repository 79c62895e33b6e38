"""`tinygrad-ml generate`: writes with a GPT that `tinygrad-ml train --model gpt` has trained.

Read before: `train.py`. Read next: `../models/generation.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..io import load
from ..models import stream
from ..random import manual_seed
from .options import count, fraction, seed, temperature
from .runs import RunFolder
from .tasks import WRITER, WRITINGS, WritingTask

_EPILOG = """\
examples:
  tinygrad-ml train --model gpt                              first: a GPT that writes names, in two minutes
  tinygrad-ml generate                                       more of what the latest one writes
  tinygrad-ml generate --start "KING HENRY." --length 500    a speech, of one trained with --data shakespeare
  tinygrad-ml generate --temperature 0.5                     what is likelier; 0 for the likeliest
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "generate",
        help="write with a GPT that was trained",
        description="Write with the GPT of a run, character by character.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, nargs="?", metavar="FOLDER", help="of the run (default: the latest of a GPT)")
    add("--start", default="", metavar="TEXT", help="what it goes on from (default: a new line)")
    add("--length", type=count, default=300, metavar="N", help="characters to write (default: 300)")
    add("--temperature", type=temperature, default=0.8, metavar="X", help="how daring: 0 to about 1.5 (default: 0.8)")
    add("--top-k", type=count, metavar="N", help="draw from so many of the likeliest characters only")
    add("--top-p", type=fraction, metavar="X", help="draw from the fewest whose probabilities add up to this")
    add("--seed", type=seed, metavar="N", help="of what is drawn (default: another text each time)")
    add("--no-cache", action="store_true", help="read all again for each character: the same text, later")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write; the exit code."""
    folder = RunFolder(args.folder) if args.folder is not None else RunFolder.latest(WRITER)
    task = _task(folder)
    # Nothing else stands before the first line.
    start = task.text.encode("\n" + args.start)
    if args.seed is not None:
        manual_seed(args.seed)
    tokens = stream(
        task.model, start.expand_dims(0), args.length, args.temperature, args.top_k, args.top_p, not args.no_cache
    )
    print(args.start, end="", flush=True)
    for token in tokens:
        print(task.text.decode(token.reshape(-1)), end="", flush=True)
    print()
    return 0


def _task(folder: RunFolder) -> WritingTask:
    """What was trained in the folder, with the weights that it has by now."""
    settings: dict[str, Any] = folder.read_settings()
    if settings["model"] != WRITER or settings.get("data") not in WRITINGS:
        raise OptionError(
            f"{folder.path} is a run of {settings['model']}, which does not write; train a GPT by "
            f"tinygrad-ml train --model {WRITER}"
        )
    task = WritingTask(WRITER, settings["data"], 1, None, settings["seed"], None)
    task.model.load_state_dict(load(folder.model))
    return task
