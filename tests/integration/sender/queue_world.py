"""`/v1/queue` of a world's sender, as the operator and the keys of its two workspaces ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.sender.app import create_app
from services.sender.settings import Settings
from shared.api import create_api
from shared.contracts.entities import ApiKey, Kind, Workspace
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, due
from shared.secrets import api_key_digest
from shared.tokens import new_api_key
from tests.fixtures.deployment import eventually
from tests.integration.sender.world import World

SCOPES = ["email.history", "email.send", "routing"]
ELSEWHERE = "http://posthorn"


@dataclass
class Caller:
    """One who asks `/v1/queue` with a token."""

    http: httpx.AsyncClient
    token: str

    async def ask(self, method: str, path: str = "", **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, f"/v1/queue{path}", headers=headers, **content)

    async def get(self, path: str = "", **query: Any) -> Any:
        reply = await self.ask("GET", path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def messages(self, **query: Any) -> list[dict[str, Any]]:
        return list((await self.get("/messages", **query))["data"])

    async def begin(self, action: str, **body: Any) -> dict[str, Any]:
        """Asks for an action; its job as it begins."""
        reply = await self.ask("POST", f"/{action}", json=body)
        assert reply.status_code == 202, reply.text
        assert reply.headers["location"] == f"/v1/queue/jobs/{reply.json()['id']}"
        return dict(reply.json())

    async def done(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job once a sender has done it."""

        async def is_done() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.get(f"/jobs/{job['id']}")
            return found if found["state"] == "done" else None

        return await eventually(is_done, seconds=60, what=f"the end of {job['action']}")  # type: ignore[return-value]

    async def act(self, action: str, **body: Any) -> dict[str, Any]:
        return await self.done(await self.begin(action, **body))


@dataclass
class Callers:
    operator: Caller
    first: Caller
    second: Caller


@asynccontextmanager
async def open_queue(world: World) -> AsyncIterator[Callers]:
    """The API alone: whoever works runs apart."""
    deployment = world.deployment
    tokens = {}
    for name in ("w1", "w2"):
        tokens[name] = new_api_key()
        workspace = Workspace(name=name, owner_email=f"owner@{name}.example").model_dump(mode="json")
        await world.know(Kind.WORKSPACE, name, workspace, name)
        digest = api_key_digest(deployment.shared.pepper_bytes, tokens[name])
        key = ApiKey(name="test", digest=digest, prefix="ph_live_x", scopes=SCOPES).model_dump(mode="json")
        await world.know(Kind.API_KEY, f"key-{name}", key, name)
    service = create_app(deployment.settings(Settings), {"http"})
    async with service.run():
        transport = httpx.ASGITransport(create_api(service.routers))
        async with httpx.AsyncClient(transport=transport, base_url=ELSEWHERE, timeout=20) as http:
            operator = str(deployment.environment["operator_token"])
            yield Callers(*(Caller(http, token) for token in (operator, tokens["w1"], tokens["w2"])))


def waiting(message: Message, state: str = "waiting", number: int = 0, **changes: Any) -> dict[str, Any]:
    """A delivery as it stands in the database while nobody works."""
    assert message.route is not None
    now = datetime.now(UTC)
    later = {"due_at": now + timedelta(hours=1)} if state in ("deferred", "held", "released") else {}
    return {
        "_id": message.message_id,
        "workspace_id": message.workspace_id,
        "lane": str(message.lane),
        "pass": message.pass_,
        "attempt": message.attempt,
        "ambiguous": 0,
        "address": f"address-{number}",
        "domain": message.recipient.partition("@")[2],
        "destination": f"{message.route.transport}|{message.route.rollup}",
        "arrived_at": now,
        "record": message.encode(),
        "state": state,
        **later,
        **changes,
    }


async def back_from_router(
    world: World, lane: Lane = Lane.STANDARD, at_least: int = 1, **changes: Any
) -> list[Message]:
    """Plays router and suppression for what was released: the newest pass of each message comes back."""
    records = await world.deployment.records(due(lane), at_least)
    newest: dict[str, Message] = {}
    for message in map(Message.decode, (record.value for record in records)):
        if message.message_id not in newest or newest[message.message_id].pass_ < message.pass_:
            newest[message.message_id] = message
    found = list(newest.values())
    verdict = (await world.message()).verdict
    await world.clear(*(each.with_changes(**{"route": world.route(), "verdict": verdict, **changes}) for each in found))
    return found
