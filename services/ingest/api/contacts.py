"""`/v1/contacts`: the recipients that a workspace knows, by id or by address."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.ingest.api.contact_events import add_event_routes
from services.ingest.api.contact_requests import ContactRequests
from services.ingest.api.contact_schemas import ContactBody, ContactChanges, ContactPage, ContactReply
from services.ingest.api.object_body import read_object, refused
from services.ingest.api.operations import READING, WRITING
from services.ingest.contacts.attributes import attributes_full
from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.contacts import AttributesFullError, Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.views import contact_view
from services.ingest.faults import TOO_LARGE
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import AddressTakenError, ContactStore, Document
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.errors import not_found
from shared.openapi.operations import body_of, replies
from shared.paging import FILTERS, SEARCHED, Paging, paged, read_filters
from shared.service import Base

SCOPE = "contacts"
CREATE_EXAMPLE = {"attributes": {"email": "ann@example.test", "first_name": "Ann"}, "subscribed": True}
CHANGE_EXAMPLE = {"attributes": {"first_name": "Anna", "nickname": None}, "subscribed": False}
FILTER_NAMES = ("email", "subscribed")


class ContactListing(Paging):
    """A page of the contacts, oldest first; `search` is found anywhere in an address."""

    search: str | None = SEARCHED
    filters: str | None = FILTERS


def contacts_router(base: Base) -> APIRouter:
    """The routes, for keys with the scope `contacts`; another workspace's contact is not found."""
    router = service_router(base.tracing, "/v1/contacts", ["contacts"])
    store, events = ContactStore(base.database), ContactEvents(base.database)
    contacts = Contacts(base.cache, store, events)
    owner: Principal = caller(base.authenticator, SCOPE)
    requests = ContactRequests(contacts, DeclaredFields(base.cache))
    _add_collection(router, contacts, store, requests, owner)
    add_event_routes(router, contacts, events, owner)
    _add_one(router, contacts, requests, owner)
    return router


def _add_collection(
    router: APIRouter, contacts: Contacts, store: ContactStore, requests: ContactRequests, owner: Principal
) -> None:
    @router.get("", operation_id="list_contacts", responses=replies(200, ContactPage, "A page", *READING))
    async def list_contacts(listing: Annotated[ContactListing, Query()], principal: Principal = owner) -> Response:
        """List contacts, oldest first. The filters are `email` and `subscribed`."""
        found, total = await store.page(principal.workspace_id, conditions_of(listing), listing.skip, listing.per_page)
        return json_response(200, paged([contact_view(contact) for contact in found], total, listing))

    @router.post(
        "", status_code=201, operation_id="create_contact", openapi_extra=body_of(ContactBody, CREATE_EXAMPLE),
        responses=replies(201, ContactReply, "The new contact", *WRITING),
    )  # fmt: skip
    async def create_contact(request: Request, principal: Principal = owner) -> Response:
        """Create a contact. An address that is a contact already is refused."""
        change = await requests.new(principal, *await read_object(request, ContactBody))
        return _reply(await created(contacts, principal.workspace_id, change), 201)

    @router.post(
        "/upsert", operation_id="upsert_contact", openapi_extra=body_of(ContactBody, CREATE_EXAMPLE),
        responses=replies(200, ContactReply, "The contact as it is now", *WRITING),
    )  # fmt: skip
    async def upsert_contact(request: Request, principal: Principal = owner) -> Response:
        """Create a contact, or change the one that has the address."""
        change = await requests.new(principal, *await read_object(request, ContactBody))
        try:
            (made,) = await contacts.upsert_many(principal.workspace_id, [change])
        except AttributesFullError as error:
            raise _full() from error
        return _reply(_found(await contacts.find(principal.workspace_id, made.id)))


def _add_one(router: APIRouter, contacts: Contacts, requests: ContactRequests, owner: Principal) -> None:
    one = "/{contact:path}"  # an address may hold slashes

    @router.get(
        one, operation_id="get_contact", responses=replies(200, ContactReply, "The contact", *READING, 404)
    )  # fmt: skip
    async def get_contact(contact: str, principal: Principal = owner) -> Response:
        """A contact by id or address."""
        return _reply(_found(await contacts.find(principal.workspace_id, contact)))

    async def change_contact(contact: str, request: Request, principal: Principal = owner) -> Response:
        """Change a contact. Attributes are merged into those that it has."""
        found = _found(await contacts.find(principal.workspace_id, contact))
        change = await requests.update(principal, *await read_object(request, ContactChanges))
        return _reply(await changed(contacts, found, change))

    for method, name in (("POST", "change_contact"), ("PATCH", "patch_contact")):
        router.add_api_route(
            one, change_contact, methods=[method], operation_id=name,
            openapi_extra=body_of(ContactChanges, CHANGE_EXAMPLE),
            responses=replies(200, ContactReply, "The contact as it is now", *WRITING, 404),
        )  # fmt: skip

    @router.delete(
        one, status_code=204, operation_id="delete_contact",
        responses=replies(204, None, "Deleted, with its events", *READING, 404),
    )  # fmt: skip
    async def delete_contact(contact: str, principal: Principal = owner) -> Response:
        """Delete a contact and its events. Mail to the address is sent as to anybody."""
        found = _found(await contacts.find(principal.workspace_id, contact))
        if not await contacts.delete(principal.workspace_id, found["_id"]):
            raise not_found("contact")
        return Response(status_code=204)


async def created(contacts: Contacts, workspace_id: str, change: ContactChange) -> Document:
    """The new contact; raises a 422 problem where its address is one already."""
    try:
        return await contacts.create(workspace_id, change)
    except AddressTakenError as error:
        raise _taken() from error


async def changed(contacts: Contacts, contact: Document, change: ContactChange) -> Document:
    """The contact as it is then; raises a 404 or 422 problem."""
    try:
        return _found(await contacts.change(contact["workspace_id"], contact["_id"], change))
    except AddressTakenError as error:
        raise _taken() from error
    except AttributesFullError as error:
        raise _full() from error


def conditions_of(listing: ContactListing) -> dict[str, Any]:
    """The listing's conditions in MongoDB's words. Raises a 422 problem."""
    filters = read_filters(listing.filters, FILTER_NAMES)
    conditions: list[dict[str, Any]] = []
    if listing.search is not None:
        conditions.append({"address_key": {"$regex": re.escape(listing.search.lower())}})
    for name, values in filters.items():
        if name == "subscribed":
            if not all(isinstance(value, bool) for value in values):
                raise refused("#/filters", "wrong_type", "The filter `subscribed` must be true or false.")
            conditions.append({"subscribed": {"$in": values}})
        else:
            conditions.append({"address_key": {"$in": [str(value).lower() for value in values]}})
    return {"$and": conditions} if conditions else {}


def _reply(contact: Document, status: int = 200) -> Response:
    return json_response(status, {"data": contact_view(contact)})


def _found(contact: Document | None) -> Document:
    if contact is None:
        raise not_found("contact")
    return contact


def _taken() -> Exception:
    return refused("#/attributes/email", "taken", "Another contact of the workspace has this address.")


def _full() -> Exception:
    return refused("#/attributes", TOO_LARGE, attributes_full())
