"""From a Python function to a program: every operation that runs through the engine is written down.

Read in this order: `traced.py` (what stands for an array), `shadow.py` (how nobody else sees that), `stream.py` (random
numbers), `recorder.py` (the whole).
"""
