"""What can be done with the keys of a workspace, whichever door asks for it."""

from __future__ import annotations

from typing import Any

from services.ingest.accounts.changes import Actor, Changes, end
from services.ingest.accounts.grants import require_within
from services.ingest.accounts.keys import ApiKeys
from services.ingest.api.account_bodies import KeyBody, KeyChanges, Rotation
from services.ingest.api.account_views import key_view
from services.ingest.api.operations import conflict
from services.ingest.settings import Settings
from services.ingest.store.owned import Owned
from services.ingest.store.uses import LastUses
from shared.auth import Principal
from shared.contracts.entities import ApiKey, Kind
from shared.errors import not_found
from shared.id_pages import Pages
from shared.mongo.entities import Entity, VersionConflictError
from shared.service import Base

View = dict[str, Any]


class KeyApi:
    """Every call names the workspace and answers with what is shown of keys; each raises problems: 403 for what a key
    has not itself to hand on, 404, and 409 where the key was changed at the same time."""

    def __init__(self, base: Base, changes: Changes, settings: Settings) -> None:
        self._keys = ApiKeys(changes, settings.pepper_bytes)
        self._owned = Owned(base.entities, Kind.API_KEY)
        self._workspaces = Owned(base.entities, Kind.WORKSPACE)
        self._uses = LastUses(base.database)
        self._pages = Pages(settings.token_key_bytes)

    async def require_workspace(self, workspace_id: str) -> None:
        """Raises a 404 problem."""
        if await self._workspaces.get(workspace_id, workspace_id) is None:
            raise not_found("workspace")

    async def create(self, actor: Actor, principal: Principal | None, workspace_id: str, body: KeyBody) -> View:
        """The new key with its text, `key`; a principal of None is the operator."""
        fields = body.model_dump()
        require_within(principal, ApiKey(**fields, digest="", prefix=""))
        entity, text = await self._keys.create(actor, workspace_id, fields)
        return {**key_view(entity, None), "key": text}

    async def list(self, principal: Principal, limit: int, cursor: str | None) -> View:
        """A page, oldest first."""
        query = f"api_keys:{principal.workspace_id}"
        found = await self._owned.page(principal.workspace_id, self._pages.place(cursor, query), limit + 1)
        uses = await self._uses.of([entity.id for entity in found])
        return self._pages.page([key_view(entity, uses.get(entity.id)) for entity in found], limit, query)

    async def get(self, principal: Principal, id_: str) -> View:
        return await self._shown(await self.found(principal, id_))

    async def change(self, actor: Actor, principal: Principal, id_: str, body: KeyChanges) -> View:
        """Sets the fields that are given."""
        entity = await self.found(principal, id_)
        key = ApiKey.model_validate(entity.data)
        changed = key.with_changes(**body.given())
        if changed != key:
            require_within(principal, changed)
            try:
                entity = await self._keys.change(actor, entity, changed)
            except VersionConflictError as error:
                raise conflict("key") from error
        return await self._shown(entity)

    async def revoke(self, actor: Actor, principal: Principal, id_: str) -> None:
        try:
            await end(lambda: self.found(principal, id_), lambda entity: self._keys.revoke(actor, entity))
        except VersionConflictError as error:
            raise conflict("key") from error

    async def rotate(self, actor: Actor, principal: Principal, id_: str, body: Rotation) -> View:
        """The key with its new text, `key`."""
        entity = await self.found(principal, id_)
        require_within(principal, ApiKey.model_validate(entity.data))
        try:
            rotated, text = await self._keys.rotate(actor, entity, body.grace_seconds)
        except VersionConflictError as error:
            raise conflict("key") from error
        return {**await self._shown(rotated), "key": text}

    async def found(self, principal: Principal, id_: str) -> Entity:
        """The key as it is in the database now."""
        entity = await self._owned.get(principal.workspace_id, id_)
        if entity is None:
            raise not_found("API key")
        return entity

    async def _shown(self, entity: Entity) -> View:
        uses = await self._uses.of([entity.id])
        return key_view(entity, uses.get(entity.id))
