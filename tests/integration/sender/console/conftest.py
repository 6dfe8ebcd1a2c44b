"""The queue's pages of one sender, and who visits them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.sender.settings import Settings
from shared.contracts.entities import ApiKey, Kind
from shared.contracts.messages import Message
from shared.contracts.topics import STAGE_REPORTS, Lane, accepted, routed
from shared.secrets import address_hmac, api_key_digest
from shared.tokens import new_api_key
from tests.fixtures.console import VisitingClient, signed_in
from tests.fixtures.deployment import eventually
from tests.integration.sender.queue_world import Callers, open_queue, waiting
from tests.integration.sender.world import World


@dataclass
class Console:
    """The pages and the API of one queue."""

    world: World
    queue: Callers

    async def narrow(self, *scopes: str) -> VisitingClient:
        """A visitor of the first workspace with these scopes alone."""
        token = new_api_key()
        digest = api_key_digest(self.world.deployment.shared.pepper_bytes, token)
        key = ApiKey(name="narrow", digest=digest, prefix="ph_live_x", scopes=list(scopes)).model_dump(mode="json")
        await self.world.know(Kind.API_KEY, f"key-{token[-8:]}", key, "w1")
        return await self.enter(token)

    async def enter(self, token: str) -> VisitingClient:
        deployment = self.world.deployment
        database, settings = deployment.database("sender"), deployment.settings(Settings)
        return await signed_in(self.queue.first.http, database, settings, token)

    async def waits(self, recipient: str = "ann@sink.test", state: str = "deferred", **changes: Any) -> Message:
        """A message that waits while nobody works; `changes` are the message's, but for `delivery`."""
        delivery = changes.pop("delivery", {})
        message = await self.world.message(recipient, **{"content_id": "c", **changes})
        deliveries = self.world.deployment.database("sender")["deliveries"]
        address = address_hmac(self.world.deployment.shared.pepper_bytes, recipient)
        await deliveries.insert_one(waiting(message, state, **{"address": address, **delivery}))
        return message

    async def jobs(self) -> list[dict[str, Any]]:
        return list((await self.queue.operator.get("/jobs"))["data"])

    async def state_of(self, message: Message, state: str) -> dict[str, Any]:
        """The delivery once it is in a state."""

        async def there() -> dict[str, Any] | None:
            found = await self.world.delivery(message)
            return found if found["state"] == state else None

        return await eventually(there, what=f"{state} of {message.recipient}")  # type: ignore[return-value]


@pytest.fixture
async def console(world: World) -> AsyncIterator[Console]:
    topics = (name(lane) for name in (accepted, routed) for lane in Lane)
    await world.deployment.prepare(topics=(*topics, STAGE_REPORTS))
    async with open_queue(world) as queue:
        yield Console(world, queue)


@pytest.fixture
async def visitor(console: Console) -> VisitingClient:
    """One of the workspace `w1`, with every scope that the pages ask for."""
    return await console.enter(console.queue.first.token)


@pytest.fixture
async def stranger(console: Console) -> VisitingClient:
    """One of the workspace `w2`."""
    return await console.enter(console.queue.second.token)
