"""The entities that ingest owns, as they are made: workspaces, API keys, senders, declared domains."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from services.ingest.accounts.changes import COMMAND, Changes
from services.ingest.accounts.keys import new_text
from services.ingest.domains.declaring import Declarations
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import ApiKey, Kind, Sender, Workspace
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7

OWNED = (Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN, Kind.SENDER)
EVERY_FEATURE = ("smtp.enabled", "domains.enabled", "webhooks.enabled", "tracking.enabled", "templates.enabled")


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
        self._declarations = Declarations(entities, Domains(entities, publisher), settings)

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
        """A domain by the operator's word, and the public half of its DKIM key as base64; raises NameTakenError."""
        kept, public = await self._declarations.declare(workspace_id, name, verified=verified)
        return Made(Kind.DOMAIN, kept.id, kept.version), public

    async def create_sender(self, workspace_id: str, sender: Sender) -> Made:
        """The address is kept in lower case: it is looked up without regard to case."""
        kept = sender.with_changes(address=sender.address.lower())
        return await self._put(Kind.SENDER, uuid7(), workspace_id, kept)

    async def _put(self, kind: Kind, id_: str, workspace_id: str, entity: BaseModel, secret: str | None = None) -> Made:
        made = await self._changes.write(COMMAND, "created", kind, id_, workspace_id, entity.model_dump())
        return Made(kind, id_, made.version, secret)
