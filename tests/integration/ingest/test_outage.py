"""MongoDB away, and its answer lost: 503 with Retry-After, and never a 202 for what is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.api import create_api
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.wire import Wire
from tests.integration.ingest.conftest import Door, open_door, send

# the command's first element: insert: "submissions" (bsonspec.org, version 1.1)
INSERT_OF_SUBMISSIONS = b"\x02insert\x00\x0c\x00\x00\x00submissions\x00"


@asynccontextmanager
async def second_door(door: Door, deployment: Deployment, mongo_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The same deployment over another way to MongoDB."""
    service = create_app(deployment.settings(Settings, mongo_url=mongo_url), {"http"})
    transport = httpx.ASGITransport(create_api(service.routers), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {door.key}"}
    async with (
        service.run(),
        httpx.AsyncClient(transport=transport, base_url="http://posthorn", headers=headers) as http,
    ):
        yield http


def assert_unavailable(reply: httpx.Response) -> None:
    assert reply.status_code == 503, reply.text
    assert reply.json()["code"] == "unavailable"
    assert int(reply.headers["retry-after"]) > 0


async def test_503_while_mongodb_is_away(deployment: Deployment) -> None:
    async with (
        open_door(deployment) as door,
        second_door(door, deployment, "mongodb://127.0.0.1:9/?directConnection=true") as http,
    ):
        assert_unavailable(await http.post("/v1/emails", json=send()))
        assert await door.nothing_stored()


async def test_a_reply_that_is_lost_is_503_and_the_key_finds_what_was_stored(deployment: Deployment) -> None:
    """The insert of the submission reaches MongoDB, its acknowledgement does not come back."""
    wire = Wire(deployment.shared.mongo_url)
    key = {"Idempotency-Key": "k"}
    async with open_door(deployment) as door, wire.open(), second_door(door, deployment, wire.url) as http:
        assert (await http.post("/v1/emails", json=send())).status_code == 202
        wire.mute_from = INSERT_OF_SUBMISSIONS
        waiting = [asyncio.create_task(http.post("/v1/emails", json=send(), headers=key)) for _ in range(3)]

        async def stored() -> bool:
            return len(await door.submissions()) == 2

        await eventually(stored)
        assert not any(task.done() for task in waiting)
        wire.sever()
        for task in waiting:
            assert_unavailable(await task)

        wire.restore()

        async def accepted() -> httpx.Response | None:
            reply = await http.post("/v1/emails", json=send(), headers=key)
            return reply if reply.status_code == 202 else None

        reply = await eventually(accepted)
        assert reply.headers["idempotency-replayed"] == "true"
        [_, submission] = await door.submissions()
        assert [message["uuid"] for message in reply.json()["data"]["messages"]] == [
            message["id"] for message in submission["messages"]
        ]
