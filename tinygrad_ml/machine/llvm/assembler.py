"""Words for writing a function in the language of LLVM: numbers, loops, vectors.

All numbers and addresses are integers of 64 bits. A vector is as many real numbers as a register of the
processor holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from llvmlite import ir

BOOL, INT32, INT = ir.IntType(1), ir.IntType(32), ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()


def number(n: int) -> ir.Constant:
    """A whole number."""
    return ir.Constant(INT, n)


ZERO, ONE = number(0), number(1)
_Builder: Any = ir.IRBuilder  # of which llvmlite's stubs say that most of it gives nothing


class Function(_Builder):
    """A function of integers, which returns nothing, and the place in it where writing goes on.

    arguments  how many
    exported   whether it can be called from outside of the module
    """

    def __init__(self, module: ir.Module, name: str, arguments: int, exported: bool = False):
        self.function_itself = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT] * arguments), name)
        if not exported:
            self.function_itself.linkage = "internal"
        super().__init__(self.function_itself.append_basic_block())
        self.given = self.function_itself.args

    def total(self, *terms: ir.Value) -> ir.Value:
        """The sum of several numbers."""
        return reduce(self.add, terms)

    def least(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The smaller of two integers."""
        return self.select(self.icmp_signed("<", x, y), x, y)

    def most(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The larger of two integers."""
        return self.select(self.icmp_signed("<", x, y), y, x)

    def at(self, address: ir.Value, place: int = 0) -> ir.Value:
        """A pointer to the integer that is `place` integers behind the address."""
        return self.inttoptr(self.add(address, number(8 * place)), INT.as_pointer())

    def field(self, address: ir.Value, place: int) -> ir.Value:
        """The integer that is `place` integers behind the address."""
        return self.load(self.at(address, place))

    def call_at(self, address: ir.Value, given: Sequence[ir.Value]) -> None:
        """Call the function of integers that begins at an address."""
        function = ir.FunctionType(ir.VoidType(), [INT] * len(given)).as_pointer()
        self.call(self.inttoptr(address, function), given)

    def told(self, fields: type, address: ir.Value) -> Any:
        """What stands at an address that the function is given, integer behind integer, by the names of a `NamedTuple`. Each
        is read where the function begins, if it is asked for."""
        return _ToldIntegers(self, fields._fields, address)  # type: ignore[attr-defined]

    @contextmanager
    def each(self, stop: Any, start: Any = ZERO, step: Any = ONE) -> Iterator[Any]:
        """`for i in range(start, stop, step)`, where what is written inside is the body, and i is given."""
        before = self.block
        head, inside, after = (self.append_basic_block() for _ in range(3))
        self.branch(head)
        self.position_at_end(head)
        i = self.phi(INT)
        i.add_incoming(start, before)
        self.cbranch(self.icmp_signed("<", i, stop), inside, after)
        self.position_at_end(inside)
        yield i
        i.add_incoming(self.add(i, step), self.block)
        self.branch(head)
        self.position_at_end(after)

    def carry(self, begin: Sequence[Any], turn: Callable[..., Sequence[Any]]) -> list[Any]:
        """`while True: x = turn(*x)`, from `x = begin` on, until the first number of x is 0; what x is at the end."""
        before = self.block
        inside = self.append_basic_block()
        self.branch(inside)
        self.position_at_end(inside)
        carried = [self.phi(x.type) for x in begin]
        after = list(turn(*carried))
        for phi, first, following in zip(carried, begin, after, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(following, self.block)
        end = self.append_basic_block()
        self.cbranch(self.icmp_signed("!=", after[0], number(0)), inside, end)
        self.position_at_end(end)
        return after

    def finished(self) -> ir.Function:
        """The function itself, which returns here."""
        self.ret_void()
        return self.function_itself

    def choose(self, value: ir.Value, cases: Iterable[int]) -> Iterator[int]:
        """Each of the cases, for which what is written is done if the value is that one."""
        after = self.append_basic_block()
        switch = self.switch(value, after)
        for case in cases:
            block = self.append_basic_block()
            switch.add_case(number(case), block)
            self.position_at_end(block)
            yield case
            self.branch(after)
        self.position_at_end(after)


class _ToldIntegers:
    """Integers at an address, by name. See `Function.told`."""

    def __init__(self, f: Function, names: Sequence[str], address: ir.Value):
        self._f, self._names, self._address = f, names, address

    def __getattr__(self, name: str) -> ir.Value:
        if name not in self._names:
            raise AttributeError(name)
        with self._f.goto_entry_block():
            found = self._f.field(self._address, self._names.index(name))
        setattr(self, name, found)
        return found


class Vectors:
    """Vectors of `lanes` numbers of float32 or float64, of `itemsize` bytes each, in the functions of a module."""

    def __init__(self, module: ir.Module, lanes: int, itemsize: int):
        self.lanes, self.itemsize, self.nbytes = lanes, itemsize, lanes * itemsize
        self.real = {4: ir.FloatType(), 8: ir.DoubleType()}[itemsize]
        self.type = ir.VectorType(self.real, lanes)
        self.zero = ir.Constant(self.type, [0.0] * lanes)
        name, mask, pointer = f"v{lanes}f{8 * itemsize}", ir.VectorType(BOOL, lanes), self.type.as_pointer()

        def declare(word: str, result: ir.Type, *given: ir.Type) -> ir.Function:
            return ir.Function(module, ir.FunctionType(result, given), f"llvm.{word}")

        self._fma = declare(f"fma.{name}", self.type, self.type, self.type, self.type)
        self._prefetch = module.globals.get("llvm.prefetch.p0") or ir.Function(
            module, ir.FunctionType(ir.VoidType(), [BYTES, INT32, INT32, INT32]), "llvm.prefetch.p0"
        )
        self._load = declare(f"masked.load.{name}.p0", self.type, pointer, INT32, mask, self.type)
        self._store = declare(f"masked.store.{name}.p0", ir.VoidType(), self.type, pointer, INT32, mask)

    def at(self, f: Function, address: Any) -> ir.Value:
        """A pointer to the vector at an address; it can stand for the address."""
        return address if address.type.is_pointer else f.inttoptr(address, self.type.as_pointer())

    def load(self, f: Function, address: ir.Value, mask: ir.Value | None = None) -> ir.Value:
        """The vector at an address. Where the mask is 0, nothing is read, and the number is 0."""
        pointer = self.at(f, address)
        if mask is not None:
            return f.call(self._load, [pointer, ir.Constant(INT32, self.itemsize), mask, self.zero])
        return f.load(pointer, align=self.itemsize)

    def load_every(
        self, f: Function, stride: int, address: ir.Value, count: ir.Value, mask: ir.Value | None
    ) -> ir.Value:
        """The first `count` of every, or every second number from an address on; `mask` has as many lanes, None if all do."""
        if stride == 1:
            return self.load(f, address, mask)
        needed = f.sub(f.mul(count, number(2)), number(1))
        lower = self.load(f, address, mask and self.first(f, needed))
        upper = self.load(f, f.add(address, number(self.nbytes)), self.first(f, f.sub(needed, number(self.lanes))))
        order = ir.Constant(ir.VectorType(INT32, self.lanes), list(range(0, 2 * self.lanes, 2)))
        return f.shuffle_vector(lower, upper, order)

    def store(self, f: Function, vector: ir.Value, address: ir.Value, mask: ir.Value | None = None) -> None:
        """Write a vector to an address; with a mask, the lanes that it names."""
        pointer = self.at(f, address)
        if mask is not None:
            f.call(self._store, [vector, pointer, ir.Constant(INT32, self.itemsize), mask])
        else:
            f.store(vector, pointer, align=self.itemsize)

    def expect(self, f: Function, address: ir.Value, write: bool = False) -> None:
        """Say that the vector at an address will soon be read, or written, so that it comes to the cache."""
        read_or_write, near, data = ir.Constant(INT32, int(write)), ir.Constant(INT32, 3), ir.Constant(INT32, 1)
        f.call(self._prefetch, [f.bitcast(self.at(f, address), BYTES), read_or_write, near, data])

    def multiply_and_add(self, f: Function, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x·y + z, rounded once."""
        return f.call(self._fma, [x, y, z])

    def lower_half(self, f: Function, vector: ir.Value) -> ir.Value:
        """The first half of its lanes."""
        return f.shuffle_vector(
            vector, vector, ir.Constant(ir.VectorType(INT32, self.lanes // 2), [*range(self.lanes // 2)])
        )

    def everywhere(self, f: Function, address: ir.Value) -> ir.Value:
        """The one number at an address, in all lanes."""
        return self._spread(f, f.load(f.inttoptr(address, self.real.as_pointer())), self.real)

    def first(self, f: Function, count: ir.Value) -> ir.Value:
        """The mask that has the first `count` lanes."""
        lane = ir.Constant(ir.VectorType(INT, self.lanes), list(range(self.lanes)))
        return f.icmp_signed("<", lane, self._spread(f, count, INT))

    def _spread(self, f: Function, x: ir.Value, kind: ir.Type) -> ir.Value:
        nothing = ir.Constant(ir.VectorType(kind, self.lanes), ir.Undefined)
        one = f.insert_element(nothing, x, ir.Constant(INT32, 0))
        return f.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(INT32, self.lanes), [0] * self.lanes))

    def added_up(self, f: Function, vector: ir.Value) -> ir.Value:
        """The sum of its numbers: of halves, of halves of these, and so on."""
        width = self.lanes
        while width > 1:
            width //= 2
            order = [*range(width, 2 * width), *range(self.lanes - width)]
            vector = f.fadd(
                vector, f.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(INT32, self.lanes), order))
            )
        return f.extract_element(vector, ir.Constant(INT32, 0))

    def transposed(self, f: Function, rows: list[ir.Value]) -> list[ir.Value]:
        """The columns of a square of numbers, whose rows are given.

        Each turn swaps, in all squares of 2s by 2s numbers, the upper right quarter with the lower left one.
        """
        lanes, rows, s = self.lanes, list(rows), 1
        while s < lanes:
            upper = [lanes + x - s if x & s else x for x in range(lanes)]
            lower = [lanes + x if x & s else x + s for x in range(lanes)]
            for i in (i for i in range(lanes) if not i & s):
                pair = rows[i], rows[i + s]
                for place, lanes_taken in ((i, upper), (i + s, lower)):
                    order = ir.Constant(ir.VectorType(INT32, lanes), lanes_taken)
                    rows[place] = f.shuffle_vector(*pair, order)
            s *= 2
        return rows
