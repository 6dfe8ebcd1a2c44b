"""The MongoDB client: majority and journaled writes, majority reads, and waits that end.

A member that has halted is missed by the driver's monitor after HEARTBEAT_MS + CONNECT_MS at most, and every call on it
ends then; a write that no majority takes ends after WRITE_MS with a WTimeoutError. Either way it is not known whether
it was written, and the caller repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.mongo.measured import Commands, Connections
from shared.mongo.security import Renewal, security_arguments
from shared.settings import SharedSettings

SELECTION_MS = 2_000
CONNECT_MS = 2_000
HEARTBEAT_MS = 2_000
WRITE_MS = 10_000
SOCKET_MS = 20_000
MAJORITY = WriteConcern(w="majority", j=True, wtimeout=WRITE_MS)


def make_client(
    settings: SharedSettings, *, retry_writes: bool = True, measured_as: str | None = None
) -> AsyncIOMotorClient:
    """A client that connects when it is first used; `measured_as` names it in metrics. Times are read as UTC.

    Retryable writes cost the server a further write for each document of a bulk, so that whoever repeats what failed
    anyway does better without them.
    """
    renewal = Renewal(settings)
    measured = [Commands(measured_as), Connections(measured_as)] if measured_as else []
    client = AsyncIOMotorClient(
        settings.mongo_url,
        **security_arguments(settings),
        event_listeners=[renewal, *measured],
        tz_aware=True,
        serverSelectionTimeoutMS=SELECTION_MS,
        socketTimeoutMS=SOCKET_MS,
        connectTimeoutMS=CONNECT_MS,
        heartbeatFrequencyMS=HEARTBEAT_MS,
        maxPoolSize=50,
        retryWrites=retry_writes,
        appname="posthorn",
    )
    renewal.watch(client)
    return client


def open_database(client: AsyncIOMotorClient, name: str) -> AsyncIOMotorDatabase:
    return client.get_database(
        name,
        codec_options=CodecOptions(tz_aware=True),
        write_concern=MAJORITY,
        read_concern=ReadConcern("majority"),
    )


async def create_indexes(collection: AsyncIOMotorCollection, indexes: Sequence[IndexModel]) -> None:
    """Makes what is missing; safe to run at any time and twice."""
    if indexes:
        await collection.create_indexes(list(indexes))
