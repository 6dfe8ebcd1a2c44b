"""Idle connections kept for the next message, and the walk over hosts and addresses."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

from services.sender.bounces.live import Rules
from services.sender.smtp.connection import Connection
from services.sender.smtp.greeting import open_connection
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Outcome, Scope, Stage, Step
from services.sender.smtp.peers import Egress, Timeouts, TlsContexts
from services.sender.smtp.transcript import record_of
from shared.contracts.messages import Host, TlsMode
from shared.net import is_public

Resolve = Callable[[str], Awaitable[list[str]]]
"""A host's addresses in the order to try them, none where it has none; raises OSError where the look-up fails."""

MAX_ADDRESSES = 5
NO_ADDRESS = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
LOOP = "5.4.6"
BROKEN_TLS_SECONDS = 3 * 24 * 3600.0


class Key(NamedTuple):
    """What two messages must share to share a connection."""

    transport: str
    transport_version: int
    host: str
    port: int
    tls: TlsMode
    source: str | None


def key_of(egress: Egress, host: Host) -> Key:
    return Key(egress.transport, egress.transport_version, host.name, host.port, egress.tls, egress.source)


async def resolve_ipv4(name: str) -> list[str]:
    """The IPv4 addresses of a host by the system's resolver; a literal address of either family stands for itself."""
    try:
        return [str(ip_address(name))]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in NO_ADDRESS:
            return []
        raise
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass
class Walk:
    """One attempt's way along its hosts: how many addresses it may still dial, and whether this host is the last."""

    addresses: int = MAX_ADDRESSES
    last: bool = False


@dataclass
class Idle:
    connection: Connection
    expiry: asyncio.TimerHandle


@dataclass
class Connections:
    """A pool of idle connections. An idle one counts as nobody's: whoever limits a destination counts deliveries.

    `allow_private` lets private and loopback addresses be dialled: for smart hosts inside, and for tests. A host that
    has one of `own_addresses` is this system: nothing is delivered to it (RFC 5321 section 5.1). Times are seconds.
    Everything here belongs to one event loop.
    """

    timeouts: Timeouts
    contexts: TlsContexts
    rules: Rules = field(default_factory=Rules)
    resolve: Resolve = resolve_ipv4
    allow_private: bool = False
    own_addresses: frozenset[str] = frozenset()
    idle_timeout: float = 30
    max_idle: int = 200
    _idle: dict[Key, list[Idle]] = field(default_factory=dict)
    _broken_tls: dict[Key, float] = field(default_factory=dict)

    async def acquire(self, egress: Egress, host: Host, walk: Walk) -> Connection | Outcome:
        """An idle connection that still lives, or a new one; the outcome of the last address where none opens."""
        return self._take(key_of(egress, host)) or await self.dial(egress, host, walk)

    def release(self, connection: Connection) -> None:
        """Gives a connection back after a delivery; it is kept where it can be used again."""
        egress, key = connection.egress, key_of(connection.egress, connection.host)
        kept = sum(map(len, self._idle.values()))
        if (
            not connection.usable
            or connection.deliveries >= egress.max_deliveries_per_connection
            or kept >= self.max_idle
            or self.idle_timeout <= 0
        ):
            connection.close()
            return
        expiry = asyncio.get_running_loop().call_later(self.idle_timeout, self._expire, key, connection)
        self._idle.setdefault(key, []).append(Idle(connection, expiry))

    def close(self) -> None:
        """Says QUIT on every idle connection."""
        for idles in self._idle.values():
            for idle in idles:
                idle.expiry.cancel()
                idle.connection.close()
        self._idle.clear()

    async def dial(self, egress: Egress, host: Host, walk: Walk) -> Connection | Outcome:
        """A new connection to the first address of the host that takes it, of those that the walk has left."""
        try:
            addresses = await self.resolve(host.name)
        except OSError as error:
            text = f"{host.name} cannot be looked up: {error.strerror or error}"
            return _unreachable(egress, host, 451, "4.4.4", text)
        if not addresses:
            return _unreachable(egress, host, 550, "5.4.4", f"{host.name} has no address")
        if self.own_addresses.intersection(addresses):
            return _unreachable(egress, host, 554, LOOP, f"{host.name} leads back to this system")
        allowed = [ip for ip in addresses if self.allow_private or is_public(ip)]
        if not allowed:
            return _unreachable(egress, host, 550, "5.4.4", f"{host.name} has only addresses that are not public")
        steps: list[Step] = []
        failed: Outcome | None = None
        for ip in allowed[: walk.addresses]:
            walk.addresses -= 1
            result = await self._open(egress, host, ip, steps, last=walk.last)
            if isinstance(result, Connection):
                result.transcript.steps[:0] = steps
                return result
            failed = result
            steps += result.transcript
        assert failed is not None
        return failed.with_changes(**record_of(steps))

    async def _open(
        self, egress: Egress, host: Host, ip: str, steps: list[Step], *, last: bool
    ) -> Connection | Outcome:
        """Opens one address; an opportunistic handshake that fails is followed by one try in clear (RFC 7435).

        Which hosts fail is remembered for three days. `steps` takes what was said before the last try.
        """
        key, now = key_of(egress, host), time.monotonic()
        optional = egress.tls is TlsMode.OPPORTUNISTIC and egress.credentials is None
        tls = TlsMode.DISABLED if optional and self._broken_tls.get(key, now) > now else egress.tls
        timeouts = replace(self.timeouts, banner=self.timeouts.last_banner) if last else self.timeouts
        opening = partial(
            open_connection, egress, host, ip, timeouts=timeouts, contexts=self.contexts, rules=self.rules
        )
        result = await opening(tls=tls)
        if isinstance(result, Deferred) and result.class_ is BounceClass.TLS and result.code is None and optional:
            steps += result.transcript
            self._broken_tls[key] = now + BROKEN_TLS_SECONDS
            return await opening(tls=TlsMode.DISABLED)
        return result

    def _take(self, key: Key) -> Connection | None:
        idles = self._idle.get(key, [])
        while idles:
            idle = idles.pop()
            idle.expiry.cancel()
            if idle.connection.usable:
                return idle.connection
            idle.connection.close()
        self._idle.pop(key, None)
        return None

    def _expire(self, key: Key, connection: Connection) -> None:
        idles = [idle for idle in self._idle.get(key, []) if idle.connection is not connection]
        self._idle[key] = idles
        if not idles:
            del self._idle[key]
        connection.close()


def _unreachable(egress: Egress, host: Host, code: int, enhanced: str, text: str) -> Outcome:
    """A host that is not dialled: for good only where it is the recipient's domain that names such a host."""
    kind: type[Bounced] | type[Deferred] = Bounced if code >= 500 and not egress.relayed else Deferred
    return kind(
        stage=Stage.CONNECT,
        code=code,
        enhanced=enhanced,
        text=text,
        class_=BounceClass.ROUTE_DOWN if egress.relayed else BounceClass.ROUTING_DNS,
        hard=kind is Bounced,
        scope=Scope.TRANSPORT if egress.relayed else Scope.RECIPIENT,
        host=host.name,
        rule="unreachable",
    )
