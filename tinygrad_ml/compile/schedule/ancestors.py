"""Which kernels need which, directly or not. It is asked for every two kernels that might become one, so the answers are kept.

What a kernel needs are the bits of an integer, counted from `APART_KERNELS` kernels before it: a program of n kernels takes time
and memory that grow with n, and not with its square.

Read next: `fusion.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .kernel import Kernel

APART_KERNELS = 4096
"""Of kernels that are farther apart in the program it is not known, and so they stay apart."""


class Ancestors:
    """The kernels that each kernel needs, directly or not, while kernels are added and become one."""

    def __init__(self):
        self._numbers: dict[Kernel, int] = {}
        self._bits: dict[Kernel, int] = {}  # bit i stands for the kernel with the number base + i
        self._users: dict[Kernel, set[Kernel]] = {}

    def add(self, kernel: Kernel) -> None:
        """Note a kernel, and what it needs."""
        self._numbers[kernel], self._bits[kernel], self._users[kernel] = len(self._numbers), 0, set()
        self.need(kernel, kernel.needs)

    def need(self, kernel: Kernel, others: Iterable[Kernel]) -> None:
        """Note that a kernel needs these, too."""
        for other in others:
            self._users[other].add(kernel)
            self._hand_on(other, kernel)

    def merge(self, a: Kernel, b: Kernel) -> None:
        """Note that a has taken b in: who needed b needs a."""
        for needed in b.needs:
            self._users[needed].discard(b)
            if needed is not a:
                self._users[needed].add(a)
        users = self._users.pop(b) - {a}
        for user in users:
            user.needs.discard(b)
            user.needs.add(a)
        self._users[a] = (self._users[a] | users) - {b}
        base = self._base(a)
        self._bits[a] |= self._seen_from(base, b)
        self._bits[a] &= ~(self._bit(a, base) | self._bit(b, base))
        for user in self._users[a]:
            self._hand_on(a, user)

    def leads(self, start: Kernel, ends: Iterable[Kernel]) -> bool:
        """Whether one of `ends` is `start`, or needs it. Also if they are too far apart to know."""
        number = self._numbers[start]
        for end in ends:
            place = number - self._base(end)
            if end is start or place < 0 or self._bits[end] >> place & 1:
                return True
        return False

    def _base(self, kernel: Kernel) -> int:
        return max(self._numbers[kernel] - APART_KERNELS, 0)

    def _bit(self, kernel: Kernel, base: int) -> int:
        place = self._numbers[kernel] - base
        return 1 << place if place >= 0 else 0

    def _seen_from(self, base: int, kernel: Kernel) -> int:
        """What a kernel needs, as bits counted from `base`."""
        apart = base - self._base(kernel)
        return self._bits[kernel] >> apart if apart >= 0 else self._bits[kernel] << -apart

    def _hand_on(self, needed: Kernel, user: Kernel) -> None:
        """Tell a user, and those who need it, what it needs with `needed`."""
        waiting = [(needed, user)]
        while waiting:
            needed, user = waiting.pop()
            base = self._base(user)
            more = self._seen_from(base, needed) | self._bit(needed, base)
            if more & ~self._bits[user]:
                self._bits[user] |= more
                waiting += [(user, other) for other in self._users[user]]
