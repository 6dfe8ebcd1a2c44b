"""The workspace: what it is and may use, and the defaults that its own keys change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import actor_of
from services.ingest.accounts.workspaces import EVERY_FEATURE
from services.ingest.api.account_bodies import WorkspaceChanges
from services.ingest.api.account_views import workspace_view
from services.ingest.api.workspaces import SCOPE, WorkspaceApi
from services.ingest.console.facets import STREAMS
from services.ingest.rules import KEPT_AFTER
from services.ingest.settings import Settings
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, read_ticked, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

PATH = "/console/workspace"
FEATURES = {
    "smtp.enabled": "SMTP",
    "domains.enabled": "sending domains",
    "webhooks.enabled": "webhooks",
    "tracking.enabled": "tracking",
    "templates.enabled": "templates",
}
TRACKING = [
    ("opens", "Opens", "a picture of one pixel shows when the message is looked at", True),
    ("clicks", "Clicks", "links lead through the tracking domain", True),
]


def workspace_pages(console: Console, base: Base, workspaces: WorkspaceApi, settings: Settings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    def parts(workspace: Mapping[str, Any], form: Form) -> dict[str, Any]:
        return {
            "workspace": workspace,
            "form": form,
            "features": [(FEATURES[name], name in workspace["features"]) for name in EVERY_FEATURE],
            "streams": STREAMS[1:],
            "tracking": TRACKING,
            "usual_rate": settings.workspace_rate_limit,
            "life_hours": settings.expires_hours,
            "kept_days": KEPT_AFTER.days,
        }

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        workspace = workspace_view(await workspaces.found(visitor.workspace_id))
        return pages.show(request, visitor, "workspace.html", **parts(workspace, Form(filled(workspace))))

    @router.post(PATH)
    async def change(request: Request, visitor: Visitor = may_change) -> Response:
        workspace = workspace_view(await workspaces.found(visitor.workspace_id))
        given = await given_by(request)
        try:
            changes = as_body(WorkspaceChanges, changes_of(workspace, given)).given()
            actor = actor_of(base.authenticator, request, visitor.principal)
            await workspaces.change(actor, visitor.principal, visitor.workspace_id, changes)
        except ProblemError as problem:
            form = refused(given, problem)
            return pages.show(request, visitor, "workspace.html", form.status, **parts(workspace, form))
        return pages.go(PATH, "Saved. Every process knows of it in a moment.")

    return router


async def given_by(request: Request) -> dict[str, Any]:
    """The fields of the form that was sent."""
    texts = await read_form(request, "default_sender", "default_stream", "complaints_spare_critical", "keep_content")
    return {**texts, "default_tracking": await read_ticked(request, "default_tracking")}


def filled(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the form of a workspace."""
    return {
        "default_sender": workspace["default_sender"] or "",
        "default_stream": workspace["default_stream"],
        "default_tracking": workspace["default_tracking"],
        "complaints_spare_critical": "yes" if workspace["complaints_spare_critical"] else "",
        "keep_content": "yes" if workspace["keep_content"] else "",
    }


def changes_of(workspace: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what the fields ask the API for, what differs from the workspace."""
    wanted = {
        "default_sender": given["default_sender"] or None,
        "default_stream": given["default_stream"],
        "default_tracking": given["default_tracking"],
        "complaints_spare_critical": given["complaints_spare_critical"] == "yes",
        "keep_content": given["keep_content"] == "yes",
    }
    return {name: value for name, value in wanted.items() if value != workspace[name]}
