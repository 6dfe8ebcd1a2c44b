"""The MongoDB client: majority and journaled writes, majority reads."""

from __future__ import annotations

from collections.abc import Sequence

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.settings import SharedSettings

MAJORITY = WriteConcern(w="majority", j=True)
SELECTION_MS = 2_000
SOCKET_MS = 20_000


def make_client(settings: SharedSettings) -> AsyncIOMotorClient:
    """A client that connects when it is first used. Times are read as UTC."""
    return AsyncIOMotorClient(
        settings.mongo_url,
        tz_aware=True,
        serverSelectionTimeoutMS=SELECTION_MS,
        socketTimeoutMS=SOCKET_MS,
        connectTimeoutMS=SELECTION_MS,
        maxPoolSize=50,
        retryWrites=True,
        appname="posthorn",
    )


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
