"""Domains that the operator declares verified, as `posthorn bootstrap` does: no DNS is asked first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from services.ingest.accounts.changes import COMMAND
from services.ingest.domains.entries import DomainEntries
from services.ingest.domains.keys import KeyMaker
from services.ingest.domains.names import next_selector
from services.ingest.domains.registry import new_ownership_token
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains, KeptDomain
from shared.contracts.entities import Domain, KeyState, Kind
from shared.dkim_keys import generate_key
from shared.mongo.entities import Entities
from shared.secrets import UnsealError
from shared.tokens import uuid7

SELECTOR = next_selector([])
log = structlog.get_logger(__name__)


class Declarations:
    """Makes domains that are verified by the operator's word."""

    def __init__(self, entities: Entities, domains: Domains, settings: Settings) -> None:
        self._entities = entities
        self._domains = domains
        self._keys = KeyMaker(settings.secret_box)
        self._entries = DomainEntries(settings.audit_days)
        self._exclusive = settings.profile != "local"
        self._first_look = timedelta(hours=settings.domain_check_hours)

    async def declare(self, workspace_id: str, name: str, *, verified: bool) -> tuple[KeptDomain, str]:
        """A domain that signs with `ph1`, and the public half of its key as base64; not `verified`: the DNS is asked.

        A name has one record for a selector, so a domain that already signs with `ph1` lends its key. Raises
        NameTakenError outside the local profile, where another workspace has the name.
        """
        id_ = uuid7()
        pair = await self._key_in_use(name)
        private, public = pair if pair is not None else await asyncio.to_thread(generate_key)
        domain = Domain(
            name=name,
            verified=verified,
            declared=verified,
            active=SELECTOR,
            keys=[self._keys.sealed(id_, SELECTOR, private, public, KeyState.ACTIVE)],
            ownership=new_ownership_token(),
            exclusive=name if verified and self._exclusive else None,
            created_at=datetime.now(UTC),
        )
        entry = self._entries.created(COMMAND, id_, workspace_id, domain)
        kept = await self._domains.put(id_, workspace_id, domain, audit=entry)
        await self._domains.save_checks({id_: {"next_at": datetime.now(UTC) + self._first_look}})
        return kept, public

    async def _key_in_use(self, name: str) -> tuple[str, str] | None:
        """The private and the public half of the key that a domain of this name signs with."""
        for entity in await self._entities.find(Kind.DOMAIN, {"data.name": name}):
            for key in Domain.model_validate(entity.data).keys:
                if key.selector == SELECTOR and key.state is KeyState.ACTIVE:
                    try:
                        return self._keys.opened(entity.id, key), key.public_key
                    except UnsealError:
                        log.warning("a DKIM key does not open", domain_id=entity.id)
        return None
