"""API keys: made, changed, given a new text, revoked. Only digests of their texts are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.accounts.changes import Actor, Changes
from shared.contracts.entities import ApiKey, Kind
from shared.mongo.entities import Entity
from shared.secrets import api_key_digest
from shared.tokens import KEY_PREFIX, new_api_key, uuid7

SHOWN_CHARS = len(KEY_PREFIX) + 4


def new_text(pepper: bytes) -> tuple[str, dict[str, str]]:
    """The text of a key, which is shown once, and what is kept of it."""
    text = new_api_key()
    return text, {"digest": api_key_digest(pepper, text), "prefix": text[:SHOWN_CHARS]}


class ApiKeys:
    """The changes of keys; each raises VersionConflictError where the key was changed since it was read."""

    def __init__(self, changes: Changes, pepper: bytes) -> None:
        self._changes = changes
        self._pepper = pepper

    async def create(self, actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> tuple[Entity, str]:
        """A new key of a workspace, and its text."""
        text, kept = new_text(self._pepper)
        data = ApiKey(**fields, **kept).model_dump()
        return await self._changes.write(actor, "created", Kind.API_KEY, uuid7(), workspace_id, data), text

    async def change(self, actor: Actor, entity: Entity, changed: ApiKey) -> Entity:
        return await self._write(actor, "changed", entity, changed)

    async def rotate(self, actor: Actor, entity: Entity, grace_seconds: int) -> tuple[Entity, str]:
        """A new text for a key. The one before works for `grace_seconds` more, and any before that no longer."""
        text, kept = new_text(self._pepper)
        key = ApiKey.model_validate(entity.data)
        until = datetime.now(UTC) + timedelta(seconds=grace_seconds)
        previous = {"previous_digest": key.digest, "previous_until": until}
        if not grace_seconds:
            previous = {"previous_digest": None, "previous_until": None}
        return await self._write(actor, "rotated", entity, key.with_changes(**kept, **previous)), text

    async def revoke(self, actor: Actor, entity: Entity) -> None:
        await self._write(actor, "revoked", entity, ApiKey.model_validate(entity.data), deleted=True)

    async def _write(self, actor: Actor, verb: str, entity: Entity, key: ApiKey, *, deleted: bool = False) -> Entity:
        workspace_id = entity.workspace_id or ""
        return await self._changes.write(
            actor, verb, Kind.API_KEY, entity.id, workspace_id, key.model_dump(), before=entity, deleted=deleted
        )
