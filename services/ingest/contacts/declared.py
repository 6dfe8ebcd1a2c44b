"""The fields that a workspace has declared: all in one entity, so that they are remembered and changed as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.ingest.contacts.fields import Field, field_of
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities, VersionConflictError
from shared.mongo.entity_cache import EntityCache

MOST_FIELDS = 200
TRIES = 5


class NameTakenError(Exception):
    """Another field of the workspace has the name."""


class TooManyFieldsError(Exception):
    """The workspace has as many fields as it may have."""


class DeclaredFields:
    """Reads and changes of workspaces' fields."""

    def __init__(self, cache: EntityCache) -> None:
        self._cache = cache
        self._entities: Entities = cache.entities

    async def by_name(self, workspace_id: str) -> dict[str, Field]:
        """The fields as this process remembers them."""
        entity = await self._cache.get(Kind.FIELD, workspace_id)
        return {field.name: field for field in map(field_of, entity.data["fields"])} if entity else {}

    async def all(self, workspace_id: str) -> list[Field]:
        """The fields as they are in the database now, oldest first."""
        return (await self._read(workspace_id))[1]

    async def get(self, workspace_id: str, field_id: str) -> Field | None:
        return _by_id(await self.all(workspace_id), field_id)

    async def add(self, workspace_id: str, field: Field) -> None:
        """Raises NameTakenError, TooManyFieldsError, VersionConflictError."""

        def added(fields: list[Field]) -> list[Field]:
            if len(fields) >= MOST_FIELDS:
                raise TooManyFieldsError
            return _unique([*fields, field])

        await self._change(workspace_id, added)

    async def replace(self, workspace_id: str, field: Field) -> bool:
        """Puts a field in the place of the one with its id; False where that is gone. Raises NameTakenError,
        VersionConflictError."""

        def replaced(fields: list[Field]) -> list[Field] | None:
            if _by_id(fields, field.uuid) is None:
                return None
            return _unique([field if one.uuid == field.uuid else one for one in fields])

        return await self._change(workspace_id, replaced)

    async def remove(self, workspace_id: str, field_id: str) -> bool:
        """False where there is no such field; contacts keep the attribute. Raises VersionConflictError."""

        def removed(fields: list[Field]) -> list[Field] | None:
            return [one for one in fields if one.uuid != field_id] if _by_id(fields, field_id) else None

        return await self._change(workspace_id, removed)

    async def _change(self, workspace_id: str, change: Callable[[list[Field]], list[Field] | None]) -> bool:
        for _ in range(TRIES):
            version, fields = await self._read(workspace_id)
            changed = change(fields)
            if changed is None:
                return False
            data: dict[str, Any] = {"fields": [field.shown() for field in changed]}
            try:
                await self._entities.put(Kind.FIELD, workspace_id, workspace_id, data, expected=version)
            except VersionConflictError:
                continue
            self._cache.evict(Kind.FIELD, workspace_id)
            return True
        raise VersionConflictError("the fields keep changing")

    async def _read(self, workspace_id: str) -> tuple[int, list[Field]]:
        entity = await self._entities.get(Kind.FIELD, workspace_id)
        return (entity.version, list(map(field_of, entity.data["fields"]))) if entity else (0, [])


def _by_id(fields: list[Field], field_id: str) -> Field | None:
    return next((field for field in fields if field.uuid == field_id), None)


def _unique(fields: list[Field]) -> list[Field]:
    if len({field.name for field in fields}) < len(fields):
        raise NameTakenError
    return fields
