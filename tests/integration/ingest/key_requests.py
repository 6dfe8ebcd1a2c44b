"""Requests to `/v1/api-keys`, and a caller with a key of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.record import rfc3339
from tests.integration.ingest.conftest import Door
from tests.integration.ingest.documented import Asker

KEYS = "/v1/api-keys"


def in_days(days: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(days=days))


async def narrow(door: Door, **fields: Any) -> tuple[Asker, dict[str, Any]]:
    """A caller with a key of its own."""
    made = await Asker(door, door.key).ask(201, "POST", KEYS, {"name": "n", "scopes": ["email.send"], **fields})
    return Asker(door, made["key"]), made
