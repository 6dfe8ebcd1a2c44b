"""The webhooks service's part in erasures: bodies that are kept or wait, and what endpoints said."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from shared.contracts.events import EventType, event_of
from shared.erasure import erased_address
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.fixtures.messages import a_message
from tests.integration.webhooks.world import World, running_world

ANN = "Ann.Person@customer.test"
NAMED = spellings("ann.person", "Ann Person")


async def attempted(world: World, times: int) -> None:
    async def there() -> bool:
        return bool(await world.attempts.count_documents({}) >= times)

    await eventually(there, what=f"{times} attempts")


async def test_bodies_and_answers_lose_the_person_and_late_events_do_not_name_them(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    async with running_world(deployment, erasure_settle_seconds=0.5, webhook_schedule=[0, 600]) as world:
        await world.add_endpoint(receiver.url("/good"))
        bad = await world.add_endpoint(receiver.url("/bad"), events=["email.bounced", "email.complained"])
        receiver.script("/bad", Answer(500, body=b"no Ann Person <Ann.Person@customer.test> here"))
        fields = {"workspace_id": world.workspace_id, "metadata": {"name": "Ann Person"}, "tags": ["welcome"]}
        ann, bob = a_message(ANN, **fields), a_message("bob@customer.test", **{**fields, "metadata": {}})
        told = event_of(ann, EventType.BOUNCED, datetime.now(UTC), {"code": 550, "reply": f"550 <{ANN}> unknown"})
        await world.publish(told, event_of(bob, EventType.DELIVERED, datetime.now(UTC), {"code": 250}))
        await attempted(world, 3)
        assert await stored_with(deployment.client, deployment.prefix, NAMED)

        held = (await world.client.get(f"/v1/people/webhooks/{ANN}")).status_code
        assert held == 403  # the scope is `admin`
        erase = an_erase(deployment, ANN.lower(), world.workspace_id)
        await ask(deployment, erase)
        word = await confirmed(deployment, erase, "webhooks")
        assert word.counts == {"webhooks": 2, "attempts": 2}
        assert await stored_with(deployment.client, deployment.prefix, NAMED) == []
        job = await world.job(told, bad)
        assert job is not None
        body = orjson.loads(job["body"])
        assert (job["state"], body["type"], body["data"]["code"]) == ("waiting", "email.bounced", 550)
        assert (body["data"]["recipient"], body["data"]["metadata"]) == (erased_address(erase.address_hmac), {})

        await world.publish(told, event_of(ann, EventType.COMPLAINED, datetime.now(UTC), {"feedback_type": "abuse"}))
        await attempted(world, 5)
        assert await stored_with(deployment.client, deployment.prefix, NAMED) == []
