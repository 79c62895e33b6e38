"""What sets, for a while, what holds while code runs; `../state.py` has what that is.

A thread begins with nothing of what holds in the one that starts it: a pool's threads do not inherit `no_grad`.

`recording.py` switches recording on and off (`no_grad`), `scopes.py` and `watching.py` say who runs and who watches;
`compiling.py` is for steps that are compiled.
"""

from ..state import BACKWARD as BACKWARD
from ..state import UPDATE as UPDATE
from ..state import Place as Place
from ..state import inside as inside
from ..state import modes as modes
from ..state import part_of as part_of
from ..state import path as path
from .compiling import Options as Options
from .compiling import each_time as each_time
from .compiling import overwriting as overwriting
from .compiling import rely_on as rely_on
from .recording import enable_grad as enable_grad
from .recording import no_grad as no_grad
from .recording import set_grad_enabled as set_grad_enabled
from .scopes import differentiating as differentiating
from .scopes import scope as scope
from .scopes import updating as updating
from .watching import watching as watching
