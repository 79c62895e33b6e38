"""Compiled kernels that are kept on disk: what is run is what was meant, and no folder is used into which others may write."""

import os
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ml.compile.gpu import runtime
from tinygrad_ml.machine import cache, machine_code

grp, pwd = pytest.importorskip("grp"), pytest.importorskip("pwd")  # on Windows a profile's folders are closed to others
needs_llvm = pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")
pytestmark = pytest.mark.host_only

SOURCE = "def loop(n0, a: float32s):\n    for i0 in range(n0):\n        a[i0] = a[i0] * float32(2)\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of kernels, which is not there yet; what the process remembers of others is forgotten."""
    monkeypatch.setenv("TINYGRAD_ML_CACHE", str(tmp_path / "cache"))
    native = pytest.importorskip("tinygrad_ml.machine.llvm.native")
    monkeypatch.setattr(native, "native", native.Native)
    forget()
    yield tmp_path / "cache" / "kernels"
    forget()


def forget():
    machine_code.machine_code.cache_clear()
    cache._own_folder.cache_clear()
    cache.is_safe.cache_clear()


def doubled() -> list[float]:
    """Numbers that a loop has doubled, in a process that has yet to find its code."""
    machine_code.machine_code.cache_clear()
    x = np.ones(3, np.float32)
    machine_code.machine_code(SOURCE)(3, x.ctypes)
    return x.tolist()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@needs_llvm
def test_a_folder_made_here_is_closed_to_others(folder):
    before = os.umask(0)
    try:
        assert doubled() == [2, 2, 2]
    finally:
        os.umask(before)
    assert len(files(folder)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700


def by_everybody(folder, monkeypatch):
    folder.chmod(0o777)
    return "others may write to"


def by_a_group(folder, monkeypatch):
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group(("staff", "x", 50, ["eve"])))
    folder.chmod(0o775)
    return "others may write to"


def above(folder, monkeypatch):
    folder.parent.chmod(0o777)
    return "others may write to"


def of_somebody_else(folder, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: os.stat(folder).st_uid + 1)
    return "belongs to another user"


@needs_llvm
@pytest.mark.parametrize("opened", [by_everybody, by_a_group, above, of_somebody_else])
def test_a_folder_that_others_may_have_written_to_is_not_used(folder, monkeypatch, opened):
    if opened is of_somebody_else and os.stat(folder.parent.parent).st_uid == 0:
        pytest.skip("what belongs to root is trusted")
    doubled()
    kept = {path: path.read_bytes() for path in files(folder)}
    forget()
    reason = opened(folder, monkeypatch)
    for path in files(folder):
        path.write_bytes(b"what somebody else has put there")
    with pytest.warns(UserWarning, match=f"not kept in {folder}.*{reason}.*TINYGRAD_ML_CACHE"):
        assert doubled() == [2, 2, 2]
    assert doubled() == [2, 2, 2]  # a second warning would be an error
    assert kept and all(path.read_bytes() == b"what somebody else has put there" for path in kept)


def test_what_belongs_to_another_user_is_refused_for_root_too(tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    tmp_path.chmod(0o755)
    os.chown(tmp_path, 12345, 12345)
    cache.is_safe.cache_clear()
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert not cache.is_safe(tmp_path)


def test_safe_are_folders_of_ones_own_below_shared_ones(tmp_path):
    own = tmp_path / "shared" / "own"
    own.mkdir(parents=True, mode=0o700)
    own.parent.chmod(0o1777)  # as /tmp is
    cache.is_safe.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.is_safe(own)


@pytest.mark.parametrize(("members", "safe"), [([], True), (["me"], True), (["me", "eve"], False)])
def test_a_group_of_one_is_the_user(tmp_path, monkeypatch, members, safe):
    gid = tmp_path.stat().st_gid
    monkeypatch.setattr(pwd, "getpwuid", lambda _: types.SimpleNamespace(pw_gid=gid, pw_name="me"))
    monkeypatch.setattr(grp, "getgrgid", lambda _: types.SimpleNamespace(gr_name="me", gr_mem=members))
    tmp_path.chmod(0o775)
    assert (cache._unsafe(tmp_path) is None) == safe


class Cupy:
    """Notes whether CuPy would have looked into its folder."""

    def __init__(self):
        self.in_memory = []

    def RawModule(self, **_):
        return self

    def get_function(self, name):
        self.in_memory.append(os.environ.get("CUPY_CACHE_IN_MEMORY"))
        return name


@pytest.mark.parametrize("before", [None, "0"])
def test_kernels_of_cuda_are_not_taken_from_such_a_folder_either(tmp_path, monkeypatch, before):
    class Door(runtime.CudaRuntime):
        def __init__(self):
            self._cupy = Cupy()

    if before is None:
        monkeypatch.delenv("CUPY_CACHE_IN_MEMORY", raising=False)
    else:
        monkeypatch.setenv("CUPY_CACHE_IN_MEMORY", before)
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    launches = [types.SimpleNamespace(name="kernel_1", source="")]
    door = Door()
    for mode in (0o700, 0o777):
        tmp_path.chmod(mode)
        cache.is_safe.cache_clear()
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            assert door.kernels(launches) == ["kernel_1"]
        assert len(given) == (mode == 0o777)
    assert door._cupy.in_memory == [before, "1"]
    assert os.environ.get("CUPY_CACHE_IN_MEMORY") == before
