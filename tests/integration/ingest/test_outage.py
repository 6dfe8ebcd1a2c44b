"""MongoDB away, and its answer lost: 503 with Retry-After, and never a 202 for what is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.api import create_api
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, open_door, send

# the command's first element: insert: "submissions" (bsonspec.org, version 1.1)
INSERT_OF_SUBMISSIONS = b"\x02insert\x00\x0c\x00\x00\x00submissions\x00"


class Wire:
    """A TCP relay in front of mongod: mute from a certain request on (nothing comes back any more), or cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self.mute_from: bytes | None = None
        self.muted = self.cut = False
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            self.sever()
            server.close()

    def sever(self) -> None:
        self.cut = True
        for writer in self._writers:
            writer.close()

    def restore(self) -> None:
        self.mute_from = None
        self.muted = self.cut = False

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.close()
            return
        to_reader, to_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, to_writer}
        await asyncio.gather(self._ask(reader, to_writer), self._answer(to_reader, writer), return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.muted = self.muted or (self.mute_from is not None and self.mute_from in data)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.muted:
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()


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
    url = urlsplit(deployment.shared.mongo_url)
    wire = Wire(url.hostname or "", url.port or 27017)
    key = {"Idempotency-Key": "k"}
    async with open_door(deployment) as door, wire.open():
        way = f"mongodb://127.0.0.1:{wire.port}/?directConnection=true"
        async with second_door(door, deployment, way) as http:
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
