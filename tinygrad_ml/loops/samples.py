"""A loop for each of many samples, as one loop: each round does to all samples what a round of the body does to one.

Read before: `tracing.py`, `../batching/`. Read next: `running.py`.
"""

from __future__ import annotations

import functools

from ..backend import Device
from ..batching import vmap
from ..modes import enable_grad
from ..tensor import Tensor, apply
from .body import Body, Form
from .tracing import Tracer


@functools.lru_cache(maxsize=256)
def body_of_samples(body: Body, n: int, many: tuple[bool, ...], device: Device) -> tuple[Body, list[Tensor]]:
    """A body whose carries, and those of its other inputs that are `many`, have n samples along a first axis; and the
    tensors that its rounds share, behind those that they shared before.

    All that it gives, it gives for each sample.
    """
    forms = [Form((n, *form.shape), form.dtype) if has else form for form, has in zip(body.inputs, many, strict=True)]

    def one(*inputs: Tensor) -> list[Tensor]:
        values = body.again(inputs, Tensor, apply)
        return [values[value] for value in (*body.carried, *body.made)]

    with enable_grad(), Tracer(0, alone=True) as tracer:
        inputs = [tracer.placeholder(form, device, needs=True) for form in forms]
        results = vmap(one, in_axes=tuple(0 if has else None for has in many))(*inputs)
        first_x, first_shared = len(body.carries), len(body.carries) + len(body.xs)
        whole = tracer.body(
            inputs[:first_x],
            inputs[first_x:first_shared],
            inputs[first_shared:],
            results[:first_x],
            results[first_x:],
        )
        found = tracer.found
    tracer.forget()
    return whole, found
