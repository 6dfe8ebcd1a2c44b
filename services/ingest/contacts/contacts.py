"""A workspace's contacts: created, changed, found by id or address, and deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from services.ingest.contacts.changes import ContactChange, Unchanged
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import ContactStore, Document
from shared.addresses import InvalidAddressError, parse_address
from shared.contracts.entities import Kind
from shared.mongo.entities import VersionConflictError
from shared.mongo.entity_cache import EntityCache

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class AttributesFullError(Exception):
    """Attributes would take more than a contact may have; `addresses` are those of the contacts that stay as they were
    in that (their other changes are made)."""

    def __init__(self, addresses: Sequence[str]) -> None:
        super().__init__(f"{len(addresses)} contact(s) have no room for more attributes")
        self.addresses = list(addresses)


@dataclass(frozen=True, slots=True)
class Upserted:
    """A contact after an upsert."""

    id: str
    address: str
    attributes: Mapping[str, Any]
    subscribed: bool


class Contacts:
    """Writes contacts. Before a workspace's first one its contact book is opened: a versioned entity, so that every
    process which remembers that there are none is told."""

    def __init__(self, cache: EntityCache, store: ContactStore, events: ContactEvents) -> None:
        self._cache = cache
        self._store = store
        self._events = events

    async def find(self, workspace_id: str, identifier: str) -> Document | None:
        """The contact that an id or an address names."""
        if UUID.fullmatch(identifier):
            return await self._store.find(workspace_id, {"_id": identifier.lower()})
        try:
            address = parse_address(identifier, smtputf8=True)
        except InvalidAddressError:
            return None
        return await self._store.find(workspace_id, {"address_key": address.lower()})

    async def create(self, workspace_id: str, change: ContactChange) -> Document:
        """Raises AddressTakenError."""
        await self._open_book(workspace_id)
        return await self._store.create(workspace_id, change)

    async def change(self, workspace_id: str, contact_id: str, change: ContactChange) -> Document | None:
        """The contact as it is then, None where it is gone. Raises AddressTakenError, AttributesFullError."""
        contact = await self._store.change(workspace_id, contact_id, change)
        if contact is not None and not change.fits(contact["attributes"]):
            raise AttributesFullError([contact["address"]])
        return contact

    async def upsert_many(self, workspace_id: str, changes: Sequence[ContactChange]) -> list[Upserted]:
        """Creates or changes the contact of each change's address, in one write; the contacts in the same order.

        Attributes are merged into those that are there; changes of one address are taken together, the later ones
        over the earlier. What a change says of `subscribed` holds, else a known contact stays as it is and a new one
        is what `new_subscribed` says. What others write at the same time may show in the attributes. Those given have
        been checked (`check_attributes`). Raises AttributesFullError.
        """
        if not changes:
            return []
        await self._open_book(workspace_id)
        by_key: dict[str, ContactChange] = {}
        for change in changes:
            assert change.address is not None
            key = change.address.lower()
            by_key[key] = _together(by_key[key], change) if key in by_key else change
        found = await self._store.upsert(workspace_id, by_key)
        full = [found[key]["address"] for key, change in by_key.items() if not change.fits(found[key]["attributes"])]
        if full:
            raise AttributesFullError(full)
        upserted = (found[change.address.lower()] for change in changes if change.address)
        return [Upserted(one["_id"], one["address"], one["attributes"], one["subscribed"]) for one in upserted]

    async def delete(self, workspace_id: str, contact_id: str) -> bool:
        """Deletes a contact and its events; False where it is gone."""
        deleted = await self._store.delete(workspace_id, contact_id)
        await self._events.delete_of(workspace_id, contact_id)
        return deleted

    async def may_route(self, workspace_id: str, sender_id: str) -> bool:
        """Whether mail to a contact may go out from this sender: a verified one of the workspace."""
        sender = await self._cache.get(Kind.SENDER, sender_id)
        return sender is not None and sender.workspace_id == workspace_id and bool(sender.data["verified"])

    async def _open_book(self, workspace_id: str) -> None:
        if await self._cache.get(Kind.CONTACT_BOOK, workspace_id) is not None:
            return
        with suppress(VersionConflictError):  # another request has just opened it
            await self._cache.entities.put(Kind.CONTACT_BOOK, workspace_id, workspace_id, {}, expected=0)
        self._cache.evict(Kind.CONTACT_BOOK, workspace_id)


def _together(earlier: ContactChange, later: ContactChange) -> ContactChange:
    attributes = {**earlier.attributes, **later.attributes}
    for name in later.removed:
        attributes.pop(name, None)
    return replace(
        later,
        address=earlier.address,
        attributes=attributes,
        removed=({*earlier.removed} - set(later.attributes)) | {*later.removed},
        subscribed=earlier.subscribed if isinstance(later.subscribed, Unchanged) else later.subscribed,
        delivery_route=earlier.delivery_route if isinstance(later.delivery_route, Unchanged) else later.delivery_route,
    )
