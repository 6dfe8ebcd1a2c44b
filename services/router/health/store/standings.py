"""What was judged last of ways that do not work well, in `health_standings`: one document, for who routes to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.router.health.breaker import Key, Tally

COLLECTION = "health_standings"
CURRENT = {"_id": "current"}


class Standings:
    """The tallies that say something. Whoever judges writes all of them, and the last one stands."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._standings = database[COLLECTION]

    async def write(self, tallies: Mapping[Key, Tally], now: datetime) -> None:
        ways = [
            {
                "transport": transport,
                "rollup": rollup,
                "attempts": tally.attempts,
                "troubled": tally.troubled,
                "cut_off": list(tally.cut_off),
            }
            for (transport, rollup), tally in tallies.items()
        ]
        await self._standings.replace_one(CURRENT, {"at": now, "ways": ways}, upsert=True)

    async def read(self, since: datetime) -> dict[Key, Tally]:
        """Those that were written at `since` or later; older ones say nothing any more."""
        document = await self._standings.find_one({**CURRENT, "at": {"$gte": since}})
        return {
            (each["transport"], each["rollup"]): Tally(
                each["attempts"], each["troubled"], cut_off=tuple(each["cut_off"])
            )
            for each in (document["ways"] if document else ())
        }
