"""Sealing again: entities as their owner's next version, which its sweep publishes to the copies; addresses in place.

It may run beside everything, twice at once, and end anywhere. Whoever changes an entity at the same time comes first;
an address that changes meanwhile is left alone, for it was sealed with the present key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import UpdateOne

from services.resealing.places import ADDRESSES, OWNERS, renewed
from services.roles import SERVICES
from shared.contracts.entities import Kind
from shared.mongo.client import open_database
from shared.mongo.entities import Entities, Entity, VersionConflictError
from shared.secrets import SecretBox, UnsealError
from shared.settings import SharedSettings

BATCH = 500


@dataclass(slots=True)
class Resealed:
    """What was found in one place: sealed `again`, sealed with the `present` key, `closed` to every key there is."""

    place: str
    again: int = 0
    present: int = 0
    closed: int = 0


async def reseal(client: AsyncIOMotorClient, settings: SharedSettings) -> list[Resealed]:
    """Seals again what stands under another key; what was found, by place."""
    databases = {name: open_database(client, settings.database(name)) for name in SERVICES}
    box = settings.secret_box
    return [
        *[await _entities(Entities(databases[service]), service, kind, box) for kind, service in OWNERS.items()],
        *[await _addresses(databases[service][name], service, box, of) for (service, name), of in ADDRESSES.items()],
    ]


async def _entities(entities: Entities, service: str, kind: Kind, box: SecretBox) -> Resealed:
    found = Resealed(f"{service}.{kind}")
    async for document in entities.database[kind].find({"deleted": {"$ne": True}}, batch_size=BATCH):
        try:
            again = await _entity(entities, Entity.of(kind, document), box)
        except UnsealError:
            found.closed += 1
        else:
            found.again += again
            found.present += not again
    return found


async def _entity(entities: Entities, entity: Entity, box: SecretBox) -> bool:
    """Whether there was anything to seal; whoever changes the entity at the same time comes first."""
    now: Entity | None = entity
    while now is not None and not now.deleted:
        data = renewed(now.kind, now.id, now.data, box)
        if data is None:
            return False
        try:
            await entities.put(now.kind, now.id, now.workspace_id, data, expected=now.version)
        except VersionConflictError:
            now = await entities.get(now.kind, now.id)
        else:
            return True
    return False


async def _addresses(
    collection: AsyncIOMotorCollection, service: str, box: SecretBox, purpose_of: Callable[[str], str]
) -> Resealed:
    found = Resealed(f"{service}.{collection.name}")
    query = collection.find({"address": {"$type": "string"}}, {"address": 1}, batch_size=BATCH)
    while documents := await query.to_list(BATCH):
        writes = []
        for document in documents:
            try:
                sealed = box.renewed(document["address"], purpose_of(document["_id"]))
            except UnsealError:
                found.closed += 1
                continue
            if sealed is None:
                found.present += 1
            else:
                writes.append(UpdateOne(_as_found(document), {"$set": {"address": sealed}}))
        if writes:
            await collection.bulk_write(writes, ordered=False)
        found.again += len(writes)
    return found


def _as_found(document: dict[str, Any]) -> dict[str, Any]:
    return {"_id": document["_id"], "address": document["address"]}
