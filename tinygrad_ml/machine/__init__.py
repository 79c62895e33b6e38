"""Machine code, where llvmlite is installed, and the threads that share its work.

`llvm/` makes it of texts that say loops, or of an assembler's words; `machine_code.py` makes functions of such texts;
`products/` has matrix products and convolutions, in an assembler's words; `axes.py` says which axes of arrays are one;
`cache.py` is the folder in which it is kept for the next process; `ahead.py` lets idle processors compile; `sharing/` has
jobs done by several threads. Who computes on large arrays may ask for it: compiled steps, and eager mode's kernels. Nothing
here knows a tensor.
"""
