"""The content store: what a message says, written once by ingest and read by the sender (the claim check).

Nothing of it travels on Kafka or stands in logs, spans or metrics: one-time codes stand in subjects.

A content is one document; what would make it large (attachments, whole messages) stands beside it in chunks of
CHUNK_BYTES, each a document that expires by itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from datetime import datetime
from math import inf
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pydantic import BaseModel, ConfigDict
from pymongo import IndexModel
from pymongo.errors import PyMongoError

from shared.links import Link

COLLECTION = "contents"
CHUNKS = "content_chunks"
MAX_BYTES = 15 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
INLINE_BYTES = 1024 * 1024
LOADED_BYTES = 1024 * 1024  # more of a content's files is rather read while it is sent


class Blob(BaseModel):
    """Bytes of a content: in its document (`data`), or in `chunks` documents of their own.

    `digest` is the SHA-256 of the bytes as hex, `size` their number.
    """

    model_config = ConfigDict(frozen=True)

    blob_id: str
    size: int
    digest: str
    chunks: int = 0
    data: bytes | None = None

    def chunk_ids(self) -> list[str]:
        return [chunk_id(self.blob_id, number) for number in range(self.chunks)]


class Attachment(Blob):
    """A file beside the bodies. One with a `content_id` is shown inside the HTML as `cid:` (RFC 2392)."""

    filename: str
    content_type: str
    content_id: str | None = None


class Content(BaseModel):
    """One distinct body with the header fields that its recipients see.

    `from_`, `to`, `cc` and `reply_to` are RFC 5322 mailboxes (`Name <a@b>` or `a@b`), domains as A-labels;
    `headers` are the caller's own, already checked. With `raw`, a whole message from the SMTP door, the fields beside
    it only tell what stands in it.

    What differs by message is a mark in the bodies (`shared/links.py`), or in `raw` where it stands in
    quoted-printable on a line of its own: `nonce` and `links` say what each stands for.
    With `unsubscribe` the message carries the header fields for one click (RFC 8058); `marketing` does not go to
    contacts who have unsubscribed. With `replies` the sender puts an address of its own into Reply-To, with `reads`
    it asks for a read receipt (RFC 8098).
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
    attachments: list[Attachment] = []
    raw: Blob | None = None
    nonce: str | None = None
    links: list[Link] = []
    unsubscribe: bool = False
    marketing: bool = False
    replies: bool = False
    reads: bool = False
    expires_at: datetime

    def blobs(self) -> Iterator[Blob]:
        yield from self.attachments
        if self.raw is not None:
            yield self.raw

    @property
    def is_whole(self) -> bool:
        """Whether the bytes of all blobs are here."""
        return all(blob.data is not None for blob in self.blobs())


def chunk_id(blob_id: str, number: int) -> str:
    return f"{blob_id}:{number:05}"


def to_document(content: Content) -> dict[str, Any]:
    document = content.model_dump(exclude_none=True)
    document["_id"] = document.pop("content_id")
    return document


def of_document(document: dict[str, Any]) -> Content:
    """A content as it was stored: not validated again, which costs more than reading it."""
    fields = {**document, "content_id": document["_id"]}
    del fields["_id"]
    if "attachments" in fields:
        fields["attachments"] = [Attachment.model_construct(**each) for each in fields["attachments"]]
    if "raw" in fields:
        fields["raw"] = Blob.model_construct(**fields["raw"])
    return Content.model_construct(**fields)


class ContentGoneError(Exception):
    """A part of a content is not in the store any more."""


class ContentUnreadableError(Exception):
    """The store does not say what a part of a content is: it may later."""


class ContentStore:
    """Reads contents. Writing is ingest's: chunks first, then one grouped insert of `to_document`s."""

    INDEXES = {
        COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0),),
        CHUNKS: (IndexModel("expires_at", expireAfterSeconds=0),),
    }

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.collection = database[COLLECTION]
        self.chunks = database[CHUNKS]

    async def load(self, content_ids: Iterable[str], most: float = inf) -> dict[str, Content]:
        """The contents that are there, by id, their blobs with their bytes; one query, two with chunks.

        A content with more than `most` bytes in chunks is left without them: see `read`.
        """
        query = self.collection.find({"_id": {"$in": list(set(content_ids))}})
        found = {document["_id"]: of_document(document) async for document in query}
        filled = [each for each in found.values() if not each.is_whole and _chunked_bytes(each) <= most]
        wanted = [each for content in filled for blob in content.blobs() for each in blob.chunk_ids()]
        pieces: dict[str, bytes] = {}
        if wanted:
            pieces = {each["_id"]: each["data"] async for each in self.chunks.find({"_id": {"$in": wanted}})}
        for content in filled:
            whole = _filled(content, pieces)
            if whole is None:
                del found[content.content_id]
            else:
                found[content.content_id] = whole
        return found

    async def delete(self, content_ids: Iterable[str]) -> int:
        """Deletes contents, their chunks first, so that none is left that nothing names; returns how many there were.

        Safe to repeat.
        """
        wanted = {"_id": {"$in": list(set(content_ids))}}
        found = [of_document(document) async for document in self.collection.find(wanted)]
        if not found:
            return 0
        chunks = [each for content in found for blob in content.blobs() for each in blob.chunk_ids()]
        if chunks:
            await self.chunks.delete_many({"_id": {"$in": chunks}})
        return int((await self.collection.delete_many(wanted)).deleted_count)

    async def peek(self, content_id: str, workspace_id: str) -> Content | None:
        """A workspace's content without the bytes of what stands in chunks."""
        document = await self.collection.find_one({"_id": content_id, "workspace_id": workspace_id})
        return of_document(document) if document else None

    async def chunk(self, blob: Blob, number: int) -> bytes | None:
        """One chunk of a blob, None where it is gone."""
        found = await self.chunks.find_one({"_id": chunk_id(blob.blob_id, number)}, {"data": 1})
        return bytes(found["data"]) if found else None

    async def read(self, blob: Blob) -> AsyncGenerator[bytes, None]:
        """The bytes of a blob, a chunk at a time. Raises ContentGoneError, ContentUnreadableError, also after some."""
        if blob.data is not None:
            yield blob.data
        for number in range(blob.chunks):
            try:
                data = await self.chunk(blob, number)
            except PyMongoError as error:
                raise ContentUnreadableError(f"chunk {number}: {type(error).__name__}") from error
            if data is None:
                raise ContentGoneError(f"chunk {number} of {blob.chunks} is gone")
            yield data


def _chunked_bytes(content: Content) -> int:
    return sum(blob.size for blob in content.blobs() if blob.chunks)


def _filled(content: Content, pieces: dict[str, bytes]) -> Content | None:
    """The content with the bytes of its blobs; None where a chunk is gone."""
    if any(each not in pieces for blob in content.blobs() for each in blob.chunk_ids()):
        return None
    attachments = [_whole(blob, pieces) for blob in content.attachments]
    raw = _whole(content.raw, pieces) if content.raw is not None else None
    return content.model_copy(update={"attachments": attachments, "raw": raw})


def _whole(blob: Any, pieces: dict[str, bytes]) -> Any:
    if blob.data is not None:
        return blob
    return blob.model_copy(update={"data": b"".join(pieces[each] for each in blob.chunk_ids())})
