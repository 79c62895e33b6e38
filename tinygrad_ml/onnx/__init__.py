"""ONNX both ways: networks made elsewhere are read as modules of this library, and what is made here is written for elsewhere.

Read next: `graph.py`, `table.py`.
"""
