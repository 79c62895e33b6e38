"""What holds while code runs, per thread: is a graph recorded, who watches, inside which module and function.

A thread begins with nothing of what holds in the one that starts it: a pool's threads do not inherit `no_grad`.

`state.py` has what holds; `recording.py` switches it on and off (`no_grad`), `scopes.py` and `watching.py` add to it;
`compiling.py` is for steps that are compiled.
"""

from .compiling import Options as Options
from .compiling import each_time as each_time
from .compiling import overwriting as overwriting
from .compiling import rely_on as rely_on
from .recording import enable_grad as enable_grad
from .recording import no_grad as no_grad
from .recording import set_grad_enabled as set_grad_enabled
from .scopes import BACKWARD as BACKWARD
from .scopes import UPDATE as UPDATE
from .scopes import differentiating as differentiating
from .scopes import inside as inside
from .scopes import part_of as part_of
from .scopes import path as path
from .scopes import scope as scope
from .scopes import updating as updating
from .state import Place as Place
from .state import modes as modes
from .watching import watching as watching
