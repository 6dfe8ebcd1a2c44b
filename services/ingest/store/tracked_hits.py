"""Hits on tracked links, each with its event until that is published, and the messages that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.ingest.projection.fold import apply
from services.ingest.store.messages import COLLECTION as MESSAGES
from services.ingest.store.messages import READ_MS, SUBMISSIONS, WITHOUT_DETAIL
from shared.contracts.events import accepted_event
from shared.contracts.messages import Message
from shared.mongo import outbox
from shared.mongo.group_commit import Insert, insert_group

COLLECTION = "tracked_hits"
KEPT = timedelta(days=7)

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel("at", expireAfterSeconds=round(KEPT.total_seconds())), outbox.INDEX)
}

Place = tuple[str, str]
"""A workspace and one of its messages, by their ids."""


class TrackedHits:
    """The hits, one document for each event id, and what is known of their messages."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.collection = database[COLLECTION]
        self._messages = database[MESSAGES]
        self._submissions = database[SUBMISSIONS]

    async def insert(self, documents: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Inserts those that are not there yet; tells of each whether it is new. Raises PyMongoError."""
        inserted = await insert_group(self.collection, documents)
        return [one.result is Insert.DONE for one in inserted]

    async def messages(self, places: Collection[Place]) -> dict[Place, Mapping[str, Any]]:
        """The messages' documents as the read model has them, or would have them once it has heard of them."""
        found = await self._in_read_model(places)
        if missing := set(places) - found.keys():
            found |= await self._in_submissions(missing)
        return found

    async def _in_read_model(self, places: Collection[Place]) -> dict[Place, Mapping[str, Any]]:
        query = self._messages.find(
            {**_within(places), "_id": {"$in": [id_ for _, id_ in places]}, "head": {"$exists": True}}, WITHOUT_DETAIL
        ).max_time_ms(READ_MS)
        return {(document["workspace_id"], document["_id"]): document async for document in query}

    async def _in_submissions(self, places: Collection[Place]) -> dict[Place, Mapping[str, Any]]:
        query = self._submissions.find(
            {**_within(places), "messages.id": {"$in": [id_ for _, id_ in places]}},
            {"workspace_id": 1, "messages.id": 1, "messages.record": 1},
        ).max_time_ms(READ_MS)
        found: dict[Place, Mapping[str, Any]] = {}
        async for submission in query:
            for message in submission["messages"]:
                place = submission["workspace_id"], message["id"]
                if place in places:
                    found[place] = apply(None, [accepted_event(Message.decode(bytes(message["record"])))])
        return found


def _within(places: Collection[Place]) -> dict[str, Any]:
    return {"workspace_id": {"$in": list({workspace_id for workspace_id, _ in places})}}
