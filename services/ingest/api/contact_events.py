"""`/v1/contacts/{contact}/subscribe`, `…/unsubscribe` and `…/events`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic_core import from_json

from services.ingest.api.contact_schemas import ContactReply, EventBody, EventPage
from services.ingest.api.object_body import read_object
from services.ingest.api.operations import READING, WRITING
from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.views import contact_view, event_view
from services.ingest.faults import TOO_LARGE, Faults
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import Document
from shared.addresses import CONTROL
from shared.api import json_response
from shared.auth import Principal
from shared.errors import not_found
from shared.openapi.operations import body_of, replies
from shared.paging import SEARCHED, Paging, paged

LARGEST_EVENT = 32 * 1024
EXAMPLE = {"event_name": "purchase", "attributes": {"plan": "enterprise"}}


class EventListing(Paging):
    """A page of a contact's events, oldest first; `search` is found anywhere in an event's name, in any case."""

    search: str | None = SEARCHED


def add_event_routes(router: APIRouter, contacts: Contacts, events: ContactEvents, owner: Principal) -> None:
    """To be added before the routes of a contact itself, whose paths end with an address that may hold slashes."""

    async def existing(principal: Principal, contact: str) -> Document:
        found = await contacts.find(principal.workspace_id, contact)
        if found is None:
            raise not_found("contact")
        return found

    async def set_subscribed(principal: Principal, contact: str, subscribed: bool) -> Response:
        found = await existing(principal, contact)
        changed = await contacts.change(principal.workspace_id, found["_id"], ContactChange(subscribed=subscribed))
        if changed is None:
            raise not_found("contact")
        return json_response(200, {"data": contact_view(changed)})

    said = replies(200, ContactReply, "The contact as it is now", *READING, 404)

    @router.post("/{contact:path}/subscribe", operation_id="subscribe_contact", responses=said)
    async def subscribe(contact: str, principal: Principal = owner) -> Response:
        """Subscribe a contact; one that is subscribed stays so."""
        return await set_subscribed(principal, contact, True)

    @router.post("/{contact:path}/unsubscribe", operation_id="unsubscribe_contact", responses=said)
    async def unsubscribe(contact: str, principal: Principal = owner) -> Response:
        """Unsubscribe a contact: what is sent with a marketing template does not go to it."""
        return await set_subscribed(principal, contact, False)

    @router.get(
        "/{contact:path}/events", operation_id="list_contact_events",
        responses=replies(200, EventPage, "A page", *READING, 404),
    )  # fmt: skip
    async def list_events(
        contact: str, listing: Annotated[EventListing, Query()], principal: Principal = owner
    ) -> Response:
        """List a contact's events, oldest first."""
        found = await existing(principal, contact)
        page, total = await events.page(
            principal.workspace_id, found["_id"], listing.search, listing.skip, listing.per_page
        )
        return json_response(200, paged([event_view(event) for event in page], total, listing))

    @router.post(
        "/{contact:path}/events", status_code=204, operation_id="create_contact_event",
        openapi_extra=body_of(EventBody, EXAMPLE), responses=replies(204, None, "Recorded", *WRITING, 404),
    )  # fmt: skip
    async def create_event(contact: str, request: Request, principal: Principal = owner) -> Response:
        """Record an event of a contact."""
        found = await existing(principal, contact)
        given, faults = await read_object(request, EventBody)
        attributes = checked_event(given, faults)
        faults.raise_any()
        await events.add(principal.workspace_id, found["_id"], given["event_name"], attributes)
        return Response(status_code=204)


def checked_event(given: dict[str, Any], faults: Faults) -> bytes:
    """The event's attributes as JSON; adds what is wrong with them and with the name to the faults."""
    if CONTROL.search(given.get("event_name", "")):
        faults.add("#/event_name", "invalid_name", "`event_name` may not contain control characters.")
    attributes = given.get("attributes")
    if isinstance(attributes, str):
        try:
            attributes = from_json(attributes)
        except ValueError:
            faults.add("#/attributes", "malformed_json", "`attributes` is a text that is no JSON.")
            return b""
    if attributes is not None and not isinstance(attributes, dict):
        faults.add("#/attributes", "wrong_type", "`attributes` must be an object, or the JSON text of one.")
        return b""
    try:
        encoded = orjson.dumps(attributes or {})
    except orjson.JSONEncodeError:
        faults.add("#/attributes", "out_of_range", "An integer in `attributes` must fit into 64 bits.")
        return b""
    if len(encoded) > LARGEST_EVENT:
        faults.add("#/attributes", TOO_LARGE, f"The attributes of an event may take {LARGEST_EVENT // 1024} KiB.")
    return encoded
