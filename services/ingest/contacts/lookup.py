"""Which recipients of a request are contacts: one query for all requests that ask at the same time, and none where the
workspace has never had a contact."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache
from shared.mongo.group_commit import GroupCommit

MOST_AT_ONCE = 100
Wanted = tuple[str, Collection[str]]
Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class KnownContact:
    """What a send needs of a contact; `delivery_route` is the id of a sender, which may be gone by now."""

    id: str
    delivery_route: str | None
    subscribed: bool
    attributes: Mapping[str, Any]


class ContactLookup:
    """Finds contacts for the sending path; `read` is the store's `known`."""

    def __init__(self, cache: EntityCache, read: Callable[[list[Wanted]], Awaitable[Sequence[Documents]]]) -> None:
        self._cache = cache
        self._reads: GroupCommit[Wanted, Documents] = GroupCommit("contacts", read, largest=MOST_AT_ONCE)

    async def find(self, workspace_id: str, addresses: Collection[str]) -> dict[str, KnownContact]:
        """Those of the addresses that are contacts of the workspace, by address in lower case."""
        if await self._cache.get(Kind.CONTACT_BOOK, workspace_id) is None:
            return {}
        found = await self._reads.submit((workspace_id, {address.lower() for address in addresses}))
        return {
            key: KnownContact(one["_id"], one["delivery_route"], one["subscribed"], one["attributes"])
            for key, one in found.items()
        }
