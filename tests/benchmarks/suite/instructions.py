"""Contestants as on an older processor: variables of the environment by which each library leaves newer instructions alone.

What takes effect was seen by the time of large products and of elementwise functions, with torch 2.13, jax 0.10 and NumPy 2.4:

PyTorch       elementwise kernels by ATEN_CPU_CAPABILITY, convolutions and recurrent layers by ONEDNN_MAX_CPU_ISA; its MKL takes
              AVX2 on AMD anyway, and what MKL_ENABLE_INSTRUCTIONS says on Intel
JAX           loops by XLA's own flag. Its products come from YNNPACK, which asks the processor alone, and is turned off; those
              of Eigen, which it takes then, are oneDNN's
NumPy         by the groups of features that it lists, and OpenBLAS by the name of a processor
tinygrad_ml   by TINYGRAD_ML_PROCESSOR, besides what NumPy does
"""

from __future__ import annotations

from collections.abc import Callable

from numpy._core import _multiarray_umath


def avx2() -> dict[str, str]:
    """Vectors of 32 bytes, as before Zen 4, and on Intel's processors for desktops."""
    groups = [name for name in _multiarray_umath.__cpu_dispatch__ if name == "X86_V4" or name.startswith("AVX512")]
    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type=",
        "NPY_DISABLE_CPU_FEATURES": " ".join(groups),
        "OPENBLAS_CORETYPE": "Haswell",
        "TINYGRAD_ML_PROCESSOR": "x86-64-v3",
    }


LIMITS: dict[str, Callable[[], dict[str, str]]] = {"avx2": avx2}
"""What `--instructions` may say -> the variables."""
