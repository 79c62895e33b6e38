"""Which tests concern which file: those that would be run by somebody who has changed it, quick and near ones first."""

from fnmatch import fnmatch

_SUITES = {
    "tinygrad_ml/ops/conv.py": "convolution gradients symbols summary errors",
    "tinygrad_ml/ops/index.py": "indexing gradients in_place symbols dtypes errors compile_operations",
    "tinygrad_ml/ops/matmul.py": "linalg gradients functions numerics symbols summary errors higher_order compile_operations",
    "tinygrad_ml/ops/*.py": (
        "engine gradients functions numerics dtypes symbols summary errors higher_order reading_guide viz_every_operation "
        "compile_operations"
    ),
    "tinygrad_ml/graph.py": (
        "engine walk backward topological_order modes_backward writes no_grad errors reading_guide dtypes devices higher_order"
    ),
    "tinygrad_ml/autograd.py": (
        "engine walk backward modes_backward no_grad errors writes switch dtypes devices first_guesses higher_order"
    ),
    "tinygrad_ml/optim/lr_scheduler.py": "optim training keras_training",
    "tinygrad_ml/optim/*.py": "optim optim_loop nn training compile_training",
    "tinygrad_ml/compile/passes/*.py": (
        "compile_passes compile_random_programs compile_explain compile_operations compile_loops compile compile_training compile_gpu"
    ),
}


def suite(file: str) -> tuple[str, ...]:
    """The tests for a file, as paths from the root of the repository."""
    names = next((names for pattern, names in _SUITES.items() if fnmatch(file, pattern)), None)
    if names is None:
        raise SystemExit(f"no tests are known for {file}: name them in tests/mutation/suites.py")
    return tuple(f"tests/test_{name}.py" for name in names.split())
