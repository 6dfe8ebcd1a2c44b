"""Which port each part of a local Posthorn listens on, so that two checkouts on one machine do not collide."""

import contextlib
import json
import socket
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from deploy.local.errors import StartError
from deploy.local.processes import wait_until

HOST = "127.0.0.1"

# The order is the offset from POSTHORN_PORT_BASE; the value is the port without it.
DEFAULT_PORTS: dict[str, int] = {
    "http": 8080,
    "http_health": 8081,
    "ingest_health": 8082,
    "router_health": 8083,
    "suppression_health": 8084,
    "sender_health": 8085,
    "webhooks_health": 8086,
    "sink_smtp": 8025,
    "sink_http": 8026,
    "receiver": 8027,
    "dns": 8053,
    "smtp": 2587,
    "returns": 2526,
    "kafka": 9092,
    "kafka_controller": 9093,
    "mongo": 27017,
    "smtps": 2465,
    "smtp_health": 8087,
    "returns_health": 8088,
}
UDP_PORTS = {"dns"}
# How long a port that was ours is waited for: others know it, so moving is the last resort.
HANDOVER_SECONDS = 2.0


def is_free(port: int, udp: bool = False) -> bool:
    """Whether nobody listens on `port` of the loopback address or of all addresses."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def wanted_ports(environ: Mapping[str, str]) -> tuple[dict[str, int], set[str]]:
    """The port of each name as the environment wants it, and the names that it sets one by one.

    `POSTHORN_PORT_BASE=20000` gives 20000, 20001, … in the order of DEFAULT_PORTS; `POSTHORN_<NAME>_PORT` sets one.
    Raises StartError for what is not a port number.
    """
    base = _port_setting(environ, "POSTHORN_PORT_BASE")
    wanted = {name: port if base is None else base + index for index, (name, port) in enumerate(DEFAULT_PORTS.items())}
    explicit = set()
    for name in wanted:
        port = _port_setting(environ, setting_name(name))
        if port is not None:
            wanted[name] = port
            explicit.add(name)
    return wanted, explicit


def setting_name(name: str) -> str:
    """The environment variable that sets the port called `name`: sink_smtp → POSTHORN_SINK_SMTP_PORT."""
    return f"POSTHORN_{name.upper()}_PORT"


def choose_port(name: str, first: int, taken: Collection[int], free: Callable[[int, bool], bool] = is_free) -> int:
    """`first`, or the next port above that is neither in `taken` nor listened on. Raises StartError after 200 tries."""
    for port in range(first, min(first + 200, 65536)):
        if port not in taken and free(port, name in UDP_PORTS):
            return port
    raise StartError(f"no free port for {name} from {first} on; set {setting_name(name)}")


class PortBook:
    """The ports that were chosen, remembered in a JSON file with the ports that had been wanted then."""

    def __init__(self, file: Path, wanted: Mapping[str, int], explicit: Collection[str] = ()) -> None:
        self.file = file
        self._wanted = wanted
        self._explicit = explicit
        noted = json.loads(file.read_text()) if file.exists() else {}
        self.ports: dict[str, int] = {**wanted, **noted.get("ports", {})}
        self._wanted_before: dict[str, int] = noted.get("wanted", {})

    def settle(self, in_use_by_us: Callable[[str], bool]) -> dict[str, tuple[int, int]]:
        """Choose a free port for every name whose own part does not run, and remember the choice.

        Returns, for each name that did not get what it wanted, (wanted, chosen). Raises StartError when a port that was
        set one by one is taken, or none is free.
        """
        chosen = {name: self.ports[name] for name in self._wanted if in_use_by_us(name)}
        for name, wanted in self._wanted.items():
            if name in chosen:
                continue
            first = wanted
            if self._wanted_before.get(name) == wanted:
                first = self.ports[name]
                wait_until(partial(is_free, first, name in UDP_PORTS), HANDOVER_SECONDS)
            chosen[name] = choose_port(name, first, chosen.values())
            if name in self._explicit and chosen[name] != wanted:
                raise StartError(f"{setting_name(name)}={wanted} is taken by another program; set another port")
        self.ports, self._wanted_before = chosen, dict(self._wanted)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps({"ports": self.ports, "wanted": self._wanted_before}, indent=2) + "\n")
        unfinished.replace(self.file)
        return {name: (wanted, chosen[name]) for name, wanted in self._wanted.items() if chosen[name] != wanted}


def _port_setting(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise StartError(f"{name}={text} is not a port from 1024 to 65535")
    return int(text)
