"""Python's parser, for one thread at a time.

Python 3.11 counts how deep it is in a tree for all threads together, and takes it for an error of its own if another thread
has parsed something meanwhile. The texts of loops are parsed while others are compiled.
"""

import ast
import threading

_turn = threading.Lock()


def parsed(text: str) -> ast.Module:
    """`ast.parse(text)`"""
    with _turn:
        return ast.parse(text)


def expression(text: str) -> ast.expr:
    """The tree of an expression."""
    with _turn:
        return ast.parse(text.strip(), mode="eval").body
