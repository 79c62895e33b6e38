"""Work done ahead: once, by whoever is free, and its errors are told to who asks."""

import os
import threading
import time

import pytest

from tinygrad_ml.machine import ahead
from tinygrad_ml.machine.ahead import Ahead, do_what_waits
from tinygrad_ml.machine.sharing.job import FUNCTION, TOLD, job_row

pytestmark = pytest.mark.host_only


@pytest.fixture
def three_processors(monkeypatch):
    monkeypatch.setattr(ahead, "_processors", lambda: 3)


def test_work_is_done_once_by_a_thread_of_its_own(three_processors):
    done, names = threading.Event(), []

    def work():
        names.append(threading.current_thread().name)
        done.set()
        return 5

    one = Ahead(work)
    one.begin()
    assert done.wait(10)
    assert (one(), one()) == (5, 5)
    assert names == ["tinygrad_ml compiler"]


def test_where_there_is_one_processor_who_asks_does_it(monkeypatch):
    monkeypatch.setattr(ahead, "_processors", lambda: 1)
    names = []
    works = [Ahead(lambda: names.append(threading.current_thread().name)) for _ in range(3)]
    for work in works:
        work.begin()
    assert names == []
    do_what_waits()
    assert names == [threading.current_thread().name] * 3


def test_who_asks_waits_for_who_does_it(three_processors):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert go_on.wait(10)
        return "made"

    one = Ahead(work)
    one.begin()
    assert begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    assert one() == "made"


def test_an_error_is_told_to_who_asks_and_not_to_who_helps(three_processors):
    def work():
        raise ValueError("no such loop")

    one = Ahead(work)
    one.begin()
    do_what_waits()
    for _ in range(2):
        with pytest.raises(ValueError, match="no such loop"):
            one()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_itself_what_threads_were_doing(three_processors):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        return os.getpid() if os.getpid() != parent else go_on.wait(10)

    parent, one = os.getpid(), Ahead(work)
    one.begin()
    assert begun.wait(10)
    child = os.fork()
    if not child:
        os._exit(0 if one() == os.getpid() else 1)
    end = time.monotonic() + 10
    status = (0, 0)
    while not status[0] and time.monotonic() < end:
        status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    go_on.set()
    if not status[0]:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert status == (child, 0)
    assert one() is True


def test_a_job_is_told_what_was_compiled_meanwhile():
    job = job_row(lambda: 11, 1, [3, lambda: 22, 4])
    assert job[[FUNCTION, TOLD, TOLD + 1, TOLD + 2]].tolist() == [0, 3, 0, 4]
    job.make_known()
    assert job[[FUNCTION, TOLD, TOLD + 1, TOLD + 2]].tolist() == [11, 3, 22, 4]


def test_threads_compile_the_same_code():
    """LLVM is called without llvmlite's lock."""
    ir = pytest.importorskip("llvmlite.ir")
    from tinygrad_ml.machine.llvm.compiler import compiled
    from tinygrad_ml.machine.llvm.language import write_loop

    def text(k: int) -> str:
        module = ir.Module("loop")
        write_loop(
            module, f"def loop(n0, a: float32s):\n    for i0 in range(n0):\n        a[i0] = exp(a[i0]) * float32({k})\n"
        )
        return str(module)

    texts = [text(k) for k in (2, 3, 4, 5)]
    alone = [compiled(each, str.upper, True) for each in texts]
    found: dict[int, list[bytes]] = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: [compiled(each, str.upper, True) for each in texts]}))
        for k in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(alone)) == 4
    assert [found[k] == alone for k in range(3)] == [True] * 3
