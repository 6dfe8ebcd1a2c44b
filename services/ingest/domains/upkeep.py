"""The upkeep of domains: each is looked at when it is due, by one process at a time, in batches."""

from __future__ import annotations

from datetime import UTC, datetime

from services.ingest.accounts.changes import UPKEEP
from services.ingest.domains.checks import Checks
from services.ingest.domains.resolvers import Resolvers
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains
from shared.loops import Loops
from shared.mongo.due import Tenure
from shared.service import Base
from shared.telemetry import metrics

BATCH = 20
FAILING_SECONDS = 60.0
LEASE_SECONDS = 60.0  # longer than a batch takes whose questions all time out


class Upkeep:
    """Looks at what is due. Two at a time would do no harm: they compare and set the domains' versions."""

    def __init__(self, domains: Domains, checks: Checks, tenure: HeldTenure) -> None:
        self._domains = domains
        self._checks = checks
        self._tenure = tenure

    async def turn(self) -> bool:
        """Looks at a batch of domains; True where it was full."""
        batch = await self._domains.due(datetime.now(UTC), BATCH)
        await self._checks.check_all(UPKEEP, batch)
        return len(batch) == BATCH

    async def work(self, loops: Loops, pause: float) -> None:
        """Turn after turn until the process stops."""
        while not loops.stopping.is_set():
            more = await self.turn() if await self._tenure.is_held() else False
            await loops.pause(0 if more else pause)
        await self._tenure.release()


def run_upkeep(base: Base, settings: Settings, loops: Loops) -> None:
    domains = Domains(base.entities, base.publisher)
    checks = Checks(domains, Resolvers(settings.domain_resolvers, settings.domain_dns_seconds), settings)
    tenure = HeldTenure(Tenure(base.database, "domains", LEASE_SECONDS), LEASE_SECONDS)
    upkeep = Upkeep(domains, checks, tenure)
    loops.run("domains", lambda: upkeep.work(loops, settings.sweep_seconds))
    loops.every("domains.failing", FAILING_SECONDS, lambda: observe_failing(domains))


async def observe_failing(domains: Domains) -> None:
    """Shows how many domains are about to be suspended."""
    metrics.DOMAINS_FAILING.set(await domains.count_failing())
