"""`tinygrad-ml export`: the network of a run as an ONNX file, which other programs run.

Read before: `train.py`. Read next: `../onnx/export/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..io import load
from ..onnx import export
from ..onnx.export.exporting import OLDEST_OPSET, USUAL_OPSET
from .options import count
from .runs import RunFolder
from .tasks import WRITER, task

_EPILOG = """\
examples:
  tinygrad-ml export                                    the network of the latest run, as model.onnx in its folder
  tinygrad-ml export runs/mlp-20260101-120000 -o digits.onnx

In another program:
  session = onnxruntime.InferenceSession("digits.onnx")
  (scores,) = session.run(None, {"input": images})      images of float32, (any number, 1, 28, 28), from 0 to 1
  (scores,) = session.run(None, {"tokens": numbers})    of a GPT: int64, (any number, any length up to its window)
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "export",
        help="write a trained network as an ONNX file",
        description="Write the network of a run as an ONNX file, which ONNX Runtime and other programs run, for any number of samples.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, nargs="?", metavar="FOLDER", help="of the run (default: the latest)")
    add("-o", "--out", type=Path, metavar="FILE", help="the file to write (default: model.onnx in the folder)")
    add(
        "--opset",
        type=count,
        default=USUAL_OPSET,
        metavar="N",
        help=f"the version of ONNX's operators, {OLDEST_OPSET} or newer (default: {USUAL_OPSET})",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export; the exit code."""
    folder = RunFolder(args.folder) if args.folder is not None else RunFolder.latest()
    settings = folder.read_settings()
    trained = task(settings["model"], settings["data"], 1, 8, settings["seed"])
    trained.model.load_state_dict(load(folder.model))
    inputs, _ = trained.few()
    sizes = {0: "batch", 1: "length"} if settings["model"] == WRITER else {0: "batch"}
    path = args.out or folder.path / "model.onnx"
    graph = export(trained.model, inputs, path, dynamic=sizes, opset=args.opset)
    (given,), (made,) = graph.inputs, graph.outputs
    print(f"{path}: {given} -> {made}, {len(graph.nodes)} nodes of ONNX {args.opset}")
    return 0
