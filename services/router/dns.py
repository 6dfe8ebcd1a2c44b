"""MX look-ups with a cache: each answer told apart, kept for its TTL, asked for once however many wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import dns.name
import dns.rdatatype
import dns.resolver
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.message import QueryMessage
from dns.nameserver import Do53Nameserver, Nameserver
from dns.rdtypes.ANY.MX import MX

from services.router.mx import Finding, Mx, MxHost, read_mx
from services.router.settings import Settings
from services.router.static_mx import parse_target
from shared.telemetry import metrics

SHORTEST_TTL, LONGEST_TTL, LONGEST_NEGATIVE_TTL = 60.0, 3600.0, 900.0
FAILURE_TTL = 10.0
LARGEST = 100_000
AT_ONCE = 64
MAX_ALIASES = 8
EDNS_BYTES = 1232  # fits a datagram on any path; larger answers come over TCP
NEGATIVE = frozenset({Finding.IMPLICIT, Finding.NO_SUCH_DOMAIN})


def make_resolver(settings: Settings) -> Resolver:
    """A resolver that asks the settings' name servers, else the system's."""
    resolver = Resolver(configure=False)
    if settings.nameservers:
        servers = [parse_target(server, 53) for server in settings.nameservers]
        asked: list[str | Nameserver] = [Do53Nameserver(server.name, server.port) for server in servers]
        resolver.nameservers = asked
    else:
        try:
            resolver.read_resolv_conf("/etc/resolv.conf")
        except dns.resolver.NoResolverConfiguration:
            resolver.nameservers = ["127.0.0.1"]  # as resolv.conf(5) says
    resolver.use_edns(0, 0, EDNS_BYTES)
    resolver.lifetime = settings.dns_timeout_seconds
    resolver.timeout = min(resolver.timeout, settings.dns_timeout_seconds / 2)
    return resolver


class MxCache:
    """Answers by domain. A look-up that outlasts its first caller's patience goes on, and is there for the next one."""

    def __init__(
        self, resolver: Resolver, own_names: Collection[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = resolver
        self._own_names = frozenset(own_names)
        self._clock = clock
        self._kept: dict[str, tuple[float, Mx]] = {}
        self._running: dict[str, asyncio.Task[Mx]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)

    async def look_up(self, domains: Collection[str], patience: float) -> dict[str, Mx]:
        """The answers for lower-case A-label domains that are there within `patience` seconds."""
        now = self._clock()
        found: dict[str, Mx] = {}
        wanted: dict[str, asyncio.Task[Mx]] = {}
        for domain in domains:
            kept = self._kept.get(domain)
            if kept and kept[0] > now:
                found[domain] = kept[1]
            else:
                wanted[domain] = self._running.get(domain) or self._begin(domain)
        if wanted:
            await asyncio.wait(wanted.values(), timeout=patience)
            found |= {domain: task.result() for domain, task in wanted.items() if task.done()}
        return found

    async def close(self) -> None:
        """Gives up the look-ups that are under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _begin(self, domain: str) -> asyncio.Task[Mx]:
        task = asyncio.create_task(self._run(domain), name="mx-look-up")
        self._running[domain] = task
        task.add_done_callback(lambda _: self._running.pop(domain, None))
        return task

    async def _run(self, domain: str) -> Mx:
        async with self._free:
            mx, ttl = await self._resolve(domain)
        metrics.DNS_LOOKUPS.labels(mx.finding).inc()
        self._kept.pop(domain, None)
        while len(self._kept) >= LARGEST:
            del self._kept[next(iter(self._kept))]
        self._kept[domain] = (self._clock() + clamped(mx.finding, ttl), mx)
        return mx

    async def _resolve(self, domain: str) -> tuple[Mx, float]:
        """The domain's answer and its TTL. A name server that gives an alias without its target is asked again."""
        ttl = LONGEST_TTL
        try:
            name = dns.name.from_text(domain)
            for _ in range(MAX_ALIASES):
                answer = await self._resolver.resolve(name, dns.rdatatype.MX, raise_on_no_answer=False)
                ttl = min(ttl, answer.chaining_result.minimum_ttl)
                if answer.rrset is not None or answer.canonical_name == name:
                    records = [_host_of(record) for record in answer.rrset or ()]
                    return read_mx(_text(answer.canonical_name), records, self._own_names), ttl
                name = answer.canonical_name
            return Mx(Finding.FAILED, domain, detail="its aliases lead nowhere"), FAILURE_TTL
        except dns.resolver.NXDOMAIN as error:
            return Mx(Finding.NO_SUCH_DOMAIN, domain), min(ttl, _negative_ttl(error))
        except (dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.NameTooLong):
            return Mx(Finding.NO_SUCH_DOMAIN, domain), LONGEST_TTL
        except (DNSException, OSError) as error:
            return Mx(Finding.FAILED, domain, detail=_reason(error)), FAILURE_TTL


def clamped(finding: Finding, ttl: float) -> float:
    """How many seconds an answer is kept: 60-3600, without records (RFC 2308) 60-900, failures 10."""
    if finding is Finding.FAILED:
        return FAILURE_TTL
    return min(max(ttl, SHORTEST_TTL), LONGEST_NEGATIVE_TTL if finding in NEGATIVE else LONGEST_TTL)


def _host_of(record: MX) -> MxHost:
    return MxHost(record.preference, _text(record.exchange))


def _text(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> float:
    responses: list[QueryMessage] = list(error.kwargs["responses"].values())
    return min((response.resolve_chaining().minimum_ttl for response in responses), default=SHORTEST_TTL)


def _reason(error: Exception) -> str:
    """What went wrong in few words: `SERVFAIL`, `REFUSED`, `timed out`, or the error's name."""
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "timed out"
    if isinstance(error, dns.resolver.NoNameservers):
        last = error.kwargs["errors"][-1][3]
        return last if isinstance(last, str) else type(last).__name__
    return type(error).__name__
