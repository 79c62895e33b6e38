"""Lessons to read, run and change: `README.md` lists them. A package, so that `python -m examples.lessons` finds it."""
