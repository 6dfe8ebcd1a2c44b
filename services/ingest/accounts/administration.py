"""Workspaces as their operator and their own keys change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.ingest.accounts.changes import Actor, Changes
from shared.contracts.entities import Kind, Workspace
from shared.mongo.entities import Entity
from shared.tokens import uuid7


class Administration:
    """The changes of workspaces; each raises VersionConflictError where one was changed since it was read."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def create(self, actor: Actor, fields: Mapping[str, Any]) -> Entity:
        id_ = uuid7()
        return await self._changes.write(actor, "created", Kind.WORKSPACE, id_, id_, Workspace(**fields).model_dump())

    async def change(self, actor: Actor, entity: Entity, changes: Mapping[str, Any]) -> Entity:
        """Sets the fields that are given; a new owner's address is not verified unless that is given, too."""
        workspace = Workspace.model_validate(entity.data)
        if changes.get("owner_email", workspace.owner_email) != workspace.owner_email:
            changes = {"owner_verified": False, **changes}
        changed = workspace.with_changes(**changes)
        return entity if changed == workspace else await self._write(actor, "changed", entity, changed)

    async def verify_owner(self, actor: Actor, entity: Entity) -> Entity:
        """Takes the owner's address as verified; once is enough."""
        workspace = Workspace.model_validate(entity.data)
        if workspace.owner_verified:
            return entity
        return await self._write(actor, "owner_verified", entity, workspace.with_changes(owner_verified=True))

    async def delete(self, actor: Actor, entity: Entity) -> None:
        """Its keys and credentials open nothing any more, from the next request on."""
        await self._write(actor, "deleted", entity, Workspace.model_validate(entity.data), deleted=True)

    async def _write(
        self, actor: Actor, verb: str, entity: Entity, workspace: Workspace, *, deleted: bool = False
    ) -> Entity:
        data = workspace.model_dump()
        return await self._changes.write(
            actor, verb, Kind.WORKSPACE, entity.id, entity.id, data, before=entity, deleted=deleted
        )
