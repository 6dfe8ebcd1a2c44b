"""`posthorn webhooks` against an API that is served."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from services.cli import app
from shared.tokens import uuid7
from tests.fixtures.deployment import eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event


class Served:
    """The command, and the API on a port."""

    def __init__(self, world: World, port: int, home: Path) -> None:
        self._key = world.client.headers["authorization"].removeprefix("Bearer ")
        self._given = {
            "POSTHORN_PUBLIC_URL": f"http://127.0.0.1:{port}", "POSTHORN_HOME": str(home), "COLUMNS": "250"
        }  # fmt: skip

    async def run(self, *arguments: str, key: str | None = None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        kept = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        environ = {**kept, **self._given, "POSTHORN_API_KEY": self._key if key is None else key}
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["webhooks", *arguments], env=environ)
        return ended.exit_code, ended.stdout, ended.stderr

    async def says(self, *arguments: str) -> str:
        code, out, err = await self.run(*arguments)
        assert (code, err) == (0, "")
        return out

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.says(*arguments, "--json"))


@pytest.fixture
async def served(world: World, tmp_path: Path) -> AsyncIterator[Served]:
    api = world.client._transport.app  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    yield Served(world, server.servers[0].sockets[0].getsockname()[1], tmp_path)
    server.should_exit = True
    await serving


async def test_endpoints_are_tested_and_their_deliveries_looked_at_and_posted_again(
    world: World, served: Served, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", *[Answer(500, body=b"broken")] * 3, Answer(200))
    before = an_event(world.workspace_id)
    await world.publish(before)
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.publish(event)
    assert await world.ended(endpoint, event) == ["exhausted"]
    id_, since = endpoint["id"], "2026-01-01"

    listed = await served.says("list")
    assert all(word in listed for word in (id_, receiver.url("/hook"), "all"))
    [delivery] = (await served.json("deliveries", id_, "--state", "failed"))["data"]
    shown = await served.says("deliveries", id_, delivery["id"])
    assert all(word in shown for word in (delivery["id"], event.message_id, "failed", "http_5xx", "broken"))
    assert delivery["id"] in await served.says("deliveries", "--message", event.message_id, "--since", since)
    assert (await served.json("deliveries", "--until", since))["data"] == []
    tested = await served.json("test", id_)
    assert (tested["event_type"], tested["attempts"][0]["status"]) == ("webhook.test", 200)
    assert delivery["id"] in await served.says("retry", id_, delivery["id"])
    assert await world.ended(endpoint, event) == ["succeeded"]
    replayed = await served.json("replay", id_, "--since", since, "--all", "--event", "email.delivered")
    assert (replayed["state"], replayed["queued"]) == ("done", 1)
    filled = await served.says("backfill", id_, "--since", since)
    assert "done" in filled
    assert await world.ended(endpoint, before) == ["succeeded"]
    running = await served.json("replay", id_, "--since", since, "--until", "2026-01-02", "--no-wait")
    assert (running["state"], running["until"]) == ("running", "2026-01-02T00:00:00.000Z")


async def test_what_is_refused_is_said_in_a_line(served: Served) -> None:
    assert await served.run("list", key="") == (2, "", "posthorn: no key: give --key or POSTHORN_API_KEY\n")
    code, out, err = await served.run("test", uuid7())
    assert (code, out, err.startswith("posthorn: "), err.endswith("(404)\n")) == (1, "", True, True)
    code, _, err = await served.run("deliveries", "--state", "odd")
    assert (code, "#/state" in err, "(422)" in err) == (1, True, True)
