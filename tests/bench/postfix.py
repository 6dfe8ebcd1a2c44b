"""Debian's Postfix as the peer: smtp-source sends to an instance of its own, which relays to smtp-sink.

Default settings, the fsync of its queue among them; needs root and the Debian package `postfix`, which is installed
where it is missing. Nothing of the machine's own Postfix is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import is_free
from deploy.local.processes import wait_until
from tests.bench.postfix_package import PATH, install
from tests.bench.processes import CpuGroup
from tests.bench.smtp_sink import smtp_sink

SESSIONS = 20
SECONDS = 600
MAIN_CF = """compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
maillog_file = {log}
maillog_file_prefixes = {base}
myhostname = peer.example
mydestination =
relayhost = [127.0.0.1]:{sink}
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_tls_security_level = none
alias_maps =
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
        self._base = base
        self._port = port
        self._sink_port = sink_port
        self._more = more
        self._group = CpuGroup("bench-postfix")

    def start(self) -> None:
        self._configure()
        self._command("start")
        if not wait_until(lambda: not is_free(self._port), 20):
            raise TimeoutError("postfix does not listen")

    def stop(self) -> None:
        self._command("stop")

    def run(self, messages: int, size: int) -> Relayed:
        """Sends so many messages of `size` bytes through it. Raises CalledProcessError where one was refused."""
        source = ["smtp-source", "-s", str(SESSIONS), "-m", str(messages), "-l", str(size), "-f", "from@source.example"]
        with smtp_sink(self._sink_port, messages) as sink:
            before, started = self._group.seconds(), time.time()
            to = ["-t", "to@sink.example", f"127.0.0.1:{self._port}"]
            subprocess.run([*source, *to], env={**os.environ, "PATH": PATH}, check=True, timeout=SECONDS)
            accepted = time.time()
            relayed = sink.last_message(SECONDS)
        after = self._group.seconds()
        used = None if before is None or after is None else round((after - before) / messages * 1000, 3)
        return Relayed(round(messages / (relayed - started), 1), round(messages / (accepted - started), 1), used)

    def cpu_seconds(self) -> float | None:
        """What all its processes have used since it was started."""
        return self._group.seconds()

    def _configure(self) -> None:
        for name in ("etc", "spool", "data"):
            (self._base / name).mkdir(parents=True)
        self._base.chmod(0o755)  # its own users read it
        shutil.chown(self._base / "data", "postfix", "postfix")
        etc = self._base / "etc"
        shutil.copytree("/etc/postfix/dynamicmaps.cf.d", etc / "dynamicmaps.cf.d")
        for name in ("dynamicmaps.cf", "postfix-files"):
            shutil.copy(f"/etc/postfix/{name}", etc)
        lines = Path("/etc/postfix/master.cf.proto").read_text().splitlines()
        (etc / "master.cf").write_text("".join(f"{self._service(line)}\n" for line in lines))
        log = self._base / "postfix.log"
        (etc / "main.cf").write_text(MAIN_CF.format(base=self._base, log=log, sink=self._sink_port) + self._more)

    def _service(self, line: str) -> str:
        fields = line.split()
        if line.startswith("smtp      inet"):
            return f"127.0.0.1:{self._port} inet n - n - - smtpd"
        if len(fields) >= 8 and line[0] not in "# " and fields[4] == "y":
            fields[4] = "n"  # no chroot: the folder holds nothing that one needs
            return " ".join(fields)
        return line

    def _command(self, what: str) -> None:
        command = ["postfix", "-c", str(self._base / "etc"), what]
        subprocess.run(
            command, env={**os.environ, "PATH": PATH}, check=True, preexec_fn=self._group.enter, capture_output=True
        )


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
            wait_until(lambda: is_free(port), 10)
