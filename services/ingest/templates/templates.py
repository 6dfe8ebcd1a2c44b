"""A workspace's templates: every change makes a version, and the versions before it stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.ingest.accounts.changes import Author
from services.ingest.store.templates import TemplateStore
from services.ingest.templates.template import Template, template_of
from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from shared.mongo.entities import Entities, Entity, VersionConflictError
from shared.mongo.entity_cache import EntityCache
from shared.tokens import uuid7

MOST_TEMPLATES = 1_000
MOST_REMEMBERED = 100
TRIES = 5
WHEN = ("created_at", "changed_at")


class TooManyTemplatesError(Exception):
    """The workspace has as many templates as it may have."""


class Templates:
    """Reads and changes of templates. A name is what a template is called, not what identifies it."""

    def __init__(self, cache: EntityCache, store: TemplateStore) -> None:
        self._cache = cache
        self._entities: Entities = cache.entities
        self._store = store
        self._replaced: dict[tuple[str, int], Template] = {}

    async def get(self, workspace_id: str, template_id: str, version: int | None = None) -> Template | None:
        """A template as this process remembers it, at its newest version or at the one that is named; None where the
        workspace has no such template or version. For the sending path."""
        entity = await self._cache.get(Kind.TEMPLATE, template_id, at_least=version or 0)
        if entity is None or entity.workspace_id != workspace_id:
            return None
        return await self._at(entity, workspace_id, entity.version if version is None else version)

    async def read(self, workspace_id: str, template_id: str, version: int | None = None) -> Template | None:
        """As `get`, from the database."""
        entity = await self._read(workspace_id, template_id)
        return await self._at(entity, workspace_id, entity.version if version is None else version) if entity else None

    async def page(self, workspace_id: str, type_: str | None, before: str | None, limit: int) -> list[Template]:
        """The newest templates (of a type), without their bodies."""
        condition = {"data.type": type_} if type_ else {}
        found = await self._store.page(workspace_id, condition, before, limit)
        return [template_of(entity.id, entity.version, entity.data) for entity in found]

    async def versions(
        self, workspace_id: str, template_id: str, before: int | None, limit: int
    ) -> list[Template] | None:
        """A template's newest versions below `before`, without their bodies; None where there is no such template."""
        entity = await self._read(workspace_id, template_id)
        if entity is None:
            return None
        found: list[Template] = []
        if before is None or before > entity.version:
            before = entity.version
            found = [template_of(entity.id, entity.version, {**entity.data, "html": None, "text": None})]
        replaced = await self._store.versions(workspace_id, template_id, before, limit)
        return [*found, *(template_of(template_id, version, data) for version, data in replaced)][:limit]

    async def create(self, author: Author, workspace_id: str, fields: Mapping[str, Any]) -> Template:
        """Raises TooManyTemplatesError. The fields have been checked (`check_template`)."""
        if await self._store.count(workspace_id, MOST_TEMPLATES) >= MOST_TEMPLATES:
            raise TooManyTemplatesError
        now = rfc3339(datetime.now(UTC))
        data = {**fields, "created_at": now, "changed_at": now}
        made = await author.write("created", Kind.TEMPLATE, uuid7(), workspace_id, data)
        return template_of(made.id, made.version, made.data)

    async def change(
        self, author: Author, workspace_id: str, template_id: str, changed: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Template | None:
        """Makes a version of what `changed` makes of the newest one's fields; none where they stay the same.

        None where there is no such template. Raises VersionConflictError, and what `changed` raises.
        """
        for attempt in range(TRIES):
            entity = await self._read(workspace_id, template_id)
            if entity is None:
                if attempt:  # deleted meanwhile, perhaps before its version was kept below
                    await self._store.forget(workspace_id, template_id)
                return None
            before = {name: value for name, value in entity.data.items() if name not in WHEN}
            after = changed(before)
            if after == before:
                return template_of(entity.id, entity.version, entity.data)
            await self._store.keep(workspace_id, entity)
            when = {"created_at": entity.data["created_at"], "changed_at": rfc3339(datetime.now(UTC))}
            try:
                made = await author.write(
                    "changed", Kind.TEMPLATE, entity.id, workspace_id, {**after, **when}, before=entity
                )
            except VersionConflictError:
                continue
            self._cache.evict(Kind.TEMPLATE, entity.id)
            return template_of(made.id, made.version, made.data)
        raise VersionConflictError(f"template {template_id} keeps changing")

    async def delete(self, author: Author, workspace_id: str, template_id: str) -> bool:
        """Deletes a template with all its versions; False where there is none. Raises VersionConflictError."""
        for _ in range(TRIES):
            entity = await self._read(workspace_id, template_id)
            if entity is None:
                return False
            try:
                await author.write("deleted", Kind.TEMPLATE, template_id, workspace_id, {}, before=entity, deleted=True)
            except VersionConflictError:
                continue
            self._cache.evict(Kind.TEMPLATE, template_id)
            await self._store.forget(workspace_id, template_id)
            return True
        raise VersionConflictError(f"template {template_id} keeps changing")

    async def _read(self, workspace_id: str, template_id: str) -> Entity | None:
        entity = await self._entities.get(Kind.TEMPLATE, template_id)
        return entity if entity and entity.workspace_id == workspace_id and not entity.deleted else None

    async def _at(self, entity: Entity, workspace_id: str, version: int) -> Template | None:
        if version == entity.version:
            return template_of(entity.id, version, entity.data)
        if not 0 < version < entity.version:
            return None
        known = self._replaced.get((entity.id, version))
        if known is None:
            data = await self._store.version(workspace_id, entity.id, version)
            if data is None:
                return None
            if len(self._replaced) >= MOST_REMEMBERED:
                self._replaced.clear()
            known = self._replaced[entity.id, version] = template_of(entity.id, version, data)
        return known
