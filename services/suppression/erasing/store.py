"""The `erasures` collection: one document for each erasure that was asked for, its certificate.

`{_id, workspace_id, address_hmac, address, reason, by, requested_at, asked_at, services, redacted_at, unpublished}`;
`address` is sealed, and gone once every service has confirmed, which is `redacted_at`. `services` has what each of them
did, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import DESCENDING, IndexModel, ReturnDocument, UpdateOne

from services.suppression.erasing.certificate import SERVICES
from shared.contracts.erasures import Erase, Erased
from shared.contracts.topics import COMMANDS
from shared.erasing import part_done
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo import outbox
from shared.mongo.due import from_now, new_token
from shared.mongo.erasures import Erasure
from shared.mongo.outbox import Outbox

COLLECTION, ENTRIES, STRIKES = "erasures", "suppressions", "strikes"
RUNNING = {"redacted_at": {"$exists": False}}
OF_WORKSPACE = [("workspace_id", 1), ("_id", DESCENDING)]
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel(OF_WORKSPACE),
        IndexModel("asked_at", partialFilterExpression={"address": {"$exists": True}}),
        outbox.INDEX,
    ),
}

Document = dict[str, Any]


class ErasureStore:
    """Writes and reads certificates; `outbox` publishes what is asked of the services."""

    def __init__(self, database: AsyncIOMotorDatabase, publisher: Publisher) -> None:
        self._erasures = database[COLLECTION]
        self._entries = database[ENTRIES]
        self._strikes = database[STRIKES]
        self.outbox = Outbox(self._erasures, publisher, lambda document: [_command(document)])

    async def add(self, document: Mapping[str, Any]) -> Document:
        """Adds an erasure by the database's clock, to be asked for; the document."""
        fields = {name: {"$literal": value} for name, value in document.items() if name != "_id"}
        times = {"requested_at": "$$NOW", "asked_at": "$$NOW", "services": {"$literal": {}}}
        added: Document = await self._erasures.find_one_and_update(
            {"_id": document["_id"]},
            [{"$set": {**fields, **times, "unpublished": _mark()}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return added

    async def get(self, workspace_id: str | None, id_: str) -> Document | None:
        """A workspace's erasure, or one of the operator's (None)."""
        found: Document | None = await self._erasures.find_one({"_id": id_, "workspace_id": workspace_id})
        return found

    async def page(self, workspace_id: str | None, before: str | None, limit: int) -> list[Document]:
        """Newest first."""
        place = {} if before is None else {"_id": {"$lt": before}}
        # by itself the server may walk everybody's by their ids
        query = self._erasures.find({"workspace_id": workspace_id, **place}).hint(OF_WORKSPACE)
        found: list[Document] = await query.sort("_id", DESCENDING).limit(limit).to_list(None)
        return found

    async def confirm(self, confirmations: Sequence[Erased]) -> None:
        """Takes the services' words; with the last one the address goes. A word that comes twice changes nothing."""
        await self._erasures.bulk_write([_confirmed(one) for one in confirmations], ordered=False)

    async def ask_again(self, seconds: float) -> int:
        """Has the command published again of erasures that not every service has confirmed in so many seconds."""
        late = {"$expr": {"$lt": ["$asked_at", from_now(-seconds)]}, "unpublished": {"$exists": False}}
        asked = await self._erasures.update_many(
            {**RUNNING, "address": {"$exists": True}, **late}, [{"$set": {"asked_at": "$$NOW", "unpublished": _mark()}}]
        )
        return int(asked.modified_count)

    async def others(self, erasure: Erasure) -> int:
        """How many entries there are of narrower scopes, and of removed ones: the erasure's own blocks for them."""
        return int(await self._entries.count_documents(_others(erasure)))

    async def forget(self, erasure: Erasure) -> None:
        """Deletes those entries, and what was counted towards one."""
        theirs = {"address_hmac": erasure.address_hmac, **erasure.place}
        await self._strikes.delete_many({**theirs, "at": {"$lt": erasure.occurred_at}})
        part_done()
        await self._entries.delete_many(_others(erasure))

    async def entries(self, erasure: Erasure) -> int:
        """How many entries block by the HMAC alone."""
        condition = {"address_hmac": erasure.address_hmac, "address": {"$exists": False}, **erasure.place}
        return int(await self._entries.count_documents({**condition, "standing": {"$exists": True}}))

    async def held(self, workspace_id: str, digest: str, before: str | None, limit: int) -> list[Document]:
        """A workspace's entries about one person, without the sealed address."""
        condition: Document = {"address_hmac": digest, "workspace_id": workspace_id}
        if before is not None:
            condition["_id"] = {"$lt": before}
        found: list[Document] = await self._entries.find(condition, HIDDEN).sort("_id", -1).limit(limit).to_list(None)
        return found


HIDDEN = {"address": 0, "parts": 0, "unpublished": 0}


def _others(erasure: Erasure) -> Document:
    older = [{name: {"$lt": erasure.occurred_at}} for name in ("first_seen", "removed_at")]
    not_its_own = {"standing.reason": {"$ne": "erasure"}, "$or": older}
    return {"address_hmac": erasure.address_hmac, **not_its_own, **erasure.place}


def _mark() -> dict[str, Any]:
    return {"token": {"$literal": new_token()}, "since": "$$NOW"}


def _command(document: Mapping[str, Any]) -> Outgoing:
    record = Erase(
        erasure_id=document["_id"],
        workspace_id=document["workspace_id"],
        address_hmac=document["address_hmac"],
        address=document["address"],
        occurred_at=document["requested_at"],
    )
    return Outgoing(COMMANDS, record.address_hmac, record.encode())


def _confirmed(word: Erased) -> UpdateOne:
    """With the word that makes them five the erasure is redacted, and nothing is asked of anybody any more."""
    said = {"began_at": word.began_at, "confirmed_at": word.occurred_at, "counts": word.counts}
    complete = {
        "$setIsSubset": [list(SERVICES), {"$map": {"input": {"$objectToArray": "$services"}, "in": "$$this.k"}}]
    }
    return UpdateOne(
        {"_id": word.erasure_id, **RUNNING},
        [
            {"$set": {f"services.{word.service}": {"$literal": said}}},
            {
                "$set": {
                    "redacted_at": {"$cond": [complete, "$$NOW", "$$REMOVE"]},
                    "address": {"$cond": [complete, "$$REMOVE", "$address"]},
                    "unpublished": {"$cond": [complete, "$$REMOVE", "$unpublished"]},
                }
            },
        ],
    )
