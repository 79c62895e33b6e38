"""`tg.distributions`: what can be drawn at random, how likely each outcome is, and how far two of them are apart.

The names are those of `torch.distributions`. Parameters are tensors or numbers that broadcast; gradients reach them
through `log_prob`, `entropy` and `kl_divergence`, and through what `rsample` draws. Draws come from the library's random
streams (`tg.manual_seed`), in compiled steps too.

Read in this order: `distribution.py` (what all of them have), `continuous.py`, `multinomial.py`, `discrete.py`,
`divergence.py`.
"""

from .continuous import Exponential as Exponential
from .continuous import Laplace as Laplace
from .continuous import Normal as Normal
from .continuous import Uniform as Uniform
from .discrete import Bernoulli as Bernoulli
from .discrete import Categorical as Categorical
from .distribution import Distribution as Distribution
from .distribution import Independent as Independent
from .divergence import kl_divergence as kl_divergence
from .multinomial import multinomial as multinomial
