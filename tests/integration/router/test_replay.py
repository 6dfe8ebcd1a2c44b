"""`/v1/routes/replay` on real servers: what a router decided, read off `mail.events` and decided again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.contracts.events import EventType, event_of
from shared.contracts.messages import LastAttempt, Message
from shared.contracts.topics import EVENTS, Lane, accepted
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.messages import a_message
from tests.fixtures.servers import Servers
from tests.integration.router.conftest import TOPICS, Router
from tests.integration.router.served import Command, served
from tests.integration.router.test_api import OPERATOR, faults, make

pytestmark = pytest.mark.asyncio(loop_scope="module")
LANES = tuple(Lane)


@dataclass
class Replayed:
    """A router that has decided about messages of two workspaces, and told of it as the sender does."""

    router: Router
    client: httpx.AsyncClient
    key: dict[str, str]
    relay: str
    count: int

    async def ask(self, key: dict[str, str] | None = None, path: str = "/v1/routes", **body: Any) -> Any:
        reply = await self.client.post(f"{path}/replay", json=body, headers=key or self.key)
        assert reply.status_code == 200, reply.text
        return reply.json()


def report(message: Message) -> tuple[str, bytes, dict[str, str]]:
    """A pass's event: what the sender says of an attempt, or of what stopped it."""
    parts = {"route": message.route, "verdict": message.verdict, "seen": message.seen}
    data = {name: part.model_dump(mode="json", exclude_none=True) for name, part in parts.items() if part is not None}
    type_ = EventType.DEFERRED if message.route else EventType.QUEUED
    event = event_of(message, type_, datetime.now(UTC), data, attempt=message.attempt + 1)
    return event.message_id, event.encode(), {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replayed(servers: Servers) -> AsyncIterator[Replayed]:
    """One world for all: nobody changes what it has."""
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    await deployment.prepare("router", topics=TOPICS)
    async with told(Router(deployment)) as world:
        yield world
    await deployment.drop()


@asynccontextmanager
async def told(router: Router) -> AsyncIterator[Replayed]:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http", "route") as client:

        async def there() -> bool:
            return (await client.get("/v1/transports/direct", headers=key)).status_code == 200

        await eventually(there)
        relay = (await make(client, key, name="Relay"))["id"]
        tier = [{"transport": relay, "weight": 1}, {"transport": "direct", "weight": 2}]
        rules = [
            {"id": "receipts", "when": {"tags": ["receipt"]}, "route": [tier]},
            {"id": "moves", "when": {"recipient_domains": ["held.test"]}, "hold": {"reason": "they move"}},
            {"id": "near", "when": {"rollups": ["static:*.test"], "size": {"at_least": 1000}}, "lane": "critical"},
        ]
        put = await client.put("/v1/routes", json={"rules": rules}, headers=key)
        assert put.status_code == 200, put.text
        await client.get("/v1/routes", headers=other)
        failed = LastAttempt(transport="direct", outcome="451 later", scope="recipient")
        messages = [
            *(a_message(tags=["receipt"]) for _ in range(6)),
            a_message("ann@held.test"),
            a_message(size=5000),
            a_message("ann@gone.invalid"),
            a_message(tags=["receipt"], last=failed, attempt=1, pass_=1),
            a_message(workspace_id="w2"),
        ]
        await router.publish(accepted(Lane.STANDARD), *messages)

        async def decided() -> list[Message]:
            found = [message for lane in LANES for message in await router.routed(lane, at_least=0)]
            return found if len(found) == len(messages) else []

        reports = [report(message) for message in await eventually(decided)]
        await router.deployment.publish(EVENTS, [*reports, *reports[:3], ("x", b'{"w1""inputs"', {})])
        yield Replayed(router, client, key, relay, len(messages) - 1)


async def test_under_the_present_rules_every_decision_is_the_same(replayed: Replayed) -> None:
    """Weights, holds, lanes, the DNS and the last attempt among them; what is told twice counts once."""
    found = await replayed.ask()
    assert found["decisions"] == replayed.count
    assert (found["otherwise"], found["by_another_rule"], found["unknown"], found["truncated"]) == (0, 0, 0, None)
    assert (found["changes"], found["samples"]) == ([], [])
    every = await replayed.ask(OPERATOR, "/v1/platform/routes")
    assert (every["decisions"], every["otherwise"]) == (replayed.count + 1, 0)


async def test_a_draft_shows_what_would_become_of_whom_and_is_kept_nowhere(replayed: Replayed) -> None:
    rule = {"id": "receipts", "when": {"tags": ["receipt"]}, "reject": {"reason": "embargo"}}
    found = await replayed.ask(draft={"rules": [rule]})
    after = {"action": "reject", "transport": None, "rule": "workspace:receipts", "lane": "standard"}
    refused = [change for change in found["changes"] if change["after"] == {**after, "reason": "embargo"}]
    assert {change["before"]["rule"] for change in refused} == {"workspace:receipts"}
    assert {change["before"]["transport"] for change in refused} <= {replayed.relay, "direct"}
    assert sum(change["count"] for change in refused) == 7
    by_lane = next(change for change in found["changes"] if change["before"]["lane"] == "critical")
    assert (by_lane["after"]["lane"], by_lane["count"]) == ("standard", 1)
    held = next(change for change in found["changes"] if change["before"]["action"] == "hold")
    assert (held["before"]["reason"], held["after"]["transport"]) == ("they move", "direct")
    assert found["otherwise"] == 9
    sample = next(each for each in found["samples"] if each["before"]["rule"] == "workspace:moves")
    assert (sample["after"]["rule"], sample["assumed"]) == ("default", ["health", "hosts"])
    assert (await replayed.client.get("/v1/routes", headers=replayed.key)).json()["version"] == 1


async def test_a_draft_of_the_platforms_is_asked_first_and_for_everybody(replayed: Replayed) -> None:
    draft = {"rules": [{"id": "all", "hold": {"reason": "an incident"}}]}
    found = await replayed.ask(OPERATOR, "/v1/platform/routes", draft=draft)
    assert (found["otherwise"], found["decisions"]) == (replayed.count + 1, replayed.count + 1)
    assert {change["after"]["rule"] for change in found["changes"]} == {"platform:all"}


async def test_the_command_replays_a_draft_of_a_file(replayed: Replayed, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text("rules:\n- {id: all, reject: {reason: embargo}}\n")
    async with served(replayed.client) as url:
        command = Command(url, replayed.key, tmp_path)
        same = await command.does("replay", "--since", "1h")
        lines = (await command.does("replay", "--file", str(draft))).splitlines()
        few = await command.does("replay", "--limit", "1", "--json")
    assert f"{replayed.count} decisions from " in same
    assert "0 would be others, 0 the same by another rule." in same
    assert lines[0].split() == ["count", "was", "would", "be"]
    held = next(line for line in lines if "hold (they move) by workspace:moves, standard" in line)
    assert "reject (embargo) by workspace:all, standard" in held
    assert f"{replayed.count} would be others" in lines[-1]
    assert json.loads(few)["truncated"] == "limit"


async def test_a_reading_is_bounded_by_number_and_time_and_one_at_a_time(replayed: Replayed) -> None:
    few = await replayed.ask(limit=2)
    assert (few["decisions"], few["truncated"]) == (2, "limit")
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert (await replayed.ask(since=datetime.now(UTC).isoformat(), until=later))["decisions"] == 0
    path = "/v1/routes/replay"
    replies = await asyncio.gather(*(replayed.client.post(path, json={}, headers=replayed.key) for _ in range(3)))
    assert sorted(reply.status_code for reply in replies) == [200, 429, 429]
    assert {reply.headers.get("retry-after") for reply in replies} == {None, "5"}


async def test_what_cannot_be_replayed_is_refused(replayed: Replayed) -> None:
    async def refused(**body: Any) -> dict[str, str]:
        return faults(await replayed.client.post("/v1/routes/replay", json=body, headers=replayed.key))

    week = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await refused(since=week) == {"#/since": "too_old"}
    assert await refused(since=future) == {"#/until": "too_early"}
    assert await refused(draft={"transports": ["nobody"]}) == {"#/draft/transports/0": "unknown_transport"}
    quarantine = {"quarantine": {"hold": True}}
    assert await refused(draft=quarantine) == {"#/draft/quarantine": "operator_only"}


async def test_without_kafka_it_says_so(replayed: Replayed) -> None:
    async with replayed.router.running("http", kafka_bootstrap="127.0.0.1:1") as client:
        reply = await client.post("/v1/routes/replay", json={}, headers=replayed.key)
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
