"""The switch between NumPy and CuPy, proved without a GPU: on a stand-in that refuses NumPy arrays, and without CuPy."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import strict
from checks import words

import tinygrad_ml as tg
from tinygrad_ml import backend
from tinygrad_ml.errors import DTypeError

pytestmark = pytest.mark.host_only  # these make tensors on two devices themselves

HERE = pathlib.Path(__file__).parent


def test_the_engines_tests_pass_on_a_device_that_refuses_numpy_arrays():
    files = words(
        "engine backward in_place no_grad numerics dtypes creation indexing functions gradients higher_order symbols linalg "
        "convolution interop random errors module nn optim"
    )
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--device", "strict", "--hypothesis-profile", "brief"),
            *("-k", "not chain_of_100_000 and not rules_foretell"),  # which are about nodes, and about no numbers
            *[str(HERE / f"test_{name}.py") for name in files],
        ],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]


def test_without_cupy_everything_but_the_gpu_is_there():
    program = """
import sys
sys.modules["cupy"] = None  # which makes `import cupy` fail
import tinygrad_ml as tg
assert "cupy" not in {name.partition(".")[0] for name, module in sys.modules.items() if module}
assert tg.gpu_available() is False
assert (tg.ones(2) + 1).tolist() == [2, 2]
try:
    tg.zeros(2, device="gpu")
except tg.errors.DeviceError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=HERE.parent, capture_output=True, text=True, check=True)
    assert "CuPy is not installed: pip install 'tinygrad_ml[gpu]'" in run.stdout


def test_importing_the_library_does_not_import_cupy():
    program = (
        "import sys, tinygrad_ml; tinygrad_ml.ones(2); print([name for name in sys.modules if name.startswith('cupy')])"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=HERE.parent, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_backend_is_looked_up_from_the_array_in_hand():
    array = np.ones(2)
    assert backend.of(array).kind == backend.of(np.float32(1)).kind == "cpu"
    assert backend.of(strict.BACKEND.from_host(array)).kind == "strict"

    class Subclass(np.ndarray):
        pass

    assert backend.of(array.view(Subclass)).kind == "cpu"
    with pytest.raises(DTypeError, match="list is not an array type"):
        backend.of([1.0])


def test_the_owner_of_memory_is_found_through_views():
    for array in (np.zeros((3, 4)), strict.BACKEND.from_host(np.zeros((3, 4)))):
        view = array[1:][:, ::2].reshape(-1)[:1]
        direct = array[1:]
        assert backend.owner(direct) is array
        assert backend.owner(array) is array
        assert backend.owner(view) is not view


def test_the_stand_in_is_strict():
    array = strict.BACKEND.from_host(np.float32([1, 2]))
    numbers = np.float32([1, 2])
    for wrong in (
        lambda: array + numbers,
        lambda: numbers + array,
        lambda: array.__iadd__(numbers),
        lambda: np.exp(array),
        lambda: np.sum(array),
        lambda: np.asarray(array),
        lambda: np.concatenate([array, array]),
        lambda: array[numbers.astype(int)],
        lambda: array.__setitem__(0, numbers[:1]),
        lambda: strict.NAMESPACE.exp(numbers),
        lambda: strict.NAMESPACE.where(array > 1, numbers, 0),
        lambda: strict.BACKEND.from_host(array),
        lambda: strict.NAMESPACE.floor(array.astype("int64")),
    ):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(AttributeError):
        strict.NAMESPACE.einsum  # the engine must not lean on what is not listed
    assert type(array.sum()) is strict.StrictArray
    assert type(array[0]) is strict.StrictArray
    assert type(np.float32(2) * array) is type(2 * array) is strict.StrictArray
    assert isinstance(tg.Tensor(array) + 1, tg.Tensor)
    assert isinstance(array + tg.Tensor(array), tg.Tensor)
