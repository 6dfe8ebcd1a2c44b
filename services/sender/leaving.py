"""What waits for a smart host that is left alone goes on by the next transport of its route, if that has one.

A recipient's hosts that ask for less are waited for; a smart host is one of the workspace's own ways, and its failover
order says which comes next.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from services.sender.destinations.name import parse
from services.sender.store.claims import BATCH, Claims
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.leaving import waiting_for
from shared.contracts.messages import LastAttempt, Message
from shared.contracts.topics import Lane
from shared.mongo.clock import DatabaseClock

SMART_HOST = "smarthost"


class Leaving:
    """Flags such deliveries for their next pass, as a suppression does, with the word that no attempt was made."""

    def __init__(
        self, deliveries: Deliveries, claims: Claims, destinations: Destinations, clock: DatabaseClock
    ) -> None:
        self._deliveries = deliveries
        self._claims = claims
        self._destinations = destinations
        self._clock = clock

    async def turn(self) -> int:
        """One batch; true where there may be more."""
        alone = await self._left_alone(await self._clock.current())
        if not alone:
            return 0
        documents = await waiting_for(self._deliveries, list(alone), BATCH)
        writes = []
        for document in documents:
            last = goes_on(Message.decode(document["record"]), alone[document["destination"]])
            told: dict[str, Any] = {"stays": True}
            if last is not None:
                told = {"flagged": True, "last": last.model_dump(exclude_none=True)}
            condition = {"_id": document["_id"], "state": "waiting", "pass": document["pass"]}
            writes.append(UpdateOne({**condition, "flagged": {"$exists": False}}, {"$set": told}))
        if writes:
            await self._deliveries.write(writes)
        return len(documents) >= BATCH

    async def _left_alone(self, now: datetime) -> dict[str, str]:
        """The smart hosts' destinations that anything waits for and that are left alone now, and why."""
        waiting = await asyncio.gather(*(self._claims.waiting(str(lane)) for lane in Lane))
        smart = {each for of_lane in waiting for each in of_lane if parse(each).provider == SMART_HOST}
        found = await self._destinations.find(smart) if smart else {}
        return {each: grant.standing.why for each, grant in found.items() if grant.standing.cooling(now)}


def goes_on(message: Message, why: str) -> LastAttempt | None:
    """What the router is told; None where the message stays: its route has no other transport, or it has come from one
    that it left so, and must not go to and fro between them."""
    route, last = message.route, message.last
    assert route is not None
    if last is not None and last.untried:
        return None
    if not any(each.score > 0 and each.transport != route.transport for each in route.candidates):
        return None
    return LastAttempt(
        transport=route.transport,
        outcome=f"it is left alone after: {why}"[:200],
        scope="transport",
        full=last.full if last is not None else [],
        family=last.family if last is not None else None,
        untried=True,
    )
