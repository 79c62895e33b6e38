"""The command `tinygrad-ml`: one file here for each of its subcommands.

A subcommand's file has a function `register(commands)`. It adds its parser to argparse's `commands` and sets the
parser's default `run`: a function of the parsed arguments that does the work and returns the exit code, or None for 0.

Exit codes: 0 done, 2 a mistake of the user's (one line on stderr says which), 130 interrupted.

Read next: `train.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..distributed import ending
from ..errors import TinygradError
from . import doctor, draw, export, generate, launch, port, train

_SUBCOMMANDS = (train, generate, export, draw, port, launch, doctor)

_EPILOG = """\
examples:
  tinygrad-ml train                    train a network on MNIST
  tinygrad-ml train --model gpt        train a network that writes names
  tinygrad-ml generate                 let it write
  tinygrad-ml export -o digits.onnx    the trained network, for other programs
  tinygrad-ml draw cnn -o graph.svg    draw a network, forward and backward
  tinygrad-ml explain mlp              a page that goes through it step by step
  tinygrad-ml port train.py            a training script of PyTorch's, in the names of this library
  tinygrad-ml launch -n 2 program.py   a program of yours, in two processes that work together
  tinygrad-ml doctor                   what this machine has, and how to get what is missing
  tinygrad-ml train --help             all options of a command
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default); the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.run is None:
        parser.print_help()
        return 2
    try:
        return args.run(args) or 0
    except TinygradError as error:
        ending.tell(error)
        return _report(str(error), 2)
    except KeyboardInterrupt as error:
        ending.tell(error)
        return _report("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does. Nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        ending.tell(error)
        return _report(": ".join(str(part) for part in (error.filename, error.strerror) if part) or repr(error), 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygrad-ml",
        description="Train a network on MNIST or on texts, look at what it computes, and see what this machine offers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tinygrad_ml {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for subcommand in _SUBCOMMANDS:
        subcommand.register(commands)
    return parser


def _report(message: str, code: int) -> int:
    """Print the one line of a failure; its exit code."""
    sys.stderr.write(f"tinygrad-ml: {message}\n")  # at once: other ranks write to the same place
    return code
