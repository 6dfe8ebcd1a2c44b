"""The endpoints that this service owns: their versions, their secrets, and what their end does to their jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from services.webhooks.rules import Subscription, by_workspace
from services.webhooks.signing import new_secret
from services.webhooks.store.jobs import Jobs
from shared.contracts.entities import Endpoint, Kind
from shared.contracts.record import rfc3339
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity, VersionConflictError
from shared.mongo.entity_cache import EntityCache
from shared.secrets import SecretBox
from shared.tokens import uuid7

log = structlog.get_logger(__name__)
TRIES = 5


class Endpoints:
    """Reads and changes of endpoints. A change is written, then published; what is not acknowledged is swept."""

    def __init__(self, cache: EntityCache, publisher: Publisher, jobs: Jobs, box: SecretBox) -> None:
        self._cache = cache
        self._entities: Entities = cache.entities
        self._outbox = cache.entities.outbox(Kind.ENDPOINT, publisher)
        self._jobs = jobs
        self._box = box

    async def subscriptions(
        self, workspace_ids: Collection[str], asking_for: str | None = None
    ) -> dict[str | None, list[Subscription]]:
        """The enabled endpoints of the workspaces, in one query; with `asking_for` those that name this type."""
        condition: dict[str, Any] = {"workspace_id": {"$in": list(workspace_ids)}, "data.enabled": True}
        if asking_for is not None:
            condition["data.events"] = asking_for
        return by_workspace(await self._entities.find(Kind.ENDPOINT, condition))

    async def enabled(self, id_: str) -> Endpoint | None:
        """An endpoint that takes webhooks now."""
        entity = await self._cache.get(Kind.ENDPOINT, id_)
        if entity is None or not entity.data["enabled"]:
            return None
        return Endpoint.model_construct(**entity.data)

    def secret(self, id_: str, endpoint: Endpoint) -> bytes:
        """Raises UnsealError."""
        return self._box.open(endpoint.secret, _purpose(id_))

    async def page(self, workspace_id: str, after: str | None, limit: int) -> list[Entity]:
        """A workspace's endpoints, oldest first."""
        condition: dict[str, Any] = {"workspace_id": workspace_id}
        if after is not None:
            condition["_id"] = {"$gt": after}
        return await self._entities.find(Kind.ENDPOINT, condition, limit)

    async def get(self, workspace_id: str, id_: str) -> Entity | None:
        """A workspace's living endpoint, as it is in the database now."""
        entity = await self._entities.get(Kind.ENDPOINT, id_)
        return entity if entity and entity.workspace_id == workspace_id and not entity.deleted else None

    async def create(self, workspace_id: str, fields: Mapping[str, Any]) -> tuple[Entity, bytes]:
        """A new endpoint and its secret, which is not to be had again."""
        id_, secret = uuid7(), new_secret()
        endpoint = Endpoint(**fields, secret=self._box.seal(secret, _purpose(id_)), created_at=datetime.now(UTC))
        return await self._put(id_, workspace_id, endpoint.model_dump(mode="json")), secret

    async def change(self, workspace_id: str, id_: str, changes: Mapping[str, Any]) -> Entity | None:
        """Applies the changes to the newest version; None where there is no such endpoint."""
        for _ in range(TRIES):
            entity = await self.get(workspace_id, id_)
            if entity is None:
                return None
            data = {**entity.data, **changes}
            if data["enabled"] and not entity.data["enabled"]:
                data["enabled_since"] = rfc3339(datetime.now(UTC))
            try:
                changed = await self._put(id_, workspace_id, data, expected=entity.version)
            except VersionConflictError:
                continue
            if not changed.data["enabled"]:
                await self._jobs.cancel(id_, datetime.now(UTC))
            return changed
        raise VersionConflictError(f"endpoint {id_} keeps changing")

    async def delete(self, workspace_id: str, id_: str) -> bool:
        """Deletes an endpoint; what waits for it ends canceled. False where there is none."""
        entity = await self.get(workspace_id, id_)
        if entity is None:
            return False
        await self._put(id_, workspace_id, {**entity.data, "enabled": False}, deleted=True)
        await self._jobs.cancel(id_, datetime.now(UTC))
        return True

    async def disable(self, id_: str, reason: str) -> None:
        """Disables an endpoint, and ends what waits for it; nothing where it is disabled already."""
        for _ in range(TRIES):
            entity = await self._entities.get(Kind.ENDPOINT, id_)
            if entity is None or entity.deleted or not entity.data["enabled"]:
                return
            data = {**entity.data, "enabled": False, "disabled_reason": reason}
            try:
                await self._put(id_, entity.workspace_id, data, expected=entity.version)
            except VersionConflictError:
                continue
            log.warning("endpoint disabled", endpoint=id_, reason=reason)
            await self._jobs.cancel(id_, datetime.now(UTC))
            return

    async def _put(
        self,
        id_: str,
        workspace_id: str | None,
        data: Mapping[str, Any],
        *,
        deleted: bool = False,
        expected: int | None = None,
    ) -> Entity:
        document = await self._entities.put(Kind.ENDPOINT, id_, workspace_id, data, deleted=deleted, expected=expected)
        self._cache.evict(Kind.ENDPOINT, id_)
        await self._outbox.offer([document])
        return Entity.of(Kind.ENDPOINT, document)


def _purpose(id_: str) -> str:
    return f"endpoint:{id_}"
