"""The console of a running webhooks service, its visitors, and a receiver to post to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio

from services.webhooks.settings import Settings
from tests.fixtures.console import VisitingClient, signed_in
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver, open_http_receiver
from tests.fixtures.servers import Servers
from tests.integration.webhooks.world import World, running_world

PAGE = "/console/webhooks"


@dataclass
class Desk:
    """`visitor` has the workspace of the world, `narrow` a key without the scope there, `stranger` another workspace;
    `nobody` has not signed in."""

    world: World
    receiver: HttpReceiver
    visitor: VisitingClient
    narrow: VisitingClient
    stranger: VisitingClient

    @property
    def nobody(self) -> VisitingClient:
        return VisitingClient(self.visitor.http, self.visitor.sessions, None)

    async def endpoint(self, path: str, status: int = 200, body: bytes = b"thanks", **fields: Any) -> str:
        """An endpoint at the receiver, which answers so; returns its id."""
        self.receiver.script(path, Answer(status, body=body))
        made = await self.world.add_endpoint(self.receiver.url(path), **fields)
        return str(made["id"])

    async def tested(self, endpoint_id: str) -> str:
        """Posts a test, and returns its delivery's id once it has ended."""
        made = await self.world.ask("POST", f"{endpoint_id}/test", 202)

        async def ended() -> bool:
            found = await self.world.ask("GET", f"{endpoint_id}/deliveries/{made['id']}", 200)
            return found["finished_at"] is not None

        await eventually(ended)
        return str(made["id"])

    async def views(self) -> list[dict[str, Any]]:
        """The workspace's endpoints, as the API shows them."""
        reply = await self.world.client.get("/v1/webhooks", params={"limit": 100})
        return list(reply.json()["data"])

    async def view(self, endpoint_id: str) -> dict[str, Any]:
        return await self.world.ask("GET", endpoint_id, 200)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    settings = deployment.settings(Settings)
    async with open_http_receiver() as receiver, running_world(deployment) as world:

        async def visit(headers: httpx.Headers | dict[str, str]) -> VisitingClient:
            key = headers["authorization"].removeprefix("Bearer ")
            return await signed_in(world.client, deployment.database("webhooks"), settings, key)

        _, other = await world.add_workspace(["webhooks"])
        narrow = await world.add_key(world.workspace_id, ["email.history"])
        yield Desk(world, receiver, await visit(world.client.headers), await visit(narrow), await visit(other))
    await deployment.drop()
