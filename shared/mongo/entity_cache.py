"""A process's memory of the entities in its own database, evicted the moment they change.

While the notices of changes cannot be followed nothing is remembered: every read goes to the database.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from pymongo import CursorType
from pymongo.errors import CursorNotFound, PyMongoError

from shared.contracts.entities import Kind
from shared.mongo.entities import Entities, Entity

log = structlog.get_logger(__name__)
KEPT_SECONDS = 30.0
LARGEST = 50_000
KINDS = frozenset(Kind)


class EntityCache:
    """Entities by id, and by one field of their data. `watch` is run as a background loop of the process."""

    def __init__(self, entities: Entities) -> None:
        self.entities = entities
        self._by_id: dict[tuple[Kind, str], tuple[float, Entity | None]] = {}
        self._found: dict[tuple[Kind, str, Any, str | None], tuple[float, Entity | None]] = {}
        self._generation = 0
        self._live = False

    async def get(self, kind: Kind, id_: str, *, at_least: int = 0) -> Entity | None:
        """The living entity; reads the database again where what is remembered is older than `at_least`."""
        return (await self.many(kind, {id_: at_least})).get(id_)

    async def many(self, kind: Kind, wanted: dict[str, int]) -> dict[str, Entity]:
        """The living entities of `wanted` (id to the least version), missing ones read in one query."""
        now = time.monotonic()
        found: dict[str, Entity] = {}
        missing = []
        for id_, at_least in wanted.items():
            kept = self._by_id.get((kind, id_))
            if kept and kept[0] > now and _version(kept[1]) >= at_least:
                if kept[1] is not None:
                    found[id_] = kept[1]
            else:
                missing.append(id_)
        if missing:
            generation = self._generation
            async for document in self.entities.database[kind].find({"_id": {"$in": missing}}):
                found[document["_id"]] = Entity.of(kind, document)
            for id_ in missing:
                self._keep(self._by_id, (kind, id_), found.get(id_), generation)
        return {id_: entity for id_, entity in found.items() if not entity.deleted}

    async def find_one(
        self, kind: Kind, field: str, value: Any, workspace_id: str | None = None, *, at_least: int = 0
    ) -> Entity | None:
        """The living entity whose `data.<field>` is `value`, in a workspace where one is named; reads the database
        again where what is remembered is older than `at_least`."""
        condition = {f"data.{field}": value, "deleted": {"$ne": True}}
        if workspace_id is not None:
            condition["workspace_id"] = workspace_id
        return await self._first((kind, field, value, workspace_id), condition, at_least)

    def remembered(self, kind: Kind, id_: str) -> Entity | None:
        """The living entity where it is remembered; None says nothing."""
        kept = self._by_id.get((kind, id_))
        if kept is None or kept[1] is None or kept[1].deleted or kept[0] <= time.monotonic():
            return None
        return kept[1]

    def remembered_one(self, kind: Kind, field: str, value: Any, workspace_id: str | None = None) -> Entity | None:
        """What `find_one` would find, where that is remembered; None says nothing."""
        kept = self._found.get((kind, field, value, workspace_id))
        return kept[1] if kept and kept[0] > time.monotonic() else None

    async def _first(
        self, key: tuple[Kind, str, Any, str | None], condition: dict[str, Any], at_least: int
    ) -> Entity | None:
        kept = self._found.get(key)
        if kept and kept[0] > time.monotonic() and _version(kept[1]) >= at_least:
            return kept[1]
        generation = self._generation
        document = await self.entities.database[key[0]].find_one(condition)
        entity = Entity.of(key[0], document) if document else None
        self._keep(self._found, key, entity, generation)
        return entity

    def _keep(self, store: dict[Any, Any], key: Any, entity: Entity | None, generation: int) -> None:
        """Remembers what was read, unless something changed while it was being read."""
        if not self._live or generation != self._generation:
            return
        if len(store) >= LARGEST:
            store.clear()
        store[key] = (time.monotonic() + KEPT_SECONDS, entity)

    def forget(self) -> None:
        self._generation += 1
        self._by_id.clear()
        self._found.clear()

    def evict(self, kind: Kind, id_: str) -> None:
        """Forgets one entity and every look-up of its kind."""
        self._generation += 1
        self._by_id.pop((kind, id_), None)
        for key in [key for key in self._found if key[0] == kind]:
            del self._found[key]

    async def watch(self, stopping: asyncio.Event) -> None:
        """Follows the notices of changes until the process stops; raises where the database goes away.

        The server lets a cursor wait for half a second, which nobody who stops has to sit out.
        """
        following, stopped = asyncio.create_task(self._follow()), asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((following, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not stopping.is_set():
                await following
        finally:
            following.cancel()
            stopped.cancel()
            await asyncio.gather(following, stopped, return_exceptions=True)

    async def _follow(self) -> None:
        notices = self.entities.notices()
        try:
            async with notices.find({}, cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(500) as cursor:
                self.forget()
                self._live = True
                while cursor.alive:
                    async for notice in cursor:
                        if notice["kind"] in KINDS:  # a newer process tells of kinds that this one has never heard of
                            self.evict(Kind(notice["kind"]), notice["id"])
            raise CursorNotFound("the notices ended")  # begun again, instead of never watching again
        except PyMongoError as error:
            log.warning("entity changes cannot be followed", error=type(error).__name__)
            raise
        finally:
            self._live = False
            self.forget()


def _version(entity: Entity | None) -> int:
    return entity.version if entity else 0
