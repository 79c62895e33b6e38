"""Compiles CUDA source to PTX by NVIDIA's own compiler, which needs no GPU and no driver: `pip install -e .[test]`."""

import ctypes
import importlib.util
import pathlib
import re

FOUND = importlib.util.find_spec("nvidia")
FOLDERS = [pathlib.Path(folder) for folder in (FOUND.submodule_search_locations or [])] if FOUND else []
LIBRARIES = sorted(path for folder in FOLDERS for path in folder.glob("*/lib/libnvrtc.so.*"))
HEADERS = [
    path.parent for folder in FOLDERS for path in folder.glob("*/include/cuda_fp16.h") if (path.parent / "nv").exists()
]


def missing() -> str:
    """What there is not, in words; nothing if all is there."""
    return (
        "" if LIBRARIES and HEADERS else "nvidia-cuda-nvrtc, nvidia-cuda-runtime or nvidia-cuda-cccl is not installed"
    )


class CompilationError(Exception):
    """The compiler's words."""


def ptx(source: str, architecture: int, *more: str) -> str:
    """The source for GPUs of this architecture (90 for sm_90), as the assembly language of CUDA; `more` are options."""
    return _compiled(source, "PTX", f"--gpu-architecture=compute_{architecture}", *more)


def spilled(source: str, architecture: int) -> int:
    """Bytes that threads of these kernels keep in memory, since there are too few registers for them."""
    said = _compiled(source, "ProgramLog", f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v")
    return sum(map(int, re.findall(r"(\d+) bytes spill stores", said)))


def _compiled(source: str, wanted: str, *more: str) -> str:
    """What the compiler says when it is asked for `wanted`, with these options."""
    library = ctypes.CDLL(str(LIBRARIES[-1]))
    program, length = ctypes.c_void_p(), ctypes.c_size_t()
    options = [b"--std=c++17"]
    options += [option.encode() for option in (*(f"--include-path={folder}" for folder in HEADERS), *more)]

    def text(what: str) -> str:
        getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(length))
        buffer = ctypes.create_string_buffer(length.value)
        getattr(library, f"nvrtcGet{what}")(program, buffer)
        return buffer.value.decode()

    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
    try:
        if library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options)):
            raise CompilationError(text("ProgramLog"))
        return text(wanted)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
