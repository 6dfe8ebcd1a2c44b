"""What Plunk's `POST /v1/track` does: an event of a contact, which is created or changed with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.acceptance.storing import Call
from services.ingest.api.contact_events import checked_event
from services.ingest.contacts.attributes import check_attributes
from services.ingest.contacts.contacts import AttributesFullError, Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.dialects.plunk.keys import UsedKeys
from services.ingest.dialects.plunk.requests import Data, change_of, check_contact, data_full, data_of
from services.ingest.dialects.plunk.shapes import tracked
from services.ingest.faults import Faults
from services.ingest.store.contact_events import ContactEvents, KeyHeldError
from shared.addresses import CONTROL, InvalidAddressError, parse_address
from shared.auth import Principal

LONGEST_EVENT = 200
OWN_EVENTS = re.compile(r"email\..*|contact\.(subscribed|unsubscribed)|segment\..*\.(entry|exit)", re.DOTALL)
"""Names that Plunk itself gives events."""


class PlunkTracking:
    """Records events; a used idempotency key is refused, over sends too."""

    def __init__(
        self,
        keys: UsedKeys,
        contacts: Contacts,
        events: ContactEvents,
        declared: DeclaredFields,
        key_life: timedelta,
    ) -> None:
        self._keys = keys
        self._contacts = contacts
        self._events = events
        self._declared = declared
        self._key_life = key_life

    async def track(self, call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to an event that was recorded. Raises ProblemError."""
        await self._keys.refuse(call)
        workspace_id = call.principal.workspace_id
        data = data_of(given.get("data"))
        address, attributes = await self._check(call.principal, given, data)
        change = change_of(address, data, given.get("subscribed"), new_subscribed=True)
        try:
            (contact,) = await self._contacts.upsert_many(workspace_id, [change])
        except AttributesFullError as error:
            raise data_full() from error
        held = (call.key, datetime.now(UTC) + self._key_life) if call.key is not None else None
        try:
            event = await self._events.add(workspace_id, contact.id, given["event"], attributes, held)
        except KeyHeldError:
            await self._keys.refuse(call, running=True)
            raise
        return tracked(contact.id, event["_id"], event["created_at"])

    async def _check(self, principal: Principal, given: Mapping[str, Any], data: Data) -> tuple[str, bytes]:
        """The contact's address, and what the event keeps as JSON; tells every fault."""
        faults = Faults()
        check_contact(given, faults)
        _check_name(given.get("event"), faults)
        address = _address(given.get("email"), faults, smtputf8=principal.workspace.smtputf8)
        fields = await self._declared.by_name(principal.workspace_id)
        check_attributes(data.kept, fields, faults, nested=True, at="data")
        attributes = checked_event({"attributes": {**data.kept, **data.passing}}, faults)
        faults.raise_any()
        return address, attributes


def _check_name(name: Any, faults: Faults) -> None:
    if not isinstance(name, str):
        code, detail = ("required", "is required") if name is None else ("wrong_type", "must be a string")
        faults.add("#/event", code, f"`event` {detail}.")
    elif not 1 <= len(name) <= LONGEST_EVENT or CONTROL.search(name):
        detail = f"`event` has 1 to {LONGEST_EVENT} characters, none of them a control character."
        faults.add("#/event", "invalid_name", detail)
    elif OWN_EVENTS.fullmatch(name):
        faults.add("#/event", "reserved_event", "`event` is a name that only the platform gives.")


def _address(given: Any, faults: Faults, *, smtputf8: bool) -> str:
    if not isinstance(given, str):
        code, detail = ("required", "is required") if given is None else ("wrong_type", "must be a string")
        faults.add("#/email", code, f"`email` {detail}.")
        return ""
    try:
        return parse_address(given, smtputf8=smtputf8)
    except InvalidAddressError as error:
        faults.add("#/email", "invalid_address", f"`email` {str(error).rstrip('.')}.")
        return ""
