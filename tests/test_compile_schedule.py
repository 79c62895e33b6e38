"""What schedules are made with: which kernel needs which, and where buffers lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ml.compile.schedule import ancestors
from tinygrad_ml.compile.schedule.ancestors import Ancestors
from tinygrad_ml.compile.schedule.buffers import CACHE_LINE_BYTES, Lifetime, places

pytestmark = pytest.mark.host_only


class Plain:
    """Stands for a kernel: it knows what it needs."""

    def __init__(self, needs):
        self.needs = set(needs)

    def reaches(self, other):
        return other is self or any(need.reaches(other) for need in self.needs)


@given(st.data())
def test_what_a_kernel_needs_is_known_while_kernels_are_added_and_become_one(data):
    known, kernels = Ancestors(), []
    for _ in range(data.draw(st.integers(1, 12))):
        needs = data.draw(st.sets(st.sampled_from(kernels))) if kernels else set()
        kernels.append(Plain(needs))
        known.add(kernels[-1])
        if len(kernels) > 1 and data.draw(st.booleans()):
            a, b = data.draw(st.permutations(kernels))[:2]
            between = [k for k in kernels if k not in (a, b)]
            apart = any((a.reaches(k) and k.reaches(b)) or (b.reaches(k) and k.reaches(a)) for k in between)
            assert apart == (known.leads(a, b.needs - {a}) or known.leads(b, a.needs - {b}))
            if not apart:
                known.merge(a, b)
                a.needs = (a.needs | b.needs) - {a, b}
                kernels.remove(b)
        for start in kernels:
            for end in kernels:
                assert known.leads(start, [end]) == end.reaches(start)
    late, early = kernels[-1], kernels[0]
    if not early.reaches(late):
        known.need(late, [early])
        assert known.leads(early, [late])


def test_kernels_that_are_far_apart_stay_apart(monkeypatch):
    monkeypatch.setattr(ancestors, "APART_KERNELS", 3)
    known, chain = Ancestors(), []
    for _ in range(6):
        chain.append(Plain(chain[-1:]))
        known.add(chain[-1])
    alone = Plain([])
    known.add(alone)
    assert known.leads(chain[0], [alone])  # not known, and so not said to be free
    assert not known.leads(chain[5], [alone]) and known.leads(chain[3], [chain[5]])


lifetimes = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 20), st.integers(0, 6)).map(
        lambda drawn: (drawn[0], drawn[1], drawn[1] + drawn[2])
    ),
    max_size=12,
)


@given(lifetimes)
def test_what_is_needed_at_the_same_time_does_not_overlap(drawn):
    buffers = [Lifetime(i, *one) for i, one in enumerate(drawn)]
    offsets, total = places(buffers)
    for a in buffers:
        assert offsets[a.key] % CACHE_LINE_BYTES == 0 and offsets[a.key] + a.nbytes <= total
        for b in buffers:
            if a is not b and a.first <= b.last and b.first <= a.last and a.nbytes and b.nbytes:
                assert offsets[a.key] + a.nbytes <= offsets[b.key] or offsets[b.key] + b.nbytes <= offsets[a.key]


def test_a_buffer_takes_the_smallest_gap_that_is_large_enough():
    sizes = {"a": 640, "b": 576, "c": 512, "d": 448, "e": 440}
    large = [Lifetime(key, nbytes, 0, 1 if key in "bd" else 9) for key, nbytes in sizes.items()]
    # When f is needed, b and d have gone, and d's place is the smaller one.
    offsets, total = places([*large, Lifetime("f", 384, 2, 3)])
    assert offsets["f"] == offsets["d"] and total == 640 + 576 + 512 + 448 + 448
    assert places([]) == ({}, 0)
