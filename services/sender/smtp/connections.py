"""Getting a connection: an idle one, or a new one after a walk over addresses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

from services.sender.bounces.live import Rules
from services.sender.dns import Lookups
from services.sender.smtp.away import AWAY_SECONDS, Place, last
from services.sender.smtp.behind import Behind
from services.sender.smtp.connection import Connection
from services.sender.smtp.greeting import open_connection
from services.sender.smtp.outcomes import BounceClass, Outcome, Stage, Step
from services.sender.smtp.peers import Egress, Timeouts, TlsContexts
from services.sender.smtp.pool import Pool, key_of
from services.sender.smtp.recent import Recent
from services.sender.smtp.targets import Addresses, Targets, before_ours, reachable_from
from services.sender.smtp.transcript import record_of
from services.sender.smtp.unreached import loop_outcome, unreachable_outcome, withheld_outcome
from services.sender.tls.broken import BrokenTls
from services.sender.tls.protection import Protection, Withheld, protect
from services.sender.tls.results import TlsResult
from shared.contracts.messages import Host, TlsMode
from shared.telemetry import metrics

MAX_ADDRESSES = 5
MAX_SESSIONS = 2
DISTRUST_SECONDS = 3600.0


@dataclass
class Tries:
    """What one attempt at a message may still do, over all its hosts; `last` says that no host is behind this one."""

    addresses: int = MAX_ADDRESSES
    sessions: int = MAX_SESSIONS
    last: bool = False


@dataclass
class Connections:
    """The connections of a process; `pool` keeps the idle ones, and each destination within its places.

    Times are seconds. Everything here belongs to one event loop.
    """

    timeouts: Timeouts
    contexts: TlsContexts
    lookups: Lookups
    targets: Targets = field(default_factory=Targets)
    broken_tls: BrokenTls = field(default_factory=BrokenTls)
    rules: Rules = field(default_factory=Rules)
    away: Recent[Place] = field(default_factory=lambda: Recent(AWAY_SECONDS))
    distrusted: Recent[str] = field(default_factory=lambda: Recent(DISTRUST_SECONDS))
    idle_timeout: float = 300
    max_idle: int = 200
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool(self.idle_timeout, self.max_idle)

    async def hosts(self, egress: Egress) -> list[Host] | Outcome:
        """The hosts to try in their order, those that were away a moment ago last; an outcome where none is left.

        None of them is this system, nor has one the same or a worse preference.
        """
        ours: list[Host] = []
        if self.targets.own:
            found = await asyncio.gather(*(self._addresses(egress, host) for host in egress.hosts))
            ours = [host for host, each in zip(egress.hosts, found, strict=True) if self.targets.leads_back(each.ips)]
        hosts = before_ours(egress.hosts, ours)
        if ours and not hosts:
            return loop_outcome(egress, ours[0])
        return last(self.away, hosts, lambda host: Place(host.name, host.port, egress.source))

    async def acquire(self, egress: Egress, host: Host, tries: Tries) -> Connection | Outcome:
        """An idle connection that still lives, or a new one; the outcome of the last address where none opens."""
        protection = await self._protection(egress, host)
        if isinstance(protection, Withheld):
            metrics.TLS_SESSIONS.labels(str(protection.policy), str(protection.result)).inc()
            return withheld_outcome(host, protection)
        return self.pool.take(key_of(egress, host, protection)) or await self.dial(egress, host, protection, tries)

    async def follow(self, egress: Egress, host: Host, behind: Behind) -> Connection | None:
        """The connection of a place behind another transaction, where it leads to this host in the way that is asked
        for. Else None, and the place is left: before the transaction there has ended only where that takes long."""
        protection, kept = await self._protection(egress, host), behind.connection
        if isinstance(protection, Protection):
            asked = key_of(egress, host, protection)
            if asked == key_of(kept.egress, kept.host, kept.asked) and (kept.usable or not behind.is_over):
                return behind.take()
        await behind.wait()
        self.leave(behind)
        return None

    def may_be_followed(self, connection: Connection) -> bool:
        """Whether another transaction may begin behind the one whose final dot has just left."""
        return _place(connection.host) not in self.distrusted and self.pool.is_within(connection.egress.destination)

    def distrust(self, host: Host) -> None:
        """Has no transaction begin behind another with this host for a while: it may offer what it cannot do."""
        self.distrusted.note(_place(host))

    def leave(self, behind: Behind) -> None:
        """Gives a place up that nobody has come for; the connection is kept once the transaction there has ended."""
        if behind.taken or behind.is_left:
            return
        if behind.is_over:
            self.release(behind.take())
        else:
            behind.leave()

    def release(self, connection: Connection) -> None:
        """Gives a connection back after a delivery; it is kept where it can be used again."""
        self.pool.put(connection)

    def refused_in_clear(self, connection: Connection) -> None:
        """Has the next connection to the host try TLS again, however its last handshakes went; this one is not kept."""
        self.broken_tls.forget(_place(connection.host))
        connection.close()

    def close(self) -> None:
        """Says QUIT on every idle connection."""
        self.pool.close()

    async def dial(self, egress: Egress, host: Host, protection: Protection, tries: Tries) -> Connection | Outcome:
        """A new connection to the first address of the host that takes it, of as many as the attempt may still try."""
        self.pool.opening(egress.destination)
        result: Connection | Outcome | None = None
        try:
            result = await self._dial(egress, host, protection, tries)
        finally:
            if not isinstance(result, Connection):
                self.pool.failed(egress.destination)
        return result

    async def _dial(self, egress: Egress, host: Host, protection: Protection, tries: Tries) -> Connection | Outcome:
        found = await self._addresses(egress, host)
        allowed = [ip for ip in found.ips if self.targets.may_dial(ip)]
        if self.targets.leads_back(found.ips):
            return loop_outcome(egress, host)
        ours = reachable_from(egress.source, allowed)
        if not ours:
            return unreachable_outcome(egress, host, found, allowed)
        steps: list[Step] = []
        place_of = partial(Place, port=host.port, source=egress.source)
        for ip in last(self.away, ours, place_of)[: tries.addresses]:
            tries.addresses -= 1
            opened = await self._open(egress, host, ip, protection, steps, last=tries.last)
            if isinstance(opened, Connection):
                self.away.forget(place_of(ip), place_of(host.name))
                opened.transcript.steps[:0] = steps
                return opened
            failed = opened
            steps += failed.transcript
            if _is_away(failed):
                self.away.note(place_of(ip))
        if _is_away(failed):
            self.away.note(place_of(host.name))
        return failed.with_changes(**record_of(steps))

    async def _addresses(self, egress: Egress, host: Host) -> Addresses:
        return await self.lookups.addresses(host.name, search=egress.domain is None, source=egress.source)

    async def _protection(self, egress: Egress, host: Host) -> Protection | Withheld:
        tlsa = None
        if egress.dane:
            addresses = await self._addresses(egress, host)
            # without an address there is nothing to protect, and dialling says why
            tlsa = await self.lookups.tlsa(host.name, host.port, addresses) if addresses.ips else None
        return protect(
            egress.tls,
            host.name,
            domain=egress.domain,
            sts=egress.sts,
            tlsa=tlsa,
            clear_allowed=egress.credentials is None,
        )

    async def _open(
        self, egress: Egress, host: Host, ip: str, asked: Protection, steps: list[Step], *, last: bool
    ) -> Connection | Outcome:
        """Opens one address; where TLS fails, as often as the policy has something else to try (RFC 7435).

        A host that talks in clear after an opportunistic handshake failed is remembered. `steps` takes what was said
        before the last try.
        """
        place, protection = _place(host), asked
        timeouts = replace(self.timeouts, banner=self.timeouts.last_banner) if last else self.timeouts
        opening = partial(open_connection, timeouts=timeouts, contexts=self.contexts, rules=self.rules)
        if protection.mode is TlsMode.OPPORTUNISTIC and protection.otherwise and place in self.broken_tls:
            protection = protection.instead(TlsResult.VALIDATION_FAILURE)
        failed_handshake = False
        while True:
            result = await opening(egress, host, ip, protection)
            if isinstance(result, Connection) or not protection.otherwise or not _tls_failed(result):
                break
            steps += result.transcript
            failed_handshake = protection.mode is TlsMode.OPPORTUNISTIC
            protection = protection.instead(result.tls_result)
        if isinstance(result, Connection):
            result.asked = asked
            if failed_handshake:
                self.broken_tls.note(place)
        if result.tls_result is not None:
            metrics.TLS_SESSIONS.labels(str(protection.policy), str(result.tls_result)).inc()
        return result


def _place(host: Host) -> str:
    return f"{host.name}:{host.port}"


def _is_away(outcome: Outcome) -> bool:
    """Whether nothing came from the host, or nothing that it says to anybody."""
    return outcome.code is None and outcome.stage in (Stage.CONNECT, Stage.BANNER)


def _tls_failed(outcome: Outcome) -> bool:
    """Whether a new connection may do better; a host that has said 421 wants none now."""
    return outcome.stage is Stage.STARTTLS and outcome.class_ is BounceClass.TLS and outcome.code != 421
