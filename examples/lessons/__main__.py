"""`python -m examples.lessons`: run all lessons, one after the other, and write a report of them.

python -m examples.lessons                              all, about ten minutes on two cores
python -m examples.lessons dropout augmentation         some
python -m examples.lessons --full --out runs/course     the notes' settings, into another folder
"""

import time
from importlib import import_module

from . import COURSE, report
from .common import Run, arguments


def main() -> None:
    parser = arguments("Run the lessons of the course, and write a report with every table and picture.")
    parser.add_argument("names", nargs="*", metavar="LESSON", help=f"by default all: {', '.join(COURSE)}")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in COURSE]
    if unknown:
        parser.error(f"there is no lesson {', '.join(unknown)}; there are {', '.join(COURSE)}")
    runs = []
    # All of them first: what is missing on this machine shall not show after ten minutes.
    for module in [import_module(f"{__package__}.{name}") for name in given.names or COURSE]:
        run = Run(module, given.size, given.out)
        started = time.perf_counter()
        module.lesson(run)
        run.say(f"({time.perf_counter() - started:.1f} s)")
        runs.append(run)
    print("The report:", *report.write(runs, given.out), sep="\n   ")


if __name__ == "__main__":
    main()
