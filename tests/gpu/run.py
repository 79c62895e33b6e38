"""Everything that only a GPU can show, in one command: `python tests/gpu/run.py`.

It compares many steps of one kernel with as many eager ones, compiled steps with eager ones, a network's training on MNIST on the CPU
with that on the GPU, each operation on both, and runs the tests of this folder and the whole suite on the GPU. Each part is a
process of its own, so what one of them cannot do, or never ends, costs the others nothing. It exits with 0 if all agree, 1 if
something differs, and 2 on a machine without a GPU. `--device strict` rehearses it on the stand-in of `tests/strict.py`.

A call is made for ten minutes: `--seconds` is when it ends, and says what was left out. Where that is too little, the suite is
a call of its own: `--without-suite`, and then `--parts suite`. `--out` names a folder for `gpu.json`, which has the figures of the
parts that are done. Only CuPy, NumPy and pytest with hypothesis are needed, and nothing has to be installed of this folder.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path[:0] = [str(HERE), str(TESTS), str(TESTS.parent)]

import agreement  # noqa: E402
import fake_cuda  # noqa: E402  makes "strict" the name of a device, for which programs can be compiled
import operations  # noqa: E402

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml.cuda import why_not  # noqa: E402


class Part:
    """What a part is told, and what it finds out.

    device   on which
    every    of operations and trainings, only each so many-th
    end      when it has to end, as `time.time()` says it
    figures  what it has found, for `gpu.json`
    """

    def __init__(self, device: str, every: int, end: float):
        self.device, self.every, self.end = device, every, end
        self.figures: dict[str, Any] = {}

    def each(self, what: str, items: Iterable, look: Callable[[Any], Any]) -> Iterator[Any]:
        """What `look` says of each, as long as there is time. An error is a line, and counted among `errors`."""
        items = list(items)[:: self.every]
        for done, item in enumerate(items):
            if time.time() > self.end:
                print(f"the time is over: {len(items) - done} of {len(items)} {what} are left out")
                self.figures[f"{what} left out"] = len(items) - done
                return
            try:
                yield look(item)
            except Exception as error:
                name = getattr(item, "name", item)
                print(f"{name}: {type(error).__name__}: {error}")
                self.figures.setdefault("errors", []).append(f"{name}: {traceback.format_exc()[-1500:]}")

    def agree(self, *conditions: bool) -> bool:
        """Whether all hold, and there was no error."""
        return all(conditions) and "errors" not in self.figures


def machine(part: Part) -> bool:
    """What there is: versions, and what a step as one kernel asks of the device."""
    found = {"python": platform.python_version(), "numpy": agreement.np.__version__, "device": part.device}
    if part.device != "strict":
        from tinygrad_ml.compile.gpu import CudaRuntime

        runtime = CudaRuntime(tg.device(part.device).index)
        cupy, runtime_api = runtime.backend.cupy, runtime.backend.cupy.cuda.runtime
        properties = runtime_api.getDeviceProperties(runtime.index)
        found |= {
            "gpu": properties["name"].decode(),
            "processors": properties["multiProcessorCount"],
            "compute capability": f"{properties['major']}.{properties['minor']}",
            "driver": runtime_api.driverGetVersion(),
            "cupy": cupy.__version__,
            "nvrtc": ".".join(map(str, cupy.cuda.nvrtc.getVersion())),
            "second-level cache, bytes": runtime.cache_bytes,
        }
    for name, value in found.items():
        print(f"{name:28} {value}")
    part.figures |= found
    return True


def steps(part: Part) -> bool:
    """What one kernel for many steps gives, beside eager steps and a graph of launches; whether they agree."""
    if part.device == "strict" and fake_cuda.cuda_on_cpu.COMPILER is None:
        return True
    agree = []
    for by_tiles in (False, True)[: 1 if part.device == "strict" else 2]:
        with mock.patch.object(fake_cuda.FakeCuda, "cache_bytes", 50 << 20):  # of the stand-in
            repeats = 1 if part.device == "strict" else 40
            found = agreement.of_whole_steps(part.device, repeats, by_tiles)
        print(f"steps of a small network{', with products by tiles,' if by_tiles else ''} run {found.said}")
        print(f"largest difference from eager steps {found.difference:.1e}, of a graph of launches {found.graph:.1e}")
        print(f"a second training has {'the same bits' if found.again else 'OTHER BITS'}")
        part.figures["by tiles" if by_tiles else "by rows"] = found._asdict()
        agree.append(found.small)
    print(f"one kernel for many steps and eager steps {'agree' if all(agree) else 'DIFFER'}")
    return all(agree)


def compiled(part: Part) -> bool:
    """Tables of what `tg.compile` gives on the device, beside eager mode there; whether they agree."""
    device = part.device
    if device == "strict" and fake_cuda.cuda_on_cpu.COMPILER is None:
        print("without g++ nothing can be compiled for the stand-in")
        return True
    errors, repeated = agreement.of_products(device), agreement.of_repeated(device)
    print("products of 256, largest error:", ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    print(f"repeat(50) against 50 calls: {repeated:.1e}")
    print(
        f"{'compiled training, 40 steps':32} {'loss':>9} {'graphs':>7} {'nodes':>6}   (largest difference from eager)"
    )
    trained = []
    for one in part.each("trainings", agreement.COMPARED, lambda case: agreement.of_training(case, device)):
        print(f"{one.case:32} {one.difference:9.1e} {one.graphs:7} {one.nodes:6}")
        trained.append(one)
    table, found = [one for one in operations.TABLE if one.name != "boolean mask"], []
    for one in part.each("compiled operations", table, lambda one: agreement.of_compiled(one, device)):
        found.append(one)
        if not one.small:
            print(f"{one.name:32} {one.value:9.1e} {one.gradient:9.1e}   COMPILED DIFFERS")
    precise = errors["float32"] < agreement.EXACT and max(errors.values()) < 0.1
    agree = part.agree(*(one.small for one in (*trained, *found)), precise, repeated <= agreement.TOLERANCE)
    print(f"compiled and eager {'agree' if agree else 'DIFFER'}: {len(trained)} trainings, {len(found)} operations")
    part.figures |= {"products": errors, "repeat": repeated, "trainings": [one._asdict() for one in trained]}
    part.figures["differ"] = [one._asdict() for one in found if not one.small]
    return agree


def training(part: Part) -> bool:
    """A table of the losses on both devices; whether they stay together and fall."""
    here, there = agreement.losses("cpu"), agreement.losses(part.device)
    print(f"{'MNIST, step':>12} {'cpu':>9} {part.device:>9}")
    for step in (*range(0, len(here), 10), len(here) - 1):
        print(f"{step:12} {here[step]:9.5f} {there[step]:9.5f}")
    together = all(abs(a - b) <= 0.02 * (1 + abs(a)) for a, b in zip(here, there, strict=True))
    learned = there[-1] < there[0] / 2
    print(f"the losses {'agree' if together else 'DIFFER'} and {'fall' if learned else 'DO NOT FALL'}")
    part.figures |= {"cpu": here, part.device: there}
    return together and learned


def eager(part: Part) -> bool:
    """A table of the largest differences of each operation; whether all are small."""
    device, part.every = part.device, 1
    print(f"{'operation':42} {'value':>9} {'gradient':>9}   (float32, largest |cpu - {device}| / (1 + |cpu|))")
    found = []
    for one in part.each("operations", operations.TABLE, lambda one: agreement.of_operation(one, device)):
        print(f"{one.name:42} {one.value:9.1e} {one.gradient:9.1e}{'' if one.small else '   DIFFERS'}")
        found.append(one)
    part.figures["differ"] = [one._asdict() for one in found if not one.small]
    print(f"{sum(one.small for one in found)} of {len(found)} operations agree")
    return part.agree(*(one.small for one in found))


def tests(part: Part) -> bool:
    """The tests of this folder."""
    if part.device == "strict":
        print("they ask for a GPU")
        return True
    return _pytest(part, [str(HERE)])


def suite(part: Part) -> bool:
    """The tests of the library with that device as the default."""
    workers = min(8, os.cpu_count() or 1)
    beside = ["-n", str(workers), "--dist", "loadfile"] if importlib.util.find_spec("xdist") and workers > 1 else []
    return _pytest(part, [*beside, "--device", part.device, str(TESTS)])


def _pytest(part: Part, arguments: list[str]) -> bool:
    """Run pytest until it is done, or its time is over; see `deadline.py`."""
    options = ["-q", "-p", "deadline", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--tb=short"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    print("+", " ".join(command))
    with tempfile.TemporaryDirectory() as folder:
        counts = pathlib.Path(folder, "counts.json")
        told = {"GPU_TESTS_END": str(part.end - 20), "GPU_TESTS_COUNTS": str(counts)}
        code = subprocess.run(command, cwd=TESTS.parent, env=os.environ | told, check=False).returncode
        part.figures |= json.loads(counts.read_text()) if counts.exists() else {}
    return code == 0


PARTS: dict[str, Callable[[Part], bool]] = {
    part.__name__: part for part in (machine, steps, compiled, training, eager, tests, suite)
}
"""The parts, the most important first."""
SHARE = {"compiled": 0.5, "eager": 0.6, "tests": 0.8}
"""Of the time that is left, what a part may take so that others come; of those not named, all of it."""


def run_one(name: str, options: argparse.Namespace) -> int:
    """Be the process of a part; leave a line of JSON in the file that `--result` names."""
    part = Part(options.device, options.every, options.end)
    agrees = False
    try:
        agrees = PARTS[name](part)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        part.figures["error"] = f"{type(error).__name__}: {error}"
    options.result.write_text(json.dumps({"agrees": agrees, **part.figures}, default=str))
    return 0 if agrees else 1


def start(name: str, options: argparse.Namespace, end: float) -> dict[str, Any]:
    """Run a part in a process of its own, which is ended if it does not end itself; what it found."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder, "result.json")
        command = [sys.executable, __file__, "--part", name, "--device", options.device, "--every", str(options.every)]
        command += ["--end", str(end), "--result", str(result)]
        paths = os.pathsep.join([str(HERE), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": paths}
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            process.wait(max(end - time.time(), 1) + 15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a kernel that never ends does not listen
            process.wait()
        if result.exists():
            return json.loads(result.read_text())
        return {"agrees": False, "error": f"the process ended without a result, by {process.returncode}"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="gpu", help="gpu, gpu:1, ...; or strict, to rehearse without one")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--without-suite", action="store_true", help="leave out the suite of tests, which takes minutes"
    )
    parser.add_argument("--every", type=int, default=1, help="compile only each so many-th operation, for a rehearsal")
    parser.add_argument("--seconds", type=float, default=540, help="when to end")
    parser.add_argument("--out", type=pathlib.Path, default=os.environ.get("OUT"), help="a folder for gpu.json")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--end", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--result", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        return run_one(options.part, options)
    if options.device != "strict" and not tg.gpu_available():
        print(f"There is nothing to check here: {why_not()}. Everything else is tested by `pytest`.")
        return 2
    began, found = time.time(), {}
    end = began + options.seconds
    for name in [name for name in options.parts if not (name == "suite" and options.without_suite)]:
        print(f"\n== {name}, after {time.time() - began:.0f} s", flush=True)
        if time.time() > end:
            found[name] = {"agrees": False, "error": "not begun: the time was over"}
        else:
            at = time.time()
            share = at + (end - at) * (SHARE.get(name, 1) if name != options.parts[-1] else 1)
            found[name] = start(name, options, share) | {"seconds": round(time.time() - at, 1)}
        if options.out:
            options.out = pathlib.Path(options.out)
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "gpu.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print("\n== all parts")
    for name, result in found.items():
        more = result.get("error") or f"{result['seconds']} s"
        print(f"{name:10} {'agrees' if result['agrees'] else 'DOES NOT AGREE'}: {more}")
    agree = all(result["agrees"] for result in found.values())
    print(f"{'all agree' if agree else 'SOMETHING DIFFERS'} ({time.time() - began:.0f} s)")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
