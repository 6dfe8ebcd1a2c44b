"""An endpoint is made and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.bodies import EndpointBody, EndpointChanges, parsed_body
from services.webhooks.console import forms
from services.webhooks.console.facets import METHODS, STYLES, TYPES
from services.webhooks.console.naming import PATH, name_of, path_of
from services.webhooks.console.signing import secret_page
from services.webhooks.settings import Settings
from shared.console.console import Console
from shared.console.forms import Form, read_form, read_ticked, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

CHOICES: dict[str, Any] = {"methods": METHODS, "styles": STYLES, "types": TYPES}


def editing_pages(console: Console, actions: Actions, settings: Settings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_act = console.gate.page(SCOPE), console.gate.action(SCOPE)
    defaults = {
        "concurrency": settings.webhook_endpoint_concurrency,
        "rate": settings.webhook_endpoint_rate,
        "timeout_seconds": settings.webhook_timeout_seconds,
    }

    def ask(request: Request, visitor: Visitor, form: Form, endpoint: Mapping[str, Any] | None = None) -> Response:
        """The form of a new endpoint, or of one that is there."""
        if endpoint is None:
            return pages.show(
                request, visitor, "webhook_new.html", form.status, form=form, defaults=defaults, **CHOICES
            )  # fmt: skip
        return pages.show(
            request, visitor, "webhook_settings.html", form.status,
            form=form, defaults=defaults, endpoint=endpoint, name=name_of(endpoint), **CHOICES,
        )  # fmt: skip

    @router.get(f"{PATH}/new")
    async def ask_new(request: Request, visitor: Visitor = allowed) -> Response:
        return ask(request, visitor, Form(forms.EMPTY))

    @router.post(f"{PATH}/new")
    async def make(request: Request, visitor: Visitor = may_act) -> Response:
        """The endpoint, whose secret is on this page alone, and never again."""
        given = {**await read_form(request, *forms.NEW), "events": await read_ticked(request, "events")}
        try:
            raw = orjson.dumps(forms.body_of(given))
            made = await actions.endpoints.create(
                visitor.workspace_id, parsed_body(raw, EndpointBody, actions.endpoints.urls)
            )
        except ProblemError as problem:
            return ask(request, visitor, refused(given, problem))
        return secret_page(pages, request, visitor, made, is_new=True)

    @router.get(f"{PATH}/{{id}}/settings")
    async def ask_changes(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        view = actions.endpoints.shown.endpoint(endpoint)
        return ask(request, visitor, Form(forms.shown(endpoint.data, view)), view)

    @router.post(f"{PATH}/{{id}}/settings")
    async def change(request: Request, id: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        view = actions.endpoints.shown.endpoint(endpoint)
        given = {**await read_form(request, *forms.TEXTS), "events": await read_ticked(request, "events")}
        try:
            changes = forms.changes_of(given, forms.shown(endpoint.data, view))
            body = parsed_body(orjson.dumps(changes), EndpointChanges, actions.endpoints.urls)
            changed = await actions.endpoints.change(visitor.workspace_id, id, body)
        except ProblemError as problem:
            return ask(request, visitor, refused(given, problem), view)
        return pages.go(f"{path_of(id)}/settings", " ".join(["Saved.", *changed["warnings"]]))

    return router
