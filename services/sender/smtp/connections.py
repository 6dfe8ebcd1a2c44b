"""Getting a connection: an idle one, or a new one after a walk over addresses."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from services.sender.smtp.connection import Connection
from services.sender.smtp.greeting import open_connection
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Outcome, Scope, Stage, Step
from services.sender.smtp.peers import Egress, Timeouts, TlsContexts
from services.sender.smtp.pool import Key, Pool, key_of
from services.sender.smtp.transcript import record_of
from shared.contracts.messages import Host, TlsMode
from shared.net import is_public

Resolve = Callable[[str], Awaitable[list[str]]]
"""A host's addresses in the order to try them; raises OSError where the lookup fails."""

MAX_ADDRESSES = 5
BROKEN_TLS_SECONDS = 3 * 24 * 3600.0


async def resolve_ipv4(name: str) -> list[str]:
    """The IPv4 addresses of a host by the system's resolver; a literal address of either family stands for itself."""
    try:
        return [str(ip_address(name))]
    except ValueError:
        pass
    found = await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass
class Connections:
    """The connections of a process; `pool` keeps the idle ones, and each destination within its places.

    `allow_private` lets private and loopback addresses be dialled: for smart hosts inside, and for tests. Times are
    seconds. Everything here belongs to one event loop.
    """

    timeouts: Timeouts
    contexts: TlsContexts
    resolve: Resolve = resolve_ipv4
    allow_private: bool = False
    idle_timeout: float = 300
    max_idle: int = 200
    pool: Pool = field(init=False)
    _broken_tls: dict[Key, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pool = Pool(self.idle_timeout, self.max_idle)

    async def acquire(self, egress: Egress, host: Host) -> Connection | Outcome:
        """An idle connection that still lives, or a new one; the outcome of the last address where none opens."""
        return self.pool.take(key_of(egress, host)) or await self.dial(egress, host)

    def release(self, connection: Connection) -> None:
        """Gives a connection back after a delivery; it is kept where it can be used again."""
        self.pool.put(connection)

    def close(self) -> None:
        """Says QUIT on every idle connection."""
        self.pool.close()

    async def dial(self, egress: Egress, host: Host) -> Connection | Outcome:
        """A new connection to the first address of the host that takes it, of at most five."""
        self.pool.opening(egress.destination)
        result: Connection | Outcome | None = None
        try:
            result = await self._dial(egress, host)
        finally:
            if not isinstance(result, Connection):
                self.pool.failed(egress.destination)
        return result

    async def _dial(self, egress: Egress, host: Host) -> Connection | Outcome:
        try:
            addresses = await self.resolve(host.name)
        except OSError as error:
            text = f"{host.name} has no address: {error.strerror or error}"
            return _unreachable(egress, host, 451, "4.4.4", text)
        if egress.source is not None:
            addresses = [ip for ip in addresses if (":" in ip) == (":" in egress.source)]
        allowed = [ip for ip in addresses if self.allow_private or is_public(ip)]
        if addresses and not allowed:
            return _unreachable(egress, host, 550, "5.4.4", f"{host.name} has only addresses that are not public")
        failed = _unreachable(egress, host, 451, "4.4.4", f"{host.name} has no address")
        steps: list[Step] = []
        for ip in allowed[:MAX_ADDRESSES]:
            result = await self._open(egress, host, ip, steps)
            if isinstance(result, Connection):
                result.transcript.steps[:0] = steps
                return result
            failed = result
            steps += result.transcript
        return failed.with_changes(**record_of(steps))

    async def _open(self, egress: Egress, host: Host, ip: str, steps: list[Step]) -> Connection | Outcome:
        """Opens one address; an opportunistic handshake that fails is followed by one try in clear (RFC 7435).

        Which hosts fail is remembered for three days. `steps` takes what was said before the last try.
        """
        key, now = key_of(egress, host), time.monotonic()
        optional = egress.tls is TlsMode.OPPORTUNISTIC and egress.credentials is None
        tls = TlsMode.DISABLED if optional and self._broken_tls.get(key, now) > now else egress.tls
        result = await open_connection(egress, host, ip, timeouts=self.timeouts, contexts=self.contexts, tls=tls)
        if isinstance(result, Deferred) and result.class_ is BounceClass.TLS and result.code is None and optional:
            steps += result.transcript
            self._broken_tls[key] = now + BROKEN_TLS_SECONDS
            return await open_connection(
                egress, host, ip, timeouts=self.timeouts, contexts=self.contexts, tls=TlsMode.DISABLED
            )
        return result


def _unreachable(egress: Egress, host: Host, code: int, enhanced: str, text: str) -> Outcome:
    """A host that could not be dialled at all: for good only where the recipient's domain points at private space."""
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
        source=egress.source,
        rule="unreachable",
    )
