"""Mail that waits, delivered to a sink: by a stack's sender that is started then, or by Postfix's queue manager.

Both are counted from the first message at the sink to the last, so that neither's start is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.stack import Stack
from tests.bench.cleared import Cleared
from tests.bench.far_sink import Status
from tests.bench.postfix import Postfix
from tests.bench.processes import Meter, forget_peak
from tests.bench.sinks import Sink, all_of, first_of, running_sink
from tests.bench.workspace import until

BYTES = 2048
START_SECONDS, SECONDS = 120, 1800


@dataclass(frozen=True)
class Load:
    """So many messages, to a host whose replies are so late, over so many connections at most."""

    messages: int
    latency_ms: int
    limit: int


@dataclass(frozen=True)
class Delivered:
    """How that went; CPU seconds are per 1,000 messages. A sink that cannot tell how many connections were open at
    once says 0."""

    load: Load
    per_s: float
    cpu_s_per_1000: Mapping[str, float]
    connections: int
    most_at_once: int
    peak_mib: Mapping[str, float]


class LoneSender:
    """A stack's sender, which runs only while it delivers."""

    def __init__(self, stack: Stack, sink_port: int) -> None:
        self._stack = stack
        self._sink_port = sink_port
        self._cleared = Cleared(stack.env, sink_port)
        self._cleared.configure()

    @property
    def pid(self) -> int:
        pid = self._stack.pid("sender")
        assert pid is not None, f"the sender has ended: see {self._stack.log_file('sender')}"
        return pid

    @contextmanager
    def delivering(self, load: Load) -> Iterator[Sink]:
        """Has the messages cleared, and starts the sender: the block begins when the sink has the first of them."""
        self._cleared.allow(load.limit)
        self._cleared.fill(load.messages)
        with running_sink(self._sink_port, load.latency_ms) as sink:
            self._stack.start("sender")
            try:
                first_of(sink, START_SECONDS)
                yield sink
            finally:
                self._stack.stop("sender")

    def run(self, load: Load) -> Delivered:
        with self.delivering(load) as sink:
            servers = {name: pid for name in ("mongod", "kafka") if (pid := self._stack.pid(name))}
            meter = Meter.of({"sender": self.pid, **servers, "sink": sink.pid})
            forget_peak(self.pid)
            all_of(sink, load.messages, SECONDS)
            self.end()
            return _delivered(load, sink.status(), meter.per_thousand(load.messages), meter.peaks())

    def end(self) -> None:
        """Returns when every outcome is recorded and said."""
        until(lambda: not self._cleared.unfinished(), "the end of the last delivery")


class HeldQueue:
    """A Postfix that keeps what it takes on hold until it is to deliver it."""

    HOLDS = "smtpd_client_restrictions = check_client_access static:HOLD\n"

    def __init__(self, postfix: Postfix, sink_port: int) -> None:
        self._postfix = postfix
        self._sink_port = sink_port

    def run(self, load: Load) -> Delivered:
        self._postfix.take(load.messages, BYTES, "-N")  # a number before each recipient
        with running_sink(self._sink_port, load.latency_ms) as sink:
            before, meter = self._postfix.cpu_seconds(), Meter.of({"sink": sink.pid})
            self._postfix.release(load.limit)
            all_of(sink, load.messages, SECONDS)
            until(lambda: not self._postfix.has_mail(), "the end of the queue")
            status = sink.status()
            after, used = self._postfix.cpu_seconds(), meter.per_thousand(load.messages)
        if before is not None and after is not None:
            used["postfix"] = round((after - before) / load.messages * 1000, 3)
        return _delivered(load, status, used, {})


def _delivered(load: Load, status: Status, used: Mapping[str, float], peaks: Mapping[str, float]) -> Delivered:
    assert (status.messages, status.twice) == (load.messages, 0), f"something came twice: {status}"
    per_s = round((load.messages - 1) / (status.last_at - status.first_at), 1)
    return Delivered(load, per_s, used, status.connections, status.most_at_once, peaks)
