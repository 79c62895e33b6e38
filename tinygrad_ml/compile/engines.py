"""What runs a program: by the kind of device on which its tensors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy

from ..backend import Device, current_device
from ..errors import CompileError
from ..ops.movement import transfer
from ..tensor import Tensor
from . import cpu, gpu
from .passes import PASSES, ROLLING
from .program import DRAW, Program


class Engine(NamedTuple):
    """How programs run on one kind of device.

    executable  makes what is called of a program
    memory      `memory(index, products)`: what all programs of a step on device number `index` share
    passes      what makes a program shorter there, by name, in order
    """

    executable: Callable
    memory: Callable
    passes: Mapping[str, Callable[[Program], Program]] = PASSES


ENGINES = {
    "cpu": Engine(cpu.Executable, lambda index, products: cpu.StepMemory(), ROLLING),
    "gpu": Engine(gpu.Executable, gpu.CudaRuntime),
}


def device_of(program: Program, arguments: list[Tensor]) -> Device:
    """The device on which a program runs. `CompileError` if its tensors are on several."""
    transfers = {i.inputs[0]: Device(i.params["device"]) for i in program.instructions if i.op is transfer}
    places: dict[Any, str] = {}
    for value in program.sources():
        source = value.source
        if source.kind == "argument":
            device = transfers.get(value, arguments[source.position].device)  # to which it goes at once
            what = f"argument {source.position}"
        elif source.kind in ("state", "gradient"):
            device, what = source.tensor.device, source.tensor._described()
        elif source.kind == "constant" and not isinstance(source.array, (numpy.ndarray, numpy.generic)):
            device, what = Device.of(source.array), "a tensor that it makes"
        else:
            continue  # numbers go everywhere
        places.setdefault(device, what)
    for draw in (instruction for instruction in program.instructions if instruction.op is DRAW):
        places.setdefault(transfers.get(draw.output, draw.params["device"]), "a random draw")
    if len(places) > 1:
        where = ", ".join(f"{what} on {device}" for device, what in places.items())
        raise CompileError(f"tg.compile needs all tensors of a function on one device, but there is {where}")
    device = next(iter(places), current_device())
    if device.kind not in ENGINES:
        raise CompileError(f"tg.compile cannot run on {device}, only on {', '.join(ENGINES)}")
    return device
