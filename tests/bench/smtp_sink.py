"""Postfix's smtp-sink: takes mail as fast as it comes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.ports import is_free
from deploy.local.processes import wait_until
from tests.fixtures.mail_hosts.postfix import PATH, install

BACKLOG = "1000"


class SmtpSink:
    """A running smtp-sink; with `messages` it ends as soon as it has so many, their last one's reply unsent."""

    def __init__(self, port: int, messages: int | None) -> None:
        until = [] if messages is None else ["-M", str(messages)]
        command = ["smtp-sink", "-u", "nobody", *until, f"127.0.0.1:{port}", BACKLOG]
        self.process = subprocess.Popen(command, env={**os.environ, "PATH": PATH})
        # looked at without a connection, which would count as a session
        if not wait_until(lambda: not is_free(port), 10):
            raise TimeoutError(f"smtp-sink does not listen on port {port}")

    def last_message(self, seconds: float) -> float:
        """The moment at which it had them all; raises subprocess.TimeoutExpired."""
        self.process.wait(seconds)
        return time.time()


@contextmanager
def smtp_sink(port: int, messages: int | None = None) -> Iterator[SmtpSink]:
    install()
    sink = SmtpSink(port, messages)
    try:
        yield sink
    finally:
        if sink.process.poll() is None:
            sink.process.kill()
            sink.process.wait()
