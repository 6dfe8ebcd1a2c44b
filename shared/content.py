"""The content store: what a message says, written once by ingest and read by the sender (the claim check).

Nothing of it travels on Kafka or stands in logs, spans or metrics: one-time codes stand in subjects.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pydantic import BaseModel, ConfigDict
from pymongo import IndexModel

COLLECTION = "contents"
MAX_BYTES = 15 * 1024 * 1024


class Content(BaseModel):
    """One distinct body with the header fields that its recipients see.

    `from_`, `to`, `cc` and `reply_to` are RFC 5322 mailboxes (`Name <a@b>` or `a@b`), domains as A-labels;
    `headers` are the caller's own, already checked.
    """

    model_config = ConfigDict(frozen=True)

    content_id: str
    workspace_id: str
    from_: str
    to: list[str] = []
    cc: list[str] = []
    reply_to: str | None = None
    subject: str
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] = {}
    expires_at: datetime


def to_document(content: Content) -> dict[str, Any]:
    document = content.model_dump(exclude_none=True)
    document["_id"] = document.pop("content_id")
    return document


class ContentStore:
    """Reads contents. Writing is ingest's: one grouped insert of `to_document`s, before the submissions."""

    INDEXES = (IndexModel("expires_at", expireAfterSeconds=0),)

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.collection = database[COLLECTION]

    async def load(self, content_ids: Iterable[str]) -> dict[str, Content]:
        """The contents that are there, by id, in one query."""
        found: dict[str, Content] = {}
        async for document in self.collection.find({"_id": {"$in": list(set(content_ids))}}):
            document["content_id"] = document.pop("_id")
            found[document["content_id"]] = Content.model_construct(**document)
        return found
