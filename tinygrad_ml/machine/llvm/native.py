"""From LLVM's language to machine code, which is kept for the next process beside the loops.

llvmlite is the compiler. What it is given is decided by the processor, and by the
files that write it: another processor or another text is another name in the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import __version__, binding, ir

from ..cache import kernels, write_whole
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


class Native:
    """Functions as machine code, by name. Made by `native`, which keeps them for as long as the process lives.

    name      of the module in the cache
    write     `write(module, *given)` fills a module, if it is not in the cache
    given     what it is given; repr() tells two of them apart
    improved  whether LLVM shall look for a better order and for vectors; else it is done as it is written
    """

    def __init__(self, name: str, write: Callable[..., object], *given: object, improved: bool = False):
        folder = kernels()
        self._fingerprint = _fingerprint(write, given)
        path = folder and folder / f"{name}_{self._fingerprint}.o"
        code = path and _read(path)
        if code is None:
            machine = _compiler()
            module = ir.Module(name)
            write(module, *given)
            parsed = binding.parse_assembly(str(module))
            parsed.triple, parsed.data_layout = machine.triple, str(machine.target_data)
            for function in parsed.functions:
                if function.linkage == binding.Linkage.external and not function.is_declaration:
                    function.name = self._unique(function.name)
            parsed.verify()
            if improved:
                _improve(parsed, machine)
            with _as_addresses_are_written():
                code = machine.emit_object(parsed)
            if path is not None:
                with suppress(OSError):  # then it is compiled anew in each process
                    write_whole(path, _digest(code) + code)
        _engine().add_object_file(binding.ObjectFileRef.from_data(code))

    def address(self, name: str) -> int:
        """Where the function of that name begins."""
        _engine().finalize_object()
        return _engine().get_function_address(self._unique(name))

    def _unique(self, name: str) -> str:
        """The name of a function, as no other module has it."""
        return f"{name}_{self._fingerprint}"


@cache
def native(name: str, write: Callable[..., object], *given: object, improved: bool = False) -> Native:
    """The functions that `write(module, *given)` writes."""
    return Native(name, write, *given, improved=improved)


def _improve(module: binding.ModuleRef, machine: binding.TargetMachine) -> None:
    """What compilers do at their third level: no variables in memory, several elements at a time."""
    wanted = binding.create_pipeline_tuning_options(speed_level=3)
    wanted.loop_vectorization = wanted.slp_vectorization = True
    builder = binding.create_pass_builder(machine, wanted)
    builder.getModulePassManager().run(module, builder)


@contextmanager
def _as_addresses_are_written() -> Iterator[None]:
    """While code is written, let LLVM not look for other variables by which loops could count: that takes it two fifths of the
    time, and x86's addresses (a base, a multiple, a distance) leave nothing to gain."""
    binding.set_option("tinygrad_ml", "-disable-lsr=true")
    try:
        yield
    finally:
        binding.set_option("tinygrad_ml", "-disable-lsr=false")


@cache
def _engine() -> binding.ExecutionEngine:
    """What all machine code of the process lies in: to make one takes a millisecond."""
    return binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())


@cache
def _compiler() -> binding.TargetMachine:
    """The machine that code is made for, which remembers what it has compiled: so it is not one that an engine keeps."""
    return _machine()


def _machine() -> binding.TargetMachine:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name = processor()
    told = "" if name in X86_LEVELS else binding.get_host_cpu_features().flatten()
    # By default some processors have half of their registers left idle, to stay cooler.
    wanted = f"{told},-prefer-256-bit".lstrip(",")
    return binding.Target.from_default_triple().create_target_machine(cpu=name, features=wanted, opt=3, jit=True)


def _read(path: Path) -> bytes | None:
    """The code in a file, which its digest precedes; None if there is no such file, or a damaged one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:32], content[32:]
    return code if digest == _digest(code) else None


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


def _fingerprint(write: Callable[..., object], given: tuple[object, ...]) -> str:
    hashed = _surroundings(Path(write.__code__.co_filename).parent).copy()
    hashed.update(repr(given).encode())
    return hashed.hexdigest()[:20]


@cache
def _surroundings(writers: Path) -> Any:
    """The hash of compiler, processor, and the files that write what is compiled: those of this room, and of the folder
    `writers`."""
    paths = {*Path(__file__).parents[1].glob("*/*.py"), *writers.glob("*.py")}
    sources = [path.read_text(encoding="utf-8") for path in sorted(paths)]
    return hashlib.sha256(repr((__version__, processor(), sorted(features()), sources)).encode())
