"""What a function can reach, and what is noticed of it between two calls.

Read in this order: `signature.py` (the arguments of a call), `code.py` (what code names) and `snapshots.py` (what things hold),
`reach.py` (what can be reached from there), `conditions.py` (what modules and optimisers say), `watch.py` (what the
user's code reads), `glance.py` (all of that, as one expression).
"""
