"""Contacts: the list, a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.ingest.api.contact_requests import ContactRequests
from services.ingest.api.contact_schemas import ContactBody
from services.ingest.api.contacts import SCOPE, ContactListing, conditions_of, created
from services.ingest.api.object_body import fitting
from services.ingest.console.contact_form import (
    BOOLEANS,
    KINDS,
    Entry,
    changes_of,
    entries_of,
    field_at,
    filled,
    text_of,
)
from services.ingest.console.numbered import numbered_urls
from services.ingest.contacts.attributes import IDENTITY
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.views import contact_view
from services.ingest.store.contacts import ContactStore, Document
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

PATH = "/console/contacts"
SHOWN = 50
MOST_TAGS = 4
SUBSCRIBED = [("", "any"), ("true", "subscribed"), ("false", "unsubscribed")]


def contacts_pages(console: Console, store: ContactStore) -> APIRouter:
    router = console.router()

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        query = request.query_params
        given = {name: query.get(name, "").strip() for name in ("q", "subscribed")}
        found: list[Document] = []
        form, total, page = Form(given), 0, ContactListing()
        try:
            page = listing_of(given, query.get("page"))
            found, total = await store.page(visitor.workspace_id, conditions_of(page), page.skip, page.per_page)
        except ProblemError as problem:
            form = refused(given, problem, lambda pointer: "q")
        asked = {name: value for name, value in given.items() if value}
        return console.pages.show(
            request,
            visitor,
            "contacts.html",
            form.status,
            contacts=[row_of(contact_view(contact)) for contact in found],
            form=form,
            total=total,
            subscribed=SUBSCRIBED,
            searched=bool(asked),
            **numbered_urls(PATH, asked, page.page, page.skip + len(found) < total),
        )

    return router


def new_contact_pages(
    console: Console, contacts: Contacts, requests: ContactRequests, declared: DeclaredFields
) -> APIRouter:
    """To be added before the pages of one contact, whose paths begin alike."""
    router = console.router()
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    def shown(request: Request, visitor: Visitor, form: Form, entries: list[Entry]) -> Response:
        return pages.show(
            request,
            visitor,
            "contact_new.html",
            form.status,
            form=form,
            entries=entries,
            kinds=KINDS,
            booleans=BOOLEANS,
        )

    @router.get(f"{PATH}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        entries = entries_of({}, await declared.by_name(visitor.workspace_id))
        given = filled(request.query_params.get("email", ""), None, entries)
        return shown(request, visitor, Form(given), entries)

    @router.post(PATH)
    async def add(request: Request, visitor: Visitor = may_change) -> Response:
        entries = entries_of({}, await declared.by_name(visitor.workspace_id))
        before = filled("", None, entries)
        given = await read_form(request, *before, "subscribed")
        asked = {"attributes": {}, **changes_of(before, given, entries), "subscribed": given["subscribed"] == "yes"}
        try:
            change = await requests.new(visitor.principal, *fitting(asked, ContactBody))
            made = await created(contacts, visitor.workspace_id, change)
        except ProblemError as problem:
            form = refused(given, problem, lambda pointer: field_at(given, pointer))
            return shown(request, visitor, form, entries)
        return pages.go(f"{PATH}/{made['_id']}", "Added.")

    return router


def listing_of(given: Mapping[str, str], page: str | None) -> ContactListing:
    """The part of the list that the filters ask for. Raises a 422 problem."""
    filters = [{"id": "subscribed", "value": given["subscribed"] == "true"}] if given["subscribed"] else []
    asked = {
        "search": given["q"] or None,
        "filters": orjson.dumps(filters).decode(),
        "page": page or "1",
        "per_page": SHOWN,
    }
    return as_body(ContactListing, asked)


def row_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """A contact as a row of the list: its first attributes beside its address."""
    others = [(name, text_of(value)) for name, value in view["attributes"].items() if name != IDENTITY]
    address = view["attributes"][IDENTITY]
    return {**view, "address": address, "shown": others[:MOST_TAGS], "more": len(others) > MOST_TAGS}
