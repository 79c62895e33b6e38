"""Machine code that is kept for the next process, in a folder.

What the compiler is given is decided by the processor, and by the files that write it: another processor or another
text is another name in the folder.

Read before: `compiler.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from llvmlite import __version__, binding, ir

from ..ahead import Ahead
from ..cache import kernels, write_whole
from .compiler import compiled, features, processor, target


class Native:
    """Functions as machine code, by name. Ask for `native`, which keeps them for as long as the process lives.

    name      of the module in the cache
    write     `write(module, *given)` fills a module, if it is not in the cache
    given     what it is given; repr() tells two of them apart
    improved  whether LLVM shall look for a better order and for vectors; else it is done as it is written
    needs     others that have functions which these call, by the names that `called` says
    """

    def __init__(
        self,
        name: str,
        write: Callable[..., object],
        *given: object,
        improved: bool = False,
        needs: tuple[Native, ...] = (),
    ):
        folder = kernels()
        self._fingerprint = _fingerprint(write, given)
        path = folder and folder / f"{name}_{self._fingerprint}.o"
        code, engine = path and _read(path), _engine()

        def made() -> bytes:
            module = ir.Module(name)
            write(module, *given)
            code = compiled(str(module), self.called, improved)
            if path is not None:
                with suppress(OSError):  # then it is compiled anew in each process
                    write_whole(path, _digest(code) + code)
            return code

        def load() -> None:
            mine = code or made()
            for other in needs:  # first: whoever links next finds all that is called
                other._loaded()
            engine.add_object_file(binding.ObjectFileRef.from_data(mine))

        self._loaded, self._needs = Ahead(load), needs
        self._found = code is not None

    def address(self, name: str) -> int:
        """Where the function of that name begins."""
        self._loaded()
        _engine().finalize_object()
        return _engine().get_function_address(self.called(name))

    def later(self, name: str) -> Callable[[], int]:
        """What says where it begins. Until it is asked, another thread may have compiled it."""
        self._begin()
        return partial(self.address, name)

    def _begin(self) -> None:
        for other in self._needs:
            other._begin()
        if not self._found:
            self._loaded.begin()

    def called(self, name: str) -> str:
        """The name of a function, as no other module has it."""
        return f"{name}_{self._fingerprint}"


native = cache(Native)


@cache
def _engine() -> binding.ExecutionEngine:
    """What all machine code of the process lies in: to make one takes a millisecond."""
    return binding.create_mcjit_compiler(binding.parse_assembly(""), target())


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
    hashed = hashlib.sha256(repr((__version__, processor(), sorted(features()))).encode())
    hashed.update(_digest_of_files(Path(__file__).parents[1], "*/*.py"))
    hashed.update(_digest_of_files(writers, "*.py"))
    return hashed


@cache
def _digest_of_files(folder: Path, pattern: str) -> bytes:
    return _digest(b"".join([_digest(path.read_bytes()) for path in sorted(folder.glob(pattern))]))
