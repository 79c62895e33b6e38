"""PyTorch's names and ours: a table, and the errors that tell which line to write.

The tensors of this library have the names of the Array API standard, and one name for one thing. Who comes from PyTorch
types PyTorch's, and is told ours, with the arguments that were typed put in:

>>> x.clamp(min=0)
SpellingError: a tensor has no attribute 'clamp'; here it is x.clip(min=0)

Read `tables/` first, which is the table. `rows.py` reads it and fills its lines in, `caller.py` looks at the code that has
typed something, `call.py` brings the two together, and `answers.py` makes the errors. A function that works pays nothing for all this.
"""

from .answers import Size as Size
from .answers import Speller as Speller
from .answers import attribute_of as attribute_of
from .answers import beyond_numpy as beyond_numpy
from .answers import missing_from as missing_from
from .answers import misspelt as misspelt
from .answers import refuse_unbound as refuse_unbound
from .answers import refuse_unknown as refuse_unknown
from .answers import spelt as spelt
from .caller import imports as imports
from .rows import ROWS as ROWS
from .rows import Spelling as Spelling
from .rows import rows as rows
