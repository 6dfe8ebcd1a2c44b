"""From a request's body to a change of a contact, with every fault found on the way."""

from __future__ import annotations

from typing import Any

from services.ingest.contacts.attributes import check_attributes, check_identity
from services.ingest.contacts.changes import UNCHANGED, ContactChange
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.faults import Faults
from shared.auth import Principal


class ContactRequests:
    """Reads what a caller says of a contact."""

    def __init__(self, contacts: Contacts, fields: DeclaredFields) -> None:
        self._contacts = contacts
        self._fields = fields

    async def new(self, principal: Principal, given: dict[str, Any], faults: Faults) -> ContactChange:
        """What creates a contact: of `given` what fits `ContactBody`, with the faults of the rest. Raises a problem."""
        address = None
        if not faults.concern("attributes"):
            email = given["attributes"].get("email")
            address = check_identity(email, faults, smtputf8=principal.workspace.smtputf8)
        return await self._change(principal, given, address, faults)

    async def update(self, principal: Principal, given: dict[str, Any], faults: Faults) -> ContactChange:
        """What changes one: of `given` what fits `ContactChanges`, with the faults of the rest. Raises a problem."""
        attributes = given.get("attributes") or {}
        address = None
        if "email" in attributes:
            address = check_identity(attributes["email"], faults, smtputf8=principal.workspace.smtputf8)
        return await self._change(principal, given, address, faults)

    async def _change(
        self, principal: Principal, given: dict[str, Any], address: str | None, faults: Faults
    ) -> ContactChange:
        fields = await self._fields.by_name(principal.workspace_id)
        kept, removed = check_attributes(given.get("attributes") or {}, fields, faults)
        route = given.get("delivery_route", UNCHANGED)
        if isinstance(route, str) and not await self._contacts.may_route(principal.workspace_id, route):
            faults.add("#/delivery_route", "sender_not_verified", "`delivery_route` is the id of no verified sender.")
        faults.raise_any()
        subscribed = given.get("subscribed")
        return ContactChange(address, kept, removed, UNCHANGED if subscribed is None else subscribed, route)
