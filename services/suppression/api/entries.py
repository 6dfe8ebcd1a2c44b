"""What the routes of single entries and of lists do, for a workspace or the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from services.suppression.api.callers import Caller
from services.suppression.api.domains import SendingDomains
from services.suppression.api.filters import searched, wanted_of
from services.suppression.api.reading import Refusing, addition_of, address_of, check_domain, place_of
from services.suppression.api.schemas import ListingQuery, NewSuppression, RemovalsQuery, Removing, Where
from services.suppression.api.views import history_of, removal_view, view_of
from services.suppression.counting import count_changes
from services.suppression.documents.reading import entry_of
from services.suppression.rules import GUARDED, Entry
from services.suppression.settings import Settings
from services.suppression.store import Added, Listing, Suppressions
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.paging import paged

Views = list[dict[str, Any]]


class SuppressionApi:
    """Every change is told at once; what Kafka does not take now is published by the sweep."""

    def __init__(self, store: Suppressions, domains: SendingDomains, settings: Settings) -> None:
        self.store = store
        self.domains = domains
        self.settings = settings
        self._listing = Listing(store)

    async def list(self, caller: Caller, listing: ListingQuery) -> Response:
        wanted = wanted_of(caller.workspace_id, listing)
        found, total = await self._listing.page(wanted, datetime.now(UTC), listing.skip, listing.per_page)
        return json_response(200, paged([self.render(entry) for entry in found], total, listing))

    async def removals(self, caller: Caller, listing: RemovalsQuery) -> Response:
        found, total = await self.removed(caller, listing)
        return json_response(200, paged(found, total, listing))

    async def removed(self, caller: Caller, listing: RemovalsQuery) -> tuple[Views, int]:
        """A page of what is removed, and how much there is."""
        search = searched(listing.email) if listing.email else None
        found, total = await self._listing.removals(caller.workspace_id, search, listing.skip, listing.per_page)
        return [removal_view(each) for each in found], total

    async def get(self, caller: Caller, name: str, where: Where) -> Response:
        return json_response(200, {"data": self.render(await self._find(caller, name, where))})

    async def history(self, caller: Caller, name: str, where: Where) -> Response:
        document = await self.store.document(self._place(caller, where), _known_as(name))
        if document is None:
            raise not_found("suppression")
        return json_response(200, {"data": history_of(document)})

    async def add(self, caller: Caller, wanted: NewSuppression) -> Response:
        added = await self.suppress(caller, wanted)
        return json_response(201 if added.is_new else 200, {"data": self.render(entry_of(added.document))})

    async def suppress(self, caller: Caller, wanted: NewSuppression) -> Added:
        """Suppresses an address; raises a 422 problem."""
        domains = await self.domains.of(caller.workspace_id) if wanted.domain else ()
        with Refusing():
            address = address_of(wanted.email)
            place = place_of(caller, wanted.scope, wanted.domain, wanted.stream)
            check_domain(place, domains)
            addition = addition_of(caller, place, wanted.type, wanted.reason, wanted.expires_at, self.settings)
        (added,) = await self.store.add_many([(self.store.naming.named(place, address), addition)])
        await self.publish([added.document])
        return added

    async def remove(self, caller: Caller, name: str, removing: Removing) -> Response:
        entry = await self._find(caller, name, removing)
        check_removal(caller, entry, removing.reason)
        (removed,) = await self.store.remove([(entry, caller.removal(removing.reason))], guarded=caller.is_admin)
        if removed is None:
            raise not_found("suppression")
        await self.publish([removed])
        return Response(status_code=204)

    async def publish(self, documents: Sequence[Mapping[str, Any]]) -> None:
        changed = [each for each in documents if "unpublished" in each]
        count_changes(changed)
        await self.store.outbox.offer(changed)

    def render(self, entry: Entry) -> dict[str, Any]:
        return view_of(entry, self.store.naming.open(entry))

    async def _find(self, caller: Caller, name: str, where: Where) -> Entry:
        entry = await self.store.find(self._place(caller, where), _known_as(name), datetime.now(UTC))
        if entry is None:
            raise not_found("suppression")
        return entry

    def _place(self, caller: Caller, where: Where) -> Any:
        with Refusing():
            return place_of(caller, where.scope, where.domain, where.stream)


def check_removal(caller: Caller, entry: Entry, why: str | None) -> None:
    """Only an admin who says why may send again to who complained or was erased. Raises a 403 or 422 problem."""
    if entry.reason not in GUARDED:
        return
    caller.require_admin()
    if why is None:
        text = f"Say in `reason` why an entry of type {entry.type} is removed."
        raise invalid_request([Fault("#/reason", "missing", text)])


def _known_as(name: str) -> str:
    try:
        return parse_address(name, smtputf8=True) if "@" in name else name
    except InvalidAddressError as error:
        raise not_found("suppression") from error


def error_of(problem: ProblemError, path: str, request_id: str) -> dict[str, Any]:
    """A problem as the result of one item."""
    return {"status": problem.status, "error": problem.body(path, request_id)}
