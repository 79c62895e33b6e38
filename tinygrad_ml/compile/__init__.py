"""`tg.compile`: a function of tensors, recorded once and replayed as a few fused kernels.

    record -> dead work -> algebra -> equal work -> fuse -> lay out memory -> write a function, or capture a graph

Read in this order: `step.py` (what a user calls), `program.py` (what is recorded), `recording.py` (when), `record/` (how),
`guards/` (what a program relies on), `passes/` and `schedule/` (what is made of it), `cpu/` and `gpu/` (how it runs).
`README.md` is for users, and has the map.
"""

from .step import Step, compile

__all__ = ["Step", "compile"]
