"""What is done again for a webhook endpoint, asked for as its owner does, and what stands of it in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from shared.mongo.client import make_client, open_database
from tests.faults.evidence import ALL, Witness
from tests.faults.world import World
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of

LISTS = {"replay": "replays", "backfill": "backfills"}
Deliveries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of the world's workspace, `hook` its name at the receiver."""

    world: World
    id: str
    hook: str

    async def ask(self, kind: str, since: datetime, **body: Any) -> str:
        """Asks for a replay or a back-fill; its id."""
        asked = {"since": since.isoformat(), **body}
        async with self.world.witness.http.post(f"/v1/webhooks/{self.id}/{kind}", json=asked) as reply:
            assert reply.status == 202, await reply.text()
            return str((await reply.json())["id"])

    async def ended(self, kind: str, id_: str, seconds: float) -> Mapping[str, Any]:
        """A replay or a back-fill once it has ended."""

        async def there() -> Mapping[str, Any] | None:
            async with self.world.witness.http.get(f"/v1/webhooks/{self.id}/{LISTS[kind]}/{id_}") as reply:
                assert reply.status == 200, await reply.text()
                shown: Mapping[str, Any] = await reply.json()
            return shown if shown["state"] != "running" else None

        return await eventually(there, seconds=seconds, every=0.2, what=f"the end of the {kind}")  # type: ignore[return-value]

    async def deliveries(self, **condition: Any) -> Deliveries:
        """Its deliveries as they stand in the database, by id."""
        settings = settings_of(self.world.stack.env)
        client = make_client(settings)
        try:
            jobs = open_database(client, settings.database("webhooks"))["jobs"]
            found = await jobs.find({"endpoint_id": self.id, **condition}, {"body": 0}).to_list(None)
        finally:
            client.close()
        return {each["_id"]: each for each in found}

    async def held(self) -> set[str]:
        """Those that a process has which has just died: it may have posted them, and nobody knows."""
        return {*await self.deliveries(lease={"$exists": True})}

    async def posts(self) -> Counter[str]:
        """How often the receiver got each delivery, by its id."""
        url = f"{self.world.stack.receiver_url}/received"
        async with aiohttp.request("GET", url, params={"name": self.hook, "limit": ALL}) as reply:
            return Counter(one["headers"]["webhook-id"] for one in await reply.json())


async def endpoint_of(world: World, hook: str) -> Endpoint:
    """A new endpoint, for all that the load can lead to."""
    witness = Witness(world.witness.http, world.witness.http, world.stack.receiver_url, hook)
    return Endpoint(world, await witness.subscribe(), hook)
