"""Decisions of a quarantine made again once the sending domain's reputation is not there any more: what is said of them
is what was known then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.router.health import Reputation
from services.router.health.store.reputations import COLLECTION, Reputations, Standing
from services.router.routes.model import Quarantine, RuleSet
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane, Stream, accepted
from tests.fixtures.deployment import eventually
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router
from tests.integration.router.served import Command, served
from tests.integration.router.test_api import OPERATOR
from tests.integration.router.test_replay import report
from tests.integration.router.test_routing import default_route, smart_host

SENDER = "us@shop.test"
RECEIPTS = {"id": "receipts", "when": {"tags": ["receipt"]}, "route": [[{"transport": "second"}]]}


@dataclass
class Quarantined:
    """A router that has sent two messages to the pool of the quarantine and a critical one past it, and told of all."""

    router: Router
    client: httpx.AsyncClient
    key: dict[str, str]
    past: list[Message]

    async def ask(self, key: dict[str, str], path: str, **body: Any) -> Any:
        reply = await self.client.post(f"{path}/replay", json=body, headers=key)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def way_now(self) -> Message:
        """What becomes of a message of the domain that comes now."""
        message = a_message(sender=SENDER)
        await self.router.publish(accepted(Lane.STANDARD), message)

        async def decided() -> Message | None:
            found = await self.router.routed(Lane.STANDARD)
            return next((each for each in found if each.message_id == message.message_id), None)

        return await eventually(decided)  # type: ignore[return-value]


@pytest.fixture
async def quarantined(router: Router) -> AsyncIterator[Quarantined]:
    """The reputation was taken away since, and who routes knows it."""
    key = await router.key("w1")
    for id_ in ("first", "second"):
        await smart_host(router, id_, "w1")
    await smart_host(router, "pool")
    await default_route(router, "first")
    await router.entities.put(Kind.ROUTE, "platform", None, RuleSet(quarantine=Quarantine(pool="pool")).to_data())
    database = router.deployment.database("router")
    poor = Standing(("w1", "shop.test"), Reputation.POOR, datetime.now(UTC))
    assert await Reputations(database).change([poor]) == [poor]
    async with router.running("http", "route", health_refresh_seconds=0.1) as client:
        await router.publish(
            accepted(Lane.STANDARD), *(a_message(sender=SENDER, tags=tags) for tags in ([], ["receipt"]))
        )
        critical = a_message(lane=Lane.CRITICAL, stream=Stream.SECURITY, sender=SENDER, tags=["receipt"])
        await router.publish(accepted(Lane.CRITICAL), critical)
        past = [*await router.routed(Lane.STANDARD, at_least=2), *await router.routed(Lane.CRITICAL)]
        await router.deployment.publish(EVENTS, [report(message) for message in past])
        there = Quarantined(router, client, key, past)
        await database[COLLECTION].delete_many({})

        async def forgotten() -> bool:
            route = (await there.way_now()).route
            return route is not None and route.transport == "first"

        await eventually(forgotten)
        yield there


async def test_a_decision_under_a_quarantine_says_so_and_is_made_again_under_it(quarantined: Quarantined) -> None:
    routes = [message.route for message in quarantined.past if message.route is not None]
    assert [(route.transport, route.rule) for route in routes] == [
        ("pool", "platform:quarantine"), ("pool", "platform:quarantine"), ("first", "default"),
    ]  # fmt: skip
    assert routes[0].why == "the sending domain's reputation is poor: its mail takes the pool of the quarantine"
    assert {route.inputs["reputation"] for route in routes} == {"poor"}
    same = await quarantined.ask(quarantined.key, "/v1/routes")
    assert (same["decisions"], same["otherwise"], same["by_another_rule"], same["assumed"]) == (3, 0, 0, 0)
    assert same["quarantined"] == 2


async def test_no_draft_of_a_workspace_gets_round_the_quarantine_of_then(quarantined: Quarantined) -> None:
    found = await quarantined.ask(quarantined.key, "/v1/routes", draft={"transports": ["first"], "rules": [RECEIPTS]})
    assert (found["decisions"], found["otherwise"], found["quarantined"]) == (3, 1, 2)
    (change,) = found["changes"]  # of what is critical alone
    assert (change["before"]["lane"], change["after"]["transport"]) == ("critical", "second")
    refusing = {"rules": [{"id": "no", "reject": {"reason": "embargo"}}]}
    refused = await quarantined.ask(quarantined.key, "/v1/routes", draft=refusing)
    assert (refused["otherwise"], refused["quarantined"]) == (3, 0)  # a refusal is no route that it would take


async def test_without_the_quarantine_each_is_said_to_have_been_its(quarantined: Quarantined, tmp_path: Path) -> None:
    found = await quarantined.ask(OPERATOR, "/v1/platform/routes", draft={"transports": []})
    assert (found["decisions"], found["otherwise"], found["quarantined"]) == (3, 2, 0)
    (change,) = found["changes"]
    assert (change["before"]["rule"], change["before"]["transport"]) == ("platform:quarantine", "pool")
    assert (change["after"]["rule"], change["after"]["transport"], change["count"]) == ("default", "first", 2)
    sample = found["samples"][0]
    assert "reputation is poor" in sample["before"]["why"]
    assert sample["assumed"] == ["health"]  # of the first transport, which nobody had looked at
    draft = tmp_path / "draft.yaml"
    draft.write_text(json.dumps({"rules": []}))
    async with served(quarantined.client) as url:
        said = await Command(url, quarantined.key, tmp_path).does("replay", "--file", str(draft))
    assert "2 are the quarantine's, for the reputation that their sending domain had then." in said
