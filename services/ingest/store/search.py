"""Searches of the read model, newest first, each down one index and within bounded work.

The index is that of the clause whose next keys, as many of each, lead back furthest: the rarest, at this place. No
query leaves the choice to MongoDB, which would try many indexes, and may sort (decision 0015).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from bson.max_key import MaxKey
from bson.min_key import MinKey
from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.search.conditions import Condition, condition_of, ids_of, index_of, on_way
from services.ingest.search.wanted import ID, Clause, Wanted
from services.ingest.store.messages import COLLECTION, READ_MS, WITHOUT_DETAIL

FIRST_LOOKED_AT, LOOKED_AT = 250, 1_000
MOST_IDS, MOST_VALUES, KEYS_AT_ONCE = 2_000, 32, 100
PAGE_SECONDS = 0.04
BATCH = 500
LAST = "\U0010ffff"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, and the id behind which to go on; None at the end. Where much was looked at in vain they are fewer than
    were asked for, or none."""

    messages: list[Document]
    behind: str | None


class Searches:
    """Reads only; each call names the workspace. A page looks at more and more messages at a time, at least once at
    `looked_at`, and goes on for some `seconds`."""

    def __init__(
        self, database: AsyncIOMotorDatabase, looked_at: int = LOOKED_AT, seconds: float = PAGE_SECONDS
    ) -> None:
        self._messages = database[COLLECTION]
        self._looked_at = looked_at
        self._seconds = seconds

    async def page(self, workspace_id: str, wanted: Wanted, before: str | None, limit: int) -> Page:
        """The newest messages that are wanted of those older than the id `before`."""
        clauses = await asyncio.gather(*(self._resolved(workspace_id, each) for each in wanted.clauses))
        if not all(each.values for each in clauses):
            return Page([], None)
        found: list[Document] = []
        deadline = time.monotonic() + self._seconds
        looked_at = FIRST_LOOKED_AT
        while True:
            ids = ids_of(wanted, before)
            way, before = await self._way(workspace_id, clauses, ids, min(looked_at, self._looked_at))
            looked_at *= 4
            ids |= {"$gte": before} if before else {}
            condition = condition_of(workspace_id, wanted, clauses, way, ids)
            query = self._messages.find(condition, WITHOUT_DETAIL).sort(ID, -1).hint(index_of(way))
            found += await query.limit(limit + 1 - len(found)).max_time_ms(READ_MS).to_list(None)
            if len(found) > limit:
                return Page(found[:limit], found[limit - 1][ID])
            if before is None or (looked_at > self._looked_at and time.monotonic() > deadline):
                return Page(found, before)

    async def each(self, workspace_id: str, wanted: Wanted) -> AsyncIterator[Document]:
        """All messages that are wanted, newest first, however many; some hundreds at a time are in memory."""
        before = None
        while True:
            page = await self.page(workspace_id, wanted, before, BATCH)
            for message in page.messages:
                yield message
            if page.behind is None:
                return
            before = page.behind

    async def _way(
        self, workspace_id: str, clauses: Sequence[Clause], ids: Condition, looked_at: int
    ) -> tuple[Clause | None, str | None]:
        """The clause to go down (None: all messages), and the last id to look at (None: all the way)."""
        indexed = [each for each in clauses if not each.is_beginning]
        if len(clauses) == len(indexed) <= 1:
            return next(iter(indexed), None), None
        ways: list[Clause | None] = [*indexed] or [None]
        ends = await asyncio.gather(*(self._end(on_way(workspace_id, each, ids), each, looked_at) for each in ways))
        end, place = min((end or "", place) for place, end in enumerate(ends))
        return ways[place], end or None

    async def _end(self, condition: Condition, way: Clause | None, looked_at: int) -> str | None:
        """How far back the next `looked_at` messages on a way lead, out of the index alone; None where that is its end.
        Ids are few."""
        if way is not None and way.field == ID:
            return None
        query = self._messages.find(condition, {ID: 1}).sort(ID, -1).hint(index_of(way))
        found = await query.skip(looked_at - 1).limit(1).max_time_ms(READ_MS).to_list(1)
        return found[0][ID] if found else None

    async def _resolved(self, workspace_id: str, clause: Clause) -> Clause:
        """A beginning as the ids that have it, or as all values that have it; as it is where both are too many.

        A value whose keys fill an answer is not read to its end, but by then there are too many ids.
        """
        if not clause.is_beginning:
            return clause
        ids: set[str] = set()
        values: dict[str, None] = {}
        for beginning in clause.values:
            keys = await self._keys(workspace_id, clause, beginning, (beginning, MaxKey()), MOST_IDS + 1)
            while keys:
                ids |= {key[ID] for key in keys}
                values |= {key[clause.field]: None for key in keys}
                if len(ids) > MOST_IDS and len(values) > MOST_VALUES:
                    return clause
                after = keys[-1][clause.field], MinKey()
                keys = await self._keys(workspace_id, clause, beginning, after, KEYS_AT_ONCE)
        return Clause(ID, tuple(ids)) if len(values) > MOST_VALUES else Clause(clause.field, tuple(values))

    async def _keys(
        self, workspace_id: str, clause: Clause, beginning: str, after: tuple[str, MaxKey | MinKey], limit: int
    ) -> list[Document]:
        """Keys of a clause's index from a place on, as long as they begin so. No message is read for them."""
        least: list[tuple[str, Any]] = [("workspace_id", workspace_id), (clause.field, after[0]), (ID, after[1])]
        end: list[tuple[str, Any]] = [("workspace_id", workspace_id), (clause.field, beginning + LAST), (ID, MaxKey())]
        query = self._messages.find({}, return_key=True).hint(index_of(clause)).min(least).max(end)
        found: list[Document] = await query.limit(limit).max_time_ms(READ_MS).to_list(limit)
        return found
