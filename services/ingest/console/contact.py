"""One contact: its attributes, whether it is subscribed, where its mail goes out from, and what it did."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.ingest.api.contact_events import EventListing
from services.ingest.api.contact_requests import ContactRequests
from services.ingest.api.contact_schemas import ContactChanges
from services.ingest.api.contacts import SCOPE, changed
from services.ingest.api.object_body import fitting
from services.ingest.console.contact_form import BOOLEANS, KINDS, changes_of, entries_of, field_at, filled
from services.ingest.console.contacts import PATH, SHOWN
from services.ingest.console.numbered import numbered_urls
from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.views import event_view
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import Document
from services.ingest.store.owned import Owned
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError, not_found

OF_A_CONTACT = f"{PATH}/{{id}}"
MOST_SENDERS = 200


class ContactPage:
    """What the page of a contact is made of."""

    def __init__(
        self, console: Console, contacts: Contacts, events: ContactEvents, declared: DeclaredFields, senders: Owned
    ) -> None:
        self._pages = console.pages
        self._contacts = contacts
        self._events = events
        self._declared = declared
        self._senders = senders

    async def found(self, visitor: Visitor, id_: str) -> Document:
        """Raises a 404 problem."""
        contact = await self._contacts.find(visitor.workspace_id, id_)
        if contact is None:
            raise not_found("contact")
        return contact

    async def entries(self, contact: Document) -> list[Any]:
        return entries_of(contact["attributes"], await self._declared.by_name(contact["workspace_id"]))

    async def show(self, request: Request, visitor: Visitor, contact: Document, form: Form | None = None) -> Response:
        """The page; `form` is the one that was refused, else it shows the contact as it is."""
        entries = await self.entries(contact)
        page = as_body(EventListing, {"page": request.query_params.get("page") or "1", "per_page": SHOWN})
        events, total = await self._events.page(contact["workspace_id"], contact["_id"], None, page.skip, page.per_page)
        shown = form or Form(filled(contact["address"], contact["delivery_route"], entries))
        return self._pages.show(
            request,
            visitor,
            "contact.html",
            shown.status,
            contact=contact,
            entries=entries,
            form=shown,
            kinds=KINDS,
            booleans=BOOLEANS,
            routes=await self._routes(visitor, contact),
            events=[event_view(event) | {"said": pretty(event["attributes"])} for event in events],
            **numbered_urls(f"{PATH}/{contact['_id']}", {}, page.page, page.skip + len(events) < total),
        )

    async def _routes(self, visitor: Visitor, contact: Document) -> list[tuple[str, str]]:
        """The senders that its mail may go out from, as the options of a choice."""
        senders = await self._senders.page(visitor.workspace_id, None, MOST_SENDERS)
        options = [(one.id, str(one.data["address"])) for one in senders if one.data["verified"]]
        route = contact["delivery_route"]
        kept = [(route, route)] if route and route not in dict(options) else []
        return [("", "as the message says"), *options, *kept]


def contact_pages(console: Console, page: ContactPage, contacts: Contacts, requests: ContactRequests) -> APIRouter:
    router = console.router()
    pages = console.pages
    may_change = console.gate.action(SCOPE)

    @router.get(OF_A_CONTACT)
    async def show(request: Request, id: str, visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        return await page.show(request, visitor, await page.found(visitor, id))

    @router.post(OF_A_CONTACT)
    async def change(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        contact = await page.found(visitor, id)
        entries = await page.entries(contact)
        before = filled(contact["address"], contact["delivery_route"], entries)
        given = {**before, **await read_form(request, *(before.keys() & (await request.form()).keys()))}
        try:
            asked = changes_of(before, given, entries)
            await changed(contacts, contact, await requests.update(visitor.principal, *fitting(asked, ContactChanges)))
        except ProblemError as problem:
            form = refused(given, problem, lambda pointer: field_at(given, pointer))
            return await page.show(request, visitor, contact, form)
        return pages.go(f"{PATH}/{contact['_id']}", "Saved.")

    @router.post(f"{OF_A_CONTACT}/subscription")
    async def subscribe(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        wanted = (await read_form(request, "wanted"))["wanted"] == "yes"
        contact = await changed(contacts, await page.found(visitor, id), ContactChange(subscribed=wanted))
        said = "Subscribed." if wanted else "Unsubscribed: what is sent with a marketing template does not go to it."
        return pages.go(f"{PATH}/{contact['_id']}", said)

    @router.post(f"{OF_A_CONTACT}/deletion")
    async def delete(id: str, visitor: Visitor = may_change) -> Response:
        contact = await page.found(visitor, id)
        if not await contacts.delete(visitor.workspace_id, contact["_id"]):
            raise not_found("contact")
        return pages.go(PATH, f"Deleted {contact['address']}, with its events.")

    return router


def pretty(attributes: bytes) -> str:
    """An event's attributes to read; empty where it has none."""
    data = orjson.loads(attributes)
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() if data else ""
