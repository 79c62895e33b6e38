"""What a first call of a compiled step does beside recording: it disturbs nothing around it."""

import ctypes
import gc

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import CompileError


@pytest.mark.parametrize("before", [True, False])
def test_while_a_step_is_recorded_no_garbage_is_looked_for_and_afterwards_it_is_as_before(before):
    seen = []

    @tg.compile
    def step(x):
        seen.append(gc.isenabled())
        return x * 2

    enabled = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        assert step(tg.tensor([1.0])).tolist() == [2.0]
        after = gc.isenabled()
    finally:
        (gc.enable if enabled else gc.disable)()
    assert seen == [False]
    assert after is before


@pytest.fixture
def nothing_frozen():
    gc.unfreeze()
    gc.collect()
    yield
    gc.freeze()  # as all tests were, in conftest.py


def test_what_a_first_call_has_made_is_old_at_once_and_was_never_looked_at(nothing_frozen):
    step, x = tg.compile(lambda x: sum([x * n for n in range(300)])), tg.tensor([1.0])
    looked_at = []
    gc.callbacks.append(lambda phase, info: looked_at.append(info["generation"]))
    try:
        step(x)
    finally:
        gc.callbacks.pop()
    assert len(looked_at) < 4, looked_at  # what comes behind recording and linking is little
    assert any(thing is step.stages["recorded"] for thing in gc.get_objects(generation=2))


def test_what_others_have_frozen_stays_frozen(nothing_frozen):
    gc.freeze()
    frozen = gc.get_freeze_count()
    tg.compile(lambda x: x * 2)(tg.tensor([1.0]))
    assert gc.get_freeze_count() > frozen / 2


def test_garbage_is_looked_for_again_where_recording_fails():
    @tg.compile
    def step(x):
        return float(x)

    with pytest.raises(CompileError):
        step(tg.tensor(1.0))
    assert gc.isenabled()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_of_which_only_the_size_is_another_share_their_loops(dtype):
    pytest.importorskip("llvmlite", reason="needs llvmlite: tinygrad_ml[fast]")
    random = np.random.default_rng(0)
    wide, narrow = (random.standard_normal((40, n)).astype(dtype) for n in (2048, 700))
    step = tg.compile(lambda a, b: (a.mean(axis=1) * -0.3, b.mean(axis=1) * -0.3))
    found = step(tg.tensor(wide), tg.tensor(narrow))
    assert step.source.count("def loop") == 1
    for x, y in zip((wide, narrow), found, strict=True):
        assert y.dtype == dtype
        np.testing.assert_allclose(
            y.numpy(), x.mean(axis=1) * -0.3, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-8
        )


def test_machine_code_that_calls_other_machine_code_brings_it_along():
    pytest.importorskip("llvmlite", reason="needs llvmlite: tinygrad_ml[fast]")
    from llvmlite import ir

    from tinygrad_ml.machine.llvm.assembler import INT, Function, number
    from tinygrad_ml.machine.llvm.native import Native

    def write_called(module):
        f = Function(module, "put_seven", 1, exported=True)
        f.store(number(7), f.at(f.given[0]))
        f.ret_void()

    def write_caller(module):
        other = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT]), called.called("put_seven"))
        f = Function(module, "call_it", 1, exported=True)
        f.call(other, f.given)
        f.ret_void()

    called = Native("called", write_called)
    address = Native("caller", write_caller, needs=(called,)).later("call_it")()
    found = np.zeros(1, np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(found.ctypes.data)
    assert found.tolist() == [7]
