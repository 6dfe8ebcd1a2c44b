"""`/v1/audit`: who changed what of a workspace, and when."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.api.account_views import AuditPage, audit_view
from services.ingest.api.operations import GATES, Moment
from services.ingest.api.schemas import WORKSPACE
from services.ingest.settings import Settings
from services.ingest.store.audit import AuditLog
from shared.api import json_response, service_router
from shared.auth import Principal, caller, operator_or_caller
from shared.id_pages import Pages
from shared.openapi.operations import replies
from shared.service import Base

SCOPE = "admin"
FIELDS = {"action": "action", "kind": "object.kind", "object_id": "object.id", "actor_id": "actor.id"}


class AuditListing(BaseModel):
    """The filters of the log, all of which an entry must meet. `from` and `to` bound its time: from included, to
    excluded."""

    model_config = ConfigDict(extra="forbid")

    action: str | None = Field(None, pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64, description="api_key.created, …")
    kind: str | None = Field(None, pattern=r"^[a-z_]+$", max_length=64, description="api_key, workspace, …")
    object_id: str | None = Field(None, min_length=1, max_length=64)
    actor_id: str | None = Field(None, min_length=1, max_length=64, description="the key that changed something")
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)

    def filters(self) -> dict[str, Any]:
        """What was asked for, without where in the log."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True, mode="json")


def conditions_of(listing: AuditListing, before: str | None) -> dict[str, Any]:
    """The conditions in MongoDB's words."""
    conditions: dict[str, Any] = {
        path: getattr(listing, name) for name, path in FIELDS.items() if getattr(listing, name) is not None
    }
    times = {"$gte": listing.from_, "$lt": listing.to}
    bounds = {operator: moment for operator, moment in times.items() if moment is not None}
    if bounds:
        conditions["at"] = bounds
    if before is not None:
        conditions["_id"] = {"$lt": before}
    return conditions


class AuditReader:
    """Reads the log of one workspace, whichever door asks for it."""

    def __init__(self, base: Base, settings: Settings) -> None:
        self._entries = AuditLog(base.database)
        self._pages = Pages(settings.token_key_bytes)

    async def page(self, workspace_id: str, listing: AuditListing) -> dict[str, Any]:
        """A page of it, newest first; raises a 422 problem for a cursor of another list."""
        query = f"audit:{workspace_id}:{orjson.dumps(listing.filters(), option=orjson.OPT_SORT_KEYS).decode()}"
        conditions = conditions_of(listing, self._pages.place(listing.cursor, query))
        found = await self._entries.page(workspace_id, conditions, listing.limit + 1)
        return self._pages.page([audit_view(entry) for entry in found], listing.limit, query)


def audit_router(base: Base, settings: Settings) -> APIRouter:
    router = service_router(base.tracing, tags=["audit"])
    reader = AuditReader(base, settings)
    own = caller(base.authenticator, SCOPE)
    any_one = operator_or_caller(base.authenticator, SCOPE)

    @router.get(
        "/v1/audit",
        operation_id="list_audit",
        summary="What was changed, newest first",
        responses=replies(200, AuditPage, "A page of the log", *GATES, 422),
    )
    async def show(listing: Annotated[AuditListing, Query()], principal: Principal = own) -> Response:
        return json_response(200, await reader.page(principal.workspace_id, listing))

    @router.get(
        "/v1/workspaces/{workspace}/audit",
        operation_id="list_workspace_audit",
        summary="The same; the operator reads any workspace's, a deleted one's too",
        responses=replies(200, AuditPage, "A page of the log", *GATES, 404, 422),
        openapi_extra={"parameters": [WORKSPACE]},
    )
    async def show_workspace(
        workspace: str, listing: Annotated[AuditListing, Query()], principal: Principal | None = any_one
    ) -> Response:
        return json_response(200, await reader.page(workspace, listing))

    return router
