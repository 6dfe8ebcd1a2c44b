"""What a workspace owns, of one kind: read by workspace and id, and in pages."""

from __future__ import annotations

from typing import Any

from shared.contracts.entities import Kind
from shared.mongo.entities import Entities, Entity


class Owned:
    """The living entities of a kind, as they are in the database now."""

    def __init__(self, entities: Entities, kind: Kind) -> None:
        self._entities = entities
        self._kind = kind

    async def get(self, workspace_id: str, id_: str) -> Entity | None:
        """The workspace's entity; None for another's, too."""
        found = await self._entities.find(self._kind, {"_id": id_, "workspace_id": workspace_id}, 1)
        return found[0] if found else None

    async def page(self, workspace_id: str | None, after: str | None, limit: int) -> list[Entity]:
        """A workspace's entities, oldest first, behind the id `after`; those of all workspaces where none is named."""
        condition: dict[str, Any] = {} if workspace_id is None else {"workspace_id": workspace_id}
        if after is not None:
            condition["_id"] = {"$gt": after}
        return await self._entities.find(self._kind, condition, limit)
