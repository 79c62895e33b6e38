"""What a function can reach, and what is noticed of it between two calls.

Read in this order: `signature.py` (the arguments of a call), `reach.py` (what can be reached), `noticed.py` (what code
reads by a name).
"""
