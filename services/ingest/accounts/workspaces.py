"""The entities that ingest owns, as they are made: workspaces, API keys, domains with a DKIM key, senders."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel

from services.ingest.settings import Settings
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import ApiKey, DkimKeyPair, Domain, Kind, Sender, Workspace
from shared.dkim_keys import generate_key
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities
from shared.secrets import SecretBox, UnsealError, api_key_digest
from shared.tokens import KEY_PREFIX, new_api_key, uuid7

OWNED = (Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN, Kind.SENDER)
EVERY_FEATURE = ("smtp.enabled", "domains.enabled", "webhooks.enabled", "tracking.enabled", "templates.enabled")
SELECTOR = "ph1"
SHOWN_CHARS = len(KEY_PREFIX) + 4
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """An entity that was just written; `secret` is what is shown this once (an API key's text)."""

    kind: Kind
    id: str
    version: int
    secret: str | None = None


class Workspaces:
    """Writes a version of an entity, then publishes it; where Kafka is away the relay's sweep publishes it later."""

    def __init__(self, entities: Entities, publisher: Publisher, settings: Settings) -> None:
        self._entities = entities
        self._publisher = publisher
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
        key = new_api_key()
        entity = ApiKey(
            name=name,
            digest=api_key_digest(self._pepper, key),
            prefix=key[:SHOWN_CHARS],
            scopes=list(scopes),
            expires_at=expires_at,
            default_stream=default_stream,
        )
        return await self._put(Kind.API_KEY, uuid7(), workspace_id, entity, secret=key)

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

    async def _put(self, kind: Kind, id_: str, workspace_id: str, entity: BaseModel, secret: str | None = None) -> Made:
        document: dict[str, Any] = await self._entities.put(kind, id_, workspace_id, entity.model_dump())
        await self._entities.outbox(kind, self._publisher).offer([document])
        return Made(kind, id_, document["version"], secret)
