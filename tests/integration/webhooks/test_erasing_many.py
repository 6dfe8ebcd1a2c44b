"""A person with very many webhooks: they are erased a little at a time, while others are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.contracts.events import EventType, event_of
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.http_receiver import HttpReceiver
from tests.fixtures.many import AT_ONCE, FORMS, largest_read
from tests.fixtures.messages import a_message
from tests.integration.webhooks.persons import told
from tests.integration.webhooks.world import running_world

ANN = "ann.person@erase.test"
SEEDED = 1000


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("count", FORMS)
async def test_many_webhooks_are_erased_a_little_at_a_time(
    deployment: Deployment, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    async with running_world(deployment, erasure_settle_seconds=0.5, session_timeout_ms=6000) as world:
        for _ in range(0, count, SEEDED):
            await told(deployment, ANN, SEEDED)
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        most = largest_read(monkeypatch)
        known = deployment.database("webhooks")["known_erasures"]
        erase = an_erase(deployment, ANN, "w1")
        await ask(deployment, erase)
        await eventually(lambda: known.count_documents({"lease": {"$exists": True}}), what="the pass")
        bob = a_message("bob@erase.test", workspace_id=world.workspace_id)
        event = event_of(bob, EventType.DELIVERED, datetime.now(UTC), {"code": 250})
        await world.publish(event)
        assert await world.ended(endpoint, event) == ["succeeded"]
        word = await confirmed(deployment, erase, "webhooks", seconds=count / 20 + 20)
        assert word.counts == {"webhooks": count, "attempts": count}
    assert await stored_with(deployment.client, deployment.prefix, spellings(ANN)) == []
    assert most[0] <= AT_ONCE
