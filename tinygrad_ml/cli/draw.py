"""`tinygrad-ml draw` and `tinygrad-ml explain`: the graph of a network, as a picture or as a page to step through.

Read next: `viz/draw.py`, `viz/explain.py`.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinygrad_ml
import viz
from viz.dot import RANKDIRS
from viz.levels import LEVELS

from .. import nn
from ..data import MNIST
from ..errors import OptionError, TinygradError
from ..functional import symbol
from ..models import MODELS
from ..random import manual_seed
from ..tensor import Tensor

_WHAT = """\
what to draw:
  mlp, cnn            the loss of the networks that 'tinygrad-ml train' trains, on a few images of MNIST
  FILE.py:FUNCTION    what the function returns when it is called: a tensor, or several; or a module, with
                      --input-shape: 4,1,28,28 for floats, 8,16:int64 for integers, once for each input
  FILE.onnx           the network in the file, on inputs of the shapes that the file declares; where it leaves a size open,
                      say it by name, as --size batch=4, or say all of a shape by --input-shape
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add both subcommands."""
    draw = _parser(commands, "draw", "draw the graph of a network", _draw)
    draw.add_argument(
        "--direction",
        choices=("forward", "backward", "both"),
        default="both",
        help="the forward graph, the backward graph, or one facing the other (default: both)",
    )
    draw.add_argument(
        "--rankdir",
        choices=RANKDIRS,
        default=RANKDIRS[0],
        help="read from top to bottom, or from left to right (default: TB)",
    )
    draw.add_argument("--overlay", choices=("flops", "bytes", "gradient", "nan"), help="colour the boxes by a figure")
    draw.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help=".svg, .png, .pdf, .dot, .mmd or .tex (default: graph.svg)"
    )
    explain = _parser(commands, "explain", "write a page that goes through a network step by step", _explain)
    explain.add_argument("--no-check", action="store_true", help="do not try the gradients by finite differences")
    explain.add_argument("-o", "--out", type=Path, metavar="FILE", help="the page (default: page.html)")


def _parser(commands, name: str, does: str, run: Callable) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}, forward and backward.",
        epilog=_WHAT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", metavar="WHAT", help="mlp, cnn, FILE.py:FUNCTION or FILE.onnx")
    parser.add_argument(
        "--input-shape",
        action="append",
        type=_symbol,
        metavar="SHAPE",
        help="call the module on an input of this shape, as 4,1,28,28 or 8,16:int64; once for each input",
    )
    parser.add_argument(
        "--size",
        action="append",
        default=[],
        type=_size,
        metavar="NAME=N",
        help="the length of an axis that an ONNX file leaves open; its first axis is 1 long by default",
    )
    parser.add_argument("--level", choices=LEVELS, help="how near to look (default: a network's layers; explain: all)")
    parser.add_argument("--open", action="append", default=[], metavar="NAME", help="open this module or function, too")
    parser.add_argument("--depth", type=int, metavar="N", help="open this many levels of modules, 0 for none")
    parser.add_argument("--unfold", action="store_true", help="draw each of equal modules in a row")
    parser.add_argument("--batch", type=int, default=4, metavar="N", help="images, for mlp and cnn (default: 4)")
    parser.set_defaults(run=run)
    return parser


def _draw(args: argparse.Namespace) -> int:
    subject, failed = _subject(args)
    options = {**_opened(args), "overlay": args.overlay, "rankdir": args.rankdir}
    direction = args.direction if failed or _has_gradient(subject) else "forward"
    try:
        picture = viz.draw(subject, direction, inputs=args.input_shape, **options)
    except TinygradError as error:
        if not args.input_shape or isinstance(error, OptionError):
            raise
        subject, failed = error, True  # the module failed on its input
        picture = viz.draw(error, **options)
    _say(lambda: picture.save(args.out or Path("graph.svg")))
    return _report(subject, "The picture shows what ran until then.") if failed else 0


def _report(error: Any, shown: str) -> int:
    """Say how the computation failed, and what there is to see of it. Returns the command's exit status."""
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    print(f"tinygrad-ml: {error}{notes}\n{shown}", file=sys.stderr)
    return 2


def _explain(args: argparse.Namespace) -> int:
    subject, failed = _subject(args)
    options = {**_opened(args), "check": not args.no_check, "inputs": None if failed else args.input_shape}
    try:
        _say(lambda: viz.explain(subject, args.out or Path("page.html"), **options))
    except TinygradError as error:
        if isinstance(error, OptionError) or not args.input_shape:
            raise
        return _report(error, "")  # a note of it says where the page is
    return _report(subject, "The page shows what ran until then.") if failed else 0


def _opened(args: argparse.Namespace) -> dict[str, Any]:
    """The options that say how much is opened."""
    return {"level": args.level, "open": args.open, "depth": args.depth, "fold": not args.unfold}


def _say(write: Callable[[], Path]) -> None:
    """Write a file and say which; warnings become lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = write()
    for warning in caught:
        print(f"tinygrad-ml: {warning.message}", file=sys.stderr)
    print(path)


def _has_gradient(subject: Any) -> bool:
    if isinstance(subject, nn.Module):
        return any(parameter.requires_grad for parameter in subject.parameters())
    return any(
        tensor.requires_grad
        for tensor in (subject if isinstance(subject, (tuple, list)) else [subject])
        if isinstance(tensor, Tensor)
    )


def _subject(args: argparse.Namespace) -> tuple[Any, bool]:
    """What is to be drawn, and whether it is the error that came instead."""
    what = args.what
    if what.endswith(".onnx"):
        return _network_of(args), False
    if args.size:
        raise OptionError(f"--size is for a network in a file whose name ends in .onnx, and not for {what}")
    if what in MODELS:
        return _loss_of(what, args.batch), False
    file, colon, name = what.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise OptionError(f"{what!r} cannot be drawn: give {', '.join(MODELS)}, FILE.py:FUNCTION, or FILE.onnx")
    function = _function(Path(file), name)
    try:
        with viz.lines():  # the program stands beside the map of a page
            subject = function()
    except Exception as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is None:
            raise OptionError(f"{name} of {file} must be a function that is called with nothing: {error}") from error
        return error, True
    _check_inputs(subject, args.input_shape, name)
    return subject, False


def _check_inputs(result: Any, inputs: list[Tensor] | None, name: str) -> None:
    """Modules, and nothing else, need to be told what they are called on."""
    kind = type(result).__name__
    if inputs and not isinstance(result, nn.Module):
        raise OptionError(f"--input-shape is for a function that returns a module, and {name} returns a {kind}")
    if isinstance(result, nn.Module) and not inputs:
        raise OptionError(
            f"{name} returns a module, a {kind}: say on what it is called, as with --input-shape 4,1,28,28, once for each input"
        )


def _symbol(text: str) -> Tensor:
    """`4,1,28,28` or `8,16:int64` as a tensor without data."""
    shape, colon, dtype = text.partition(":")
    try:
        return symbol([int(extent) for extent in shape.split(",")], dtype=dtype if colon else "float32")
    except (ValueError, TypeError, TinygradError) as error:
        raise argparse.ArgumentTypeError(
            f"a shape is written as 4,1,28,28, or with a dtype as 8,16:int64, and not {text!r}"
        ) from error


def _size(text: str) -> tuple[str, int]:
    """`batch=4` as a name and a number."""
    name, _, size = text.rpartition("=")
    if not name or not size.isdecimal():
        raise argparse.ArgumentTypeError(f"a size is written as batch=4, and not {text!r}")
    return name, int(size)


def _network_of(args: argparse.Namespace) -> nn.Module:
    """The network in an ONNX file. What it is called on goes to `args.input_shape`, if that is not given."""
    model = tinygrad_ml.onnx.load(args.what, sizes=dict(args.size))
    ports = model.input_ports
    if args.input_shape is None:
        for port in ports:
            open_axes = [size or "?" for size in (port.shape or ())[1:] if not isinstance(size, int)]
            if open_axes:
                named = " ".join(f"--size {name}=N" for name in open_axes if name != "?")
                shapes = ", ".join(f"{each.name} {_written(each.shape)}" for each in ports)
                raise OptionError(
                    f"{args.what} leaves sizes of its inputs open: {shapes}. Say them, as by {named or '--input-shape 1,3,48,320'}"
                )
        args.input_shape = list(model.symbols())
    elif len(args.input_shape) != len(ports):
        raise OptionError(
            f"{args.what} has {len(ports)} inputs, and --input-shape is given {len(args.input_shape)} times"
        )
    else:
        args.input_shape = [
            symbol(given.shape, port.dtype or given.dtype, name=port.name)
            for given, port in zip(args.input_shape, ports, strict=True)
        ]
    return model


def _written(shape: tuple[int | str | None, ...] | None) -> str:
    return "of any shape" if shape is None else f"({', '.join('?' if size is None else str(size) for size in shape)})"


def _loss_of(model: str, batch: int) -> Tensor:
    if batch < 1:
        raise OptionError(f"--batch must be 1 or more, not {batch}")
    manual_seed(0)
    images, labels = (part[:batch] for part in MNIST(train=True).tensors())
    images.name, labels.name = "images", "labels"
    loss = nn.CrossEntropyLoss()(MODELS[model]()(images), labels)
    loss.name = "loss"
    return loss


def _function(file: Path, name: str) -> Callable:
    """The function of that name in a Python file, which is run for it."""
    if not file.is_file():
        raise OptionError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None  # as for every file whose name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    function = getattr(module, name, None)
    if not callable(function):
        offered = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise OptionError(f"{file} has no function {name!r}; it has {offered or 'none'}")
    return function
