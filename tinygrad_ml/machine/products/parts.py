"""The function of a product, and its parts as modules that others call, too: a program has code for those tiles alone that its
products have, and for copies only if there are any.

Of all tiles, LLVM needs a tenth of a second; of those of one width, a fifth of that.

Read before: `tiles.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from ..llvm.assembler import INT
from ..llvm.native import Native, native
from .fields import Shape
from .tiles import ProductCode


def product(
    shape: Shape, itemsize: int, widths: Sequence[int], narrow: Sequence[int], copied: bool
) -> Callable[[], int]:
    """What says the address of what does a task of a product. See `ProductCode` for what there is code for."""
    needs = [tiles(shape, itemsize, width) for width in widths] + [halves(shape, itemsize, width) for width in narrow]
    if copied:
        needs.append(copies(shape, itemsize))
    given = shape, itemsize, tuple(widths), tuple(narrow), copied
    return native("product", write_product, *given, needs=tuple(needs)).later("product")


def tiles(shape: Shape, itemsize: int, width: int) -> Native:
    """All tiles of so many vectors in a row."""
    return native("tiles", write_tiles, shape, itemsize, width)


def halves(shape: Shape, itemsize: int, width: int) -> Native:
    """The tile of so many vectors in a row of which the last one is a half one."""
    return native("halves", write_halves, shape, itemsize, width)


def copies(shape: Shape, itemsize: int) -> Native:
    """What copies panels."""
    return native("copies", write_copies, shape, itemsize)


def write_product(
    module: ir.Module, shape: Shape, itemsize: int, widths: Sequence[int], narrow: Sequence[int], copied: bool
) -> None:
    """Write the function that does one task: `product(fields, task, scratch)`, given the addresses of fields and scratch."""
    code = _OfParts(module, shape, itemsize)
    code.widths, code.narrow, code.copied = widths, narrow, copied
    code.task("product")


def write_tiles(module: ir.Module, shape: Shape, itemsize: int, width: int) -> None:
    """Write `tile_6_4(...)` and the like, of so many vectors. See `ProductCode.tile`."""
    code = _Tiles(module, shape, itemsize)
    code.widths = (width,)
    for function in code.of_all_sizes(code.tile).values():
        function.linkage = ""


def write_halves(module: ir.Module, shape: Shape, itemsize: int, width: int) -> None:
    """Write `narrow_6_4(...)` or its like. See `ProductCode.tile`."""
    _Tiles(module, shape, itemsize).tile(shape.rows[0], width, narrow=True).linkage = ""


def write_copies(module: ir.Module, shape: Shape, itemsize: int) -> None:
    """Write `pack(...)` and, where panels of rows are copied, `copy(...)` and a tile that copies on its way."""
    code = ProductCode(module, shape, itemsize)
    for function in (code.pack(), *code.of_rows()):
        function.linkage = ""


class _Tiles(ProductCode):
    """Tiles that ask for what the next panel will read."""

    ahead = True


class _OfParts(_Tiles):
    """A product that calls its parts."""

    def tile(self, rows: int, width: int, copying: bool = False, narrow: bool = False) -> ir.Function:
        if narrow:
            return self._called(halves(self.shape, self.itemsize, width), f"narrow_{rows}_{width}", 12)
        if copying:
            return self._called(copies(self.shape, self.itemsize), f"copying_{rows}_{width}", 11)
        return self._called(tiles(self.shape, self.itemsize, width), f"tile_{rows}_{width}", 12)

    def pack(self) -> ir.Function:
        return self._called(copies(self.shape, self.itemsize), "pack", 5)

    def copy(self) -> ir.Function:
        return self._called(copies(self.shape, self.itemsize), "copy", 6)

    def _called(self, where: Native, name: str, arguments: int) -> ir.Function:
        return ir.Function(self.module, ir.FunctionType(ir.VoidType(), [INT] * arguments), where.called(name))
