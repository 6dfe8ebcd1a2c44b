"""An endpoint's secret: shown once, rotated, and how a receiver verifies what it signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.bodies import RotationBody, parsed_body
from services.webhooks.console.naming import PATH, name_of
from services.webhooks.console.snippets import SNIPPETS
from services.webhooks.settings import Settings
from services.webhooks.signing_secrets import LISTS, Style
from shared.console.console import Console
from shared.console.forms import Form, read_form, refused
from shared.console.gate import Visitor
from shared.console.pages import Pages
from shared.errors import ProblemError

EMPTY = Form({"secret": "", "overlap_hours": ""})


def signing_pages(console: Console, actions: Actions, settings: Settings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_act = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def ask(request: Request, visitor: Visitor, id_: str, form: Form) -> Response:
        view = actions.endpoints.shown.endpoint(await actions.endpoints.found(visitor.workspace_id, id_))
        return pages.show(
            request, visitor, "webhook_signing.html", form.status,
            form=form, hours=settings.webhook_rotation_hours, name=name_of(view), **signing_of(view),
        )  # fmt: skip

    @router.get(f"{PATH}/{{id}}/signing")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        return await ask(request, visitor, id, EMPTY)

    @router.post(f"{PATH}/{{id}}/rotate")
    async def rotate(request: Request, id: str, visitor: Visitor = may_act) -> Response:
        """The endpoint with another secret, which is on this page alone."""
        await actions.endpoints.found(visitor.workspace_id, id)
        given = await read_form(request, "secret", "overlap_hours")
        try:
            body = parsed_body(orjson.dumps(rotation_of(given)), RotationBody, actions.endpoints.urls)
            rotated = await actions.endpoints.rotate(visitor.workspace_id, id, body)
        except ProblemError as problem:
            return await ask(request, visitor, id, refused(given, problem))
        return secret_page(pages, request, visitor, rotated, is_new=False)

    return router


def secret_page(
    pages: Pages, request: Request, visitor: Visitor, endpoint: Mapping[str, Any], *, is_new: bool
) -> Response:
    """The one page that shows a secret; `endpoint` has it."""
    return pages.show(
        request, visitor, "webhook_secret.html", 201 if is_new else 200,
        is_new=is_new, name=name_of(endpoint), **signing_of(endpoint),
    )  # fmt: skip


def signing_of(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """How an endpoint's posts are signed, and verified."""
    style = Style(endpoint["signature"])
    return {"endpoint": endpoint, "snippets": SNIPPETS[style], "overlaps": style in LISTS}


def rotation_of(given: Mapping[str, str]) -> dict[str, str | None]:
    """What a rotation's form asks for."""
    return {name: text or None for name, text in given.items()}
