"""The entities that ingest owns, as they are made: workspaces, API keys, domains with a DKIM key, senders, contacts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import BaseModel

from services.ingest.accounts.changes import COMMAND, Changes
from services.ingest.accounts.keys import new_text
from services.ingest.settings import Settings
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import ApiKey, Contact, DkimKeyPair, Domain, Kind, Sender, Workspace
from shared.dkim_keys import generate_key
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from shared.secrets import SecretBox, UnsealError
from shared.tokens import uuid7

OWNED = (Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN, Kind.SENDER, Kind.CONTACT)
EVERY_FEATURE = ("smtp.enabled", "domains.enabled", "webhooks.enabled", "tracking.enabled", "templates.enabled")
SELECTOR = "ph1"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """An entity that was just written; `secret` is what is shown this once (an API key's text)."""

    kind: Kind
    id: str
    version: int
    secret: str | None = None


class Workspaces:
    """Makes entities for commands; where Kafka is away the relay's sweep publishes them later."""

    def __init__(self, entities: Entities, publisher: Publisher, settings: Settings) -> None:
        self._entities = entities
        self._changes = Changes(EntityCache(entities), publisher, settings.audit_days)
        self._pepper = settings.pepper_bytes
        self._box = SecretBox(settings.encryption_key_bytes)

    async def create(self, workspace: Workspace) -> Made:
        id_ = uuid7()
        return await self._put(Kind.WORKSPACE, id_, id_, workspace)

    async def create_api_key(
        self,
        workspace_id: str,
        name: str,
        scopes: Collection[str] = WORKSPACE_SCOPES,
        expires_at: datetime | None = None,
        default_stream: str | None = None,
    ) -> Made:
        """A new key; only its digest is kept."""
        text, kept = new_text(self._pepper)
        entity = ApiKey(name=name, scopes=list(scopes), expires_at=expires_at, default_stream=default_stream, **kept)
        return await self._put(Kind.API_KEY, uuid7(), workspace_id, entity, secret=text)

    async def create_domain(self, workspace_id: str, name: str, *, verified: bool) -> tuple[Made, str]:
        """A domain that signs with `ph1`, and the public half of its key as base64.

        A name has one record for a selector, so a domain that already signs with `ph1` lends its key.
        """
        id_ = uuid7()
        pair = await self._key_in_use(name)
        if pair is None:
            pair = await asyncio.to_thread(generate_key)
        private, public = pair
        sealed = self._box.seal(private.encode(), f"dkim:{id_}")
        key = DkimKeyPair(selector=SELECTOR, public_key=public, private_key=sealed)
        domain = Domain(name=name, verified=verified, active=SELECTOR, keys=[key])
        return await self._put(Kind.DOMAIN, id_, workspace_id, domain), public

    async def _key_in_use(self, name: str) -> tuple[str, str] | None:
        """The private and the public half of the key that a domain of this name signs with."""
        for domain in await self._entities.find(Kind.DOMAIN, {"data.name": name}):
            for pair in domain.data["keys"]:
                if pair["selector"] == SELECTOR:
                    try:
                        return self._box.open(pair["private_key"], f"dkim:{domain.id}").decode(), pair["public_key"]
                    except UnsealError:
                        log.warning("a DKIM key does not open", domain_id=domain.id)
        return None

    async def create_sender(self, workspace_id: str, sender: Sender) -> Made:
        """The address is kept in lower case: it is looked up without regard to case."""
        kept = sender.with_changes(address=sender.address.lower())
        return await self._put(Kind.SENDER, uuid7(), workspace_id, kept)

    async def create_contact(self, workspace_id: str, contact: Contact) -> Made:
        """The address is kept in lower case: it is looked up without regard to case."""
        kept = contact.with_changes(address=contact.address.lower())
        return await self._put(Kind.CONTACT, uuid7(), workspace_id, kept)

    async def _put(self, kind: Kind, id_: str, workspace_id: str, entity: BaseModel, secret: str | None = None) -> Made:
        made = await self._changes.write(COMMAND, "created", kind, id_, workspace_id, entity.model_dump())
        return Made(kind, id_, made.version, secret)
