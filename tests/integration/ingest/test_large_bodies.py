"""Large JSON bodies: how many of them come in at once, who waits, who is told to come back, and what they take."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from tests.fixtures.deployment import Deployment
from tests.fixtures.real_process import MIB, running
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send
from tests.integration.ingest.test_bad_input import assert_problem

JSON = {"Content-Type": "application/json"}


def large(size: int) -> bytes:
    """A good request of about so many bytes."""
    content = base64.b64encode(bytes(size * 3 // 4)).decode()
    return orjson.dumps(send(attachments=[{"filename": "a.bin", "content": content}]))


class Halting:
    """A chunked body whose second half comes when it may."""

    def __init__(self, body: bytes, begun: asyncio.Event | None = None) -> None:
        self._body = body
        self.begun, self.go_on = begun or asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        self.begun.set()
        await self.go_on.wait()
        yield self._body[half:]


async def test_over_the_budget_a_large_body_is_told_to_come_back(deployment: Deployment) -> None:
    async with open_door(deployment, body_buffer_bytes=8 * MIB, max_body_bytes=4 * MIB, body_wait_seconds=0.3) as door:
        _, other_key = await make_workspace(door.workspaces, name="Other")
        halting = Halting(large(3 * MIB))
        held = asyncio.create_task(door.post(content=halting, headers=JSON))
        await halting.begun.wait()
        # the length of the halting one is not known, so that it has room for the longest
        untouched = Halting(large(3 * MIB))
        untouched.go_on.set()
        reply = await door.post(content=untouched, headers=JSON)
        assert_problem(reply, 503, "too_busy")
        assert reply.headers["retry-after"] == "2"
        assert await door.nothing_stored()
        # what is small does not wait, nor does another workspace, whose key may not send from here
        assert (await door.post(send())).status_code == 202
        headers = {**JSON, "Authorization": f"Bearer {other_key}"}
        assert (await door.http.post("/v1/emails", content=large(3 * MIB), headers=headers)).status_code == 422
        halting.go_on.set()
        assert (await held).status_code == 202


async def test_bodies_half_read_do_not_wait_for_each_other(deployment: Deployment) -> None:
    async with open_door(deployment, body_buffer_bytes=8 * MIB, max_body_bytes=4 * MIB, body_wait_seconds=60) as door:
        begun = asyncio.Event()
        bodies = [Halting(large(3 * MIB), begun) for _ in range(6)]
        posts = [asyncio.create_task(door.post(content=body, headers=JSON)) for body in bodies]
        await begun.wait()  # of the one that has room
        for body in bodies:
            body.go_on.set()
        assert [reply.status_code for reply in await asyncio.gather(*posts)] == [202] * 6


async def test_a_large_body_that_does_not_come_gives_its_room_back(deployment: Deployment) -> None:
    async with open_door(deployment, body_buffer_bytes=8 * MIB, max_body_bytes=4 * MIB, body_read_seconds=0.3) as door:
        halting = Halting(large(3 * MIB))
        reply = await door.post(content=halting, headers=JSON)
        assert_problem(reply, 400, "incomplete_body")
        assert await door.nothing_stored()
        assert (await door.post(content=large(3 * MIB), headers=JSON)).status_code == 202


async def post_many(door: Door, base_url: str, posts: int, body: bytes) -> list[int]:
    """The statuses of so many posts at once, each repeated while it is told to come back."""
    limits = httpx.Limits(max_connections=posts)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=120) as client:

        async def post() -> int:
            while True:
                headers = {**JSON, "Authorization": f"Bearer {door.key}"}
                try:
                    reply = await client.post("/v1/emails", content=body, headers=headers)
                    if reply.status_code != 503:
                        return reply.status_code
                except httpx.ReadError:
                    # told while it was still sending, and so slow at it that the connection was closed meanwhile;
                    # nothing was stored then, as the number of submissions shows in the end
                    pass
                await asyncio.sleep(0.2)

        return await asyncio.gather(*(post() for _ in range(posts)))


@pytest.mark.parametrize(
    ("posts", "size", "most"),
    [
        # 192 MiB come in at once, in room for 32
        pytest.param(24, 8 * MIB, 220 * MIB, id="short"),
        pytest.param(64, 20 * MIB, 400 * MIB, id="full", marks=[pytest.mark.verify, pytest.mark.timeout(600)]),
    ],
)
async def test_what_large_bodies_take_is_bounded(
    request: pytest.FixtureRequest, deployment: Deployment, tmp_path: Path, posts: int, size: int, most: int
) -> None:
    settings = {"body_buffer_bytes": 32 * MIB} if posts < 64 else {}
    async with open_door(deployment) as door:
        async with running(deployment, "ingest:http", tmp_path / "ingest.log", **settings) as process:
            assert await post_many(door, process.base_url, 1, large(MIB // 2)) == [202]
            process.forget_peak()
            assert await post_many(door, process.base_url, posts, large(size)) == [202] * posts
            peak = process.peak_bytes()
        print(f"{posts} posts of {size // MIB} MiB: peak {peak / MIB:.0f} MiB")
        assert peak < most
        assert len(await door.submissions()) == posts + 1
