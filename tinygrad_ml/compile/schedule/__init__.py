"""From a program to kernels and their memory, told once for all machines that run them.

`fusion.py` says which instructions run together, and is the longest: begin with the example at its top. `ownership.py`
puts a copy wherever a result would share memory with something else; `layout.py` says where every value lies, and
`buffers.py` which of them share memory. `scalar.py` takes apart what a kernel computes of one number: it is printed by
the writers, `../cpu/` and `../gpu/`.
"""
