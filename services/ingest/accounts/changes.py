"""Changes of what a workspace owns: each is written with its entry for the audit log, then published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import Request

from services.ingest.store.audit import AuditLog
from shared.auth import Authenticator, Principal
from shared.contracts.entities import Kind
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entity, VersionConflictError
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7

TRIES = 10
ActorKind = Literal["api_key", "operator", "command", "upkeep"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: a key by its id, the operator, a command on the machine, or the platform's own upkeep; and
    from which address."""

    kind: ActorKind
    id: str | None = None
    address: str | None = None


COMMAND, UPKEEP = Actor("command"), Actor("upkeep")


def actor_of(authenticator: Authenticator, request: Request, principal: Principal | None) -> Actor:
    """Who makes a request; a principal of None is the operator."""
    address = authenticator.address_of(request)
    shown = str(address) if address is not None else None
    return Actor("operator", None, shown) if principal is None else Actor("api_key", principal.key_id, shown)


class Entries:
    """Makes entries of the audit log, which are kept for `keep_days`."""

    def __init__(self, keep_days: float) -> None:
        self._keep = timedelta(days=keep_days)

    def entry(
        self,
        actor: Actor,
        verb: str,
        kind: Kind,
        id_: str,
        workspace_id: str,
        data: Mapping[str, Any],
        before: Mapping[str, Any],
        version: int,
    ) -> dict[str, Any]:
        """The entry for what becomes `version`: the fields that differ by their names alone, as their values may be
        secret."""
        now = datetime.now(UTC)
        noun = kind.value.removesuffix("s")
        earlier, later = _set_fields(before), _set_fields(data)
        changed = sorted(name for name in {*later, *earlier} if later.get(name) != earlier.get(name) and name != "v")
        return {
            "_id": uuid7(),
            "workspace_id": workspace_id,
            "at": now,
            "actor": {"kind": actor.kind, "id": actor.id, "address": actor.address},
            "action": f"{noun}.{verb}",
            "object": {"kind": noun, "id": id_, "version": version},
            "fields": changed,
            "expires_at": now + self._keep,
        }


class Changes:
    """Writes versions of entities.

    The entry stands in the same document until it is in the log, because a log that is written before its change tells
    of changes that never were, and one that is written after it may lack some. `keep_days` is how long it is kept.
    """

    def __init__(self, cache: EntityCache, publisher: Publisher, keep_days: float) -> None:
        self._cache = cache
        self._publisher = publisher
        self._entries = Entries(keep_days)
        self._log = AuditLog(cache.entities.database)

    async def write(
        self,
        actor: Actor,
        verb: str,
        kind: Kind,
        id_: str,
        workspace_id: str,
        data: Mapping[str, Any],
        *,
        before: Entity | None = None,
        deleted: bool = False,
    ) -> Entity:
        """Writes a new entity, or the version after `before`, as the action `<singular of the kind>.<verb>`.

        This process knows of it at once, every other one in a moment. Raises VersionConflictError where the entity is
        not at the version `before` any more.
        """
        earlier, version = (before.data, before.version + 1) if before is not None else ({}, 1)
        entry = self._entries.entry(actor, verb, kind, id_, workspace_id, data, earlier, version)
        document = await self._cache.entities.put(
            kind,
            id_,
            workspace_id,
            data,
            deleted=deleted,
            expected=before.version if before is not None else None,
            audit=entry,
        )
        self._cache.evict(kind, id_)
        published = self._cache.entities.outbox(kind, self._publisher).offer([document])
        await asyncio.gather(published, self._log.take_now(kind, document))
        return Entity.of(kind, document)


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody, and the way in which what they change is written."""

    changes: Changes
    actor: Actor

    async def write(
        self,
        verb: str,
        kind: Kind,
        id_: str,
        workspace_id: str,
        data: Mapping[str, Any],
        *,
        before: Entity | None = None,
        deleted: bool = False,
    ) -> Entity:
        """As `Changes.write`, by them."""
        return await self.changes.write(self.actor, verb, kind, id_, workspace_id, data, before=before, deleted=deleted)


async def end(read: Callable[[], Awaitable[Entity]], act: Callable[[Entity], Awaitable[None]]) -> None:
    """Ends an entity as it is now: where it was changed after it was read, as it is then, for whoever revokes something
    may be in a hurry. Raises VersionConflictError where it keeps changing, and what `read` does where it is gone."""
    for _ in range(TRIES):
        entity = await read()
        try:
            await act(entity)
        except VersionConflictError:
            continue
        return
    raise VersionConflictError("it keeps changing")


def _set_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None and value != []}
