"""The form that suppresses an address."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.schemas import NewSuppression
from services.suppression.console.paths import PATH, SCOPE
from services.suppression.console.places import at_field, place_named, where_options
from shared.console.console import Console
from shared.console.forms import Form, as_body, moment_of, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

FIELDS = ("email", "type", "where", "expires_at", "reason")
TYPES = [
    ("manual", "Manual: somebody asked for it"),
    ("unsubscribe", "Unsubscribed from one kind of mail"),
    ("complaint", "Complaint: reported as spam"),
    ("bounce", "Bounce: there is no such mailbox"),
]
NOTHING_NEW = {
    True: "The address was suppressed already; this entry has taken the place of the one before.",
    False: "The address was suppressed already, by what counts longer or ranks higher: nothing has changed.",
}


def adding_pages(console: Console, api: SuppressionApi) -> APIRouter:
    router = console.router()

    @router.get(f"{PATH}/add")
    async def ask(request: Request, email: str = "", visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        return await show_form(console, api, request, visitor, Form({**dict.fromkeys(FIELDS, ""), "email": email}))

    @router.post(f"{PATH}/add")
    async def add(request: Request, visitor: Visitor = console.gate.action(SCOPE)) -> Response:
        given = await read_form(request, *FIELDS)
        try:
            added = await api.suppress(Caller(visitor.principal), as_body(NewSuppression, body_of(given)))
        except ProblemError as problem:
            return await show_form(console, api, request, visitor, refused(given, problem, at_field))
        notice = "Suppressed." if added.is_new else NOTHING_NEW[added.stands]
        return console.pages.go(f"{PATH}/{added.document['public_id']}", notice)

    return router


def body_of(given: dict[str, str]) -> dict[str, Any]:
    """What a filled form asks the API for."""
    said = {"type": given["type"], "reason": given["reason"], "expires_at": moment_of(given["expires_at"])}
    return {
        "email": given["email"],
        **{name: each for name, each in said.items() if each},
        **place_named(given["where"]),
    }


async def show_form(console: Console, api: SuppressionApi, request: Request, visitor: Visitor, form: Form) -> Response:
    return console.pages.show(
        request,
        visitor,
        "suppression_add.html",
        form.status,
        form=form,
        types=TYPES,
        places=where_options(await api.domains.of(visitor.workspace_id)),
    )
