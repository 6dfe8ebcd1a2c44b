"""Erasures: asking for one, how far it is, its certificate, and all that is held of a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.suppression.console.certificates import sentence_of, tone_of
from services.suppression.console.names import Names
from services.suppression.console.paths import ERASURES, ERASURES_SCOPE
from services.suppression.erasing.api import ErasureApi
from services.suppression.erasing.certificate import State
from services.suppression.erasing.schemas import NewErasure
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.people import download_path

PER_PAGE = 25
HELD = (
    ("messages", "Messages, what became of them, and what they say"),
    ("contacts", "The contact with its attributes"),
    ("contact-events", "What the application has recorded about the contact"),
    ("suppressions", "Why they get no mail, with the evidence"),
    ("deliveries", "Deliveries, and what came back of them by mail"),
    ("webhooks", "What endpoints were told of them"),
)
NO_ADDRESS = "Give one whole address: ann@example.com."


def erasure_pages(console: Console, api: ErasureApi, names: Names) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(ERASURES_SCOPE)

    async def certificate(visitor: Visitor, id_: str) -> dict[str, Any]:
        return await shown(await api.certificate(visitor.workspace_id, id_), visitor, names)

    async def show_list(request: Request, visitor: Visitor, form: Form) -> Response:
        cursor = request.query_params.get("cursor") or None
        page = await api.page(visitor.workspace_id, PER_PAGE, cursor)
        more = page["next_cursor"]
        return pages.show(
            request,
            visitor,
            "erasures.html",
            form.status,
            form=form,
            erasures=[await shown(each, visitor, names) for each in page["data"]],
            next_url=f"{ERASURES}?{urlencode({'cursor': more})}" if more else None,
            newest_url=ERASURES if cursor else None,
        )

    @router.get(ERASURES)
    async def show_all(request: Request, email: str = "", visitor: Visitor = allowed) -> Response:
        return await show_list(request, visitor, Form({"email": email, "reason": ""}))

    @router.post(ERASURES)
    async def erase(request: Request, visitor: Visitor = console.gate.action(ERASURES_SCOPE)) -> Response:
        """Asks first: the form of the page erases nothing, the one of the question does."""
        given = await read_form(request, "email", "reason", "sure")
        try:
            wanted = as_body(NewErasure, {"email": given["email"], "reason": given["reason"] or None})
            if given["sure"] != "yes":
                address = api.person(wanted)
                return pages.show(request, visitor, "erasure_question.html", address=address, reason=wanted.reason)
            made = await api.erase(wanted, visitor.workspace_id, f"key:{visitor.principal.key_id}")
        except ProblemError as problem:
            return await show_list(request, visitor, refused(given, problem))
        return pages.go(f"{ERASURES}/{made['id']}", "Every service has been asked.")

    @router.get(f"{ERASURES}/person")
    async def show_person(request: Request, email: str = "", visitor: Visitor = allowed) -> Response:
        """Where to have all that is held of a person, one file of each kind."""
        try:
            address, fault = parse_address(email, smtputf8=True).lower(), None
        except InvalidAddressError:
            address, fault = None, NO_ADDRESS if email else None
        return pages.show(
            request, visitor, "person.html", 422 if fault else 200,
            email=email, address=address, fault=fault, files=files_of(address) if address else (),
        )  # fmt: skip

    @router.get(f"{ERASURES}/{{id}}")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        return pages.show(request, visitor, "erasure.html", erasure=await certificate(visitor, id))

    @router.get(f"{ERASURES}/{{id}}/live")
    async def follow(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("erasure_story.html", erasure=await certificate(visitor, id))

        return await console.live(request, render)

    @router.get(f"{ERASURES}/{{id}}/certificate.json")
    async def download(id: str, visitor: Visitor = allowed) -> Response:
        """The certificate as the API gives it, to be kept."""
        found = await api.certificate(visitor.workspace_id, id)
        disposition = f'attachment; filename="erasure-{found["id"]}.json"'
        return json_response(200, found, {"Content-Disposition": disposition, "Cache-Control": "no-store"})

    return router


def files_of(address: str) -> list[tuple[str, str, str]]:
    """What is held of a person: name, what it is, and where it is had, of each kind."""
    query = urlencode({"address": address})
    return [(part, words, f"{download_path(part)}?{query}") for part, words in HELD]


async def shown(certificate: Mapping[str, Any], visitor: Visitor, names: Names) -> dict[str, Any]:
    """A certificate as its templates take it."""
    by = str(certificate["requested_by"]).removeprefix("key:")
    named = await names.of(visitor.workspace_id, {by})
    return {
        **certificate,
        "tone": tone_of(certificate["state"]),
        "sentence": sentence_of(certificate),
        "ended": certificate["state"] != State.RUNNING,
        "by": named[by],
    }
