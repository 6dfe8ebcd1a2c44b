"""Contents whose files stand in chunks, as ingest stores them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Binary

from shared.content import CHUNK_BYTES, CHUNKS, COLLECTION, Blob, Content, chunk_id, to_document
from shared.tokens import uuid7
from tests.integration.sender.world import World


async def stored_blob(world: World, data: bytes) -> Blob:
    """Bytes in chunks."""
    chunks = world.deployment.database("content")[CHUNKS]
    blob_id, until = uuid7(), datetime.now(UTC) + timedelta(days=9)
    pieces = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    for number, piece in enumerate(pieces):
        await chunks.insert_one({"_id": chunk_id(blob_id, number), "data": Binary(piece), "expires_at": until})
    return Blob(blob_id=blob_id, size=len(data), digest=hashlib.sha256(data).hexdigest(), chunks=len(pieces))


async def stored_content(world: World, **changes: Any) -> Content:
    fields: dict[str, Any] = {
        "content_id": uuid7(),
        "workspace_id": "w1",
        "from_": "Acme <no-reply@acme.example>",
        "to": ["someone@sink.test"],
        "subject": "Large",
        "text": "See the file.",
        "expires_at": datetime.now(UTC) + timedelta(days=9),
    }
    content = Content(**{**fields, **changes})
    await world.deployment.database("content")[COLLECTION].insert_one(to_document(content))
    return content
