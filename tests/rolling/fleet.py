"""A Posthorn with two processes of each part behind a proxy, and how one of them is replaced as Kubernetes does it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local.install import CHECKOUT
from deploy.local.parts import SERVICES, SET_UP_COMMANDS, TOOLS, PythonPart, wait_ready
from deploy.local.ports import DEFAULT_PORTS, choose_port
from deploy.local.stack import SERVERS, Stack
from deploy.local.starting import run_set_up, start_together, stop_together
from tests.faults.world import SETTINGS
from tests.rolling.proxy import Proxy

DOORS = ("http", "smtp")
PRE_STOP_SECONDS = 2.0
"""How long a process goes on after its endpoint was removed: whoever routes to it has heard of that by then."""
FIRST, SECOND = "", "-2"
# The harness of faults misses a lost process within seconds. Nobody is lost here: leases are a deployment's own, which
# outlast a machine that does this beside other work.
OF_FAULTS = ("LEASE_SECONDS", "SESSION_TIMEOUT_MS", "SHUTDOWN_SECONDS", "TIMEOUT_SECONDS", "RELEASE_WAIT_SECONDS")
DEPLOYED = {name: text for name, text in SETTINGS.items() if not name.endswith(OF_FAULTS)}


class Behind(Stack):
    """A stack whose callers go through a proxy; its services are somebody else's to start."""

    proxy_port = 0

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_port}"


class Fleet:
    """The processes `http` and `http-2`, … of a stack. `trees` are the checkouts whose code the first and the second
    ones run."""

    def __init__(self, stack: Behind, port_base: int, trees: Mapping[str, Path]) -> None:
        self.stack = stack
        self._ports = {FIRST: stack.ports, SECOND: _own_ports(port_base)}
        self.parts = {part.name: part for suffix in (FIRST, SECOND) for part in self._of(suffix, trees[suffix])}
        proxy_ports = {name: choose_port(name, port_base + 40 + place, ()) for place, name in enumerate(DOORS)}
        stack.proxy_port = proxy_ports["http"]
        doors = {
            door: {f"{door}{suffix}": (ports[door], ports[f"{door}_health"]) for suffix, ports in self._ports.items()}
            for door in DOORS
        }
        self.proxy = Proxy(stack.home, proxy_ports, doors)

    def _of(self, suffix: str, tree: Path) -> Iterator[PythonPart]:
        ports = self._ports[suffix]
        own = {f"POSTHORN_{door.upper()}_PORT": str(ports[door]) for door in (*DOORS, "smtps", "returns")}
        environ = {**self.stack.env, **own, "PYTHONPATH": str(tree)}
        for program in SERVICES:
            named = replace(program, name=f"{program.name}{suffix}")
            yield PythonPart(named, self.stack.home, ports, lambda: environ, tree)

    def upgrade(self, suffix: str, tree: Path) -> list[str]:
        """Lets these processes run another checkout's code from their next start on; their names."""
        upgraded = {part.name: part for part in self._of(suffix, tree)}
        self.parts |= upgraded
        return list(upgraded)

    async def roll(self, name: str) -> None:
        """Replaces one process: its endpoint goes, it goes on for a while, ends by SIGTERM, and another one comes."""
        part, has_door = self.parts[name], name.removesuffix(SECOND) in DOORS
        if has_door:
            await asyncio.to_thread(self.proxy.leave_out, name)
            await asyncio.sleep(PRE_STOP_SECONDS)  # as the platform does: nothing tells it that all have heard
        assert part.process.signal(signal.SIGTERM), f"{name} had ended by itself"
        ended = await asyncio.to_thread(part.process.wait_ended, part.stop_seconds)
        assert ended, f"{name} would have been killed after {part.stop_seconds} s"
        part.start(lambda text: None)
        await asyncio.to_thread(wait_ready, part)
        if has_door:
            await asyncio.to_thread(self.proxy.take_in, name)


def _own_ports(port_base: int) -> dict[str, int]:
    ports: dict[str, int] = {}
    for offset, name in enumerate(DEFAULT_PORTS):
        ports[name] = choose_port(name, port_base + offset, ports.values())
    return ports


@contextmanager
def fleet(home: Path, port_base: int, trees: Mapping[str, Path] | None = None) -> Iterator[Fleet]:
    """A running one, on a Kafka and a mongod of its own; the topics and indexes are this checkout's."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    stack = Behind(home, port_base=port_base, environ={**environ, **DEPLOYED})
    made: Fleet | None = None
    try:
        stack.up(only=[*SERVERS, *(tool.name for tool in TOOLS)])
        run_set_up(SET_UP_COMMANDS, stack.env, home / "logs" / "set-up.log", lambda text: None)
        made = Fleet(stack, port_base + 100, trees or {FIRST: CHECKOUT, SECOND: CHECKOUT})
        with made.proxy.running():
            start_together(made.parts.values(), lambda text: None)
            yield made
    finally:
        if made is not None:
            stop_together(made.parts.values(), lambda text: None)
        stack.down()
