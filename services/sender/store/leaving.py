"""Which deliveries wait for some destinations, and were not found yet to have no other way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.sender.store.deliveries import Deliveries
from shared.contracts.topics import Lane

NOT_LOOKED_AT = {"flagged": {"$exists": False}, "stays": {"$exists": False}, "commanded": {"$exists": False}}
FIELDS = {"record": 1, "pass": 1, "destination": 1}


async def waiting_for(deliveries: Deliveries, destinations: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Some of them, of both lanes: `record`, `pass` and `destination`."""
    condition = {
        "state": "waiting",
        "lane": {"$in": [str(lane) for lane in Lane]},
        "destination": {"$in": list(destinations)},
        **NOT_LOOKED_AT,
    }
    found: list[dict[str, Any]] = await deliveries.collection.find(condition, FIELDS).limit(limit).to_list(None)
    return found
