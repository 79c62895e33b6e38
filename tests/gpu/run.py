"""Everything that only a GPU can show, in one command: `python tests/gpu/run.py`.

It compares the CPU and the GPU operation by operation, trains a network on MNIST on both, compares compiled
steps with eager ones, many steps of one kernel with as many eager ones, and runs the whole suite of tests on the GPU. It exits with 0 if all agree, 1 if something differs, and 2 on a
machine without a GPU. `--device strict` rehearses it on the stand-in of `tests/strict.py`.
"""

import argparse
import pathlib
import subprocess
import sys
import time
from unittest import mock

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import agreement  # noqa: E402
import fake_cuda  # noqa: E402  makes "strict" the name of a device, for which programs can be compiled
import operations  # noqa: E402

import tinygrad_ml as tg  # noqa: E402
from tinygrad_ml.cuda import why_not  # noqa: E402


def compare_operations(device: str) -> bool:
    """A table of the largest differences of each operation; whether all are small."""
    print(f"{'operation':42} {'value':>9} {'gradient':>9}   (float32, largest |cpu - {device}| / (1 + |cpu|))")
    differences = [agreement.of_operation(operation, device) for operation in operations.TABLE]
    for name, value, gradient in differences:
        note = "" if max(value, gradient) <= agreement.TOLERANCE else "   DIFFERS"
        print(f"{name:42} {value:9.1e} {gradient:9.1e}{note}")
    wrong = [difference.name for difference in differences if not difference.small]
    print(f"{len(differences) - len(wrong)} of {len(differences)} operations agree\n")
    return not wrong


def compare_training(device: str) -> bool:
    """A table of the losses on both devices; whether they stay together and fall."""
    here, there = agreement.losses("cpu"), agreement.losses(device)
    print(f"{'MNIST, step':>12} {'cpu':>9} {device:>9}")
    for step in (*range(0, len(here), 10), len(here) - 1):
        print(f"{step:12} {here[step]:9.5f} {there[step]:9.5f}")
    together = all(abs(a - b) <= 0.02 * (1 + abs(a)) for a, b in zip(here, there, strict=True))
    learned = there[-1] < there[0] / 2
    print(f"the losses {'agree' if together else 'DIFFER'} and {'fall' if learned else 'DO NOT FALL'}\n")
    return together and learned


def compare_compiled(device: str, every: int) -> bool:
    """Tables of what `tg.compile` gives on the device, beside eager mode there; whether they agree.

    every  of the operations and trainings, only each so many-th
    """
    if device == "strict" and fake_cuda.cuda_on_cpu.COMPILER is None:
        print("without g++ nothing can be compiled for the stand-in\n")
        return True
    print(
        f"{'compiled training, 40 steps':32} {'loss':>9} {'graphs':>7} {'nodes':>6}   (largest difference from eager)"
    )
    trained = [agreement.of_training(case, device) for case in list(agreement.COMPARED)[::every]]
    for case, difference, graphs, nodes in trained:
        print(f"{case:32} {difference:9.1e} {graphs:7} {nodes:6}")
    table = [operation for operation in operations.TABLE if operation.name != "boolean mask"][::every]
    compiled = [agreement.of_compiled(operation, device) for operation in table]
    for name, value, gradient in [difference for difference in compiled if not difference.small]:
        print(f"{name:32} {value:9.1e} {gradient:9.1e}   COMPILED DIFFERS")
    errors, repeated = agreement.of_products(device), agreement.of_repeated(device)
    print("products of 256, largest error:", ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    print(f"repeat(50) against 50 calls: {repeated:.1e}")
    precise = errors["float32"] < agreement.EXACT and max(errors.values()) < 0.1
    agree = all(result.small for result in (*trained, *compiled)) and precise and repeated <= agreement.TOLERANCE
    print(f"compiled and eager {'agree' if agree else 'DIFFER'}\n")
    return agree


def compare_whole_steps(device: str) -> bool:
    """What one kernel for many steps gives, beside eager steps and a graph of launches; whether they agree."""
    if device == "strict" and fake_cuda.cuda_on_cpu.COMPILER is None:
        return True
    with mock.patch.object(fake_cuda.FakeCuda, "cache_bytes", 50 << 20):  # of the stand-in
        steps = agreement.of_whole_steps(device, repeats=1 if device == "strict" else 40)
    print(f"steps of a small network run {steps.said}")
    print(f"largest difference from eager steps {steps.difference:.1e}, of a graph of launches {steps.graph:.1e}")
    print(f"a second training has {'the same bits' if steps.again else 'OTHER BITS'}")
    print(f"one kernel for many steps and eager steps {'agree' if steps.small else 'DIFFER'}\n")
    return steps.small


def run_suite(device: str) -> bool:
    """The tests of the library with that device as the default, and the tests of this folder."""
    command = [sys.executable, "-m", "pytest", "-q", "--device", device, str(TESTS), str(TESTS / "gpu")]
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, cwd=TESTS.parent, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the library on a GPU.")
    parser.add_argument("--device", default="gpu", help="gpu, gpu:1, ...; or strict, to rehearse without one")
    parser.add_argument(
        "--without-suite", action="store_true", help="leave out the suite of tests, which takes minutes"
    )
    parser.add_argument("--every", type=int, default=1, help="compile only each so many-th operation, for a rehearsal")
    options = parser.parse_args()
    if options.device != "strict" and not tg.gpu_available():
        print(f"There is nothing to check here: {why_not()}. Everything else is tested by `pytest`.")
        return 2
    began = time.perf_counter()
    passed = [compare_operations(options.device), compare_training(options.device)]
    passed.append(compare_compiled(options.device, options.every))
    passed.append(compare_whole_steps(options.device))
    if not options.without_suite:
        passed.append(run_suite(options.device))
    print(f"{'all agree' if all(passed) else 'SOMETHING DIFFERS'} ({time.perf_counter() - began:.0f} s)")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
