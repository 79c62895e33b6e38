"""`python -m examples.lessons`: run all lessons, one after the other, and write a report of them.

python -m examples.lessons                              all, about ten minutes on two cores
python -m examples.lessons dropout augmentation         some
python -m examples.lessons --full --out runs/course     the notes' settings, into another folder
python -m examples.lessons --seeds 20 dropout           how often each claim holds with other random numbers
"""

import sys
import time
from importlib import import_module

from . import COURSE, report, seeds
from .common import Run, arguments, print_table


def main() -> None:
    parser = arguments("Run the lessons of the course, and write a report with every table and picture.")
    parser.add_argument("names", nargs="*", metavar="LESSON", help=f"by default all: {', '.join(COURSE)}")
    parser.add_argument("--seeds", type=int, metavar="N", help="run each with N seeds, and count how often claims hold")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in COURSE]
    if unknown:
        parser.error(f"there is no lesson {', '.join(unknown)}; there are {', '.join(COURSE)}")
    if given.seeds is not None and given.seeds < 1:
        parser.error("--seeds needs one seed at least")
    # All of them first: what is missing on this machine shall not show after ten minutes.
    modules = [import_module(f"{__package__}.{name}") for name in given.names or COURSE]
    if given.seeds:
        found = seeds.run_over(modules, given.seeds, given.size, given.out)
        print_table(seeds.table(found))
        print("Written down:", report.write_seeds(found, given.out))
        seldom = [
            f"{lesson}: {claim}" for (lesson, claim), said in seeds.claims(found).items() if not seeds.often(said)
        ]
        sys.exit("These hold in less than 19 of 20 runs:\n" + "\n".join(seldom) if seldom else 0)
    runs = []
    for module in modules:
        run = Run(module, given.size, given.out)
        started = time.perf_counter()
        module.lesson(run)
        run.say(f"({time.perf_counter() - started:.1f} s)")
        runs.append(run)
    before = seeds.claims(seeds.read(modules, given.size, given.out))
    print("The report:", *report.write(runs, given.out, before), sep="\n   ")


if __name__ == "__main__":
    main()
