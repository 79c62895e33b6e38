"""`python -m tinygrad_ml` is the command `tinygrad-ml`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
