"""Many processes that train one network: each works on a part of every batch, and what they do together is what one would do.

    group = distributed.init()                                      # who is there: alone, a group of one
    model = distributed.DataParallel(model)                         # .grad is the mean over all ranks
    loader = DataLoader(data, 32, sampler=distributed.Sampler(data, group, shuffle=True))

It is started by `tinygrad-ml launch -n 4 program.py`, or by `mpiexec -n 4 python program.py`. `Optimizer` averages in place of
`DataParallel`, or keeps its state in shards; `Elastic` goes on without ranks that were lost; `broadcast_parameters` lets all
begin with the same numbers; what else ranks say to each other are methods of `Group`. `README.md` beside this file says how it works.

Read next: `group.py`.
"""

from .agreement import broadcast_parameters as broadcast_parameters
from .data_parallel import DataParallel as DataParallel
from .elastic import Elastic as Elastic
from .group import Group as Group
from .group import init as init
from .optimizer import Optimizer as Optimizer
from .sampler import Sampler as Sampler
