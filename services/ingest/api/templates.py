"""`/v1/templates`: what a workspace sends again and again, its versions, and what they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.accounts.changes import Author, Changes, actor_of
from services.ingest.api.features import caller_with
from services.ingest.api.object_body import read_object, refused
from services.ingest.api.operations import READING, WRITING
from services.ingest.api.template_changes import changed, created, deleted, found
from services.ingest.api.template_schemas import (
    PreviewBody,
    PreviewView,
    TemplateBody,
    TemplateChanges,
    TemplatePage,
    TemplateView,
)
from services.ingest.settings import Settings
from services.ingest.store.templates import TemplateStore
from services.ingest.templates.preview import preview
from services.ingest.templates.template import BODIES, Template, TemplateType
from services.ingest.templates.templates import Templates
from shared.api import json_response, service_router
from shared.auth import Principal
from shared.errors import not_found
from shared.openapi.operations import body_of, replies
from shared.service import Base
from shared.tokens import Cursors, InvalidCursorError

AuthorOf = Callable[[Request, Principal], Author]
SCOPE, FEATURE = "templates", "templates.enabled"
# two bodies of 256 KiB as JSON writes them at the longest, and the rest
LARGEST_REQUEST = 4 * 1024 * 1024
LARGEST_DATA = 256 * 1024
EXAMPLE = {
    "name": "Welcome",
    "subject": "Welcome, {{first_name ?? 'friend'}}",
    "html": "<p>Your code is <b>{{code}}</b>.</p>",
    "text": "Your code is {{code}}.",
}


class Listing(BaseModel):
    """A page of a list, newest first."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)


class TemplateListing(Listing):
    type: TemplateType | None = None


class Pages:
    """Replies with a cursor, which is bound to the workspace and to what was asked for."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def position(self, cursor: str | None, query: str) -> Any:
        """Where the page before ended, None for a first page. Raises a 422 problem."""
        if cursor is None:
            return None
        try:
            return self._cursors.read(cursor, query)[0]
        except InvalidCursorError as error:
            raise refused("#/cursor", "invalid_cursor", "This cursor was not made for this list.") from error

    def page(self, read: list[Template], limit: int, query: str, by: str) -> dict[str, Any]:
        """The page of what was read, which is one more than `limit` where there is another page."""
        shown = [{name: value for name, value in one.shown().items() if name not in BODIES} for one in read[:limit]]
        more = len(read) > limit
        cursor = self._cursors.make([shown[-1][by]], query) if more else None
        return {"data": shown, "has_more": more, "next_cursor": cursor}

    def reply(self, read: list[Template], limit: int, query: str, by: str) -> Response:
        """As `page`, as a reply."""
        return json_response(200, self.page(read, limit, query, by))


def templates_router(base: Base, changes: Changes, settings: Settings) -> APIRouter:
    """The routes, for keys with the scope `templates` of workspaces with the feature; another workspace's template is
    not found."""
    router = service_router(base.tracing, "/v1/templates", ["templates"])
    templates = Templates(base.cache, TemplateStore(base.database))
    pages = Pages(Cursors(settings.token_key_bytes))
    owner: Principal = caller_with(base.authenticator, SCOPE, FEATURE)

    def author(request: Request, principal: Principal) -> Author:
        return Author(changes, actor_of(base.authenticator, request, principal))

    _add_templates(router, templates, pages, owner, author)
    _add_changes(router, templates, owner, author)
    _add_versions(router, templates, pages, owner)
    return router


def _add_templates(router: APIRouter, templates: Templates, pages: Pages, owner: Principal, author: AuthorOf) -> None:
    @router.get("", operation_id="list_templates", responses=replies(200, TemplatePage, "A page", *READING))
    async def list_templates(listing: Annotated[TemplateListing, Query()], principal: Principal = owner) -> Response:
        """List templates, newest first, without their bodies."""
        query = f"templates:{principal.workspace_id}:{listing.type}"
        before = pages.position(listing.cursor, query)
        newest = await templates.page(principal.workspace_id, listing.type, before, listing.limit + 1)
        return pages.reply(newest, listing.limit, query, "id")

    @router.post(
        "", status_code=201, operation_id="create_template", openapi_extra=body_of(TemplateBody, EXAMPLE),
        responses=replies(201, TemplateView, "The new template, at version 1", *WRITING),
    )  # fmt: skip
    async def create_template(request: Request, principal: Principal = owner) -> Response:
        """Create a template."""
        given, faults = await read_object(request, TemplateBody, LARGEST_REQUEST)
        made = await created(templates, author(request, principal), principal, given, faults)
        return json_response(201, made.shown())

    @router.get(
        "/{template}", operation_id="get_template",
        responses=replies(200, TemplateView, "The template at its newest version", *READING, 404),
    )  # fmt: skip
    async def get_template(template: str, principal: Principal = owner) -> Response:
        """One template."""
        return json_response(200, found(await templates.read(principal.workspace_id, template.lower())).shown())


def _add_changes(router: APIRouter, templates: Templates, owner: Principal, author: AuthorOf) -> None:
    @router.patch(
        "/{template}", operation_id="change_template",
        openapi_extra=body_of(TemplateChanges, {"subject": "Welcome to Acme, {{first_name ?? 'friend'}}"}),
        responses=replies(200, TemplateView, "The template at its newest version", *WRITING, 404, 409),
    )  # fmt: skip
    async def change_template(template: str, request: Request, principal: Principal = owner) -> Response:
        """Change a template. That makes a new version of it; one that changes nothing makes none."""
        found(await templates.read(principal.workspace_id, template.lower()))
        principal.require_content()
        given, faults = await read_object(request, TemplateChanges, LARGEST_REQUEST)
        made = await changed(templates, author(request, principal), principal, template.lower(), given, faults)
        return json_response(200, made.shown())

    @router.delete(
        "/{template}", status_code=204, operation_id="delete_template",
        responses=replies(204, None, "Deleted, with all its versions", *READING, 404, 409),
    )  # fmt: skip
    async def delete_template(template: str, request: Request, principal: Principal = owner) -> Response:
        """Delete a template with all its versions. What was accepted before is sent as it was."""
        await deleted(templates, author(request, principal), principal.workspace_id, template.lower())
        return Response(status_code=204)


def _add_versions(router: APIRouter, templates: Templates, pages: Pages, owner: Principal) -> None:
    @router.get(
        "/{template}/versions", operation_id="list_template_versions",
        responses=replies(200, TemplatePage, "A page", *READING, 404),
    )  # fmt: skip
    async def list_versions(
        template: str, listing: Annotated[Listing, Query()], principal: Principal = owner
    ) -> Response:
        """List a template's versions, newest first, without their bodies."""
        query = f"template_versions:{principal.workspace_id}:{template.lower()}"
        before = pages.position(listing.cursor, query)
        versions = await templates.versions(principal.workspace_id, template.lower(), before, listing.limit + 1)
        if versions is None:
            raise not_found("template")
        return pages.reply(versions, listing.limit, query, "version")

    @router.get(
        "/{template}/versions/{version}", operation_id="get_template_version",
        responses=replies(200, TemplateView, "The template at that version", *READING, 404),
    )  # fmt: skip
    async def get_version(template: str, version: int, principal: Principal = owner) -> Response:
        """One version of a template."""
        return json_response(
            200, found(await templates.read(principal.workspace_id, template.lower(), version)).shown()
        )

    @router.post(
        "/{template}/preview", operation_id="preview_template",
        openapi_extra=body_of(PreviewBody, {"data": {"first_name": "Ann", "code": 482910}}),
        responses=replies(200, PreviewView, "What it becomes", *WRITING, 404),
    )  # fmt: skip
    async def preview_template(template: str, request: Request, principal: Principal = owner) -> Response:
        """Render a template with data, without sending anything."""
        found(await templates.read(principal.workspace_id, template.lower()))
        principal.require_content()
        given, faults = await read_object(request, PreviewBody, LARGEST_DATA)
        faults.raise_any()
        wanted = found(await templates.read(principal.workspace_id, template.lower(), given.get("version")))
        shown = preview(wanted, given.get("data") or {}, faults)
        faults.raise_any()
        return json_response(200, shown)
