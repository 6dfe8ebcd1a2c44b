"""HAProxy before the two processes of the API and of the SMTP door, as a Service of Kubernetes stands before pods."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.ports import HOST
from deploy.local.processes import wait_until
from tests.fixtures.debian import environment, unpacked

# Nothing is tried a second time: what a caller would see of a process that ends, the load sees too.
CONFIGURATION = """\
global
  stats socket {folder}/admin level admin
  maxconn 2000
defaults
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 5s
frontend api
  mode http
  bind {host}:{http}
  default_backend http
backend http
  mode http
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 1
{http_servers}
frontend smtp
  mode tcp
  bind {host}:{smtp}
  default_backend smtp
backend smtp
  mode tcp
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 1
{smtp_servers}
"""
START_SECONDS = 30.0
CHECKED_SECONDS = 60.0


class Proxy:
    """A running HAProxy: `ports` are its own, `doors` those of each process (door, health), by backend and process."""

    def __init__(
        self, folder: Path, ports: Mapping[str, int], doors: Mapping[str, Mapping[str, tuple[int, int]]]
    ) -> None:
        self.ports = ports
        self._folder = folder
        self._doors = doors

    def has(self, process: str) -> bool:
        """Whether a process stands behind it."""
        return any(process in processes for processes in self._doors.values())

    def leave_out(self, process: str) -> None:
        """What the removal of an endpoint does: connections go on, new ones and new requests go to the other one."""
        self._say(f"set server {self._server(process)} state drain")

    def take_in(self, process: str) -> None:
        """Back again, and returns when its own check of /readyz has passed."""
        server = self._server(process)
        self._say(f"set server {server} state ready")
        assert wait_until(lambda: self._is_up(server), CHECKED_SECONDS), f"{server} is not up"

    def _server(self, process: str) -> str:
        return next(f"{backend}/{process}" for backend, processes in self._doors.items() if process in processes)

    def _is_up(self, server: str) -> bool:
        rows = (row.split(",") for row in self._say("show stat").splitlines())
        return any(f"{row[0]}/{row[1]}" == server and row[17] == "UP" for row in rows if len(row) > 17)

    def _say(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self._folder / "admin"))
            admin.sendall(f"{command}\n".encode())
            answer = b"".join(iter(lambda: admin.recv(65536), b"")).decode().strip()
        assert not answer.startswith(("No such", "Unknown")), answer
        return answer

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        root = unpacked("haproxy", ["haproxy"], libraries=True)
        servers = {
            f"{backend}_servers": "\n".join(
                f"  server {name} {HOST}:{door} port {health}" for name, (door, health) in processes.items()
            )
            for backend, processes in self._doors.items()
        }
        file = self._folder / "haproxy.cfg"
        file.write_text(CONFIGURATION.format(folder=self._folder, host=HOST, **self.ports, **servers))
        command = [str(root / "usr/sbin/haproxy"), "-db", "-f", str(file)]
        with (self._folder / "haproxy.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment(root), stdout=log, stderr=log)
        try:
            assert wait_until((self._folder / "admin").exists, START_SECONDS), (
                self._folder / "haproxy.log"
            ).read_text()
            yield self
        finally:
            process.terminate()
            process.wait(30)
