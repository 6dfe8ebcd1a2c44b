"""Looking at domains, and writing what became of them: the one place where both the routes and the upkeep do it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from services.ingest.accounts.changes import Actor
from services.ingest.domains.entries import DomainEntries
from services.ingest.domains.keys import KeyMaker
from services.ingest.domains.lifecycle import Periods, settled
from services.ingest.domains.looks import Look, kept_check, look_of, without_name
from services.ingest.domains.names import next_selector
from services.ingest.domains.records import Zone, questions_of, wanted_records
from services.ingest.domains.resolvers import Resolvers
from services.ingest.domains.rotation import has_room, lacking
from services.ingest.domains.standing import pause_before_next, status_of
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains, KeptDomain, NameTakenError
from shared.contracts.entities import Domain
from shared.mongo.entities import VersionConflictError

TRIES = 5
log = structlog.get_logger(__name__)


class Checks:
    """Asks the DNS about domains and moves them on by what it shows, comparing and setting their versions."""

    def __init__(self, domains: Domains, resolvers: Resolvers, settings: Settings) -> None:
        self._domains = domains
        self._resolvers = resolvers
        self._keys = KeyMaker(settings.secret_box)
        self._entries = DomainEntries(settings.audit_days)
        self._zone = Zone.of(settings)
        self._periods = Periods.of(settings)
        # locally a name may be declared in any number of workspaces
        self._exclusive = settings.profile != "local"

    async def check(self, actor: Actor, kept: KeptDomain) -> KeptDomain:
        """The domain after a look; its pauses begin anew, as somebody has just asked for it."""
        anew = replace(kept, check={**kept.check, "looks": 0})
        return (await self.check_all(actor, [anew]))[0]

    async def check_all(self, actor: Actor, batch: Sequence[KeptDomain]) -> list[KeptDomain]:
        """The domains after a look at each, for whoever wants it."""
        looked = await asyncio.gather(*(self._check_one(actor, kept) for kept in batch))
        await self._domains.save_checks({kept.id: kept.check for kept in looked})
        return looked

    async def with_keys(self, id_: str, domain: Domain) -> Domain:
        """The domain with another key of each line that lacks one that could begin to sign, and has room for it."""
        for line in lacking(domain):
            if has_room(domain, line):
                selector = next_selector([key.selector for key in domain.keys])
                made = await self._keys.make(id_, selector, line.algorithm)
                domain = domain.with_changes(keys=[*domain.keys, made])
        return domain

    async def _check_one(self, actor: Actor, kept: KeptDomain) -> KeptDomain:
        wanted = wanted_records(kept.domain, self._zone)
        answers = await self._resolvers.ask(questions_of(kept.domain, wanted))
        look = look_of(kept.domain, self._zone, answers, datetime.now(UTC))
        written, look = await self._settle(actor, kept, look)
        looks = 0 if written.version != kept.version else kept.check.get("looks", 0) + 1
        pause = pause_before_next(written.domain, looks, self._periods.check, unsure=look.unsure)
        check = kept_check(look, kept.check, wanted_records(written.domain, self._zone))
        return replace(written, check={**check, "looks": looks, "next_at": look.at + pause})

    async def _settle(self, actor: Actor, kept: KeptDomain, look: Look) -> tuple[KeptDomain, Look]:
        """Writes what the look makes of the newest version; returns the look as it was taken to be."""
        for _ in range(TRIES):
            after = settled(kept.domain, look, self._periods, exclusive=self._exclusive)
            after = await self.with_keys(kept.id, after)
            if after == kept.domain:
                break
            try:
                entry = self._entries.changed(actor, "checked", kept, after)
                written = await self._domains.put(kept.id, kept.workspace_id, after, expected=kept.version, audit=entry)
            except NameTakenError:
                look = without_name(look)
            except VersionConflictError:
                newest = await self._domains.find(kept.workspace_id, kept.id)
                if newest is None:
                    break
                kept = newest
            else:
                _tell(kept, written)
                return written, look
        return kept, look


def _tell(before: KeptDomain, after: KeptDomain) -> None:
    """The log's line about a domain that begins or ceases to send, or is about to."""
    status = status_of(after.domain)
    if status is not status_of(before.domain):
        log.info("domain changed", domain_id=after.id, workspace_id=after.workspace_id, status=status.value)
