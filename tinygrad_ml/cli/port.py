"""`tinygrad-ml port`: print a training script of PyTorch's in the names of this library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import DataError
from ..porting import ported
from ..porting.porter import NOTE


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "port",
        help="print a training script of PyTorch's in the names of this library",
        description="Print a training script of PyTorch's in the names of this library. The script is read and never run; "
        "comments and layout stay. Above each line that could not be turned stands a comment that begins with '# port:' "
        "and says why; how many there are is said on stderr.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.py", help="the script")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there instead of printing it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, turn, and print or write."""
    try:
        script = args.file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{args.file} is not a text in UTF-8: give it the script, FILE.py") from None
    text = ported(script, str(args.file))
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    count = sum(line.lstrip().startswith(NOTE) for line in text.splitlines())
    if count:
        comments = "1 comment says" if count == 1 else f"{count} comments say"
        print(f"{args.file}: {comments} what could not be turned: look for '{NOTE.strip()}'", file=sys.stderr)
    elif text == script:
        print(f"{args.file} does not import PyTorch: there is nothing to turn", file=sys.stderr)
