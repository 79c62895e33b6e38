"""Running a program on the GPU: generated CUDA kernels and products of cuBLAS, captured into one CUDA graph.

Read in this order: `launch.py` and `kernels.py` (the kernels), `beside.py` (small ones together), `blas.py` (products),
`runtime.py` (the door to CUDA), `memory.py` (where values lie), `tasks.py` (what is done for a kernel), `executable.py`
(what is called). Small steps are one kernel: `tiles.py` (products of ours), `around.py`,
`phases.py` (who waits for whom), `persistent.py`.

Unproven on real hardware: the kernels are compiled by NVIDIA's compiler, and their source is run on the CPU, with the
numbers of eager mode; no machine with a GPU has run a step yet. `python tests/gpu/run.py` would check everything there.
"""

from .executable import Executable
from .runtime import CudaRuntime

__all__ = ["CudaRuntime", "Executable"]
