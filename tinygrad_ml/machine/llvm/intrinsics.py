"""What a loop may need that is no arithmetic: tables in the machine code, powers and quotients of integers, how the processor is told
about denormals, and what LLVM may know, or is to do.

Read before: `language.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy
from llvmlite import ir

from ...denormals import FLUSH

INT32 = ir.IntType(32)


def table(module: ir.Module, builder: Any, name: str, numbers: numpy.ndarray) -> tuple[ir.Value, numpy.dtype]:
    """(a pointer to the first of some integers, which are a part of the machine code, their dtype)"""
    if name not in module.globals:
        kinds = ir.ArrayType(ir.IntType(8 * numbers.itemsize), len(numbers))
        there = ir.GlobalVariable(module, kinds, name)
        there.global_constant, there.linkage = True, "internal"
        there.initializer = ir.Constant(kinds, numbers.tolist())  # type: ignore[assignment]
    first = ir.Constant(INT32, 0)
    return builder.gep(module.globals[name], [first, first]), numbers.dtype


def flush_denormals(module: ir.Module, builder: Any) -> Callable[[], object]:
    """Let denormal numbers be 0 to this thread from here on; what writes that they are again what they were before."""
    pointer = ir.IntType(8).as_pointer()
    before, inside = (builder.alloca(INT32) for _ in range(2))

    def register(word: str, memory: ir.Value) -> None:
        kind = ir.FunctionType(ir.VoidType(), [pointer])
        function = module.declare_intrinsic(f"llvm.x86.sse.{word}mxcsr", (), kind)
        builder.call(function, [builder.bitcast(memory, pointer)])

    register("st", before)
    builder.store(builder.or_(builder.load(before), ir.Constant(INT32, FLUSH)), inside)
    register("ld", inside)
    return lambda: register("ld", before)


def whole_power(builder: Any, base: Any, exponent: Any) -> ir.Value:
    """baseᵉ of integers, by squaring, a bit of the exponent at a time."""
    kind: Any = base.type
    before, head, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(head)
    builder.position_at_end(head)
    power, square, rest = builder.phi(kind), builder.phi(kind), builder.phi(kind)
    one = ir.Constant(kind, 1)
    odd = builder.trunc(rest, ir.IntType(1))
    grown = builder.select(odd, builder.mul(power, square), power)
    squared, less = builder.mul(square, square), builder.lshr(rest, one)
    for phi, first, next_one in ((power, one, grown), (square, base, squared), (rest, exponent, less)):
        phi.add_incoming(first, before)
        phi.add_incoming(next_one, head)
    builder.cbranch(builder.icmp_unsigned("!=", less, ir.Constant(kind, 0)), head, after)
    builder.position_at_end(after)
    return grown


def frozen(builder: Any, x: Any) -> ir.Value:
    """x, of which LLVM does not look how it was made."""
    instruction = ir.instructions.Instruction(builder.block, x.type, "freeze", [x])
    builder._insert(instruction)
    return instruction


def vectorized(module: ir.Module, wanted: Mapping[str, ir.Constant | None]) -> ir.MDValue:
    """What stands at the end of a loop of which LLVM is to do many turns at a time, and how. Such a note begins with itself."""
    parts = [
        module.add_metadata([f"llvm.loop.{name}", *[value] * (value is not None)]) for name, value in wanted.items()
    ]
    note = ir.MDValue(module, parts, name=str(len(module.metadata)))
    note.operands = (note, *parts)
    return note


def whole_quotient(builder: Any, a: Any, b: Any, unsigned: bool) -> tuple[ir.Value, ir.Value]:
    """(a // b, a % b) of integers. The processor refuses to divide by 0, and the least number by -1."""
    zero, one = ir.Constant(a.type, 0), ir.Constant(a.type, 1)
    by_zero = builder.icmp_unsigned("==", b, zero)
    if unsigned:
        divisor = builder.select(by_zero, one, b)
        quotient, rest = builder.udiv(a, divisor), builder.urem(a, divisor)
    else:
        by_minus_one = builder.icmp_signed("==", b, ir.Constant(a.type, -1))
        divisor = builder.select(builder.or_(by_zero, by_minus_one), one, b)
        quotient, rest = builder.sdiv(a, divisor), builder.srem(a, divisor)
        signs = builder.icmp_signed("<", builder.xor(rest, divisor), zero)
        above = builder.and_(builder.icmp_signed("!=", rest, zero), signs)
        quotient = builder.sub(quotient, builder.zext(above, a.type))
        rest = builder.add(rest, builder.select(above, divisor, zero))
        quotient = builder.select(by_minus_one, builder.neg(a), quotient)
    return builder.select(by_zero, zero, quotient), builder.select(by_zero, zero, rest)


def multiply_and_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x·y + z of floats, rounded once where the processor has that."""
    known = builder.module.declare_intrinsic("llvm.fmuladd", [x.type], ir.FunctionType(x.type, [x.type] * 3))
    return builder.call(known, [x, y, z])


def scaled(builder: Any, x: Any, n: Any) -> Any:
    """x·2ⁿ of floats, n being whole, by the processor's instruction."""
    kinds = [x.type, INT32]
    known = builder.module.declare_intrinsic("llvm.ldexp", kinds, ir.FunctionType(x.type, kinds))
    return builder.call(known, [x, builder.fptosi(n, INT32)])
