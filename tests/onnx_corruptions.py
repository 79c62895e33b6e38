"""Small ONNX files, damaged in all ways: what comes of one is an error of ours, or what other programs make of it too.

    python -m tests.onnx_corruptions              # 2,000 of them
    python -m tests.onnx_corruptions 300 --seed 7 # so many others

Each damaged file is read and run here. Where that gives numbers, onnxruntime and the reference evaluator of `onnx` run it too, and
if one of them takes it, one must have the same numbers: a damaged file may still be a good one, for another network. All of it
runs with a limit of memory (of address space, so nothing can ask for more), and of time for each file.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import re
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import onnx

import tinygrad_ml as tg
from tinygrad_ml.errors import TinygradError

MEMORY = 3 * 2**30  # of address space, of which a third is what NumPy, onnx and onnxruntime map without using it
RESIDENT = 600 * 2**20
SECONDS = 10

TEXTS = {
    "layers": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[n,4] x) => (float[n,3] y)
        <float[4,5] w = {0.1,-0.2,0.3,0.4,-0.5,0.6,0.7,-0.8,0.9,0.1,0.2,0.3,-0.4,0.5,0.6,-0.7,0.8,0.9,-0.1,0.2},
         float[5] b = {0.1,0.2,0.3,0.4,0.5}, float[3,5] v = {1,2,3,4,5,-1,-2,-3,-4,-5,1,0,1,0,1}> {
            h = Gemm <alpha = 0.5> (x, w, b)
            r = LeakyRelu <alpha = 0.2> (h)
            g = Gemm <transB = 1> (r, v)
            y = Softmax <axis = 1> (g)
        }""",
    "image": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[1,2,6,6] x) => (float[1,2,1,1] y)
        <float[2,2,3,3] w = {1,0,-1,2,0,-2,1,0,-1,0.5,0,0.5,1,1,1,0,0,0,1,2,1,0,0,0,-1,-2,-1,3,1,2,1,0,0,1,1,1},
         float[2] s = {1,2}, float[2] b = {0,1}, float[2] m = {0.5,0.1}, float[2] u = {1,4}> {
            c = Conv <pads = [1,1,1,1], strides = [1,1]> (x, w)
            n = BatchNormalization <epsilon = 0.001> (c, s, b, m, u)
            r = Relu (n)
            p = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r)
            y = GlobalAveragePool (p)
        }""",
    "shapes": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[n,2,6] x) => (float[a,b,c] y, int64[r] z)
        <int64 one = {1}, int64[1] minus = {-1}, int64[1] zero = {0}, float[3] k = {1,2,3}> {
            z = Shape (x)
            first = Gather <axis = 0> (z, zero)
            shape = Concat <axis = 0> (first, minus, t)
            t = Constant <value_ints = [3]> ()
            q = Reshape (x, shape)
            f = ConstantOfShape <value = float[1] {0.5}> (first)
            e = Expand (k, t)
            m = Mul (q, e)
            o = Transpose <perm = [0,2,1]> (m)
            y = ReduceSum <keepdims = 1> (o, minus)
        }""",
    "choice": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[3] x) => (float[3] y)
        <float limit = {0.0}> {
            s = ReduceSum <keepdims = 0> (x)
            c = Greater (s, limit)
            r = Exp (x)
            y = If (c) <
                then_branch = one () => (float[3] a) { a = Mul (r, r) },
                else_branch = two () => (float[3] b) { m = Neg (x)  b = Add (m, r) }
            >
        }""",
    "functions": """
        <ir_version: 9, opset_import: ["" : 17, "own" : 1]>
        net (float[2,3] x) => (float[2,3] y) {
            h = own.scaled <factor = 0.5> (x)
            y = own.scaled <factor = 3.0> (h)
        }
        <domain: "own", opset_import: ["" : 17]>
        scaled <factor> (a) => (b) {
            f = Constant <value_float: float = @factor> ()
            m = Mul (a, f)
            b = Tanh (m)
        }""",
    "attention": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[1,4,3] x) => (float[1,4,3] y)
        <float[3,9] w = {1,0,0,0,1,0,0.5,0,0,0,1,0,1,0,0,0,0.5,0,0,0,1,0,0,1,0,0,0.5},
         float[3] s = {1,1,1}, float[3] b = {0,0,0}, float half = {0.577}> {
            p = MatMul (x, w)
            q, k, v = Split <axis = 2> (p)
            t = Transpose <perm = [0,2,1]> (k)
            d = MatMul (q, t)
            h = Mul (d, half)
            a = Softmax (h)
            o = MatMul (a, v)
            r = Add (o, x)
            y = LayerNormalization <axis = -1> (r, s, b)
        }""",
    "scan": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[2] h0, float[4,2] x) => (float[2] h, float[4,2] y) {
            h, y = Scan <num_scan_inputs = 1,
                body = step (float[2] before, float[2] now) => (float[2] after, float[2] out) {
                    sum = Add (before, now)
                    after = Tanh (sum)
                    out = Identity (after)
                }> (h0, x)
        }""",
    "integers": """
        <ir_version: 8, opset_import: ["" : 17]>
        net (int64[4] i) => (int32[4] y, bool[4] z)
        <float[5,2] table = {1,2,3,4,5,6,7,8,9,10}, int64[4] other = {3,1,2,0}> {
            e = Gather <axis = 0> (table, i)
            s = ReduceMax <axes = [1], keepdims = 0> (e)
            y = Cast <to = 6> (s)
            z = Less (i, other)
        }""",
}
"""Networks in ONNX's own language for them."""


def small_files() -> dict[str, bytes]:
    """The good files, by names."""
    files = {name: onnx.parser.parse_model(text).SerializeToString() for name, text in TEXTS.items()}
    lstm = onnx.helper.make_node("LSTM", ["x", "w", "r", "b"], ["", "h"], hidden_size=2)
    generator = numpy.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(generator.standard_normal(shape, "float32"), name)
        for name, shape in (("w", (1, 8, 3)), ("r", (1, 8, 2)), ("b", (1, 16)))
    ]
    inputs, outputs = (
        [onnx.helper.make_tensor_value_info(name, 1, shape)] for name, shape in (("x", (4, 1, 3)), ("h", (1, 1, 2)))
    )
    graph = onnx.helper.make_graph([lstm], "recurrent", inputs, outputs, weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return files | {"recurrent": model.SerializeToString()}


def inputs_of(content: bytes) -> dict[str, numpy.ndarray]:
    """Numbers for the inputs of a good file."""
    generator, found = numpy.random.default_rng(1), {}
    for port in onnx.ModelProto.FromString(content).graph.input:
        shape = [dim.dim_value or 2 for dim in port.type.tensor_type.shape.dim]
        integers = port.type.tensor_type.elem_type == onnx.TensorProto.INT64
        found[port.name] = generator.integers(0, 4, shape) if integers else generator.standard_normal(shape, "float32")
    return found


def damaged(content: bytes, generator: numpy.random.Generator) -> bytes:
    """The file with one to three things done to it."""
    for _ in range(generator.choice([1, 1, 2, 3])):
        content = generator.choice(DAMAGES)(content, generator)
    return content


def _flip(content: bytes, generator: numpy.random.Generator) -> bytes:
    place = generator.integers(len(content))
    return content[:place] + bytes([content[place] ^ 1 << generator.integers(8)]) + content[place + 1 :]


def _other(content: bytes, generator: numpy.random.Generator) -> bytes:
    place = generator.integers(len(content))
    return content[:place] + generator.bytes(1) + content[place + 1 :]


def _near(content: bytes, generator: numpy.random.Generator) -> bytes:
    """A number, a length or a kind that is one more or less."""
    place = generator.integers(len(content))
    return content[:place] + bytes([content[place] + generator.choice([1, 255]) & 255]) + content[place + 1 :]


def _cut(content: bytes, generator: numpy.random.Generator) -> bytes:
    return content[: generator.integers(1, len(content))]


def _range(content: bytes, generator: numpy.random.Generator) -> tuple[int, int]:
    begin = generator.integers(len(content))
    return begin, min(len(content), begin + generator.integers(1, 24))


def _removed(content: bytes, generator: numpy.random.Generator) -> bytes:
    begin, end = _range(content, generator)
    return content[:begin] + content[end:] or b"\0"


def _doubled(content: bytes, generator: numpy.random.Generator) -> bytes:
    begin, end = _range(content, generator)
    return content[:end] + content[begin:]


def _swapped(content: bytes, generator: numpy.random.Generator) -> bytes:
    begin, end = _range(content, generator)
    other = generator.integers(len(content))
    rest = content[:begin] + content[end:]
    return rest[:other] + content[begin:end] + rest[other:]


def _huge(content: bytes, generator: numpy.random.Generator) -> bytes:
    """A number that becomes a large one, in as many bytes."""
    place = generator.integers(len(content))
    return content[:place] + b"\xff" * generator.integers(1, 9) + b"\x7f" + content[place + 1 :]


def _edited(content: bytes, generator: numpy.random.Generator) -> bytes:
    """A file that is well made, and says something else in one place."""
    try:
        proto = onnx.ModelProto.FromString(content)
    except Exception:
        return _flip(content, generator)
    places = [*_places(proto)]
    if places:
        message, field = places[generator.integers(len(places))]
        value = getattr(message, field)
        if isinstance(value, str | bytes | int | float):
            with contextlib.suppress(ValueError):  # an enumeration knows no such number
                setattr(message, field, _instead(value, places, generator))
        elif generator.random() < 0.3:
            del value[generator.integers(len(value))]
        elif isinstance(value[0], str | bytes | int | float):
            value[generator.integers(len(value))] = _instead(value[0], places, generator)
        else:
            value.append(value[generator.integers(len(value))])
    return proto.SerializeToString() or b"\0"


def _places(message: Any) -> Iterator[tuple[Any, str]]:
    """All that a message says: (message, field)."""
    for field, value in message.ListFields():
        if hasattr(value, "ListFields"):
            yield from _places(value)
            continue
        yield message, field.name
        if not isinstance(value, str | bytes | int | float):
            for each in value:
                if hasattr(each, "ListFields"):
                    yield from _places(each)


def _instead(value: Any, places: list[tuple[Any, str]], generator: numpy.random.Generator) -> Any:
    """Another value of the same kind: for a word, one of the file's others."""
    if isinstance(value, bool | int):
        return int(generator.choice([0, 1, 2, 3, 4, 5, 6, 7, 11, -1, -2, 100, 2**20, 2**31 - 1]))
    if isinstance(value, float):
        return float(generator.choice([0.0, 1.0, -1.0, 0.5, 1e30, numpy.nan]))
    others = [getattr(message, field) for message, field in places]
    others = [other for other in others if type(other) is type(value)]
    return others[generator.integers(len(others))]


DAMAGES: list[Callable[[bytes, numpy.random.Generator], bytes]] = [
    _edited, _edited, _edited, _edited, _edited, _edited, _edited, _edited, _flip, _flip, _other, _near, _near, _cut, _removed,
    _doubled, _swapped, _huge,
]  # fmt: skip


def ours(content: bytes, inputs: dict[str, numpy.ndarray]) -> list[numpy.ndarray]:
    """What the file computes here; errors of ours pass, others are a `Fault`."""
    try:
        model = tg.onnx.load(content)
        with tg.no_grad():
            outputs = model(*(tg.tensor(value) for value in inputs.values()))
    except TinygradError:
        raise
    except Exception as error:
        raise Fault(f"{type(error).__name__}: {error}") from error
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [output.numpy() if isinstance(output, tg.Tensor) else output for output in outputs]


class Fault(Exception):
    """What must not be."""


def theirs(content: bytes, inputs: dict[str, numpy.ndarray]) -> list[list[Any]]:
    """What it computes elsewhere: by each program that takes it, as they do not always agree."""
    found = []
    for run in (_onnxruntime, _reference):
        with contextlib.suppress(Exception):  # each has dozens of kinds of errors
            found.append(run(content, inputs))
    return found


def _onnxruntime(content: bytes, inputs: dict[str, numpy.ndarray]) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs.values(), strict=True)))


def _reference(content: bytes, inputs: dict[str, numpy.ndarray]) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.ModelProto.FromString(content))
    return evaluator.run(None, dict(zip(evaluator.input_names, inputs.values(), strict=True)))


def same(left: list[Any], right: list[Any]) -> bool:
    """Whether two programs computed the same, as near as float32 lets them."""
    if len(left) != len(right):
        return False
    for one, other in zip(left, right, strict=True):
        one, other = numpy.asarray(one), numpy.asarray(other)
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        if one.dtype.kind == "f":
            scale = numpy.nanmax(numpy.abs(numpy.where(numpy.isfinite(other), other, 0)), initial=1.0)
            if not numpy.allclose(one, other, rtol=1e-3, atol=1e-5 * scale, equal_nan=True):
                return False
        elif not (one == other).all():
            return False
    return True


def equal(one: Any, other: Any) -> bool:
    """Whether plain data is the same, to the bit."""
    if isinstance(one, numpy.ndarray):
        if one.dtype == object:
            return one.tolist() == other.tolist()
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)):
        return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))
    return one == other or one != one


def run(count: int, seed: int, told: Callable[[str], None]) -> list[str]:
    """Damage files and look what comes of them: the faults, each with what repeats it."""
    generator = numpy.random.default_rng(seed)
    files = small_files()
    outcomes: collections.Counter[str] = collections.Counter()
    slowest, faults = 0.0, []
    for name, content in files.items():
        inputs = inputs_of(content)
        found = ours(content, inputs)
        if not all(same(found, other) for other in theirs(content, inputs)):
            faults.append(f"{name}, undamaged, is computed otherwise elsewhere")
    for number in range(count):
        name = list(files)[number % len(files)]
        content, inputs = damaged(files[name], generator), inputs_of(files[name])
        begin = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            found = ours(content, inputs)
            outcome = "computed"
        except TinygradError as error:
            outcome = f"refused as {type(error).__name__}"
        except Fault as error:
            outcome = "fault"
            faults.append(f"{number} ({name}): {error}")
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - begin)
        if outcome == "computed":
            other = theirs(content, inputs)
            outcome = "computed, as elsewhere" if other else "computed, and refused elsewhere"
            if other and not any(same(found, each) for each in other):
                outcome = "fault"
                faults.append(f"{number} ({name}): {[*map(numpy.asarray, found)]} here, and {other} elsewhere")
        outcomes[outcome] += 1
    for outcome, times in outcomes.most_common():
        told(f"{times:6,}  {outcome}")
    resident = most_resident()
    told(f"the slowest took {slowest * 1000:.0f} ms; {resident / 2**20:,.0f} MiB were in use at most")
    if resident > RESIDENT:
        faults.append(f"{resident:,} bytes were in use")
    return faults


def most_resident() -> int:
    """The most memory that this process had at a time, in bytes. Where the system tells no better, what it tells begins with what
    the process had that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        (found,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.onnx_corruptions", description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("ignore")
    with numpy.errstate(all="ignore"):
        faults = run(options.count, options.seed, print)
    print(*faults[:20], sep="\n")
    return 1 if faults else 0


def _too_long(*_: Any) -> None:
    raise Fault(f"it took more than {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
