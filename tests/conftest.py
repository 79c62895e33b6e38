"""`pytest --device cpu|gpu|strict`: the device on which the tests make their tensors; and fixed seeds.

`pytest --hypothesis-profile thorough` looks at many more random cases.
"""

import gc
import os
import tempfile

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores: NumPy's products have one in each
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Many tests start a Python of their own, which need not compile the library's sources each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis
import pytest

import tinygrad_ml as tg

DEVICES = ("cpu", "gpu", "strict")

hypothesis.settings.register_profile(
    "quick",
    deadline=None,  # the machines that run these are shared
    max_examples=25,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "thorough", hypothesis.settings.get_profile("quick"), max_examples=1000, derandomize=False
)
hypothesis.settings.register_profile("brief", hypothesis.settings.get_profile("quick"), max_examples=5)
hypothesis.settings.load_profile("quick")


def pytest_addoption(parser):
    parser.addoption("--device", choices=DEVICES, default="cpu", help="the default device of the whole run")


def pytest_configure(config):
    # Machine code is kept from run to run, but not among the user's own.
    if "TINYGRAD_ML_CACHE" not in os.environ:
        os.environ["TINYGRAD_ML_CACHE"] = _machine_code(config)
    config.addinivalue_line("markers", "host_only: about NumPy arrays or the CPU; skipped on other devices")
    import strict  # noqa: F401  makes "strict" the name of a device

    try:
        tg.set_default_device(config.getoption("--device"))
    except tg.errors.DeviceError as missing:
        pytest.exit(str(missing), returncode=2)


def _machine_code(config) -> str:
    """The folder of machine code; one for this run alone where pytest keeps nothing (`-p no:cacheprovider`)."""
    if hasattr(config, "cache"):
        return str(config.cache.mkdir("machine_code"))
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    return folder.name


def pytest_collection_finish():
    """Ten thousand tests are there until the end: the collector of garbage need not walk through them each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--device") != "cpu":
        for item in items:
            if item.get_closest_marker("host_only"):
                item.add_marker(pytest.mark.skip(reason="about the CPU"))


@pytest.fixture(autouse=True)
def _fixed_seed():
    tg.manual_seed(0)


@pytest.fixture
def device(request):
    """The device of this run, as a value."""
    return tg.device(request.config.getoption("--device"))


@pytest.fixture
def one_kernel(monkeypatch):
    """Steps on the GPU that runs on the CPU (`fake_cuda.py`) are one kernel where they can be: it has a second-level cache."""
    from fake_cuda import FakeCuda

    monkeypatch.setattr(FakeCuda, "cache_bytes", 50 << 20)
    with tg.device("strict"):
        yield
