"""MX look-ups with a cache: each answer told apart, kept for its TTL, asked for once however many wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import cast

from dns.asyncresolver import Resolver
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.MX import MX

from services.router.mx import Finding, Mx, MxHost, read_mx
from shared.dns import Answer, Existence, ask, text_of
from shared.telemetry import metrics
from shared.ttl_cache import TtlCache

AT_ONCE = 64


class MxCache:
    """Answers by domain. A look-up that outlasts its first caller's patience goes on, and is there for the next one."""

    def __init__(
        self, resolver: Resolver, own_names: Collection[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = resolver
        self._own_names = frozenset(own_names)
        self._answers: TtlCache[str, Mx] = TtlCache(self._find, at_once=AT_ONCE, clock=clock)

    async def look_up(self, domains: Collection[str], patience: float) -> dict[str, Mx]:
        """The answers for lower-case A-label domains that are there within `patience` seconds."""
        found: dict[str, Mx] = {}
        wanted: dict[str, asyncio.Task[Mx]] = {}
        for domain in domains:
            if (kept := self._answers.kept(domain)) is not None:
                found[domain] = kept
            else:
                wanted[domain] = self._answers.begin(domain)
        if wanted:
            await asyncio.wait(wanted.values(), timeout=patience)
            found |= {domain: task.result() for domain, task in wanted.items() if task.done()}
        return found

    async def close(self) -> None:
        """Gives up the look-ups that are under way."""
        await self._answers.close()

    async def _find(self, domain: str) -> tuple[Mx, float]:
        answer = await ask(self._resolver, domain, RdataType.MX)
        mx = self._read(domain, answer)
        metrics.DNS_LOOKUPS.labels(mx.finding).inc()
        return mx, answer.seconds

    def _read(self, domain: str, answer: Answer) -> Mx:
        if answer.existence is Existence.FAILED:
            return Mx(Finding.FAILED, domain, detail=answer.detail)
        if answer.existence is Existence.NO_NAME:
            return Mx(Finding.NO_SUCH_DOMAIN, domain)
        records = [
            MxHost(record.preference, text_of(record.exchange)) for record in cast(tuple[MX, ...], answer.records)
        ]
        return read_mx(answer.name, records, self._own_names, authentic=answer.authentic)
