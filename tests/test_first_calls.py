"""What a first call of a compiled step does beside recording: it disturbs nothing around it."""

import gc

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


def test_garbage_is_looked_for_again_where_recording_fails():
    @tg.compile
    def step(x):
        return float(x)

    with pytest.raises(CompileError):
        step(tg.tensor(1.0))
    assert gc.isenabled()
