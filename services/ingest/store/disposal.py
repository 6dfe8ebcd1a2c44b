"""Submissions whose contents go with the end of their last message: `dispose` until then, `disposed_at` from then on.

A message that was sent again shares its content: its submission names it as `shares`, and the first one's decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.ingest.search.terms import SUBJECT
from services.ingest.store.messages import COLLECTION as MESSAGES
from services.ingest.store.submissions import COLLECTION

SHARED = {"shares": {"$exists": True}}
FIELDS = dict.fromkeys(("workspace_id", "shares", "dispose", "messages"), 1)
INDEXES: dict[str, tuple[IndexModel, ...]] = {COLLECTION: (IndexModel("shares", partialFilterExpression=SHARED),)}

Document = dict[str, Any]


class Disposals:
    """What is to be looked at before a content goes, and that it has gone."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._submissions = database[COLLECTION]
        self._messages = database[MESSAGES]

    async def flagged(self, ids: Collection[str]) -> list[Document]:
        """Those of the submissions whose contents are to go."""
        return await self._submissions.find({"_id": {"$in": list(ids)}, "dispose": True}, FIELDS).to_list(None)

    async def with_messages(self, workspace_id: str, message_ids: Collection[str]) -> list[Document]:
        """The submissions that these messages came with."""
        condition = {"workspace_id": workspace_id, "messages.id": {"$in": list(message_ids)}}
        return await self._submissions.find(condition, FIELDS).to_list(None)

    async def sharing(self, content_ids: Collection[str]) -> list[Document]:
        """The submissions whose messages were sent again with these contents."""
        return await self._submissions.find({"shares": {"$in": list(content_ids)}}, FIELDS).to_list(None)

    async def done(self, ids: Sequence[str], message_ids: Sequence[str]) -> None:
        """Takes the subjects, too, from the read model first: the submissions are looked at until they are done."""
        gone = {"$unset": {"subject": ""}, "$pull": {"terms": {"$regex": f"^{SUBJECT}:"}}}
        await self._messages.update_many({"_id": {"$in": list(message_ids)}}, gone)
        await self._submissions.update_many(
            {"_id": {"$in": list(ids)}, "dispose": True},
            [{"$set": {"disposed_at": "$$NOW"}}, {"$unset": ["dispose", "subject"]}],
        )
