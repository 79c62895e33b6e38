"""Machine code that is written in the language of LLVM: what Numba has no words for, such as tiles of registers and threads.

`assembler.py` has the words for writing it, `native.py` compiles it and keeps what comes out. Only modules that are
imported where Numba is installed, which brings llvmlite along, import these.
"""
