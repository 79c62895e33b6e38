"""What a call does around the program itself, as lines of Python: gradients let go of, the program run, memory noted as
overwritten, tensors made of results, and handed out.

A step of a small network takes less time than to go through lists that say what is to be done with its parameters. So it
is written out, once for a program, as for XOR, with the names x0, x1, ... for the things that are meant:

    x0._grad = None
    x1._grad = None
    r0, r1, r2 = run([a0._data, a1._data])
    noted()
    x0._grad = Tensor(r0)
    x1._grad = Tensor(r1)
    return Tensor(r2)

Read before: `recording.py`. Read next: `compiled.py`, which has it run; `guards/glance.py` puts it behind its condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import writes
from ..structure import mapped
from ..tensor import Tensor
from .guards.glance import Wording
from .recording import Recording, Result


def lines(
    recording: Recording, names: Wording, tensors: Sequence[str], results: int, forget: bool, moving: Sequence[Any]
) -> list[str]:
    """The lines, in which `run` is what runs the program, and `noted` what notes that the memory of state was overwritten.

    tensors  expressions for the arguments
    results  how many the program has
    forget   whether gradients give their memory back before
    moving   sources of memory that is overwritten, and may lie elsewhere in each call
    """
    whole = [(tensors[t] if isinstance(t, int) else names.word(t), what, place) for t, what, place in recording.rebinds]
    gradients = [(target, place) for target, what, place in whole if what == "grad"]
    arrays = ", ".join(f"{tensor}._data" for tensor in tensors)
    found = [f"{target}._grad = None" for target, _ in gradients] if forget else []
    found.append(f"{''.join(f'r{i}, ' for i in range(results))}{'= ' if results else ''}run([{arrays}])")
    found.append("noted()")
    for source in moving:
        now = tensors[source.position] if source.kind == "argument" else f"{names.word(source.now)}()"
        found.append(f"{names.word(writes.wrote)}({now}._data)")
    tensor = names.word(Tensor)
    for target, place in gradients:
        found.append(f"{target}._grad = {'None' if place is None else f'{tensor}(r{place})'}")
    for target, what, place in whole:
        if what != "grad" and place is not None:
            found.append(f"{target}._replace({tensor}(r{place})._data)")
    return [*found, f"return {_handed_out(recording.outputs, names, tensors, results)}"]


def _handed_out(outputs: Any, names: Wording, tensors: Sequence[str], results: int) -> str:
    """The expression of what the function returns."""

    def expression(leaf: Result) -> str:
        if leaf.place is not None:
            return f"{names.word(Tensor)}(r{leaf.place})"
        return tensors[leaf.tensor] if isinstance(leaf.tensor, int) else names.word(leaf.tensor)

    if type(outputs) is Result:
        return expression(outputs)
    if type(outputs) is tuple and all(type(part) is Result for part in outputs):
        return f"({''.join(f'{expression(part)}, ' for part in outputs)})"
    these = "".join(f"r{i}, " for i in range(results)), "".join(f"{tensor}, " for tensor in tensors)
    return f"{names.word(_structure(outputs))}(({these[0]}), ({these[1]}))"


def _structure(outputs: Any) -> Callable[[tuple, tuple], Any]:
    """What puts results and arguments into the structure that the function returned."""

    def handed_out(results: tuple, tensors: tuple) -> Any:
        def one(leaf: Any) -> Any:
            if not isinstance(leaf, Result):
                return leaf
            if leaf.place is not None:
                return Tensor(results[leaf.place])
            return tensors[leaf.tensor] if isinstance(leaf.tensor, int) else leaf.tensor

        return mapped(one, outputs)

    return handed_out
