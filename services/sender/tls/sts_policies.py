"""The MTA-STS policies of recipients' domains: found, kept, fetched again before they end (RFC 8461 section 5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from dns.asyncresolver import Resolver
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from services.sender.store.sts_policies import KeptPolicy, StsPolicyStore
from services.sender.tls.results import TlsResult
from services.sender.tls.sts import StsFinding, StsPolicy, read_record
from services.sender.tls.sts_fetch import FetchError, StsFetcher
from shared.dns import SHORTEST_TTL, Answer, ask
from shared.telemetry import metrics
from shared.ttl_cache import TtlCache

log = structlog.get_logger(__name__)
AT_ONCE = 256
PATIENCE = 3.0
FETCH_AGAIN_SECONDS = 300.0  # RFC 8461 section 3.3
USED_EVERY = timedelta(days=1)
FETCH_RESULTS = (
    TlsResult.SUCCESS,
    TlsResult.STS_FETCH_ERROR,
    TlsResult.STS_POLICY_INVALID,
    TlsResult.STS_WEBPKI_INVALID,
)


def _now() -> datetime:
    return datetime.now(UTC)


class StsPolicies:
    """What is known of a domain, in memory for the time to live of its TXT record, then sought again."""

    def __init__(
        self,
        resolver: Resolver,
        fetcher: StsFetcher,
        store: StsPolicyStore,
        *,
        clock: Callable[[], datetime] = _now,
        patience: float = PATIENCE,
    ) -> None:
        self._resolver = resolver
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._patience = patience
        self._findings: TtlCache[str, StsFinding] = TtlCache(
            self._find, at_once=AT_ONCE, clock=lambda: self._clock().timestamp()
        )
        self._refreshing: asyncio.Future[list[None]] | None = None
        for result in FETCH_RESULTS:  # there from its first one on, a rise could not be told
            metrics.STS_FETCHES.labels(result)

    async def of(self, domain: str) -> StsFinding | None:
        """What is known of a domain. None where that is not known yet: its web server is slow, or our database away.

        Whoever comes first waits a few seconds, others with it; nobody waits that long again while the search goes on.
        """
        try:
            return await self._findings.within(domain, self._patience)
        except Exception as error:
            log.warning("MTA-STS policies cannot be looked up", error=f"{type(error).__name__}: {error}")
            return None

    async def refresh(self) -> int:
        """Fetches again what is kept and was used lately, whether or not its record says that it is new."""
        due = await self._store.due(self._clock())
        self._refreshing = asyncio.gather(*(self._refresh(domain, kept) for domain, kept in due.items()))
        await self._refreshing
        return len(due)

    async def close(self) -> None:
        """Gives up what is under way: a slow web server does not hold up a process that stops."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        await self._findings.close()
        await self._fetcher.close()

    async def _find(self, domain: str) -> tuple[StsFinding, float]:
        """The record, then the policy it stands for: the kept one where that is the same, else a new one.

        A record or a fetch that fails leaves the kept policy as it is, until that ends.
        """
        answer = await self._ask(domain)
        id_ = _id_of(answer)
        now = self._clock()
        kept = await self._store.find(domain, now)
        seconds = answer.seconds
        finding = StsFinding(kept.policy if kept else None)
        if id_ is not None and (kept is None or kept.id != id_):
            fetched = await self._fetch(domain, id_, now)
            if isinstance(fetched, StsPolicy):
                return StsFinding(fetched), min(seconds, max(fetched.max_age, SHORTEST_TTL))
            seconds = FETCH_AGAIN_SECONDS
            if kept is None:
                finding = StsFinding(fault=fetched.result)
        if kept is not None:
            if now - kept.used_at > USED_EVERY:
                await self._store.use(domain, now)
            seconds = min(seconds, (kept.expires_at - now).total_seconds())
        return finding, seconds

    async def _fetch(self, domain: str, id_: str, used_at: datetime) -> StsPolicy | FetchError:
        try:
            policy = await self._fetcher.fetch(domain)
        except FetchError as error:
            metrics.STS_FETCHES.labels(error.result).inc()
            log.info("MTA-STS policy cannot be had", domain=domain, result=str(error.result), reason=str(error))
            return error
        metrics.STS_FETCHES.labels(TlsResult.SUCCESS).inc()
        await self._store.save(domain, id_, policy, self._clock(), used_at)
        return policy

    async def _refresh(self, domain: str, kept: KeptPolicy) -> None:
        id_ = _id_of(await self._ask(domain))
        if id_ is not None:
            await self._fetch(domain, id_, kept.used_at)
            self._findings.forget(domain)

    async def _ask(self, domain: str) -> Answer:
        return await ask(self._resolver, f"_mta-sts.{domain}", RdataType.TXT)


def _id_of(answer: Answer) -> str | None:
    return read_record(b"".join(record.strings).decode("latin-1") for record in cast(tuple[TXT, ...], answer.records))
