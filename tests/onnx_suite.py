"""ONNX's own backend suite, as it is in the package `onnx`: how much of it comes out right here?

    python -m tests.onnx_suite                    a table by kind, and what does not pass, with the reason
    python -m tests.onnx_suite --only gather      of the cases whose names have this in them
    python -m tests.onnx_suite --peers            the same of ONNX's reference evaluator and of onnxruntime
    python -m tests.onnx_suite --write            write tinygrad_ml/onnx/OPERATORS.md

A case is a model with inputs and the outputs that it should have; it passes when shapes and dtypes are equal, and numbers
close, by the suite's own measure. Else it "differs", or ends in an "error", or is "not offered": which is an error that names
the operators before anything runs.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.errors import UnsupportedError
from tinygrad_ml.onnx import load
from tinygrad_ml.onnx.table import TABLE

KINDS = {
    "node": "one operator each",
    "simple": "small graphs",
    "pytorch-operator": "operators, exported by PyTorch",
    "pytorch-converted": "layers, exported by PyTorch",
}
OPERATORS = Path(tg.__file__).parent / "onnx" / "OPERATORS.md"


class SuiteCase(NamedTuple):
    """A model of the suite, as bytes, and what it should compute: (inputs, outputs) of each data set."""

    kind: str
    name: str
    model: bytes
    data: list[tuple[list, list]]
    rtol: float
    atol: float


class SuiteOutcome(NamedTuple):
    """ "passes", "not offered", "differs" or "error", and why."""

    how: str
    why: str = ""


# --- cases ------------------------------------------------------------------------------------------------------------


def cases(kind: str) -> Iterator[SuiteCase]:
    """The suite's cases of a kind."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite's own arithmetic overflows, as it should
        found = load_model_tests(kind=kind)
    for case in sorted(found, key=lambda case: case.name):
        if case.model is not None:
            model = case.model.SerializeToString()
            data = [([*map(_array, inputs)], [*map(_array, outputs)]) for inputs, outputs in case.data_sets]
        else:
            model, data = _of_folder(Path(case.model_dir))
        yield SuiteCase(kind, case.name, model, data, case.rtol, case.atol)


def _array(value: Any) -> Any:
    from onnx import TensorProto, numpy_helper

    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def _of_folder(folder: Path) -> tuple[bytes, list[tuple[list, list]]]:
    import onnx

    model = onnx.load(folder / "model.onnx")
    data = [
        tuple(
            [
                _read(part / f"{side}_{i}.pb", port.type)
                for i, port in enumerate(ports)
                if (part / f"{side}_{i}.pb").exists()
            ]
            for side, ports in (("input", model.graph.input), ("output", model.graph.output))
        )
        for part in sorted(folder.glob("test_data_set_*"))
    ]
    return model.SerializeToString(), data


def _read(path: Path, kind: Any) -> Any:
    import onnx
    from onnx import numpy_helper

    for field, proto, convert in (
        ("tensor_type", onnx.TensorProto, numpy_helper.to_array),
        ("sequence_type", onnx.SequenceProto, numpy_helper.to_list),
        ("optional_type", onnx.OptionalProto, numpy_helper.to_optional),
    ):
        if kind.HasField(field):
            return convert(proto.FromString(path.read_bytes()))
    raise ValueError(f"{path}: neither a tensor, nor a sequence, nor an optional value")


# --- who computes them ------------------------------------------------------------------------------------------------


def ours(model: bytes) -> Callable[[list], list]:
    loaded = load(model)

    def run(inputs: list) -> list:
        made = loaded(*inputs)
        return [_plain(each) for each in (made if isinstance(made, tuple) else (made,))]

    return run


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.numpy() if isinstance(value, tg.Tensor) else value


def reference(model: bytes) -> Callable[[list], list]:
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(model)
    return lambda inputs: session.run(None, dict(zip(session.input_names, inputs, strict=False)))


def onnxruntime(model: bytes) -> Callable[[list], list]:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs, strict=False)))


PEERS = {"ONNX's reference evaluator": reference, "onnxruntime": onnxruntime}


def outcome(case: SuiteCase, computer: Callable[[bytes], Callable[[list], list]] = ours) -> SuiteOutcome:
    """What becomes of a case."""
    tg.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = computer(case.model)
            for inputs, outputs in case.data:
                compare(run(inputs), outputs, case.rtol, case.atol)
    except UnsupportedError as error:
        return SuiteOutcome("not offered", str(error).rpartition("\n")[2].strip())
    except AssertionError as error:
        return SuiteOutcome("differs", " ".join(str(error).split())[:160])
    except Exception as error:  # whatever it is, it is a result
        return SuiteOutcome("error", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return SuiteOutcome("passes")


def compare(found: Any, expected: Any, rtol: float, atol: float) -> None:
    """The measure of ONNX's own runner, and of numbers without axes in sequences, which that cannot compare."""
    if isinstance(expected, list | tuple):
        assert isinstance(found, list | tuple), f"{type(found).__name__} where a sequence is expected"
        assert len(found) == len(expected), f"{len(found)} where {len(expected)} are expected"
        for one, other in zip(found, expected, strict=True):
            compare(one, other, rtol, atol)
        return
    if expected is None:
        assert found is None
        return
    assert found.shape == expected.shape, f"the shape {found.shape} where {expected.shape} is expected"
    if expected.dtype.kind in "OU":
        assert found.tolist() == expected.tolist(), f"{found.tolist()} where {expected.tolist()} is expected"
        return
    assert found.dtype == expected.dtype, f"{found.dtype} where {expected.dtype} is expected"
    if expected.dtype.name == "bfloat16":
        found, expected, rtol = found.astype(np.float32), expected.astype(np.float32), max(rtol, 2**-6)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


# --- what is written of it --------------------------------------------------------------------------------------------


def counted(outcomes: dict[str, SuiteOutcome]) -> str:
    """How many pass, of how many."""
    return f"{Counter(each.how for each in outcomes.values())['passes']:,} of {len(outcomes):,}"


def offered() -> dict[str, dict[str, list[int]]]:
    """domain -> operator -> the versions for which there is a row."""
    found: dict[str, dict[str, list[int]]] = {}
    for domain, name, version in sorted(TABLE):
        found.setdefault(domain, {}).setdefault(name, []).append(version)
    return found


@cache
def standard() -> dict[str, dict[str, dict[int, bool]]]:
    """domain -> operator -> version -> whether the standard defines it by other operators."""
    from onnx import defs

    found: dict[str, dict[str, dict[int, bool]]] = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.deprecated:
            versions = found.setdefault(schema.domain, {}).setdefault(schema.name, {})
            versions[schema.since_version] = bool(schema.has_function or schema.has_context_dependent_function)
    return found


def versions_of(row: list[int], known: dict[int, bool]) -> str:
    """Those that are offered: "1 to 13" where these are all that there are."""
    if row == sorted(known) and len(row) > 1:
        return f"{row[0]} to {row[-1]}"
    return ", ".join(map(str, row))


def operators_text() -> str:
    """The operators that are offered, with their versions, and what is not."""
    lines = []
    for domain, rows in offered().items():
        known = standard()[domain]
        names = sorted({*known, *rows})
        there = [f"`{name}` {versions_of(rows[name], known[name])}" for name in names if name in rows]
        composed = [f"`{name}`" for name in names if name not in rows and all(known[name].values())]
        missing = [f"`{name}`" for name in names if name not in rows and not all(known[name].values())]
        gone = {
            name: [
                version
                for version, composite in sorted(known[name].items())
                if version not in rows[name] and not composite
            ]
            for name in names
            if name in rows
        }
        partly = [f"`{name}` {', '.join(map(str, versions))}" for name, versions in gone.items() if versions]
        lines += [f"## {domain or 'ai.onnx, the operators of ONNX itself'}", ""]
        for title, each in (
            (
                f"{len(there)} operator{'s' * (len(there) > 1)}, in these versions (an opset has the newest up to its number)",
                there,
            ),
            ("Taken apart into others, as the standard defines them", composed),
            ("Not offered in these versions", partly),
            ("Not offered", missing),
        ):
            if each:
                lines += textwrap.wrap(
                    f"{title}: {', '.join(each)}.", 128, break_long_words=False, break_on_hyphens=False
                )
                lines.append("")
    return "\n".join(lines)


def failures_text(results: dict[str, dict[str, SuiteOutcome]]) -> str:
    """What does not pass, and why."""
    reasons: dict[str, list[str]] = {}
    for found in results.values():
        for name, each in found.items():
            if each.how != "passes":
                why = each.why.rpartition(": ")[2] if each.how == "not offered" else ""
                reasons.setdefault(f"{each.how}{': ' * bool(why)}{why}", []).append(f"`{name}`")
    lines = []
    for reason, names in sorted(reasons.items()):
        lines += textwrap.wrap(f"- {reason}: {', '.join(names)}", 128, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def document(results: dict[str, dict[str, dict[str, SuiteOutcome]]]) -> str:
    """OPERATORS.md: who -> kind -> case -> what became of it."""
    lines = [
        "# The operators of ONNX",
        "",
        "What `tg.onnx.load` reads, and how much of ONNX's own backend suite comes out right. `python -m tests.onnx_suite --peers --write`",
        "writes this page. A model with an operator that is not offered is an error that names it, before anything runs.",
        "",
        f"## The suite of onnx {metadata.version('onnx')}: cases that pass",
        "",
        f"| kind | {' | '.join(results)} |",
        f"|---|{'---|' * len(results)}",
        *(count_line(kind, [found[kind] for found in results.values()]) for kind in KINDS),
        "",
        "What does not pass here (what cases of `Bernoulli` and of dropout draw is what NumPy's old generator draws, which differs):",
        "",
        failures_text(results["tinygrad_ml"]),
        operators_text(),
    ]
    return "\n".join(lines)


def count_line(kind: str, found: list[dict[str, SuiteOutcome]]) -> str:
    """The line of a kind in the table."""
    return f"| {kind}: {KINDS[kind]} | {' | '.join(map(counted, found))} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.onnx_suite", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="of the cases whose names have this in them")
    parser.add_argument("--kind", choices=KINDS, action="append", help="of these kinds; by default of all")
    parser.add_argument("--peers", action="store_true", help="what others make of it, too")
    parser.add_argument("--write", action="store_true", help=f"write {OPERATORS.name}")
    options = parser.parse_args()

    computers = {"tinygrad_ml": ours, **(PEERS if options.peers else {})}
    results: dict[str, dict[str, dict[str, SuiteOutcome]]] = {who: {} for who in computers}
    for kind in options.kind or KINDS:
        chosen = [case for case in cases(kind) if options.only in case.name]
        for who, computer in computers.items():
            start = time.perf_counter()
            found = results[who][kind] = {case.name: outcome(case, computer) for case in chosen}
            print(f"{kind:18} {who:28} {counted(found):>16} pass, in {time.perf_counter() - start:.1f} s")
    for found in results["tinygrad_ml"].values():
        for name, each in found.items():
            if each.how != "passes":
                print(f"{each.how:12} {name:60} {each.why}")
    if options.write:
        OPERATORS.write_text(document(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
