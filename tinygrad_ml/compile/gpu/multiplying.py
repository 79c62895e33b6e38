"""How the threads of a block multiply the parts of two operands that lie in shared memory: each by itself, or tensor cores.

Both operands lie there with k first: the columns of a, and the rows of b. A tile has several *slices* of threads, of which each takes
every so many-th k. What a thread has added up are `sums`, which it puts where they belong when all is done.

Tensor cores take float32 as TF32: rounded to 10 binary digits after the first, and added up in float32. Float16 has as many
digits, so "float16" is the same here, with a wider range. GPUs before compute capability 8.0 have none for it, and multiply the
rounded numbers.

Read next: `tiles.py`.
"""

from __future__ import annotations

from typing import NamedTuple

THREADS = 256
"""Threads of a block."""
EACH = 4
"""Rows, and columns, of the tile that a thread adds up by itself."""
CORES_PADDING = 8
"""Elements behind a row where tensor cores multiply, of which neighbouring threads read in neighbouring rows."""


class Multiplying(NamedTuple):
    """How a block multiplies, in lines of C.

    slices      groups of threads that add up the same tile
    padding     elements behind each row of shared memory, so that threads do not wait for each other there
    start       says what a thread adds up
    multiplied  adds up what lies in `a_tile` and `b_tile`
    put         puts the sums into `parts`, a tile for each slice
    rounded     a number as it is put into shared memory, `{}`
    """

    slices: int
    padding: int
    start: list[str]
    multiplied: list[str]
    put: list[str]
    rounded: str = "{}"


def by_threads(height: int, width: int, deep: int, word: str) -> Multiplying:
    """A thread adds up 4 x 4 numbers, of float32 or float64, of a tile for which `deep` columns and rows lie there at a time."""
    threads, in_row = height * width // EACH**2, width // EACH
    slices = THREADS // threads
    start = [
        f"const int slice = threadIdx.x / {threads}, mine = threadIdx.x % {threads};",
        f"const int row = mine / {in_row} * {EACH}, column = mine % {in_row} * {EACH};",
        f"{word} sums[{EACH}][{EACH}] = {{}};",
    ]
    multiplied = [
        f"for (int k = slice; k < {deep}; k += {slices}) {{",
        f"    const Four<{word}> a = *(const Four<{word}>*)(a_tile + k * {height + EACH} + row);",
        f"    const Four<{word}> b = *(const Four<{word}>*)(b_tile + k * {width + EACH} + column);",
        "    #pragma unroll",
        f"    for (int i = 0; i < {EACH}; i++)",
        f"        for (int j = 0; j < {EACH}; j++) sums[i][j] += a.at[i] * b.at[j];",
        "}",
    ]
    put = [
        "#pragma unroll",
        f"for (int i = 0; i < {EACH}; i++)",
        f"    for (int j = 0; j < {EACH}; j++) parts[slice * {height * width} + (row + i) * {width} + column + j] = sums[i][j];",
    ]
    return Multiplying(slices, EACH, start, multiplied, put)


def by_tensor_cores(height: int, width: int, deep: int) -> Multiplying:
    """A warp adds up 16 x 8 numbers at a time, `down` times `across` of them."""
    down, across = 2 if height > 32 else 1, 2
    warps, in_row = height * width // (16 * down * 8 * across), width // (8 * across)
    slices, warp = THREADS // 32 // warps, "(threadIdx.x / 32)"
    a_step, b_step = height + CORES_PADDING, width + CORES_PADDING
    start = [
        f"const int slice = {warp} / {warps}, mine = {warp} % {warps};",
        f"const int row = mine / {in_row} * {16 * down}, column = mine % {in_row} * {8 * across};",
        f"float sums[{down}][{across}][4] = {{}};",
    ]
    multiplied = [
        f"for (int k = slice * 8; k < {deep}; k += {slices * 8})",
        f"    by_tensor_cores<{a_step}, {b_step}>(a_tile + k * {a_step} + row, b_tile + k * {b_step} + column, sums);",
    ]
    put = [
        "const int lane = threadIdx.x % 32;",
        "#pragma unroll",
        f"for (int i = 0; i < {down}; i++)",
        f"    for (int j = 0; j < {across}; j++)",
        "        for (int c = 0; c < 4; c++) {",
        "            const int down = row + 16 * i + lane / 4 + c / 2 * 8, right = column + 8 * j + lane % 4 * 2 + c % 2;",
        f"            parts[slice * {height * width} + down * {width} + right] = sums[i][j][c];",
        "        }",
    ]
    return Multiplying(slices, CORES_PADDING, start, multiplied, put, "as_tf32({})")
