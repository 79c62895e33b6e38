"""A training script of PyTorch's, in the names of this library: what `tinygrad-ml port FILE.py` prints.

>>> from tinygrad_ml.porting import ported
>>> print(ported("import torch\\nprint(torch.ones(6).view(2, 3).size(0))\\n"), end="")
import tinygrad_ml as tg
print(tg.ones(6).reshape(2, 3).shape[0])

The script is read and never run. What the table of `spellings/` knows is replaced where it stands, so that comments and
layout stay; a line that could not be turned has a comment above it that begins with `# port:` and says why.

`source.py` is a script with its places, `names.py` says what a name in it means and what it is here, `calls.py` turns
one call, and `porter.py` goes through all of it. Read first: `names.py`.
"""

from .porter import ported as ported
