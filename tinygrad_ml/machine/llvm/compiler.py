"""LLVM's language as machine code of the processor. Several threads may compile at once.

llvmlite is the compiler. It lets one thread at a time into LLVM, whatever this does there. The two calls that take long work on
nothing but what is the thread's own, a context of LLVM and a target, so they are made without that lock.

Read next: `native.py`, which keeps what is compiled.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import binding
from llvmlite.binding import ffi

from ..processors import X86_LEVELS, chosen


@cache
def processor() -> str:
    """The name of the processor for which code is written: this one, or a level of `processors.py`."""
    return chosen(_of_this_one()) or binding.get_host_cpu_name()


@cache
def features() -> frozenset[str]:
    """What that processor can do besides its oldest relatives, in LLVM's words: "avx2", "fma" ..."""
    name = processor()
    return X86_LEVELS[name] if name in X86_LEVELS else _of_this_one()


def _of_this_one() -> frozenset[str]:
    return frozenset(name for name, has in binding.get_host_cpu_features().items() if has)


def register_bytes() -> int:
    """Bytes of a register for many numbers."""
    return 64 if "avx512f" in features() else 32 if "avx" in features() else 16


def scales() -> bool:
    """Whether the processor has an instruction for x·2ⁿ, and this LLVM, one of its version 22 or later, knows it for many numbers."""
    return "avx512vl" in features() and binding.llvm_version_info[0] >= 22


def target(level: int = 3) -> binding.TargetMachine:
    """A machine that code is made for; `level`: how long LLVM looks for better code when it writes it, 1 to 3."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name = processor()
    told = "" if name in X86_LEVELS else binding.get_host_cpu_features().flatten()
    # By default some processors have half of their registers left idle, to stay cooler.
    wanted = f"{told},-prefer-256-bit".lstrip(",")
    return binding.Target.from_default_triple().create_target_machine(cpu=name, features=wanted, opt=level, jit=True)


def compiled(text: str, named: Callable[[str], str], improved: bool) -> bytes:
    """The object file of a module, given in LLVM's language; `named` says how its functions are called there.

    improved  whether LLVM shall look for a better order and for vectors; else it is done as it is written
    """
    level = 3 if improved else 1  # of what is in order already
    targets = _mine.__dict__.setdefault("targets", {})  # these remember what they have compiled: so no engine keeps one
    machine = targets.get(level) or targets.setdefault(level, target(level))
    module = binding.parse_assembly(text, binding.create_context())
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    for function in module.functions:
        if function.linkage == binding.Linkage.external and not function.is_declaration:
            function.name = named(function.name)
    module.verify()
    if improved:
        improve(module, machine)
    with _quickly_written():
        return _emitted(module, machine)


_mine = threading.local()


def improve(module: binding.ModuleRef, machine: binding.TargetMachine) -> None:
    """What compilers do at their third level: no variables in memory, several elements at a time."""
    wanted = binding.create_pipeline_tuning_options(speed_level=3)
    wanted.loop_vectorization = wanted.slp_vectorization = True
    builder = binding.create_pass_builder(machine, wanted)
    _without_lock(ffi.lib.LLVMPY_RunNewModulePassManager)(builder.getModulePassManager(), module, builder)


def _emitted(module: binding.ModuleRef, machine: binding.TargetMachine) -> bytes:
    """`machine.emit_object(module)`"""
    with ffi.OutputString() as error:
        memory = _without_lock(ffi.lib.LLVMPY_TargetMachineEmitToMemory)(machine, module, 1, error)
        if not memory:
            raise RuntimeError(str(error))
    try:
        return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(memory), ffi.lib.LLVMPY_GetBufferSize(memory))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(memory)


def _without_lock(function: Any) -> Callable[..., Any]:
    """A function of LLVM's, which llvmlite calls while no other thread is in any."""
    return getattr(function, "_cfn", function)


@contextmanager
def _quickly_written() -> Iterator[None]:
    """While code is written, let LLVM not look for other variables by which loops could count, nor for a better order behind the
    choice of registers: the one takes it two fifths of the time that loops take, and x86's addresses (a base, a multiple, a
    distance) leave nothing to gain; the other a tenth, and processors look for such an order themselves. Numba, say, may want both
    later."""
    global _writing
    with _option:
        _writing += 1
        if _writing == 1:
            _set(UNWANTED)
    try:
        yield
    finally:
        with _option:
            _writing -= 1
            if not _writing:
                _set({name: not value for name, value in UNWANTED.items()})


def _set(options: Mapping[str, bool]) -> None:
    for name, value in options.items():
        binding.set_option("tinygrad_ml", f"-{name}={str(value).lower()}")


UNWANTED = {"disable-lsr": True, "post-RA-scheduler": False}
_option, _writing = threading.Lock(), 0
