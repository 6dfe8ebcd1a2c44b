"""The sending domains of workspaces, as ingest tells of them."""

from __future__ import annotations

from shared.contracts.entities import Kind
from shared.mongo.entities import Entities


class SendingDomains:
    """Reads the copies in this service's database."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities

    async def of(self, workspace_id: str | None) -> frozenset[str]:
        """A workspace's domains, verified or not, as A-labels in lower case; the platform (None) has none."""
        if workspace_id is None:
            return frozenset()
        found = await self._entities.find(Kind.DOMAIN, {"workspace_id": workspace_id})
        return frozenset(entity.data["name"] for entity in found)
