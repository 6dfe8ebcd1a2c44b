"""Mail hosts that count, each in a process of its own: smtp-sink, which answers at once, and one that is far away."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Protocol

from deploy.local.ports import HOST, is_free
from deploy.local.processes import wait_until
from tests.bench.far_sink import Status
from tests.bench.smtp_sink import BACKLOG
from tests.fixtures.mail_hosts.postfix import PATH, install

LOOK_SECONDS = 0.02
_COUNTS = re.compile(rb"sess=(\d+) quit=\d+ mesg=(\d+)")


class Sink(Protocol):
    """Where the mail of a run goes."""

    pid: int

    def status(self) -> Status: ...


class SmtpSink:
    """Postfix's smtp-sink, by the counts that it prints: they tell nothing of recipients that came twice, nor of how
    many connections there were at once."""

    def __init__(self, pid: int, counts: IO[bytes]) -> None:
        self.pid = pid
        self._status = Status()
        threading.Thread(target=self._read, args=(counts,), daemon=True).start()

    def status(self) -> Status:
        return self._status

    def _read(self, counts: IO[bytes]) -> None:
        """Reads what it prints, seldom, so that looking costs little beside what is measured."""
        while said := os.read(counts.fileno(), 64 * 1024):
            now, found = time.time(), _COUNTS.findall(said)
            if found and (messages := int(found[-1][1])) > self._status.messages:
                first_at = self._status.first_at or now
                self._status = replace(
                    self._status, messages=messages, connections=int(found[-1][0]), first_at=first_at, last_at=now
                )
            time.sleep(LOOK_SECONDS)


class FarSink:
    """A running `far_sink`."""

    def __init__(self, pid: int, status_port: int) -> None:
        self.pid = pid
        self._status_port = status_port

    def status(self) -> Status:
        with socket.create_connection((HOST, self._status_port), 5) as told, told.makefile() as text:
            return Status(**json.loads(text.read()))


@contextmanager
def running_sink(port: int, milliseconds: int) -> Iterator[Sink]:
    """A sink whose replies come so late: smtp-sink for 0, else one whose second port is the next."""
    install()
    command = ["smtp-sink", "-c", "-u", "nobody", f"{HOST}:{port}", BACKLOG]
    if milliseconds:
        command = [sys.executable, "-m", "tests.bench.far_sink", str(port), str(port + 1), str(milliseconds)]
    process = subprocess.Popen(command, env={**os.environ, "PATH": PATH}, stdout=subprocess.PIPE)
    try:
        if not wait_until(lambda: not is_free(port + 1 if milliseconds else port), 20):
            raise TimeoutError(f"no sink listens on port {port}")
        assert process.stdout is not None
        yield FarSink(process.pid, port + 1) if milliseconds else SmtpSink(process.pid, process.stdout)
    finally:
        process.kill()
        process.wait()


def first_of(sink: Sink, seconds: float) -> Status:
    """How it stands when it has a message. Raises TimeoutError."""
    return _once(sink, 1, seconds, LOOK_SECONDS)


def all_of(sink: Sink, messages: int, seconds: float) -> Status:
    """How it stands when it has so many. Raises TimeoutError."""
    return _once(sink, messages, seconds, 10 * LOOK_SECONDS)


def _once(sink: Sink, messages: int, seconds: float, every: float) -> Status:
    end = time.monotonic() + seconds
    while (status := sink.status()).messages < messages:
        if time.monotonic() > end:
            raise TimeoutError(f"{status.messages} messages of {messages} came")
        time.sleep(every)
    return status
