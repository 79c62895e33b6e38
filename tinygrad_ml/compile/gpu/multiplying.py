"""How the threads of a block multiply the parts of two operands that lie in shared memory: each by itself, or tensor cores.

Both operands lie there with k first: the columns of a, and the rows of b. A tile has several *slices* of threads, of which each takes
every so many-th k. What a thread has added up are `sums`, which it puts where they belong when all is done.

Tensor cores take float32 as TF32: rounded to 10 binary digits after the first, and added up in float32. Float16 has as many
digits, so "float16" is the same here, with a wider range. GPUs before compute capability 8.0 have none for it, and multiply the
rounded numbers.

Read next: `tiles.py`.
"""

from __future__ import annotations

THREADS = 256
"""Threads of a block."""
EACH = 4
"""Rows, and columns, of the tile that a thread adds up by itself."""


class Multiplying:
    """How a block multiplies.

    slices   groups of threads that add up the same tile
    padding  elements behind each row of shared memory, so that threads do not wait for each other there
    """

    slices: int
    padding: int

    def start(self) -> list[str]:
        """The lines that say what a thread adds up."""
        raise NotImplementedError

    def multiplied(self, deep: int, a_step: int, b_step: int) -> list[str]:
        """Those that add up what lies in `a_tile` and `b_tile`, of which `deep` rows are there."""
        raise NotImplementedError

    def put(self) -> list[str]:
        """Those that put the sums into `parts`, a tile for each slice."""
        raise NotImplementedError

    def rounded(self, number: str) -> str:
        """A number as it is put into shared memory."""
        return number


class ByThreads(Multiplying):
    """A thread adds up 4 x 4 numbers, of float32 or float64."""

    padding = EACH

    def __init__(self, height: int, width: int, word: str):
        self.height, self.width, self.word = height, width, word
        self._threads = height * width // EACH**2
        self.slices = THREADS // self._threads

    def start(self) -> list[str]:
        in_row = self.width // EACH
        return [
            f"const int slice = threadIdx.x / {self._threads}, mine = threadIdx.x % {self._threads};",
            f"const int row = mine / {in_row} * {EACH}, column = mine % {in_row} * {EACH};",
            f"{self.word} sums[{EACH}][{EACH}] = {{}};",
        ]

    def multiplied(self, deep: int, a_step: int, b_step: int) -> list[str]:
        word = self.word
        return [
            f"for (int k = slice; k < {deep}; k += {self.slices}) {{",
            f"    const Four<{word}> a = *(const Four<{word}>*)(a_tile + k * {a_step} + row);",
            f"    const Four<{word}> b = *(const Four<{word}>*)(b_tile + k * {b_step} + column);",
            "    #pragma unroll",
            f"    for (int i = 0; i < {EACH}; i++)",
            f"        for (int j = 0; j < {EACH}; j++) sums[i][j] += a.at[i] * b.at[j];",
            "}",
        ]

    def put(self) -> list[str]:
        place = f"slice * {self.height * self.width} + (row + i) * {self.width} + column + j"
        return [
            "#pragma unroll",
            f"for (int i = 0; i < {EACH}; i++)",
            f"    for (int j = 0; j < {EACH}; j++) parts[{place}] = sums[i][j];",
        ]


class ByTensorCores(Multiplying):
    """A warp adds up 16 x 8 numbers at a time, `down` times `across` of them."""

    padding = 8

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        self.down, self.across = 2 if height > 32 else 1, 2
        self._warps = height * width // (16 * self.down * 8 * self.across)
        self.slices = THREADS // 32 // self._warps

    def start(self) -> list[str]:
        warp, in_row = "(threadIdx.x / 32)", self.width // (8 * self.across)
        return [
            f"const int slice = {warp} / {self._warps}, mine = {warp} % {self._warps};",
            f"const int row = mine / {in_row} * {16 * self.down}, column = mine % {in_row} * {8 * self.across};",
            f"float sums[{self.down}][{self.across}][4] = {{}};",
        ]

    def multiplied(self, deep: int, a_step: int, b_step: int) -> list[str]:
        a, b = f"a_tile + k * {a_step} + row", f"b_tile + k * {b_step} + column"
        return [
            f"for (int k = slice * 8; k < {deep}; k += {self.slices * 8})",
            f"    by_tensor_cores<{a_step}, {b_step}>({a}, {b}, sums);",
        ]

    def put(self) -> list[str]:
        tile, width = self.height * self.width, self.width
        return [
            "const int lane = threadIdx.x % 32;",
            "#pragma unroll",
            f"for (int i = 0; i < {self.down}; i++)",
            f"    for (int j = 0; j < {self.across}; j++)",
            "        for (int c = 0; c < 4; c++) {",
            "            const int down = row + 16 * i + lane / 4 + c / 2 * 8, right = column + 8 * j + lane % 4 * 2 + c % 2;",
            f"            parts[slice * {tile} + down * {width} + right] = sums[i][j][c];",
            "        }",
        ]

    def rounded(self, number: str) -> str:
        return f"as_tf32({number})"
