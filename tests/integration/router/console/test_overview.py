"""The page of routing: each stream's path and why, transports with their health, rules in words."""

from __future__ import annotations

from datetime import timedelta

from services.router.health import State
from services.router.health.breaker import Breaker
from services.router.health.standing import Reputation
from services.router.health.store.breakers import Breakers
from services.router.health.store.reputations import Reputations, Standing
from shared.contracts.entities import Kind
from shared.contracts.events import EventType
from tests.fixtures.console import words
from tests.fixtures.deployment import eventually
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, direct, rules, transport, visit
from tests.integration.router.test_health_api import counted, now
from tests.unit.router.health.events import an_event, failed, relayed

RESET = {
    "id": "reset-mail", "name": "Reset mail", "when": {"streams": ["security"]},
    "route": [[{"transport": "direct"}], [{"transport": "relay"}]],
}  # fmt: skip
RECEIPTS = {
    "id": "receipts", "when": {"tags": ["receipt"]},
    "route": [[{"transport": "direct", "weight": 3}, {"transport": "relay", "weight": 1}]],
}  # fmt: skip
HOSTILE = '<script>alert("x")</script>\u202egnp'


async def test_each_stream_has_its_path_and_why(router: Router) -> None:
    await direct(router)
    await transport(router, "relay", name="Frankfurt")
    await rules(router, RESET, RECEIPTS, order=["relay", "direct"])
    async with router.running("http") as client:
        visitor = await visit(router, client)
        shown = words(await visitor.get(ROUTING))
    assert "Security critical Flows Direct As rule “Reset mail” says; Frankfurt stands by." in shown
    assert "Billing standard Flows Frankfurt As the workspace’s failover order says; Direct stands by." in shown
    assert "Some of it is taken before by receipts" in shown
    assert "Mail tagged receipt goes by Direct (weight 3) or Frankfurt (weight 1)" in shown
    assert "What no rule takes goes by Frankfurt, else by Direct" in shown


async def test_who_wrote_the_rules_last_stands_beside_them(router: Router) -> None:
    await direct(router)
    key = await router.key()
    async with router.running("http") as client:
        visitor = await visit(router, client)
        assert "No rules of your own" in words(await visitor.get(ROUTING))
        assert (await client.put("/v1/routes", json={"rules": [RECEIPTS | {"route": [[{"transport": "direct"}]]}]},
                                 headers=key)).status_code == 200  # fmt: skip
        shown = words(await visitor.get(ROUTING))
    assert "Version 1, changed" in shown
    assert "by k . Asked in this order" in shown


async def test_a_transport_that_is_left_alone_is_said_with_its_reason_and_another_one_takes_its_mail(
    router: Router,
) -> None:
    await direct(router)
    await transport(router, "relay", name="Frankfurt")
    await rules(router, order=["relay", "direct"])
    breaker = Breaker(("relay", None), State.OPEN, now(), now() + timedelta(minutes=1), 1, "80% of its attempts failed")
    await Breakers(router.deployment.database("router")).change([breaker])
    async with router.running("http") as client:
        visitor = await visit(router, client)

        async def failed_over() -> bool:
            shown = words(await visitor.get(ROUTING))
            told = "Frankfurt does not take its part: its breaker is open: 80% of its attempts failed" in shown
            return told and "Billing standard Failed over Direct" in shown and "Left alone Frankfurt" in shown

        await eventually(failed_over)
        assert "Failed over Direct" in words(await visitor.get(f"{ROUTING}/summary", part=True))


async def test_numbers_are_those_of_the_workspaces_own_mail(router: Router) -> None:
    await direct(router)
    await transport(router, "relay", name="Frankfurt")
    took_over = relayed(now())
    took_over.data["route"]["candidates"] = [
        {"transport": "direct", "name": "Direct", "score": 0.5, "tier": 0, "lost": "it failed"},
        {"transport": "relay", "name": "Frankfurt", "score": 1, "tier": 1},
    ]
    theirs = [an_event(at=now(), workspace_id="w2") for _ in range(50)]
    await counted(router, [an_event(at=now()), an_event(EventType.DEFERRED, at=now()), took_over, *theirs])
    async with router.running("http") as client:
        visitor = await visit(router, client)
        shown = words(await visitor.get(ROUTING))
    assert (
        "Direct to the recipients’ own mail hosts, the platform’s 2 attempts 50.0 % accepted 50.0 % deferred" in shown
    )
    assert "1 attempt went another way" in shown
    assert "1 taken over" in shown


async def test_a_few_failures_are_told_before_they_open_a_breaker(router: Router) -> None:
    await transport(router, "relay", name="Frankfurt")
    await rules(router, order=["relay"])
    await counted(router, [failed(now()), failed(now())])
    async with router.running("http") as client:
        visitor = await visit(router, client)
        shown = words(await visitor.get(ROUTING))
    assert "Fails Frankfurt" in shown
    assert "Fails over Frankfurt" in shown
    assert "2 of 2 attempts failed at the transport itself" in shown


async def test_the_quarantine_of_a_poor_domain_is_the_path_of_its_mail(router: Router) -> None:
    await direct(router)
    await router.entities.put(Kind.ROUTE, "platform", None, {"rules": [], "quarantine": {"hold": True}})
    await counted(router, [an_event(at=now(), sender="us@shop.test")])
    poor = Standing(("w1", "shop.test"), Reputation.POOR, now())
    await Reputations(router.deployment.database("router")).change([poor])
    async with router.running("http") as client:
        visitor = await visit(router, client)

        async def held() -> bool:
            shown = words(await visitor.get(ROUTING))
            return "Product standard Waits no way Held by the platform’s quarantine" in shown

        await eventually(held)
        assert "Security critical Flows Direct" in words(await visitor.get(ROUTING))


async def test_of_others_nothing_is_seen_and_names_are_text(router: Router) -> None:
    await direct(router)
    await transport(router, "theirs", "w2", name="Their relay")
    await transport(router, "relay", name=HOSTILE)
    await rules(router, RECEIPTS | {"name": HOSTILE}, order=["relay"])
    await rules(router, RESET, owner="w2")
    async with router.running("http") as client:
        visitor = await visit(router, client)
        pages = [await visitor.get(path) for path in (ROUTING, f"{ROUTING}/summary", f"{ROUTING}/transports/relay")]
    for page in pages:
        assert page.status_code == 200
        assert "Their relay" not in page.text
        assert "Reset mail" not in page.text
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text
