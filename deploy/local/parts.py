"""What a local Posthorn is made of, besides Kafka and mongod: the Python programs, as data, and how each is started."""

import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.message
import dns.query

from deploy.local.errors import StartError
from deploy.local.install import CHECKOUT, Say
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess, wait_until

Ports = Mapping[str, int]


class Part(Protocol):
    """One process of the stack."""

    name: str
    start_seconds: float
    stop_seconds: float
    process: DetachedProcess

    def start(self, say: Say) -> None:
        """Start the process without waiting for it."""

    def ready(self) -> bool:
        """Whether it does its work now."""


@dataclass(frozen=True)
class Program:
    """A Python program: its arguments ({name} stands for the port of that name), its own settings, when it is ready."""

    name: str
    arguments: tuple[str, ...]
    port: str
    settings: Mapping[str, str] = field(default_factory=dict)
    probe: Callable[[int], bool] = lambda port: http_ready(port)


def http_ready(port: int) -> bool:
    """Whether GET /readyz on `port` answers 200 within two seconds."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def dns_ready(port: int) -> bool:
    """Whether a name server answers on `port` within half a second."""
    try:
        dns.query.udp(dns.message.make_query("ready.example", "A"), HOST, timeout=0.5, port=port)
    except (OSError, dns.exception.DNSException):
        return False
    return True


def _posthorn(name: str, *roles: str) -> Program:
    health = f"{name}_health"
    return Program(name, ("-m", "services.cli", "run", *roles), health, {"POSTHORN_HEALTH_PORT": f"{{{health}}}"})


TOOLS = (
    Program("sink", ("-m", "deploy.local.sink", "--smtp-port={sink_smtp}", "--http-port={sink_http}"), "sink_http"),
    Program("receiver", ("-m", "deploy.local.receiver", "--port", "{receiver}"), "receiver"),
    Program("dns", ("-m", "deploy.local.dns", "--port", "{dns}"), "dns", probe=dns_ready),
)
SERVICES = (
    _posthorn("http", "ingest:http", "router:http", "suppression:http", "sender:http", "webhooks:http"),
    _posthorn("smtp", "ingest:smtp"),
    _posthorn("ingest", "ingest:relay,projector"),
    _posthorn("router", "router:route,health"),
    _posthorn("suppression", "suppression:check"),
    _posthorn("sender", "sender:deliver"),
    _posthorn("returns", "sender:returns"),
    _posthorn("webhooks", "webhooks:dispatch"),
)
# Run once before the first service starts, all at the same time.
SET_UP_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("-m", "services.cli", "topics"),
    ("-m", "services.cli", "indexes"),
)


class PythonPart:
    """A Program at its place in one stack; `checkout` is the one whose code it runs."""

    start_seconds = 90.0
    stop_seconds = 45.0  # longer than a service drains

    def __init__(
        self,
        program: Program,
        home: Path,
        ports: Ports,
        environ: Callable[[], Mapping[str, str]],
        checkout: Path = CHECKOUT,
    ) -> None:
        self.name = program.name
        self.process = DetachedProcess(program.name, home)
        self._program = program
        self._ports = ports
        self._environ = environ
        self._checkout = checkout

    def start(self, say: Say) -> None:
        settings = {name: text.format(**self._ports) for name, text in self._program.settings.items()}
        arguments = [text.format(**self._ports) for text in self._program.arguments]
        self.process.start([sys.executable, *arguments], {**self._environ(), **settings}, self._checkout)

    def ready(self) -> bool:
        return self._program.probe(self._ports[self._program.port])


def wait_ready(part: Part, seconds: float | None = None) -> None:
    """Wait until a started part is ready, by default as long as it may take; StartError if it ends or is late."""
    limit = part.start_seconds if seconds is None else seconds
    settled = wait_until(lambda: part.process.identity() is None or part.ready(), limit)
    if part.process.identity() is None:
        raise StartError(f"{part.name} ended at its start", part.process.log_tail())
    if not settled:
        raise StartError(f"{part.name} is not ready after {limit:.0f} s", part.process.log_tail())
