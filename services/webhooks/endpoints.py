"""The endpoints that this service owns: their versions, and what their end does to their jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhooks.rules import Subscription, by_workspace
from services.webhooks.sealing import Seals
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.troubles import Troubles
from services.webhooks.versions import NO_PREVIOUS, Versions
from shared.contracts.entities import Endpoint, Kind
from shared.contracts.record import rfc3339
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity, VersionConflictError
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7

TRIES = 5


async def enabled_entity(cache: EntityCache, id_: str) -> Entity | None:
    """An endpoint that takes webhooks now. That it takes none is looked up again, as deliveries end by it for good and
    what is remembered may be from before it was enabled."""
    entity = await cache.get(Kind.ENDPOINT, id_)
    if entity is None or not entity.data["enabled"]:
        entity = await cache.entities.get(Kind.ENDPOINT, id_)
    return entity if entity and entity.data["enabled"] and not entity.deleted else None


class Endpoints:
    """Reads and changes of endpoints. A change is written, then published; what is not acknowledged is swept."""

    def __init__(self, cache: EntityCache, publisher: Publisher, jobs: Jobs, troubles: Troubles, seals: Seals) -> None:
        self._cache = cache
        self._entities: Entities = cache.entities
        self._outbox = cache.entities.outbox(Kind.ENDPOINT, publisher)
        self._jobs = jobs
        self._troubles = troubles
        self._versions = Versions(seals)

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
        entity = await enabled_entity(self._cache, id_)
        return Endpoint.model_construct(**entity.data) if entity else None

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

    async def create(self, workspace_id: str, fields: Mapping[str, Any]) -> tuple[Entity, str]:
        """A new endpoint and its secret, which is not to be had again. Raises InvalidEndpointError."""
        id_ = uuid7()
        data, secret = self._versions.made(id_, fields, datetime.now(UTC))
        return await self._put(id_, workspace_id, data), secret

    async def change(self, workspace_id: str, id_: str, changes: Mapping[str, Any]) -> Entity | None:
        """Applies the changes to the newest version; None where there is no such endpoint. Enabling it, whether it was
        or not, and another URL end its pause and what was remembered of its failures. Raises InvalidEndpointError."""
        moved = False

        def next_data(data: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal moved
            changed = self._versions.changed(id_, data, changes, datetime.now(UTC))
            moved = changed["url"] != data["url"]
            return changed

        changed = await self._next(workspace_id, id_, next_data)
        if changed is None:
            return None
        if not changed.data["enabled"]:
            await self._jobs.cancel(id_, datetime.now(UTC))
        elif changes.get("enabled") or moved:
            await self._troubles.lift(id_)
        return changed

    async def rotate(
        self, workspace_id: str, id_: str, own: str | None, overlap: timedelta
    ) -> tuple[Entity, str] | None:
        """Gives an endpoint another secret, its owner's own or a new one; the old one signs beside it for the time of
        the overlap, where the style can say so. Raises InvalidEndpointError."""
        secret = ""

        def rotated(data: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal secret
            next_data, secret = self._versions.rotated(id_, data, own, overlap, datetime.now(UTC))
            return next_data

        entity = await self._next(workspace_id, id_, rotated)
        return (entity, secret) if entity else None

    async def delete(self, workspace_id: str, id_: str) -> bool:
        """Deletes an endpoint; what waits for it ends canceled. False where there is none."""
        entity = await self.get(workspace_id, id_)
        if entity is None:
            return False
        await self._put(id_, workspace_id, {**entity.data, "enabled": False}, deleted=True)
        await self._jobs.cancel(id_, datetime.now(UTC))
        await self._troubles.forget(id_)
        return True

    async def disable(self, id_: str, version: int, reason: str) -> Entity | None:
        """Disables a version of an endpoint, and ends what waits for it; safe to repeat. None where the endpoint has
        another version by now."""
        entity = await self._entities.get(Kind.ENDPOINT, id_)
        if entity is None or entity.deleted:
            return None
        if entity.version == version and entity.data["enabled"]:
            data = {**entity.data, "enabled": False, "disabled_reason": reason}
            try:
                entity = await self._put(id_, entity.workspace_id, data, expected=version)
            except VersionConflictError:
                return None
        elif entity.version != version + 1 or entity.data["disabled_reason"] != reason:
            return None
        await self._jobs.cancel(id_, datetime.now(UTC))
        return entity

    async def end_previous_secrets(self) -> int:
        """Erases the secrets before rotations that sign no more; returns how many there were."""
        ended = await self._entities.find(
            Kind.ENDPOINT, {"data.previous_until": {"$lte": rfc3339(datetime.now(UTC))}}, limit=100
        )
        for entity in ended:
            try:
                data = {**entity.data, **NO_PREVIOUS}
                await self._put(entity.id, entity.workspace_id, data, expected=entity.version)
            except VersionConflictError:
                continue  # the next turn looks again
        return len(ended)

    async def _next(
        self, workspace_id: str, id_: str, next_data: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> Entity | None:
        for _ in range(TRIES):
            entity = await self.get(workspace_id, id_)
            if entity is None:
                return None
            try:
                return await self._put(id_, workspace_id, next_data(entity.data), expected=entity.version)
            except VersionConflictError:
                continue
        raise VersionConflictError(f"endpoint {id_} keeps changing")

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
