"""`posthorn queue` against an API that is served."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner

from services.cli import app
from tests.fixtures.deployment import eventually
from tests.integration.sender.queue_world import Callers, open_queue, waiting
from tests.integration.sender.world import World

Command = tuple[int, str, str]


class Served:
    """The API on a port, and the command that asks it with a key."""

    def __init__(self, queue: Callers, port: int, home: Path) -> None:
        self.queue = queue
        self.url = f"http://127.0.0.1:{port}"
        self._home = home

    async def run(self, *arguments: str, key: str | None = None, url: str | None = None) -> Command:
        """Exit code, standard output and standard error, one command at a time."""
        kept = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        given = {"POSTHORN_PUBLIC_URL": url or self.url, "POSTHORN_HOME": str(self._home), "COLUMNS": "250"}
        given |= {"POSTHORN_API_KEY": key} if key else {}
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["queue", *arguments], env={**kept, **given})
        return ended.exit_code, ended.stdout, ended.stderr

    async def says(self, *arguments: str) -> str:
        code, out, err = await self.run(*arguments, key=self.queue.first.token)
        assert (code, err) == (0, "")
        return out


@pytest.fixture
async def served(world: World, tmp_path: Path) -> AsyncIterator[Served]:
    async with open_queue(world) as queue:
        api: FastAPI = queue.operator.http._transport.app  # type: ignore[attr-defined]
        server = uvicorn.Server(uvicorn.Config(api, port=0, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve())

        async def started() -> bool:
            return server.started

        await eventually(started)
        yield Served(queue, server.servers[0].sockets[0].getsockname()[1], tmp_path)
        server.should_exit = True
        await serving


async def test_the_queue_is_looked_at_and_operated_from_afar(world: World, served: Served) -> None:
    message = await world.message("ann@queue.example", workspace_id="w1")
    await world.deployment.database("sender")["deliveries"].insert_one(waiting(message, "deferred", why="dns"))
    shown, listed = await served.says(), await served.says("list", "--domain", "queue.example")
    assert all(word in shown for word in ("standard", "critical", "static:*.test", "direct", "dns"))
    assert all(word in listed for word in (message.message_id, "ann@queue.example", "deferred", "dns"))
    async with world.sender():
        held = json.loads(await served.says("hold", "--domain", "queue.example", "--reason", "wait", "--json"))
        assert (held["action"], held["state"], held["changed"]) == ("hold", "done", 1)
        holds, destinations = await served.says("holds"), await served.says("destinations", "--json")
        one = await served.says("jobs", held["id"])
        assert all(word in holds for word in (held["id"], "workspace=w1 domain=queue.example", "wait"))
        assert json.loads(destinations)["data"][0]["held"]["hold"] == held["id"]
        assert "done" in one
        released = json.loads(await served.says("release", "--hold", held["id"], "--json"))
        assert released["changed"] == 1
        bounced = await served.says("bounce", message.message_id, "--reason", "a mistake")
        assert "bounce" in bounced
    begun = json.loads(await served.says("retry", "--domain", "queue.example", "--no-wait", "--json"))
    assert begun["state"] == "open"


WRONG: list[tuple[tuple[str, ...], str | None, str | None, int, str]] = [
    ((), None, None, 2, "no key"),
    ((), "ph_live_x", None, 1, "The API key is not valid. (401)"),
    ((), "ph_live_x", "http://127.0.0.1:1", 1, "does not answer (ConnectError)"),
    (("retry",), "first", None, 1, "#: Name messages, workspace, transport, rollup or domain. (422)"),
    (("retry", "--domain", "a.test", "--force"), "first", None, 1, "the operator alone forces a retry. (403)"),
    (("list", "--workspace", "w2"), "first", None, 1, "No such workspace. (404)"),
    (("jobs", "none"), "first", None, 1, "No such job. (404)"),
]


async def test_what_goes_wrong_is_said_in_one_line(served: Served) -> None:
    token = served.queue.first.token
    for arguments, key, url, code, said in WRONG:
        returned, out, err = await served.run(*arguments, key=token if key == "first" else key, url=url)
        assert (returned, out) == (code, ""), arguments
        assert said in err
        assert err.count("\n") == 1
