"""Machine code, by LLVM.

`language.py` makes it of the texts of loops, with the functions of `mathematics.py`; `assembler.py` has the words for what
such texts cannot say: tiles of registers and threads. `native.py` compiles both, and keeps what comes out. Only modules
that are imported where llvmlite is installed import these.
"""
