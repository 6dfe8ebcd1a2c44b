"""The versions of templates that were replaced, and pages of templates without their bodies.

A template's newest version is its entity; a version that is about to be replaced is kept in `template_versions` first:
`{_id: "<template>:<version>", workspace_id, template_id, version, data}`. None of them ever changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from shared.contracts.entities import Kind
from shared.mongo.entities import Entity

COLLECTION = "template_versions"
READ_MS = 5_000
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel([("workspace_id", 1), ("template_id", 1), ("version", -1)]),),
    Kind.TEMPLATE: (IndexModel([("workspace_id", 1), ("_id", -1)]),),
}
WITHOUT_BODIES = {"data.html": 0, "data.text": 0}


class TemplateStore:
    """Reads of templates and their versions, and the writes that keep them; each names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._templates = database[Kind.TEMPLATE]
        self._versions = database[COLLECTION]

    async def page(
        self, workspace_id: str, condition: Mapping[str, Any], before: str | None, limit: int
    ) -> list[Entity]:
        """The newest templates that meet the condition, without their bodies."""
        query: dict[str, Any] = {"workspace_id": workspace_id, "deleted": {"$ne": True}, **condition}
        if before is not None:
            query["_id"] = {"$lt": before}
        found = self._templates.find(query, WITHOUT_BODIES).sort("_id", -1).limit(limit).max_time_ms(READ_MS)
        return [Entity.of(Kind.TEMPLATE, document) async for document in found]

    async def count(self, workspace_id: str, most: int) -> int:
        """How many templates the workspace has, counted up to `most`."""
        query = {"workspace_id": workspace_id, "deleted": {"$ne": True}}
        return int(await self._templates.count_documents(query, limit=most))

    async def keep(self, workspace_id: str, template: Entity) -> None:
        """Keeps the version that is to be replaced; again for one that is kept already changes nothing."""
        document = {
            "_id": f"{template.id}:{template.version}",
            "workspace_id": workspace_id,
            "template_id": template.id,
            "version": template.version,
            "data": template.data,
        }
        try:
            await self._versions.insert_one(document)
        except DuplicateKeyError:
            return

    async def version(self, workspace_id: str, template_id: str, version: int) -> dict[str, Any] | None:
        """The data of a version that was replaced."""
        found = await self._versions.find_one(
            {"workspace_id": workspace_id, "template_id": template_id, "version": version}, {"data": 1}
        )
        return dict(found["data"]) if found else None

    async def versions(
        self, workspace_id: str, template_id: str, before: int, limit: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Replaced versions below `before`, newest first, without their bodies."""
        query = {"workspace_id": workspace_id, "template_id": template_id, "version": {"$lt": before}}
        found = self._versions.find(query, WITHOUT_BODIES).sort("version", -1).limit(limit).max_time_ms(READ_MS)
        return [(document["version"], document["data"]) async for document in found]

    async def forget(self, workspace_id: str, template_id: str) -> None:
        await self._versions.delete_many({"workspace_id": workspace_id, "template_id": template_id})
