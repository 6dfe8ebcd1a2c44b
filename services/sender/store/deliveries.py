"""The `deliveries` collection: one document for each message that the sender owns or has owned.

`state` is `waiting` (may be claimed), `leased` (a process delivers it), `deferred` (due at `due_at`), `held` (by the
hold `hold`, at most until `due_at`; what was deferred before goes on at `resume_at`), `released` (on its way to the
router; again at `due_at` where it does not come back) or `ended` (a tombstone). `record` is the message as it arrived,
`last_event` what was last said of it, `why` what it waits for where that is no reply, `data_sent` the pass in which the
final dot may have been sent, `tell_at` when a delivery that still waits is to be said `queued`, `commanded` the command
that ends it when nobody holds it, `address` the HMAC of its recipient, which its tombstone keeps, `erased` that nothing
else of them is left, `reroute` the wish for another way that its next release takes along, `stays` that it has no other
way than the destination it waits for, `job` the job of `/v1/queue` that changed it last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from shared.mongo import outbox
from shared.mongo.due import from_now, new_token
from shared.mongo.group_commit import Insert, insert_group

COLLECTION = "deliveries"
TOLD_AFTER = 60.0
IDLE = ["waiting", "deferred", "released", "held"]
ONLY_IDLE = {"state": {"$in": IDLE}}
COMMANDED_MOST = 1000
INDEXES = {
    COLLECTION: (
        # `state` leads each: an index that only its filter narrows makes every query read the documents
        IndexModel(
            [("state", 1), ("lane", 1), ("destination", 1), ("workspace_id", 1), ("_id", 1), ("due_at", 1)],
            name="idle_by_destination",
            partialFilterExpression=ONLY_IDLE,
        ),
        IndexModel(
            [("state", 1), ("lane", 1), ("domain", 1), ("destination", 1), ("workspace_id", 1), ("_id", 1)],
            name="idle_by_domain",
            partialFilterExpression=ONLY_IDLE,
        ),
        IndexModel(
            [("state", 1), ("lane", 1), ("arrived_at", 1)],
            name="waiting_by_age",
            partialFilterExpression={"state": "waiting"},
        ),
        IndexModel(
            [("state", 1), ("expires_at", 1)],
            name="waiting_by_expiry",
            partialFilterExpression={"state": "waiting"},
        ),
        IndexModel(
            [("state", 1), ("lane", 1), ("due_at", 1), ("workspace_id", 1)],
            name="due_by_time",
            partialFilterExpression={"due_at": {"$exists": True}},
        ),
        IndexModel(
            [("state", 1), ("lane", 1), ("workspace_id", 1), ("due_at", 1)],
            name="due_by_workspace",
            partialFilterExpression={"due_at": {"$exists": True}},
        ),
        IndexModel("tell_at", sparse=True),
        IndexModel([("lane", 1), ("workspace_id", 1)], name="flagged", partialFilterExpression={"flagged": True}),
        IndexModel([("hold", 1), ("_id", 1)], name="held", partialFilterExpression={"hold": {"$exists": True}}),
        IndexModel("commanded", partialFilterExpression={"commanded": {"$exists": True}}),
        IndexModel("lease.until", sparse=True),
        IndexModel([("address", 1), ("_id", 1)], partialFilterExpression={"address": {"$exists": True}}),
        IndexModel("purge_at", expireAfterSeconds=0, sparse=True),
        outbox.INDEX,
    )
}

OF_ONE_STATE = (
    *("record", "address", "due_at", "lease", "flagged", "data_sent", "releases", "last", "last_type", "tell_at"),
    *("purge_at", "checked_at", "expires_at", "hold", "why", "resume_at", "reroute", "stays"),
)
"""What a delivery of another state or pass may have left and an arrival that does not set it takes away."""

COUNTS = ("attempt", "ambiguous", "refused")
"""What a delivery keeps from pass to pass."""

NOT_SENT = {"$expr": {"$ne": ["$data_sent", "$pass"]}}
WAITS_AGAIN: list[dict[str, Any]] = [
    {"$set": {"state": "waiting", "tell_at": from_now(TOLD_AFTER)}},
    {"$unset": ["lease", "data_sent"]},
]
"""The update that gives a claimed delivery back: it waits for whoever claims it next."""


class Deliveries:
    """Intake, the mark before the dot, endings. Claims and releases are in `claims.py` and `releases.py`."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.collection: AsyncIOMotorCollection = database[COLLECTION]

    async def insert(self, documents: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Inserts what is not there yet; True for each that is new."""
        answers = await insert_group(self.collection, documents)
        return [answer.result is Insert.DONE for answer in answers]

    async def take_again(self, documents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Takes back what was released at just the pass that it arrives in; returns their COUNTS."""
        arrival = new_token()
        writes = []
        for document in documents:
            fields = {name: value for name, value in document.items() if name not in ("_id", *COUNTS)}
            gone = dict.fromkeys([name for name in OF_ONE_STATE if name not in fields], "")
            writes.append(
                UpdateOne(
                    {"_id": document["_id"], "state": "released", "pass": document["pass"]},
                    {"$set": {**fields, "arrival": arrival}, "$unset": gone},
                )
            )
        written = await self.collection.bulk_write(writes, ordered=False)
        if not written.matched_count:
            return {}
        ids = [document["_id"] for document in documents]
        found = self.collection.find({"_id": {"$in": ids}, "arrival": arrival}, dict.fromkeys(COUNTS, 1))
        return {document["_id"]: document async for document in found}

    async def last_events(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """What was last said of these messages: `{_id, last_event, trace}`, where anything was."""
        query = self.collection.find(
            {"_id": {"$in": list(ids)}, "last_event": {"$exists": True}}, {"last_event": 1, "trace": 1}
        )
        return await query.to_list(None)

    async def mark_data_sent(self, wanted: Sequence[tuple[str, str]]) -> list[bool]:
        """Marks (id, token) pairs before their final dots leave; True where the mark is durable and the lease lives.

        A delivery that is flagged, taken over, or whose lease has run out is refused.
        """
        ids = [id_ for id_, _ in wanted]
        tokens = list({token for _, token in wanted})
        marked = await self.collection.update_many(
            {
                "_id": {"$in": ids},
                "lease.token": {"$in": tokens},
                "flagged": {"$exists": False},
                "$expr": {"$gt": ["$lease.until", "$$NOW"]},
            },
            [{"$set": {"data_sent": "$pass"}}],
        )
        if marked.matched_count == len(wanted):
            return [True] * len(wanted)
        query = self.collection.find({"_id": {"$in": ids}}, {"lease.token": 1, "data_sent": 1, "pass": 1})
        found = {document["_id"]: document async for document in query}
        return [_is_marked(found.get(id_), token) for id_, token in wanted]

    async def write(self, writes: Sequence[UpdateOne]) -> int:
        """Applies updates that each name their condition; returns how many matched."""
        return int((await self.collection.bulk_write(list(writes), ordered=False)).matched_count)

    async def written(self, tokens: Mapping[str, str]) -> set[str]:
        """Those of the `written` tokens (token to id) that stand in their documents: the writes that took effect."""
        query = self.collection.find({"_id": {"$in": list(set(tokens.values()))}}, {"written": 1})
        return {document["written"] async for document in query if document.get("written") in tokens}

    async def said(self, tokens: Mapping[str, str]) -> set[str]:
        """Those of the `unpublished` tokens (token to id) that stand in their documents."""
        query = self.collection.find({"_id": {"$in": list(tokens.values())}}, {"unpublished.token": 1})
        found = {document.get("unpublished", {}).get("token") async for document in query}
        return found & tokens.keys()

    async def renew(self, held: Mapping[str, str], lease_seconds: float) -> None:
        """Renews the leases of held deliveries (id to token), in one update."""
        if held:
            await self.collection.update_many(
                {"_id": {"$in": list(held)}, "lease.token": {"$in": list(set(held.values()))}},
                [{"$set": {"lease.until": from_now(lease_seconds)}}],
            )

    async def give_back(self, held: Mapping[str, str], *, unmarked: bool = False) -> None:
        """Lets go of claimed deliveries (id to token) whose final dot was certainly not sent.

        With `unmarked`, of those that carry no data-sent mark: the dots of the others may have left.
        """
        if not held:
            return
        condition: dict[str, Any] = {
            "_id": {"$in": list(held)},
            "lease.token": {"$in": list(set(held.values()))},
            "state": "leased",
        }
        if unmarked:
            condition |= NOT_SENT
        await self.collection.update_many(condition, WAITS_AGAIN)

    async def command(self, commands: Mapping[str, bytes]) -> None:
        """Gives living deliveries a command to carry (by id): from now on none is claimed, marked or released."""
        living = {"state": {"$ne": "ended"}}
        await self.write(
            [
                UpdateOne({"_id": id_, **living}, {"$set": {"commanded": command, "flagged": True}})
                for id_, command in commands.items()
            ]
        )

    async def commanded(self, ids: Sequence[str] | None) -> list[dict[str, Any]]:
        """The deliveries, of these ids or of all, that carry a command and that nobody is delivering now."""
        condition: dict[str, Any] = {"commanded": {"$exists": True}, "state": {"$in": IDLE}}
        if ids is not None:
            condition["_id"] = {"$in": list(ids)}
        fields = {"state": 1, "pass": 1, "commanded": 1, "trace": 1}
        return await self.collection.find(condition, fields).limit(COMMANDED_MOST).to_list(None)

    async def flag_expired(self, now: datetime) -> int:
        """Flags what has waited beyond its expiry: the check that follows ends it. Returns how many."""
        expired = {"state": "waiting", "expires_at": {"$lte": now}, "flagged": {"$exists": False}}
        return int((await self.collection.update_many(expired, {"$set": {"flagged": True}})).modified_count)

    async def long_waiting(self, now: datetime, limit: int) -> list[dict[str, Any]]:
        """Deliveries that have waited long, and nobody was told of it."""
        condition = {"tell_at": {"$lt": now}, "state": "waiting", "unpublished": {"$exists": False}}
        return await self.collection.find(condition).limit(limit).to_list(None)

    async def age_of_waiting(self, lane: str) -> tuple[int, datetime | None]:
        """How many wait in a lane, and since when the oldest does."""
        condition = {"state": "waiting", "lane": lane}
        count = await self.collection.count_documents(condition, hint="waiting_by_age")
        fields = {"_id": 0, "arrived_at": 1}
        oldest = await self.collection.find_one(condition, fields, sort=[("arrived_at", 1)], hint="waiting_by_age")
        return count, oldest["arrived_at"] if oldest else None


def _is_marked(document: Mapping[str, Any] | None, token: str) -> bool:
    return (
        document is not None
        and document.get("lease", {}).get("token") == token
        and document.get("data_sent") == document["pass"]
    )
