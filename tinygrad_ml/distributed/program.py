"""What each rank that `launch` starts runs: the program, with its lines marked, and an end for all if it ends by an error.

    python -m tinygrad_ml.distributed.program train.py --lr 0.1

A program is run as Python runs it, by its file or, after -m, by the name of a module.

Read next: `ending.py`.
"""

from __future__ import annotations

import io
import os
import re
import runpy
import signal
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .ending import INTERRUPTED, end_by
from .mpi import rank_of_environment


class MarkedStream(io.TextIOWrapper):
    """A stream whose lines begin with a mark, and arrive whole: other processes write to the same place.

    A line that was begun is written with the rest of it, or when the stream is flushed. One that begins at a carriage
    return, as a progress bar's, is marked too.
    """

    def __init__(self, stream: TextIO, mark: str):
        super().__init__(
            stream.detach(),  # pyright: ignore[reportAttributeAccessIssue] which standard streams have
            encoding=stream.encoding,
            errors=stream.errors,
            newline="\n",
            write_through=False,
        )
        self._mark, self._kept, self._within = mark, "", False
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Keep the text until a line is whole."""
        with self._lock:
            self._kept += text
            end = max(self._kept.rfind("\n"), self._kept.rfind("\r")) + 1
            if end:
                whole, self._kept = self._kept[:end], self._kept[end:]
                self._write_marked(whole)
        return len(text)

    def flush(self) -> None:
        """Write what was kept."""
        with self._lock:
            kept, self._kept = self._kept, ""
            self._write_marked(kept)

    def _write_marked(self, text: str) -> None:
        marked = ""
        for piece in re.findall(r"[^\r\n]+|\r?\n|\r", text):
            begins_line = not self._within
            if piece.isspace() and piece.strip(" ") in ("\n", "\r\n", "\r"):
                marked += (self._mark if begins_line and "\n" in piece else "") + piece
                self._within = False
            else:
                marked += (self._mark if begins_line else "") + piece
                self._within = True
        super().write(marked)
        super().flush()


def main() -> None:
    """Run the program that the command line names."""
    program = sys.argv[1:]
    mark = f"[rank {rank_of_environment() or 0}] "
    sys.stdout, sys.stderr = MarkedStream(sys.stdout, mark), MarkedStream(sys.stderr, mark)
    if hasattr(signal, "SIGUSR1"):  # a launcher that ends ranks by Ctrl-C's own signal passes this one on
        signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        if program[0] == "-m":
            sys.argv = program[1:]
            sys.path[0] = str(Path.cwd())
            runpy.run_module(program[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = program
            sys.path[0] = str(Path(program[0]).resolve().parent)
            runpy.run_path(program[0], run_name="__main__")
    except BaseException as error:
        # A program that has stopped by itself when it was interrupted has come to its end, and so do the other ranks.
        if isinstance(error, SystemExit) and error.code in (None, 0, INTERRUPTED):
            raise
        end_by(error.with_traceback(_of_the_program(error.__traceback__)))


def _of_the_program(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without what runs the program."""
    runs = (__file__, "<frozen runpy>", runpy.__file__)
    while trace is not None and trace.tb_frame.f_code.co_filename in runs and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


if __name__ == "__main__":
    main()
