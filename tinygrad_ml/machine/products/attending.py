"""Attention as jobs: what each is told, and the loops between its products.

Read before: `attention.py`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy

from ..machine_code import begun
from ..sharing.job import job_row
from . import plan
from .attention import SIDE, Attention
from .fields import Shape, shape_for, widths
from .plan import Jobs, places_in_job

PLACES_AT_A_TIME = 192
"""Keys of a block, or queries of one of the gradient: its scores fit into the nearest caches."""
MOST_FEATURES = 256
"""With more the operands of a block do not."""
MOST_PARTS = 8
"""Tasks of a matrix; of gradients, tasks of all together, as each has memory of its own."""

WEIGH = """\
def loop(keys, again, scale: real, scores: reals, sums: reals):
    rounded_once()
    nothing_overlaps()
    for j in range(64):
        sums[128 + j] = sums[128 + j] if again != 0 else real(-3e38)
        sums[192 + j] = sums[128 + j]
        sums[256 + j] = real(0)
    for k in range(keys):
        for j in range(64):
            x = scores[k * 64 + j] * scale
            sums[192 + j] = x if x > sums[192 + j] else sums[192 + j]
    for k in range(keys):
        for j in range(64):
            p = weight(scores[k * 64 + j] * scale - sums[192 + j])
            scores[k * 64 + j] = p
            sums[256 + j] = sums[256 + j] + p
    for j in range(64):
        sums[64 + j] = exp(sums[128 + j] - sums[192 + j])
        sums[j] = (sums[j] * sums[64 + j] if again != 0 else real(0)) + sums[256 + j]
        sums[128 + j] = sums[192 + j]
"""
"""Scores, a query in each lane, become weights. Of each query `sums` has the sum of these, by what a larger largest score
multiplies what was made of those before, the largest score; and places to work in."""
FINISH = """\
def loop(queries, sums: reals, logarithm: reals):
    nothing_overlaps()
    for j in range(queries):
        logarithm[j] = sums[128 + j] + log(sums[j])
        sums[64 + j] = real(1) / sums[j]
"""
"""The logarithm of the sum of all exponentials, and by what a sum of values is multiplied at last."""
WEIGH_AGAIN = """\
def loop(queries, scale: real, scores: reals, slopes: reals, logarithm: reals, product: reals):
    rounded_once()
    nothing_overlaps()
    for q in range(queries):
        for j in range(64):
            p = weight(scores[q * 64 + j] * scale - logarithm[q])
            scores[q * 64 + j] = p
            slopes[q * 64 + j] = p * (slopes[q * 64 + j] - product[q]) * scale
"""
"""Scores, a key in each lane, become weights, and the slopes of weights those of products of queries and keys."""
HIDE = """\
def loop(rows, scores: reals, sign):
    for i in range(rows):
        for j in range(64):
            scores[i * 64 + j] = real(-inf) if (i - j) * sign > 0 else scores[i * 64 + j]
"""
"""Keys behind the place of a query are not seen by it: keys in rows, if the sign is 1, and in lanes, if it is -1."""


class Looking(NamedTuple):
    """What of attention is no array: whether each query looks at the keys up to its own place only, and by what scores are
    multiplied."""

    causal: bool
    scale: float


def attention_fits(dtype: numpy.dtype, width: int, values: int) -> bool:
    """Whether attention runs so, of queries and values of so many features: these are whole vectors."""
    if not plan.register() or dtype.char not in "fd":
        return False
    lanes = plan.register() // dtype.itemsize
    return max(width, values) <= MOST_FEATURES and width % lanes == values % lanes == 0 < min(width, values)


def padded(queries: int) -> int:
    """Numbers in a line of logarithms: one for each query, and for those that would fill a block."""
    return -(-queries // SIDE) * SIDE


def shares_of_slopes(matrices: int, keys: int) -> int:
    """Into how many tasks the gradient of a matrix falls; it follows from shapes alone."""
    return max(1, min(-(-MOST_PARTS // max(matrices, 1)), -(-keys // SIDE)))


class _BlockwiseJob:
    shared = True

    def __init__(self, looking: Looking, *arrays: numpy.ndarray):
        q, k, v, y = arrays[:4]
        self.looking, self._matrices, self.dtype = looking, len(q), q.dtype
        self._shape: Shape = shape_for(plan.register(), q.itemsize)
        self._sizes = {"queries": q.shape[1], "keys": k.shape[1], "width": q.shape[2], "values": v.shape[2]}
        self._lies: dict[str, int] = {}
        for name, array in {"q": q, "k": k, "v": v, "y": y}.items():
            self._lies |= {name: 0, f"{name}_row": array.strides[1], f"{name}_next": array.strides[0]}
        self._lies |= {"logarithm": 0, "logarithm_next": padded(q.shape[1]) * q.itemsize}

    @staticmethod
    def fits(looking: Looking, *arrays: numpy.ndarray) -> bool:
        """Whoever calls has asked `attention_fits`."""
        return True

    def _rows(self, count: int) -> int:
        """Bytes of so many rows of scores."""
        return count * SIDE * self.dtype.itemsize

    def _job(self, name: str, parts: int, loops: dict[str, str], **rest: int) -> numpy.ndarray:
        from ..llvm.native import native
        from .attention import write_attention

        sides = (SIDE, self._sizes["width"], self._sizes["values"])
        wide = {w for n in sides for w in widths(n // self._shape.lanes, self._shape)}
        code = native("attention", write_attention, self._shape, self.dtype.itemsize, tuple(sorted(wide)))
        scale = struct.pack("d" if self.dtype.char == "d" else "f4x", self.looking.scale)
        told = dict.fromkeys(Attention._fields, 0) | self._sizes | self._lies | rest
        told |= {"causal": int(self.looking.causal), "scale": struct.unpack("q", scale)[0]}
        told |= {"parts": parts, "block": PLACES_AT_A_TIME}
        for which, text in (loops | {"hide": HIDE}).items():
            told[which] = begun(text.replace("real", str(self.dtype)))
        return job_row(code.later(name), self._matrices * parts, Attention(**told))


class ForwardAttention(_BlockwiseJob):
    """y = softmax(q·kᵀ·scale)·v, and for each query the logarithm of the sum of the exponentials.

    q (n, L, d), k (n, S, d), v (n, S, w), y (n, L, w), and logarithms (n, `padded(L)`); rows lie in one piece each.
    """

    _places = places_in_job(Attention, ("q", "k", "v", "y", "logarithm"))

    def __init__(self, looking: Looking, *arrays: numpy.ndarray):
        super().__init__(looking, *arrays)
        self._packed = self._rows(self._sizes["width"])
        self.scratch = self._packed + self._rows(PLACES_AT_A_TIME) + self._rows(5)

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The job as so many threads will share it."""
        where = {"scores": self._packed, "sums": self._packed + self._rows(PLACES_AT_A_TIME)}
        parts = max(1, min(MOST_PARTS, -(-self._sizes["queries"] // SIDE)))
        job = self._job("attention", parts, {"weigh": WEIGH, "finish": FINISH}, **where)
        return [(job, self._places)]


class BackwardAttention(_BlockwiseJob):
    """dq (n, parts, L, d), which are to be added up, dk (n, S, d) and dv (n, S, w), all 0 before: the gradients of attention.

    q, k, v and logarithms as above, g (n, L, w), and for each query the product of its g and its y, (n, `padded(L)`).
    """

    _places = places_in_job(Attention, ("q", "k", "v", "y", "logarithm", "product", "dq", "dk", "dv"))

    def __init__(self, looking: Looking, *arrays: numpy.ndarray):
        super().__init__(looking, *arrays)
        self._dq = arrays[6]
        self._packed = self._rows(self._sizes["width"] + self._sizes["values"])
        self.scratch = self._packed + 2 * self._rows(PLACES_AT_A_TIME)

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The job as so many threads will share it."""
        where = {"scores": self._packed, "slopes": self._packed + self._rows(PLACES_AT_A_TIME)}
        where["dq_part"], parts = self._dq[0, 0].nbytes, self._dq.shape[1]
        job = self._job("attention_gradient", parts, {"weigh": WEIGH_AGAIN}, **where)
        return [(job, self._places)]
