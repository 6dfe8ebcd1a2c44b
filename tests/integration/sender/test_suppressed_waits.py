"""A suppression that is added while mail waits stops it before its next attempt, in each way of waiting and scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.sender.store.changes import Changes
from services.sender.store.deliveries import Deliveries
from services.suppression.app import create_app
from services.suppression.documents.reading import change_record
from services.suppression.rules import Place, Reason
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.contracts.messages import Message
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import Lane, dead_letters, due, routed
from shared.kafka.publish import Publisher
from shared.secrets import address_hmac
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.sender.queue_world import waiting
from tests.integration.sender.world import World

SOON = timedelta(milliseconds=200)
WORKSPACES, DOMAINS, STREAMS = ("w1", "w2"), ("acme.example", "other.example"), ("product", "billing")


def suppressions(deployment: Deployment) -> Suppressions:
    settings = deployment.settings(Settings)
    box = settings.secret_box
    publisher = Publisher(settings, "unconnected")
    return Suppressions(deployment.database("suppression"), settings.pepper_bytes, box, publisher)


async def suppress(deployment: Deployment, place: Place, address: str) -> SuppressionChange:
    document, _ = await suppressions(deployment).add(place, address, Reason.MANUAL, None, None)
    return SuppressionChange.decode(change_record(document).value or b"")


@pytest.mark.parametrize(
    "place",
    [Place(), Place("w1"), Place("w1", domain="acme.example"), Place("w1", stream="billing")],
    ids=lambda place: place.scope,
)
async def test_a_change_flags_what_its_scope_concerns_and_nothing_else(deployment: Deployment, place: Place) -> None:
    await deployment.prepare("sender", "suppression")
    database, now = deployment.database("sender"), datetime.now(UTC)
    common = {"state": "waiting", "checked_at": now - timedelta(seconds=1), "lane": "standard", "pass": 0}
    digest = address_hmac(deployment.shared.pepper_bytes, "ann@b.example")
    for address in (digest, "somebody else's"):
        await database["deliveries"].insert_many(
            {
                **common, "_id": f"{address}/{workspace}/{domain}/{stream}", "address": address,
                "workspace_id": workspace, "sending_domain": domain, "stream": stream,
            }
            for workspace in WORKSPACES for domain in DOMAINS for stream in STREAMS
        )  # fmt: skip
    changes = Changes(database, Deliveries(database), timedelta(days=8))
    change = await suppress(deployment, place, "Ann@b.example")
    await changes.store([change])
    concerned = {
        f"{digest}/{workspace}/{domain}/{stream}"
        for workspace in WORKSPACES for domain in DOMAINS for stream in STREAMS
        if place.workspace_id in (None, workspace) and place.domain in (None, domain) and place.stream in (None, stream)
    }  # fmt: skip
    flagged = {each["_id"] async for each in database["deliveries"].find({"flagged": True})}
    assert flagged == concerned

    await database["deliveries"].update_many({}, {"$unset": {"flagged": "", "rechecked": ""}})
    arrivals = {each["_id"]: each["address"] async for each in database["deliveries"].find()}
    assert await changes.flag_arrivals(arrivals) == concerned


@pytest.mark.parametrize("place", [Place("w1"), Place("w1", domain="acme.example")], ids=lambda place: place.scope)
async def test_deferred_held_queued_and_scheduled_mail_is_stopped(world: World, place: Place) -> None:
    """The router is played: what the sender releases comes back to be checked."""
    deployment, now = world.deployment, datetime.now(UTC)
    topics = tuple(name(lane) for lane in Lane for name in (routed,)) + tuple(
        dead_letters(routed(lane)) for lane in Lane
    )
    await deployment.prepare("suppression", topics=topics)
    address = "ok+stopped@sink.test"
    content = await world.content()
    sent = {name: await world.message(address, content_id=content) for name in ("deferred", "held", "queued")}
    digest = address_hmac(deployment.shared.pepper_bytes, address)
    known = {"address": digest, "sending_domain": "acme.example", "stream": "product", "checked_at": now}
    await deployment.database("sender")["deliveries"].insert_many(
        [
            waiting(sent["deferred"], "deferred", **known, due_at=now + SOON, attempt=1),
            waiting(sent["held"], "held", **known, due_at=now + SOON, hold="h1"),
            waiting(sent["queued"], **known, expires_at=sent["queued"].expires_at, tell_at=now + timedelta(hours=1)),
        ]
    )
    change = await suppress(deployment, place, address)
    sender = deployment.database("sender")
    await Changes(sender, Deliveries(sender), timedelta(days=8)).store([change])
    scheduled = await world.message(address, content_id=content, verdict=None, scheduled_at=now)
    service = create_app(deployment.settings(Settings), {"check"})
    async with service.run(), world.sender():
        await route(deployment, scheduled)
        returned: set[str] = set()

        async def all_back() -> bool:
            for record in await deployment.records(due(Lane.STANDARD)):
                message = Message.decode(record.value)
                if message.message_id not in returned:
                    returned.add(message.message_id)
                    await route(deployment, message.with_changes(route=world.route()))
            return len(returned) == len(sent)

        await eventually(all_back)
        for message in (*sent.values(), scheduled):
            (event,) = await world.events(message, "suppressed")
            assert (event.data["reason"], event.data["scope"]) == ("manual", place.name)
    assert await world.attempts_at_sink(address) == 0


async def route(deployment: Deployment, message: Message) -> None:
    await deployment.publish(routed(Lane.STANDARD), [(message.message_id, message.encode(), {})])
