"""Files of messages: small ones inside their content's document, others in chunks, stored while they come in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, Sequence
from datetime import datetime

from bson import Binary
from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.acceptance.files import File
from shared.content import CHUNK_BYTES, CHUNKS, INLINE_BYTES, Attachment, Blob, chunk_id
from shared.tokens import uuid7


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

    async def receive(self, pieces: AsyncIterable[bytes], most: int, expires_at: datetime) -> Blob:
        """Stores what comes, holding one chunk of it at a time; raises TooManyBytesError beyond `most` bytes."""
        blob_id, digest, size, chunks = uuid7(), hashlib.sha256(), 0, 0
        waiting = bytearray()
        try:
            async for piece in pieces:
                size += len(piece)
                if size > most:
                    raise TooManyBytesError
                digest.update(piece)
                waiting += piece
                while len(waiting) >= CHUNK_BYTES:
                    await self._insert(blob_id, chunks, bytes(waiting[:CHUNK_BYTES]), expires_at)
                    del waiting[:CHUNK_BYTES]
                    chunks += 1
            if waiting:
                await self._insert(blob_id, chunks, bytes(waiting), expires_at)
                chunks += 1
        except BaseException:
            await self.discard([Blob(blob_id=blob_id, size=size, digest="", chunks=chunks + 1)])
            raise
        return Blob(blob_id=blob_id, size=size, digest=digest.hexdigest(), chunks=chunks)

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
        return await self.receive(_once(data), len(data), expires_at)

    async def _keep(self, blobs: Sequence[Blob], expires_at: datetime) -> None:
        ids = [each for blob in blobs for each in blob.chunk_ids()]
        if ids:
            await self._chunks.update_many({"_id": {"$in": ids}}, {"$max": {"expires_at": expires_at}})

    async def _insert(self, blob_id: str, number: int, data: bytes, expires_at: datetime) -> None:
        await self._chunks.insert_one(
            {"_id": chunk_id(blob_id, number), "data": Binary(data), "expires_at": expires_at}
        )


async def _once(data: bytes) -> AsyncIterable[bytes]:
    yield data
