"""The webhooks service's part in erasures: bodies that wait or are kept, and what endpoints answered."""

from __future__ import annotations

from typing import Any

import orjson

from services.webhooks.store.erasing import BATCH, Persons
from shared.erasing import Counts, Note, part_done
from shared.erasure import erased_address, redacted_data, redacted_tag
from shared.mongo.erasures import Erasure
from shared.service import Base


class WebhookErasing:
    """A webhook that waits is told all the same, of nobody by name: its endpoint follows what becomes of messages."""

    def __init__(self, base: Base) -> None:
        self._persons = Persons(base.database)

    async def erase(self, erasure: Erasure, note: Note) -> Counts:
        while await self._persons.redact_jobs(erasure, lambda body: redacted_body(body, erasure)) >= BATCH:
            part_done()
        part_done()
        while await self._persons.redact_attempts(erasure) >= BATCH:
            part_done()
        return await self._persons.counts(erasure)


def redacted_body(body: bytes, erasure: Erasure) -> bytes:
    """A body as it is made of a redacted event."""
    parsed: dict[str, Any] = orjson.loads(body)
    data = parsed["data"]
    said = {name: data[name] for name in data if name not in IDENTITY}
    parsed["data"] = {
        **{name: data[name] for name in IDENTITY if name in data},
        "recipient": erased_address(erasure.address_hmac),
        "tags": [redacted_tag(tag, erasure.address) for tag in data["tags"]],
        "metadata": {},
        **redacted_data(said),
    }
    return orjson.dumps(parsed)


IDENTITY = ("message_id", "sequence", "attempt", "recipient", "from", "stream", "tags", "metadata", "ambiguous")
"""What every body has of its message: kept, or put in anew."""
