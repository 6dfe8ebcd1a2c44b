"""Rate limits at the door: what replies tell, who is refused, and that nothing of a refused request is read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx

from services.ingest.settings import Settings
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_bad_input import assert_problem

KEYS = "/v1/api-keys"


def standing(reply: httpx.Response) -> dict[str, tuple[int, int, int, int]]:
    """By policy: quota, window, remaining, reset."""
    policies = re.findall(r'"(\w+)";q=(\d+);w=(\d+)', reply.headers["ratelimit-policy"])
    levels = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', reply.headers["ratelimit"])
    told = {name: (int(remaining), int(reset)) for name, remaining, reset in levels}
    return {name: (int(quota), int(window), *told[name]) for name, quota, window in policies}


async def test_every_reply_to_a_good_key_tells_where_it_stands(deployment: Deployment) -> None:
    async with open_door(deployment, key_rate_limit=60, workspace_rate_limit=120) as door:
        admin = Asker(door, door.key)
        replies = [
            await admin.reply("GET", KEYS),
            await door.post(send()),
            await door.post(send(subject="")),
            await door.post(send(), path=f"/v1/workspaces/{door.workspace.id}/emails"),
            await door.post(send(), path="/v1/workspaces/other/emails"),
            await admin.reply("GET", f"{KEYS}/none"),
        ]
        assert [reply.status_code for reply in replies] == [200, 202, 422, 202, 404, 404]
        seen = [standing(reply) for reply in replies]
        assert [each["key"][:2] for each in seen] == [(60, 60)] * 6
        assert [each["workspace"][:2] for each in seen] == [(120, 60)] * 6
        assert all(1 <= each["key"][3] <= 6 for each in seen)  # seconds until all are there again
        left = [each["key"][2] for each in seen]
        assert left[0] == 59
        assert left == sorted(left, reverse=True)
        # nobody is counted whose key is not known, and the operator is not
        for key, path in (("x", KEYS), (OPERATOR, "/v1/workspaces")):
            assert "ratelimit" not in (await Asker(door, key).reply("GET", path)).headers


async def test_over_the_limit_is_429_before_the_body_is_read(deployment: Deployment) -> None:
    async with open_door(deployment, key_rate_limit=2, workspace_rate_limit=4) as door:
        taken: list[bytes] = []

        async def body() -> AsyncIterator[bytes]:
            taken.append(b"")
            yield b"{"

        async def refused(key: str, path: str, **request: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            reply = await door.http.post(path, headers=headers, content=body(), **request)
            assert_problem(reply, 429, "rate_limited")
            [name] = reply.json()["violated-policies"]
            quota, window, remaining, reset = standing(reply)[name]
            assert remaining == 0
            assert 1 <= reset <= int(reply.headers["retry-after"]) <= window / quota
            return reply

        for _ in range(2):
            assert (await door.post(send())).status_code == 202
        for path in ("/v1/emails", f"/v1/workspaces/{door.workspace.id}/emails", KEYS, "/v1/smtp-credentials"):
            reply = await refused(door.key, path)
            assert reply.json()["violated-policies"] == ["key"]
        assert not taken
        assert len(await door.submissions()) == 2
        # another key of the workspace goes on until the workspace has had its own; another workspace does not notice
        second = (await door.workspaces.create_api_key(door.workspace.id, "second")).secret or ""
        third = (await door.workspaces.create_api_key(door.workspace.id, "third")).secret or ""
        for _ in range(2):
            await Asker(door, second).ask(200, "GET", "/v1/audit")
        assert (await refused(third, KEYS)).json()["violated-policies"] == ["workspace"]
        stranger = Asker(door, (await make_workspace(door.workspaces))[1])
        await stranger.ask(200, "GET", KEYS)


async def test_a_key_and_a_workspace_may_have_limits_of_their_own(door: Door) -> None:
    admin, operator = Asker(door, door.key), Asker(door, OPERATOR)
    made = await admin.ask(201, "POST", KEYS, {"name": "k", "scopes": ["keys"], "rate_limit": 3})
    caller = Asker(door, made["key"])
    assert standing(await caller.reply("GET", KEYS))["key"][0] == 3
    await operator.ask(200, "PATCH", f"/v1/workspaces/{door.workspace.id}", {"rate_limit": 5})
    assert standing(await caller.reply("GET", KEYS))["workspace"][0] == 5
    await caller.ask(200, "GET", KEYS)
    assert_problem(await caller.reply("GET", KEYS), 429, "rate_limited")
    await admin.ask(200, "PATCH", f"{KEYS}/{made['id']}", {"rate_limit": None})
    assert standing(await caller.reply("GET", KEYS))["key"][0] == Settings.model_fields["key_rate_limit"].default
