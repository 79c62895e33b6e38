"""A process beside rank 0 that sees which rank ends or sleeps, and says what it was doing.

It is a process of its own, because any rank may be the one that ends, and because the launchers of MPI kill all ranks a
moment after one was killed: then it alone is left to tell of it. It needs nothing but Python's library and is run as a
file, so it starts at once and is small. It ends when the last rank has gone.

Each rank is connected to it, and writes a line when it begins to wait for others and when it goes on. Nobody waits for an
answer to these: they lie in the connection until the watcher looks, some times a second, and they are still there when
the rank that wrote them is dead. So the last words of each rank are known, and cost it some microseconds.

Lines are JSON, a dictionary each. From a rank: hello, wait, go_on, raised, left, late (it has waited too long), here (the
answer to where), end (others are to end), without (it goes on without those that have ended), stop. To a rank: welcome, where,
lost, left, late (the answer to its own), over (all ranks have come to their end), end.

Read next: `supervision.py`.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time

try:
    import resource
except ImportError:  # not on Windows
    resource = None

_SECONDS_TO_CONNECT = 60.0
_SECONDS_TO_ANSWER = 0.7
_SECONDS_UNTIL_A_WARNING = 60.0
_SECONDS_OF_A_MOMENT = 0.03


class Member:
    """What is known of a rank.

    connection  None before it has come, and after it has gone
    words       what it waited for last, or "" before it has waited for anything
    waits       whether it still does
    since       when it began to wait, or went on
    end         how it ended: "", "lost", "raised" or "left"
    why         why it was made to end by the others, in words
    place       where it is, as it has said when it was asked
    """

    def __init__(self, rank: int):
        self.rank, self.name = rank, f"rank {rank}"
        self.connection: socket.socket | None = None
        self.unread = b""
        self.words, self.waits, self.since = "", False, time.monotonic()
        self.end = self.why = ""
        self.place = ""

    def connected(self, connection: socket.socket, where: str) -> None:
        """It has come."""
        self.connection, self.name = connection, f"rank {self.rank} ({where})"

    def lines(self) -> list[dict]:
        """What it has written since this was called last; its connection is None afterwards if it has gone."""
        while self.connection is not None:
            try:
                read = self.connection.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError:
                read = b""
            if not read:
                self.connection.close()
                self.connection = None
            self.unread += read
        *lines, self.unread = self.unread.split(b"\n")
        return [json.loads(line) for line in lines]

    def tell(self, **line: object) -> None:
        """Write a line to it. One that reads none, as when it is stopped, does not keep us."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.send(encoded(line))

    def activity(self) -> str:
        """What it does, or did when it ended, in words that follow "it"."""
        seconds = f"{time.monotonic() - self.since:.1f} s"
        if self.waits:
            return f"{'was' if self.end else 'is'} waiting to {self.words}, for {seconds}"
        if self.words:
            return f"last waited to {self.words}, until {seconds} {'before' if self.end else 'ago'}"
        return f"came to the group {seconds} {'before' if self.end else 'ago'}, and has not waited for others since"


class Watcher:
    """All ranks, and what happens to them.

    size    how many there are
    server  where they connect
    token   what they must know to be let in
    """

    def __init__(self, size: int, server: socket.socket, token: str):
        self.members = [Member(rank) for rank in range(size)]
        self.server, self.token = server, token
        self.reported = self.over = False
        self.strangers: list[tuple[socket.socket, bytes]] = []
        self.late: dict[int, float] = {}
        self.asked_at = 0.0
        self.warned = False
        self.ends = select.epoll() if hasattr(select, "epoll") else None

    def run(self) -> None:
        """Supervision until the last rank has gone."""
        pause, began = max(0.05, len(self.members) / 2000), time.monotonic()
        while any(member.connection for member in self.members) or time.monotonic() - began < _SECONDS_TO_CONNECT:
            ended = self._sleep(pause)
            if ended:
                ended += self._sleep(_SECONDS_OF_A_MOMENT)
            self._let_in()
            here = [member for member in dict.fromkeys([*ended, *self.members]) if member.connection is not None]
            for member in here:
                self._hear(member)
            self._gone([member for member in here if member.connection is None])
            self._answer()
            self._warn()
            if all(member.end for member in self.members):
                if not self.over:
                    self.over = True
                    self._tell_all(over=True)
                if not any(member.connection for member in self.members):
                    return

    def _sleep(self, seconds: float) -> list[Member]:
        """Sleep, but only until a rank ends: which ones have, in that order. Only the first did so by itself: a moment
        later, the launcher may kill the others."""
        if self.ends is None:
            time.sleep(seconds)
            return []
        numbers = {member.connection.fileno(): member for member in self.members if member.connection is not None}
        return [numbers[number] for number, _ in self.ends.poll(seconds) if number in numbers]

    def _let_in(self) -> None:
        """Accept who connects, and make a member of whoever knows the token."""
        while True:
            try:
                connection, _ = self.server.accept()
            except BlockingIOError:
                break
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
                if hasattr(socket, option):  # a machine that is switched off says no good-bye
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
            self.strangers.append((connection, b""))
        strangers, self.strangers = self.strangers, []
        for connection, read in strangers:
            try:
                read += connection.recv(1 << 16)
                hello, newline, rest = read.partition(b"\n")
                if not newline:
                    self.strangers.append((connection, read))
                    continue
                said = json.loads(hello)
                if said["hello"] != self.token:
                    raise ValueError
                member = self.members[said["rank"]]
            except BlockingIOError:
                self.strangers.append((connection, read))
            except (OSError, ValueError, LookupError, TypeError):
                connection.close()
            else:
                member.connected(connection, said["where"])
                if self.ends is not None:
                    self.ends.register(connection, select.EPOLLRDHUP | select.EPOLLET)
                member.unread = rest
                member.since = time.monotonic()
                member.tell(welcome=True)

    def _hear(self, member: Member) -> None:
        """Take in what a rank has written."""
        for line in member.lines():
            if "wait" in line:
                member.words, member.waits, member.since = line["wait"], True, time.monotonic()
            elif "go_on" in line:
                member.waits, member.since = False, time.monotonic()
            elif "here" in line:
                member.place = line["here"]
            elif "late" in line:
                self._ask(member)
            elif "end" in line:
                for other in (self.members[rank] for rank in line["end"]):
                    other.why = other.why or self._described([other])
                    other.tell(end=True)
            elif "stop" in line:
                raise SystemExit  # not all ranks can be here, so none will be
            elif "without" in line:
                if self.reported:
                    self._print("the others go on without it")
                self.reported = False
            elif "raised" in line:
                self._raised(member, line)
            elif "left" in line and not member.end:
                member.end = "left"
                self._tell_all(left=member.rank, why=_left(member))

    def _gone(self, members: list[Member]) -> None:
        """Take in that these have gone, in this order. Whom the launcher kills because of another may be gone before it; it mostly
        waits. So of a first one that waits, and another that does not, both are named."""
        lost = [member for member in members if member.end in ("", "left") and not self.over]
        left = {member for member in lost if member.end}
        for member in lost:
            member.end = "lost"
        for i, member in enumerate(lost):
            others = [other for other in lost[i + 1 :] if member.waits and not other.waits and other not in left]
            killed = "; at the same moment ".join(map(_killed, [member, *others]))
            why = member.why or (_left(member) if member in left else killed)
            self._report(why)
            self._tell_all(lost=member.rank, why=why)

    def _raised(self, member: Member, line: dict) -> None:
        """A rank ends by an error: its own, or one that another has caused."""
        member.end = "raised"
        if line["because_of_others"]:
            self.reported = True  # by itself
        else:
            why = f"{member.name} has ended with {line['raised']}; it {member.activity()}"
            self._report(why)
            self._tell_all(lost=member.rank, why=why)

    def _ask(self, member: Member) -> None:
        """A rank has waited too long: ask all what they are doing."""
        if not self.late:
            self.asked_at = time.monotonic()
            for other in self.members:
                other.place = ""
                other.tell(where=True)
        self.late[member.rank] = time.monotonic()

    def _answer(self) -> None:
        """Tell those that have waited too long for whom, when all have answered or had the time to."""
        if not self.late:
            return
        silent = [member for member in self.members if member.connection and not member.place]
        if silent and time.monotonic() - self.asked_at < _SECONDS_TO_ANSWER:
            return
        suspects = self._suspects()
        why = self._described(suspects)
        to_blame = [] if all(member.waits for member in suspects) else suspects
        for rank in self.late:
            self.members[rank].tell(late=[member.rank for member in to_blame], why=why)
        self.late.clear()

    def _suspects(self) -> list[Member]:
        """Those that keep the others waiting: who does not wait; or all, if each waits for another thing."""
        here = [member for member in self.members if member.end not in ("lost", "raised")]
        return [member for member in here if not member.waits or member.end] or here

    def _described(self, suspects: list[Member]) -> str:
        """What the suspects are doing, a sentence for each; of many, the first eight."""
        if all(member.waits for member in suspects):
            said = [f"{member.name} {member.activity()}" for member in suspects[:8]]
            same = len({member.words for member in suspects}) == 1
            what = "all ranks wait for the same, which is not done" if same else "all ranks wait, and not for the same"
            return f"{what}: " + "; ".join(said)
        said = []
        for member in suspects[:8]:
            if member.end == "left":
                said.append(_left(member))
            else:
                place = member.place or "it does not answer, as when it is stopped or inside of one long call"
                said.append(f"{member.name} keeps the others waiting: it {member.activity()}; {place}")
        more = len(suspects) - len(said)
        return "; ".join(said) + (f"; and {more} more" if more else "")

    def _warn(self) -> None:
        """Say once a wait which ranks keep others waiting for long, which is no error yet."""
        now = time.monotonic()
        waiting = [member for member in self.members if member.waits and now - member.since > _SECONDS_UNTIL_A_WARNING]
        if waiting and not self.warned and not self.reported:
            self._print(f"for {now - waiting[0].since:.0f} s by now, {self._described(self._suspects())}")
        self.warned = bool(waiting)

    def _report(self, why: str) -> None:
        """Print why all end, once: what comes later are consequences. Ranks that live to tell more do so themselves."""
        if not self.reported:
            self.reported = True
            self._print(why)

    def _tell_all(self, **line) -> None:
        for member in self.members:
            member.tell(**line)

    def _print(self, message: str) -> None:
        with contextlib.suppress(OSError):  # when nobody reads any more
            print(f"tinygrad_ml: {message}", file=sys.stderr, flush=True)


def _killed(member: Member) -> str:
    """What is said of a rank that was there, and is not."""
    return f"{member.name} has ended without a word, as when it is killed; it {member.activity()}"


def _left(member: Member) -> str:
    """What is said of a rank whose program has come to its end."""
    return f"{member.name} has left: its program came to its end"


def encoded(line: dict) -> bytes:
    """A line as it is sent."""
    return json.dumps(line).encode() + b"\n"


def serve() -> None:
    """Read the number of ranks, the address to listen at and the token from stdin; print the port; watch."""
    said = json.loads(sys.stdin.readline())
    if resource is not None:  # each rank is an open file, of which a process usually may have a thousand
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    everywhere = not said["alone"] and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere else socket.AF_INET
    address = "127.0.0.1" if said["alone"] else ""
    with socket.create_server((address, 0), family=family, dualstack_ipv6=everywhere, backlog=1024) as server:
        server.setblocking(False)
        print(server.getsockname()[1], flush=True)
        sys.stdout.close()
        Watcher(said["size"], server, said["token"]).run()


if __name__ == "__main__":
    serve()
