"""The small language in which loops are written, and how it becomes LLVM's.

A loop is a function that Python could read: `compile/cpu/walks.py` and `compile/cpu/moves.py` write such texts, and `mathematics.py` is
one. There is

    def loop(n0, n1, a0: float32s):   whole numbers, and addresses of elements of a dtype; `c0: float32`, a number by its bits
    for i0 in range(n0):              with one, two or three whole numbers, which go upwards
    if condition:                     with or without `else`
    x0 = a0[i0 * n1]                  a variable, of one dtype everywhere; an element, also at the left of `=` and `+=`, or
                                      of a table of `mathematics.py`
    y if x0 < y else x0               of which both sides are computed
    float32(x0)                       a number of another dtype

and Python's arithmetic. Operands are of one dtype, which the result has, too; a number that stands in the text takes
that of what it stands beside. Integers wrap around, divide downwards, and give 0 where they are divided by 0, as in
NumPy. Functions are those of `mathematics.py`, those that the processor has, and those of C's library.

It is one file because a term may stand in every statement, and in every other term.

Nothing is checked: these texts are written by this package. Whatever else a reader of them finds is an error of ours.

Read next: `mathematics.py`, and `native.py`, which makes machine code of it.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re
from collections.abc import Callable
from functools import cache, reduce
from typing import Any, NamedTuple

import numpy
from llvmlite import ir

from ..parsing import parsed
from . import intrinsics, mathematics
from .compiler import register_bytes, scales

INT, INT32, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
FLOAT32_BYTES = 4
LONGEST_REGISTER = 64
"""Bytes of the registers of which a part alone can be computed with, as quickly as with all."""
_NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"
DTYPES = {name: numpy.dtype(name) for name in _NAMES.split()}
int64, bool_ = DTYPES["int64"], DTYPES["bool"]

_OWN_NAMES = ("floor", "ceil", "trunc", "rint", "sqrt", "copysign", "maximum", "minimum")
OF_THE_PROCESSOR = {name: name for name in _OWN_NAMES} | {"abs": "fabs"}
"""Functions of floats that LLVM knows, for many of them at a time."""
OPERATORS = {
    ast.Add: (operator.add, "fadd", "add"),
    ast.Sub: (operator.sub, "fsub", "sub"),
    ast.Mult: (operator.mul, "fmul", "mul"),
    ast.Div: (operator.truediv, "fdiv", ""),
    ast.FloorDiv: (operator.floordiv, "", ""),
    ast.Mod: (operator.mod, "", ""),
    ast.Pow: (operator.pow, "", ""),
    ast.BitAnd: (operator.and_, "", "and_"),
    ast.BitOr: (operator.or_, "", "or_"),
    ast.BitXor: (operator.xor, "", "xor"),
    ast.LShift: (operator.lshift, "", "shl"),
    ast.RShift: (operator.rshift, "", ""),
}
"""What they are of numbers that stand in the text, and LLVM's words for floats and integers; "" where that is no one word."""
_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class Quantity(NamedTuple):
    """What an expression gives.

    value  of LLVM; of a number that stands in the text, that number
    dtype  None for such a number
    """

    value: Any
    dtype: numpy.dtype | None


class Variable(NamedTuple):
    """The place of a variable, or of the first element of an array."""

    pointer: Any
    dtype: numpy.dtype


def write_loop(module: ir.Module, source: str) -> None:
    """Put the function `loop` of a text into the module. It takes integers of 64 bits and addresses, and returns nothing."""
    (definition,) = parsed(source).body
    _Lowering(module, definition).write()


class _Lowering:
    """Writes a function down, statement by statement."""

    def __init__(self, module: ir.Module, definition: Any):
        self.module, self.definition = module, definition
        said = {given.arg: given.annotation.id for given in definition.args.args if given.annotation is not None}
        self.arrays = {name: DTYPES[kind.removesuffix("s")] for name, kind in said.items() if kind.endswith("s")}
        self.numbers = {name: DTYPES[kind] for name, kind in said.items() if not kind.endswith("s")}
        self.names = [given.arg for given in definition.args.args]
        types = [_in_memory(self.arrays[name]).as_pointer() if name in self.arrays else INT for name in self.names]
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), types), definition.name)
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.variables: dict[str, Variable] = {}
        self.at_the_end: Callable[[], object] = lambda: None
        self.short, self.once, self.some = False, False, False
        self.written: list[str] = []  # so far, in words that `_say_how` looks for
        self.known: dict[str, Quantity] = {"inf": Quantity(numpy.inf, None), "nan": Quantity(numpy.nan, None)}

    def write(self) -> None:
        """All of it."""
        for name, given in zip(self.names, self.function.args, strict=True):
            given.name = name
            if name in self.arrays:
                self.variables[name] = Variable(given, self.arrays[name])
            else:
                dtype = self.numbers.get(name, int64)
                bits = self.builder.trunc(given, ir.IntType(8 * dtype.itemsize))
                self.known[name] = Quantity(self.builder.bitcast(bits, _type(dtype)), dtype)
        self._statements(self.definition.body)
        self.at_the_end()
        self.builder.ret_void()

    def _statements(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            getattr(self, f"_{type(statement).__name__}")(statement)

    def _Expr(self, statement: Any) -> None:
        """`nothing_overlaps()`: no array is written to in memory that another one has, too; `denormals_are_zero()`; `rounded_once()`:
        sums with a product in them are; `rows_are_short()`: what is left of a row is done at once, by a part of a register;
        `nothing_is_empty()`: no whole number that is given is less than 1 where it says how often something is done."""
        said = statement.value.func.id
        if said == "rows_are_short":
            self.short = register_bytes() == LONGEST_REGISTER
        elif said == "nothing_is_empty":
            self.some = True
        elif said == "rounded_once":
            self.once = True
        elif said == "denormals_are_zero":
            self.at_the_end = intrinsics.flush_denormals(self.module, self.builder)
        else:
            for name, given in zip(self.names, self.function.args, strict=True):
                if name in self.arrays:
                    given.add_attribute("noalias")

    def _Assign(self, statement: ast.Assign) -> None:
        self._put(statement.targets[0], self._term(statement.value))

    def _AugAssign(self, statement: ast.AugAssign) -> None:
        self._put(statement.target, self._term(ast.BinOp(statement.target, statement.op, statement.value)))

    def _put(self, target: Any, term: Quantity) -> None:
        if isinstance(target, ast.Subscript):
            pointer, dtype = self._element(target)
            value = self._as(term, dtype).value
            self.builder.store(self.builder.zext(value, BYTE) if dtype == bool_ else value, pointer)
            return
        if target.id not in self.variables:
            term = self._as(term, int64) if term.dtype is None else term
            with self.builder.goto_entry_block():
                pointer = self.builder.alloca(_type(term.dtype), name=target.id)
            self.variables[target.id] = Variable(pointer, term.dtype)  # type: ignore[arg-type]
        pointer, dtype = self.variables[target.id]
        self.builder.store(self._as(term, dtype).value, pointer)

    def _element(self, part: ast.Subscript) -> Variable:
        name: str = part.value.id  # type: ignore[attr-defined]
        known: Any = self.variables.get(name)
        pointer, dtype = known or intrinsics.table(self.module, self.builder, name, getattr(mathematics, name))
        return Variable(self.builder.gep(pointer, [self._as(self._term(part.slice), int64).value]), dtype)

    def _For(self, statement: Any) -> None:
        """Its test stands in front, or, where there is a turn for certain, at the end alone: of loops in each other LLVM would make
        one text for the case that there is none, and one for the other."""
        given = [self._as(self._term(part), int64).value for part in statement.iter.args]
        start, stop, *step = given if len(given) > 1 else (ir.Constant(INT, 0), *given)
        builder, before = self.builder, self.builder.block
        certain = len(given) == 1 and self._is_some(statement.iter.args[0])
        inside, after = builder.append_basic_block(), builder.append_basic_block()
        head = inside if certain else builder.append_basic_block()
        builder.branch(head)
        builder.position_at_end(head)
        i = builder.phi(INT, name=statement.target.id)
        i.add_incoming(start, before)
        if not certain:
            builder.cbranch(builder.icmp_signed("<", i, stop), inside, after)
            builder.position_at_end(inside)
        outside = self.known.get(statement.target.id)
        self.known[statement.target.id] = Quantity(i, int64)
        begin = len(self.written)
        self._statements(statement.body)
        if outside is not None:
            self.known[statement.target.id] = outside
        following = builder.add(i, *(step or [ir.Constant(INT, 1)]), flags=("nsw",))
        i.add_incoming(following, builder.block)
        if certain:
            back = builder.cbranch(builder.icmp_signed("<", following, stop), head, after)
        else:
            back = builder.branch(head)
        self._say_how(back, statement, self.written[begin:])
        builder.position_at_end(after)

    def _is_some(self, count: ast.expr) -> bool:
        """Whether a number of turns is not 0."""
        if isinstance(count, ast.Constant):
            return count.value > 0  # type: ignore[operator]
        return self.some and isinstance(count, ast.Name) and count.id in self.names

    def _say_how(self, back: Any, statement: Any, inside: list[str]) -> None:
        """Put down at the end of a loop what LLVM is to make of it, from what is `inside`."""
        wanted: dict[str, ir.Constant | None] = {}
        known = len(statement.iter.args) == 1 and isinstance(statement.iter.args[0], ast.Constant)
        innermost = "loop" not in inside
        # Of wide sums LLVM would do as many turns at a time as there are wide numbers in a register, and half of the other
        # registers would be empty. Where that is asked for and cannot be, it says so on the user's screen.
        possible = innermost and "call of C" not in inside
        if statement in self.definition.body and possible and "wide sum" in inside:
            wanted["vectorize.width"] = ir.Constant(INT32, register_bytes() // FLOAT32_BYTES)
        if self.short and innermost:
            wanted["vectorize.predicate.enable"] = ir.Constant(ir.IntType(1), 1)
        if known:
            wanted["unroll.disable"] = None  # before several turns are one: that would take it as long as all of them
        elif not {"sum", "known"} & set(inside):
            wanted["unroll.runtime.disable"] = (
                None  # what is left waits for memory: eight turns are no quicker than one
            )
        if wanted:
            back.set_metadata("llvm.loop", intrinsics.vectorized(self.module, wanted))
        self.written += ["loop"] + ["known"] * known

    def _If(self, statement: ast.If) -> None:
        test = self._as(self._term(statement.test), bool_).value
        with self.builder.if_else(test) as (then, otherwise):
            with then:
                self._statements(statement.body)
            with otherwise:
                self._statements(statement.orelse)

    def _term(self, part: Any) -> Quantity:
        return getattr(self, f"_{type(part).__name__}")(part)

    def _Constant(self, part: ast.Constant) -> Quantity:
        number = Quantity(part.value, None)
        return self._as(number, bool_) if isinstance(part.value, bool) else number

    def _Name(self, part: ast.Name) -> Quantity:
        if part.id in self.known:
            return self.known[part.id]
        if part.id in self.variables:
            pointer, dtype = self.variables[part.id]
            return Quantity(self.builder.load(pointer), dtype)
        number = getattr(mathematics, part.id)
        return (
            Quantity(number, None)
            if isinstance(number, tuple)
            else self._as(Quantity(number.item(), None), number.dtype)
        )

    def _Subscript(self, part: ast.Subscript) -> Quantity:
        pointer, dtype = self._element(part)
        value = self.builder.load(pointer)
        return Quantity(
            self.builder.icmp_unsigned("!=", value, ir.Constant(BYTE, 0)) if dtype == bool_ else value, dtype
        )

    def _UnaryOp(self, part: ast.UnaryOp) -> Quantity:
        x = self._term(part.operand)
        if isinstance(part.op, ast.Not):
            return Quantity(self.builder.not_(self._as(x, bool_).value), bool_)
        if x.dtype is None:
            return Quantity(-x.value, None)
        if isinstance(part.op, ast.Invert):
            return Quantity(self.builder.not_(x.value), x.dtype)
        return Quantity(self.builder.fneg(x.value) if x.dtype.kind == "f" else self.builder.neg(x.value), x.dtype)

    def _BinOp(self, part: ast.BinOp) -> Quantity:
        kind = type(part.op)
        if self.once and kind in (ast.Add, ast.Sub):
            for product, other in ((part.left, part.right), (part.right, part.left)):
                if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
                    return self._sum_with_product(part, product, other)
        return self._combined(kind, self._term(part.left), self._term(part.right))

    def _sum_with_product(self, part: ast.BinOp, product: ast.BinOp, other: ast.expr) -> Quantity:
        """x·y + z, x·y - z or z - x·y, rounded once if they are floats."""
        x, y, z = self._term(product.left), self._term(product.right), self._term(other)
        dtype: Any = next((term.dtype for term in (x, y) if term.dtype is not None), None)
        if dtype is None or dtype.kind != "f":
            xy = self._combined(ast.Mult, x, y)
            return self._combined(type(part.op), *((xy, z) if product is part.left else (z, xy)))
        values = [self._as(term, dtype).value for term in (x, y, z)]
        if isinstance(part.op, ast.Sub):
            negative = 2 if product is part.left else 0
            values[negative] = self.builder.fneg(values[negative])
        return Quantity(intrinsics.multiply_and_add(self.builder, *values), dtype)

    def _combined(self, kind: type[ast.operator], a: Quantity, b: Quantity) -> Quantity:
        if a.dtype is None and b.dtype is None:
            return Quantity(OPERATORS[kind][0](a.value, b.value), None)
        a, b, dtype = self._together(a, b)
        if kind is ast.Pow:
            return self._power(a, b, dtype)
        if dtype.kind == "f":
            return Quantity(getattr(self.builder, OPERATORS[kind][1])(a.value, b.value), dtype)
        if kind is ast.RShift:
            shift = self.builder.ashr if dtype.kind == "i" else self.builder.lshr
            return Quantity(shift(a.value, b.value), dtype)
        if kind in (ast.FloorDiv, ast.Mod):
            return Quantity(
                intrinsics.whole_quotient(self.builder, a.value, b.value, dtype.kind == "u")[kind is ast.Mod], dtype
            )
        return Quantity(getattr(self.builder, OPERATORS[kind][2])(a.value, b.value), dtype)

    def _Compare(self, part: ast.Compare) -> Quantity:
        a, b, dtype = self._together(self._term(part.left), self._term(part.comparators[0]))
        kind = type(part.ops[0])
        if dtype.kind == "f":
            compare = self.builder.fcmp_unordered if kind is ast.NotEq else self.builder.fcmp_ordered
        else:
            compare = self.builder.icmp_signed if dtype.kind == "i" else self.builder.icmp_unsigned
        return Quantity(compare(_SIGNS[kind], a.value, b.value), bool_)

    def _IfExp(self, part: ast.IfExp) -> Quantity:
        test = self._as(self._term(part.test), bool_).value
        a, b, dtype = self._together(self._term(part.body), self._term(part.orelse))
        return Quantity(self.builder.select(test, a.value, b.value), dtype)

    def _Call(self, part: Any) -> Quantity:
        name, given = part.func.id, [self._term(each) for each in part.args]
        if name == "add_in_any_order":
            self.written += ["sum"] + ["wide sum"] * (given[0].dtype == DTYPES["float64"])
        if name in DTYPES:
            return self._as(given[0], DTYPES[name])
        if name in ("min", "max"):
            a, b, dtype = self._together(*given)
            first = self.builder.icmp_signed("<" if name == "min" else ">", a.value, b.value)
            return Quantity(self.builder.select(first, a.value, b.value), dtype)
        if name in _PRIMITIVES:
            return _PRIMITIVES[name](self.builder, *given)
        dtype = given[0].dtype
        if name == "scaled" and scales():
            return Quantity(intrinsics.scaled(self.builder, *[each.value for each in given]), dtype)
        for written in map(functions().get, (name, f"{name}_wide")):
            if written is not None and all(_takes(parameter, dtype) for parameter in written.args.args):
                return self._inside(written, given)
        values = [self._as(each, dtype).value for each in given]
        if name in OF_THE_PROCESSOR:
            kind = values[0].type
            signature = ir.FunctionType(kind, [kind] * len(values))
            known = self.module.declare_intrinsic(f"llvm.{OF_THE_PROCESSOR[name]}", [kind], signature)
            return Quantity(self.builder.call(known, values), dtype)
        return Quantity(self.builder.call(self._of_c(name, dtype, len(values)), values), dtype)

    def _inside(self, written: Any, given: list[Quantity]) -> Quantity:
        """What a function of `mathematics.py` gives: its lines, in the place of the call."""
        outside = self.known, self.once
        self.once = True  # which takes two thirds of the time, and is no less exact
        self.known = dict(zip((parameter.arg for parameter in written.args.args), given, strict=True))
        for statement in written.body[:-1]:
            if isinstance(statement, ast.Assign):
                self.known[statement.targets[0].id] = self._term(statement.value)  # type: ignore[attr-defined]
        result = self._term(written.body[-1].value)
        self.known, self.once = outside
        return result

    def _of_c(self, name: str, dtype: Any, count: int) -> Any:
        """A function of C's library: `sinf` of float32, `sin` of float64."""
        name, kind = name + "f" * (dtype.itemsize == 4), _type(dtype)
        self.written.append("call of C")
        if name not in self.module.globals:
            ir.Function(self.module, ir.FunctionType(kind, [kind] * count), name)
        return self.module.globals[name]

    def _together(self, a: Quantity, b: Quantity) -> tuple[Quantity, Quantity, numpy.dtype]:
        """Two terms as those of one dtype, and this."""
        dtype: Any = b.dtype if a.dtype is None else a.dtype
        if dtype is None:
            dtype = DTYPES["float64" if float in (type(a.value), type(b.value)) else "int64"]
        return self._as(a, dtype), self._as(b, dtype), dtype

    def _as(self, term: Quantity, dtype: Any) -> Quantity:
        value, own = term
        if own is None:  # which NumPy takes for float64
            number = float(dtype.type(value)) if dtype.kind == "f" else int(value)
            return Quantity(ir.Constant(_type(dtype), number), dtype)
        return term if own == dtype else Quantity(self._converted(value, own, dtype), dtype)

    def _converted(self, value: Any, own: numpy.dtype, dtype: numpy.dtype) -> Any:
        if dtype == bool_:
            differ = self.builder.fcmp_unordered if own.kind == "f" else self.builder.icmp_unsigned
            return differ("!=", value, ir.Constant(value.type, 0))
        narrower = own != bool_ and dtype.itemsize <= own.itemsize
        if own.kind == dtype.kind == "f":
            word = "fptrunc" if narrower else "fpext"
        elif own.kind == "f":
            word = "fptosi" if dtype.kind == "i" else "fptoui"
        elif dtype.kind == "f":
            word = "sitofp" if own.kind == "i" else "uitofp"
        else:
            word = "trunc" if narrower else "sext" if own.kind == "i" else "zext"
        return getattr(self.builder, word)(value, _type(dtype))

    def _power(self, a: Quantity, b: Quantity, dtype: numpy.dtype) -> Quantity:
        """aᵇ; of integers by squaring, a bit of the exponent at a time."""
        if dtype.kind == "f":
            return Quantity(self.builder.call(self._of_c("pow", dtype, 2), [a.value, b.value]), dtype)
        return Quantity(intrinsics.whole_power(self.builder, a.value, b.value), dtype)


def _type(dtype: Any) -> Any:
    """What a number of a dtype is to LLVM."""
    if dtype.kind == "f":
        return ir.FloatType() if dtype.itemsize == 4 else ir.DoubleType()
    return ir.IntType(1 if dtype == bool_ else 8 * dtype.itemsize)


def _in_memory(dtype: numpy.dtype) -> Any:
    return BYTE if dtype == bool_ else _type(dtype)


def _takes(parameter: ast.arg, dtype: numpy.dtype | None) -> bool:
    """Whether a function of `mathematics.py` is for such numbers: for those that it names, or for all."""
    name = ast.unparse(parameter.annotation) if parameter.annotation else "Any"
    return name == "Any" or DTYPES[name] == dtype


WIDE = {"float32": "float64", "int32": "int64"} | {
    name.removesuffix("_WIDE"): name for name in vars(mathematics) if name.endswith("_WIDE")
}
"""Words of functions for float32 -> what stands there for float64."""


@cache
def functions() -> dict[str, Any]:
    """The functions of `mathematics.py`, as text taken apart."""
    parts = {
        part.name: part for part in parsed(inspect.getsource(mathematics)).body if isinstance(part, ast.FunctionDef)
    }
    for name in mathematics.OF_BOTH:
        text = re.sub(r"\w+", lambda word: WIDE.get(word[0], word[0]), ast.unparse(parts[name]))
        (parts[f"{name}_wide"],) = parsed(text).body  # type: ignore[assignment]
    return parts


def _bits_as(kind: str, builder: Any, x: Quantity) -> Quantity:
    """The same bits as a number of another kind."""
    own: Any = x.dtype
    dtype = DTYPES[f"{kind}{8 * own.itemsize}"]
    return Quantity(builder.bitcast(x.value, _type(dtype)), dtype)


def _polynomial(builder: Any, x: Quantity, coefficients: Quantity) -> Quantity:
    """Horner's rule, each step of which is rounded once."""
    dtype: Any = x.dtype
    first, *others = [ir.Constant(x.value.type, float(dtype.type(c))) for c in coefficients.value]
    return Quantity(reduce(lambda y, c: intrinsics.multiply_and_add(builder, y, x.value, c), others, first), dtype)


_PRIMITIVES = {
    "polynomial": _polynomial,
    # The bits of a float as an integer of its size, and the other way round.
    "bits": lambda builder, x: _bits_as("int", builder, x),
    "of_bits": lambda builder, x: _bits_as("float", builder, x),
    # a + b, a step of a long sum that may be done in several parts at once.
    "add_in_any_order": lambda builder, a, b: Quantity(builder.fadd(a.value, b.value, flags=("reassoc",)), a.dtype),
    "frozen": lambda builder, x: Quantity(intrinsics.frozen(builder, x.value), x.dtype),
    "fmod": lambda builder, a, b: Quantity(builder.frem(a.value, b.value), a.dtype),
}
