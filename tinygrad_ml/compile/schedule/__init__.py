"""From a program to kernels and their memory, told once for all machines that run them.

`kernel.py` says what a kernel is, and when its instructions run; `fusion.py` which instructions run together: begin with
the example at its top. `ownership.py` puts a copy wherever a result would share memory with something else; `layout.py`
says where every value lies, `buffers.py` which of them share memory, `axes.py` how arrays lie along what is computed.
`scalar.py` takes apart what a kernel computes of one number. `executable.py` is what is called, and says what is left to
the writers, `../cpu/` and `../gpu/`.
"""
