"""A complete local Posthorn as processes: servers, services, and the tools that stand for the world outside."""

import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local.certificate import keep_certificate
from deploy.local.environment import service_environment, smtp_certificate, write_env
from deploy.local.errors import LocalError
from deploy.local.install import Say, locked
from deploy.local.kafka_server import KafkaServer
from deploy.local.mongo_server import MongoServer
from deploy.local.parts import SERVICES, SET_UP_COMMANDS, TOOLS, Part, PythonPart, wait_ready
from deploy.local.ports import HOST, PortBook, wanted_ports
from deploy.local.starting import run_set_up, start_together, stop_together

SERVERS = ("kafka", "mongod")
NOTHING: Mapping[str, str] = {}
NO_OWN: Mapping[str, Mapping[str, str]] = {}
SERVICE_NAMES = {program.name for program in SERVICES}
# Whose port it is, where its name does not say so.
PORT_OWNERS = {
    "kafka_controller": "kafka", "mongo": "mongod", "sink_smtp": "sink", "sink_http": "sink", "smtps": "smtp",
    "returns": "sender",
}  # fmt: skip


@dataclass(frozen=True)
class PartStatus:
    """`state` is ready, starting, stopped, or external (a server that somebody else runs); `uptime` is in seconds."""

    name: str
    pid: int | None
    port: int | None
    state: str
    uptime: float | None


class Stack:
    """The stack whose state, logs and pid files are below `home`; several objects may look at the same home.

    `environ` is the caller's environment (see ports.py and environment.py for what it may set); `port_base` is the same
    as POSTHORN_PORT_BASE there. `say` gets a line for each step. `own` are variables that one part gets
    beside those of all, by its name: a user of its own.
    """

    def __init__(
        self,
        home: Path,
        port_base: int | None = None,
        environ: Mapping[str, str] | None = None,
        say: Say = lambda text: None,
        own: Mapping[str, Mapping[str, str]] = NO_OWN,
    ) -> None:
        self.home = home.resolve()
        self.say = say
        self._own = own
        self._caller = dict(os.environ if environ is None else environ)
        if port_base is not None:
            self._caller["POSTHORN_PORT_BASE"] = str(port_base)
        self._book = PortBook(self.home / "stack.json", *wanted_ports(self._caller))
        self._caller.pop("POSTHORN_PORT_BASE", None)  # decided now: who loads home/env must not shift again
        self._external = _external_addresses(self._caller, self._own_addresses())

    @property
    def ports(self) -> dict[str, int]:
        """The port of each name of ports.DEFAULT_PORTS; final once something was started."""
        return self._book.ports

    @property
    def env(self) -> dict[str, str]:
        """The environment that services and commands get, the caller's own variables included."""
        addresses = {**self._own_addresses(), **self._external}
        posthorn = service_environment(self.home, self.ports, addresses["kafka"], addresses["mongod"], self._caller)
        return {**self._caller, "PYTHONUNBUFFERED": "1", **posthorn}

    @property
    def http_url(self) -> str:
        return f"http://{HOST}:{self.ports['http']}"

    @property
    def sink_url(self) -> str:
        return f"http://{HOST}:{self.ports['sink_http']}"

    @property
    def receiver_url(self) -> str:
        return f"http://{HOST}:{self.ports['receiver']}"

    @property
    def names(self) -> list[str]:
        """The parts in the order of their start, without servers that somebody else runs."""
        return list(self._parts())

    def up(self, only: Collection[str] | None = None) -> None:
        """Start all parts (or those named in `only`) that do not run, and wait until each is ready.

        The set-up commands run before the first service. Raises LocalError (a StartError carries the log's tail).
        """
        for name in only or ():
            self._part(name)
        with self._changing():
            chosen = [part for name, part in self._parts().items() if only is None or name in only]
            start_together((part for part in chosen if part.name in SERVERS), self.say)
            if any(part.name in SERVICE_NAMES and part.process.identity() is None for part in chosen):
                run_set_up(SET_UP_COMMANDS, self.env, self.home / "logs" / "set-up.log", self.say)
            start_together((part for part in chosen if part.name not in SERVERS), self.say)

    def down(self) -> None:
        """Stop all parts, the servers last. State and logs stay."""
        if not self.home.exists():
            return
        with locked(self.home / "stack.lock"):
            parts = self._all_parts().values()
            stop_together((part for part in parts if part.name not in SERVERS), self.say)
            stop_together((part for part in parts if part.name in SERVERS), self.say)

    def start(self, name: str, seconds: float | None = None, environ: Mapping[str, str] = NOTHING) -> None:
        """Start one part if it does not run, and wait until it is ready, by default up to its own deadline.

        `environ` are variables that a Python part gets for this once.
        """
        with self._changing():
            part = self._part(name, environ)
            if part.process.identity() is None:
                part.start(self.say)
        wait_ready(part, seconds)

    def stop(self, name: str) -> None:
        """SIGTERM, then SIGKILL if it does not end; returns when it has ended."""
        part = self._part(name)
        part.process.stop(part.stop_seconds)

    def kill(self, name: str, number: int) -> None:
        """Send one part a signal; after SIGKILL, wait for its end. Raises LocalError if it does not run."""
        process = self._part(name).process
        if not process.signal(number):
            raise LocalError(f"{name} does not run")
        if number == signal.SIGKILL:
            process.wait_ended(10)

    def pid(self, name: str) -> int | None:
        """The pid of a part; None if it does not run."""
        identity = self._part(name).process.identity()
        return identity.pid if identity else None

    def log_file(self, name: str) -> Path:
        return self._part(name).process.log_file

    def wait_ended(self, name: str, seconds: float) -> bool:
        """True as soon as a part has ended; False if it still runs after `seconds`."""
        return self._part(name).process.wait_ended(seconds)

    def status(self) -> list[PartStatus]:
        """One row for each part."""
        managed = self._parts()
        return [self._status_of(part, name in managed) for name, part in self._all_parts().items()]

    def _status_of(self, part: Part, managed: bool) -> PartStatus:
        identity = part.process.identity()
        if identity is None:
            return PartStatus(part.name, None, None, "stopped" if managed else "external", None)
        state = "ready" if part.ready() else "starting"
        return PartStatus(part.name, identity.pid, self._port_of(part.name), state, time.time() - identity.started_at)

    def _port_of(self, name: str) -> int:
        named = {"mongod": "mongo", "sink": "sink_smtp"}.get(name, name)
        return self.ports.get(f"{name}_health" if name != "http" and f"{name}_health" in self.ports else named, 0)

    def _parts(self) -> dict[str, Part]:
        return {name: part for name, part in self._all_parts().items() if name not in self._external}

    def _own_addresses(self) -> dict[str, str]:
        kafka, mongod = self._servers()
        return {"kafka": kafka.bootstrap, "mongod": mongod.url}

    def _servers(self) -> tuple[KafkaServer, MongoServer]:
        kafka = KafkaServer(self.home, self.ports["kafka"], self.ports["kafka_controller"])
        return kafka, MongoServer(self.home, self.ports["mongo"])

    def _all_parts(self, environ: Mapping[str, str] = NOTHING) -> dict[str, Part]:
        rest = [
            PythonPart(program, self.home, self.ports, partial(self._env_of, program.name, environ))
            for program in (*TOOLS, *SERVICES)
        ]
        parts: list[Part] = [*self._servers(), *rest]
        return {part.name: part for part in parts}

    def _env_of(self, name: str, environ: Mapping[str, str]) -> dict[str, str]:
        return {**self.env, **self._own.get(name, NOTHING), **environ}

    def _part(self, name: str, environ: Mapping[str, str] = NOTHING) -> Part:
        try:
            return self._all_parts(environ)[name]
        except KeyError:
            raise LocalError(f"no part is called {name}; there are {', '.join(self._all_parts())}") from None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the home against other commands, with ports settled and `home/env` written."""
        self.home.mkdir(parents=True, exist_ok=True)
        with locked(self.home / "stack.lock"):
            parts = self._all_parts()
            owners = {name: PORT_OWNERS.get(name, name.removesuffix("_health")) for name in self.ports}
            running = {name for name, part in parts.items() if part.process.identity()}
            before = dict(self.ports)
            for name, (wanted, chosen) in self._book.settle(lambda name: owners[name] in running).items():
                if before[name] != chosen:
                    self.say(f"port {wanted} is taken: {name} gets {chosen}")
            keep_certificate(smtp_certificate(self.home))
            write_env(self.home / "env", {key: text for key, text in self.env.items() if key.startswith("POSTHORN_")})
            yield


def _external_addresses(caller: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """By part, the addresses in the caller's environment that are not this stack's own."""
    settings = {"kafka": "POSTHORN_KAFKA_BOOTSTRAP", "mongod": "POSTHORN_MONGO_URL"}
    given = {name: caller.get(setting, "") for name, setting in settings.items()}
    return {name: address for name, address in given.items() if address and address != own[name]}
