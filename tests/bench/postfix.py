"""Debian's Postfix as the peer: smtp-source sends to an instance of its own, which relays to smtp-sink.

Default settings, the fsync of its queue among them; needs root.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import CpuGroup
from tests.bench.smtp_sink import smtp_sink
from tests.fixtures.mail_hosts.postfix import PATH, install
from tests.fixtures.mail_hosts.postfix import Postfix as Instance

SESSIONS = 20
SECONDS = 600
SETTINGS = """myhostname = peer.example
mydestination =
relayhost = [127.0.0.1]:{sink}
mynetworks = 127.0.0.0/8
smtp_tls_security_level = none
"""


@dataclass(frozen=True)
class Relayed:
    """One run of the peer: messages/s until the sink had all, until all were accepted, CPU seconds per 1,000."""

    per_s: float
    accepted_per_s: float
    cpu_s_per_1000: float | None


class Postfix:
    """A running instance that listens on `port` and relays to a sink on `sink_port`; `more` goes into its main.cf."""

    def __init__(self, base: Path, port: int, sink_port: int, more: str = "") -> None:
        self._port = port
        self._sink_port = sink_port
        self._group = CpuGroup("bench-postfix")
        self._instance = Instance(base, port, SETTINGS.format(sink=sink_port) + more, self._group.enter)

    def start(self) -> None:
        self._instance.start()

    def stop(self) -> None:
        self._instance.stop()

    def run(self, messages: int, size: int) -> Relayed:
        """Sends so many messages of `size` bytes through it. Raises CalledProcessError where one was refused."""
        with smtp_sink(self._sink_port, messages) as sink:
            before, started = self._group.seconds(), time.time()
            self.take(messages, size)
            accepted = time.time()
            relayed = sink.last_message(SECONDS)
        after = self._group.seconds()
        used = None if before is None or after is None else round((after - before) / messages * 1000, 3)
        return Relayed(round(messages / (relayed - started), 1), round(messages / (accepted - started), 1), used)

    def take(self, messages: int, size: int, *more: str) -> None:
        """Has smtp-source send so many messages of `size` bytes. Raises CalledProcessError where one was refused."""
        source = ["smtp-source", "-s", str(SESSIONS), "-m", str(messages), "-l", str(size), "-f", "from@source.example"]
        self._program(*source, *more, "-t", "to@sink.example", f"127.0.0.1:{self._port}")

    def release(self, concurrency: int) -> None:
        """Has what is on hold delivered, over so many connections at most."""
        own = ["-c", str(self._instance.base / "etc")]
        self._program("postconf", *own, "-e", f"default_destination_concurrency_limit = {concurrency}")
        self._program("postfix", *own, "reload")
        self._program("postsuper", *own, "-H", "ALL")
        self._program("postqueue", *own, "-f")

    def has_mail(self) -> bool:
        """Whether anything is being delivered."""
        return any((self._instance.base / "spool" / "active").iterdir())

    def _program(self, *command: str) -> None:
        subprocess.run(command, env={**os.environ, "PATH": PATH}, check=True, timeout=SECONDS, capture_output=True)

    def cpu_seconds(self) -> float | None:
        """What all its processes have used since it was started."""
        return self._group.seconds()


@contextmanager
def running_postfix(port: int, sink_port: int, more: str = "") -> Iterator[Postfix]:
    install()
    with tempfile.TemporaryDirectory(prefix="bench-postfix-") as folder:
        instance = Postfix(Path(folder), port, sink_port, more)
        instance.start()
        try:
            yield instance
        finally:
            instance.stop()
