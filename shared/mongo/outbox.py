"""Unpublished records: a change that no uncommitted offset stands behind carries its record in the same document.

The document holds `unpublished: {"token", "since"}` beside what the record is made from. Whoever wrote it publishes
at once and clears the token; the sweep publishes what stayed. A token is cleared only where it is still the same,
so a newer change is never taken for published. What Kafka can never take (its record is too large) keeps the mark as
`refused`, and is told in the log: it is not tried again, and not taken for published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import IndexModel

from shared.failpoints import reach
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from shared.mongo.due import new_token

log = structlog.get_logger(__name__)
OFFER_SECONDS = 2.0
INDEX = IndexModel("unpublished.since", sparse=True)


def unpublished(now: datetime | None = None) -> dict[str, Any]:
    """The mark that a document is written with."""
    return {"token": new_token(), "since": now or datetime.now(UTC)}


class Outbox:
    """The unpublished records of one collection; `records_of` makes a document's records, one as a rule."""

    def __init__(
        self,
        collection: AsyncIOMotorCollection,
        publisher: Publisher,
        records_of: Callable[[Mapping[str, Any]], Sequence[Outgoing]],
    ) -> None:
        self._collection = collection
        self._publisher = publisher
        self._records_of = records_of

    async def publish(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Publishes the documents' records and clears their marks; after a PublishUnknownError the sweep goes on."""
        marked = [document for document in documents if document.get("unpublished")]
        if not marked:
            return
        records = [self._records_of(document) for document in marked]
        refused = await self._publisher.publish([record for each in records for record in each])
        reach("outbox.published", len(marked))
        if refused:
            log.error("records refused", collection=self._collection.name, keys=[record.key for record in refused])
            stuck = [
                one for one, each in zip(marked, records, strict=True) if any(record in refused for record in each)
            ]
            await self._collection.update_many(_as_marked(stuck), {"$rename": {"unpublished": "refused"}})
        await self._collection.update_many(_as_marked(marked), {"$unset": {"unpublished": ""}})

    async def offer(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Publishes inside a request, whose caller does not wait for Kafka: what it does not take in a moment the sweep
        will publish."""
        try:
            async with asyncio.timeout(OFFER_SECONDS):
                await self.publish(documents)
        except (PublishUnknownError, TimeoutError) as error:
            log.warning("left to the sweep", collection=self._collection.name, error=type(error).__name__)

    async def sweep(self, older_than: float = 10.0, limit: int = 500) -> int:
        """Publishes what has stayed for `older_than` seconds; returns how many documents there were."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        stayed = await self._collection.find({"unpublished.since": {"$lt": before}}).limit(limit).to_list(None)
        await self.publish(stayed)
        return len(stayed)


def _as_marked(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Those of the documents whose mark is still the one that they were read or written with."""
    return {
        "_id": {"$in": [document["_id"] for document in documents]},
        "unpublished.token": {"$in": [document["unpublished"]["token"] for document in documents]},
    }
