"""Files of messages: small ones inside their content's document, others in chunks, stored while they come in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import Binary
from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase

from shared.content import CHUNK_BYTES, CHUNKS, INLINE_BYTES, Attachment, Blob, chunk_id
from shared.tokens import uuid7


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it is asked for: its bytes, or the blob that was stored while it came in."""

    filename: str
    content_type: str
    content_id: str | None
    data: bytes | Blob

    @property
    def size(self) -> int:
        return self.data.size if isinstance(self.data, Blob) else len(self.data)


class TooManyBytesError(Exception):
    """More came than was allowed; nothing of it is kept."""


class Uploads:
    """Writes the bytes of files. What no content ever names expires by itself."""

    def __init__(self, content_database: AsyncIOMotorDatabase) -> None:
        self._chunks = content_database[CHUNKS]

    async def attach(self, files: Sequence[File], expires_at: datetime) -> list[Attachment]:
        """The files as a content names them; those that are not stored yet are, unless they are small together."""
        if not files:
            return []
        inline = sum(len(file.data) for file in files if not isinstance(file.data, Blob)) <= INLINE_BYTES
        blobs = await asyncio.gather(*(self._blob(file.data, inline, expires_at) for file in files))
        await self._keep([blob for file, blob in zip(files, blobs, strict=True) if blob is file.data], expires_at)
        return [
            Attachment(
                filename=file.filename,
                content_type=file.content_type,
                content_id=file.content_id,
                **blob.model_dump(),
            )
            for file, blob in zip(files, blobs, strict=True)
        ]

    async def keep(self, data: bytes, expires_at: datetime) -> Blob:
        """Bytes as a content names them, stored in chunks unless they are few."""
        return await self._blob(data, len(data) <= INLINE_BYTES, expires_at)

    def begin(self, most: int, expires_at: datetime) -> Incoming:
        """A file that is coming in, of at most so many bytes."""
        return Incoming(self._chunks, most, expires_at)

    async def discard(self, blobs: Sequence[Blob]) -> None:
        """Deletes what was stored for a request that was refused."""
        ids = [each for blob in blobs for each in blob.chunk_ids()]
        if ids:
            await self._chunks.delete_many({"_id": {"$in": ids}})

    async def prolong(self, blobs: Sequence[Blob], expires_at: datetime) -> None:
        """Has the chunks live until then at least."""
        await self._keep(blobs, expires_at)

    async def _blob(self, data: bytes | Blob, inline: bool, expires_at: datetime) -> Blob:
        if isinstance(data, Blob):
            return data
        if inline:
            return Blob(blob_id=uuid7(), size=len(data), digest=hashlib.sha256(data).hexdigest(), data=data)
        incoming = self.begin(len(data), expires_at)
        await incoming.write(data)
        return await incoming.finish()

    async def _keep(self, blobs: Sequence[Blob], expires_at: datetime) -> None:
        ids = [each for blob in blobs for each in blob.chunk_ids()]
        if ids:
            await self._chunks.update_many({"_id": {"$in": ids}}, {"$max": {"expires_at": expires_at}})


class Incoming:
    """A file on its way into the store: no more of it than a chunk is held."""

    def __init__(self, chunks: AsyncIOMotorCollection, most: int, expires_at: datetime) -> None:
        self._collection = chunks
        self._most = most
        self._expires_at = expires_at
        self._id, self._digest, self._size, self._chunks = uuid7(), hashlib.sha256(), 0, 0
        self._waiting = bytearray()

    async def write(self, piece: bytes) -> None:
        """Takes the next bytes; raises TooManyBytesError beyond what was allowed."""
        self._size += len(piece)
        if self._size > self._most:
            raise TooManyBytesError
        self._digest.update(piece)
        self._waiting += piece
        while len(self._waiting) >= CHUNK_BYTES:
            await self._insert(CHUNK_BYTES)

    async def finish(self) -> Blob:
        if self._waiting:
            await self._insert(len(self._waiting))
        return Blob(blob_id=self._id, size=self._size, digest=self._digest.hexdigest(), chunks=self._chunks)

    @property
    def so_far(self) -> Blob:
        """What of it may be stored by now, to be discarded."""
        return Blob(blob_id=self._id, size=self._size, digest="", chunks=self._chunks)

    async def _insert(self, size: int) -> None:
        number, self._chunks = self._chunks, self._chunks + 1
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        await self._collection.insert_one(
            {"_id": chunk_id(self._id, number), "data": Binary(data), "expires_at": self._expires_at}
        )
