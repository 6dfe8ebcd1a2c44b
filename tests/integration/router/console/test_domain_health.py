"""How a sending domain does, as a part of its page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.router.health.standing import Reputation
from services.router.health.store.reputations import Reputations, Standing
from shared.contracts.entities import Kind
from shared.contracts.events import EventType
from tests.fixtures.console import words
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, visit
from tests.integration.router.test_health_api import counted, now
from tests.unit.router.health.events import an_event

HEALTH = f"{ROUTING}/domains/shop.test/health"


async def test_its_numbers_are_of_the_workspaces_own_mail_of_seven_days(router: Router) -> None:
    earlier = now() - timedelta(minutes=30)
    events = [an_event(at=earlier), an_event(EventType.BOUNCED, at=now())]
    complaint = an_event(EventType.COMPLAINED, at=now(), stage=None, route=None)
    theirs = [an_event(at=now(), workspace_id="w2") for _ in range(20)]
    await counted(router, [*events, complaint, *theirs])
    async with router.running("http") as client:
        visitor = await visit(router, client, "domains")
        part, page = await visitor.get(HEALTH, part=True), await visitor.get(HEALTH)
        unknown = await visitor.get(HEALTH.replace("shop.test", "<b>x"), part=True)
    shown = words(part)
    assert "Attempts in 7 days 2 Accepted 50.0 % Hard bounces 50.0 % Complaints 1" in shown
    assert "There is too little mail to judge by" in shown
    assert "<html" not in part.text
    assert "<html" in page.text
    assert part.text.count('<svg class="chart"') == 3
    assert "It has sent no mail in the last 7 days." in words(unknown)


@pytest.mark.parametrize(
    ("quarantine", "means"),
    [
        (None, "Its mail goes on as before"),
        ({"hold": True}, "Its mail on the standard lane is held until it gets better"),
        ({"pool": "pool", "hold": False}, "Its mail on the standard lane takes a pool of its own"),
    ],
)
async def test_a_poor_domain_is_told_what_that_means_for_its_mail(
    router: Router, quarantine: dict[str, object] | None, means: str
) -> None:
    await router.entities.put(Kind.ROUTE, "platform", None, {"rules": [], "quarantine": quarantine})
    poor = Standing(("w1", "shop.test"), Reputation.POOR, now())
    await Reputations(router.deployment.database("router")).change([poor])
    async with router.running("http") as client:
        visitor = await visit(router, client, "domains")
        shown = words(await visitor.get(HEALTH, part=True))
        others = await visit(router, client, "domains", workspace="w2")
        assert "Its reputation is poor" not in words(await others.get(HEALTH, part=True))
    assert "Its reputation is poor, since" in shown
    assert f"{means}; the critical lane goes on." in shown
