"""`tinygrad-ml launch`: starts a program several times, as ranks that work together.

Read next: `../distributed/launching.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..distributed.launching import launch
from ..errors import OptionError
from . import options

_EPILOG = """\
examples:
  tinygrad-ml launch -n 2 program.py --lr 0.1      what follows the program is given to it
  tinygrad-ml launch -n 4 -m package.module        a module
  tinygrad-ml launch -n 4 --elastic program.py     when a rank dies, the others may go on without it (Open MPI)
  mpiexec -n 64 -hosts a,b,c,d python program.py   many machines: the launcher of MPI itself does as well

Each line that a rank prints begins with its number. When one ends by an error, is killed or leaves the others waiting, all
end, and a message names it and says what it was doing. Ctrl-C is passed on to each. The exit code is that of mpiexec: 0 if
all ranks have come to their end.
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "launch",
        help="start a program several times, as ranks that work together",
        description="Start a program several times on this machine, by the MPI that is installed. The program calls "
        "tinygrad_ml.distributed.init(), and so does each of the others.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-n", "--ranks", type=options.count, required=True, metavar="N", help="how many times")
    parser.add_argument("--elastic", action="store_true", help="let the others live when one has died")
    parser.add_argument("-m", dest="module", action="store_true", help="the program is the name of a module")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM ...", help="the file, and its arguments")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start them and wait; the exit code."""
    program = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not program:
        raise OptionError("which program? Name it at the end, as in: tinygrad-ml launch -n 2 program.py")
    if not args.module and not Path(program[0]).exists():
        raise OptionError(
            f"there is no program {program[0]!r} in {Path.cwd()}: name a file of Python's, without `python` before it, or a "
            "module after -m, as in: tinygrad-ml launch -n 2 program.py --lr 0.1"
        )
    return launch(args.ranks, ["-m", *program] if args.module else program, args.elastic)
