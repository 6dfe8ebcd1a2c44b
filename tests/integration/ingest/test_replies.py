"""Replies to tracked mail, from their event to a message of their own, on real Kafka and MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from prometheus_client import REGISTRY

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.content import COLLECTION, Blob, Content, ContentStore, to_document
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.topics import EVENTS, LIVE
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.messages import a_message
from tests.fixtures.wire import Wire
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, open_door, send
from tests.unit.sender.returns.corpus import raw

TARGET = "Help <help@acme.test>"


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("posthorn_replies_total", {"result": result}) or 0


async def replied(door: Door, reply: bytes | None = None, **changes: Any) -> Event:
    """A reply as the return door has stored it, and its event, published."""
    fields = {"workspace_id": door.workspace.id, "sender": SENDER, **changes}
    owner = fields.pop("owner", fields["workspace_id"])
    event = event_of(a_message(**fields), EventType.REPLIED, datetime.now(UTC), {}, occurrence="digest")
    event = event.with_changes(data={"content_id": event.event_id})
    data = raw("reply-gmail") if reply is None else reply
    content = Content(
        content_id=event.event_id,
        workspace_id=owner,
        from_="",
        to=[TARGET],
        subject="",
        raw=Blob(blob_id=event.event_id, size=len(data), digest="", data=data),
        expires_at=datetime.now(UTC) + timedelta(days=8),
    )
    await door.deployment.database("content")[COLLECTION].insert_one(to_document(content))
    await tell(door, event)
    return event


async def tell(door: Door, *events: Event) -> None:
    await door.deployment.publish(EVENTS, [(event.message_id, event.encode(), {}) for event in events])


async def passed_on(door: Door, count: int) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]]:
        found = await door.submissions()
        return found if len(found) >= count else []

    return await eventually(there, what=f"{count} replies passed on")


async def test_a_reply_becomes_one_message_to_whom_it_was_meant_for(deployment: Deployment) -> None:
    await deployment.prepare(topics=LIVE)
    async with open_door(deployment) as door, create_app(deployment.settings(Settings), {"relay"}).run():
        event = await replied(door)
        (submission,) = await passed_on(door, 1)
        before = counted("passed on")
        await tell(door, event, event)

        async def read() -> bool:
            return counted("passed on") == before + 2

        await eventually(read)
        assert len(await door.submissions()) == 1
    message = orjson.loads(submission["messages"][0]["record"])
    assert (message["recipient"], message["sender"], message["tags"]) == ("help@acme.test", SENDER, ["reply"])
    assert (submission["door"], submission["key"]) == ("reply", event.event_id)
    assert submission["key_until"] > datetime.now(UTC) + timedelta(days=8)  # longer than the content is kept
    contents = await ContentStore(deployment.database("content")).load([message["content_id"]])
    stored = contents[message["content_id"]].raw
    assert stored is not None
    assert stored.data is not None
    assert stored.data.startswith(b"Received: by 127.0.0.1 with ESMTP id " + event.event_id.encode())
    for field in (b"From: Jane Doe <alerts@acme.test>\r\n", b"Reply-To: Jane Doe <jane@gmail.example>\r\n"):
        assert field in stored.data
    assert stored.data.endswith(raw("reply-gmail").partition(b"\r\n\r\n")[2])


async def test_what_cannot_be_passed_on_is_left_and_others_are(deployment: Deployment) -> None:
    await deployment.prepare(topics=LIVE)
    reasons = ("gone", "invalid_request", "unreadable")
    before = {reason: counted(reason) for reason in reasons}
    async with open_door(deployment) as door, create_app(deployment.settings(Settings), {"relay"}).run():
        await replied(door, owner=uuid7())  # another workspace's content
        await replied(door, workspace_id=uuid7())  # no such workspace
        await replied(door, sender="someone@not-verified.test")
        await replied(door, b"Subject: x\r\nContent-Type: text/plain\r\n\r\n\xff\n")
        await tell(door, (await replied(door)).with_changes(data={}))
        (submission,) = await passed_on(door, 1)
        assert {reason: counted(reason) - before[reason] for reason in reasons} == {
            "gone": 2, "invalid_request": 1, "unreadable": 1,
        }  # fmt: skip
        assert submission["messages"][0]["recipient"] == "help@acme.test"


async def test_while_the_database_does_not_answer_a_reply_waits(deployment: Deployment) -> None:
    await deployment.prepare(topics=LIVE)
    wire = Wire(deployment.environment["mongo_url"])
    async with open_door(deployment) as door, wire.open():
        settings = deployment.settings(Settings, mongo_url=wire.url, answer_seconds=0.2)
        async with create_app(settings, {"relay"}).run():
            wire.slow_seconds = 0.4
            await replied(door)

            async def waits() -> bool:
                return REGISTRY.get_sample_value("posthorn_consumer_paused", {"consumer": "ingest.replies"}) == 1

            await eventually(waits)
            assert await door.submissions() == []
            wire.slow_seconds = 0
            assert len(await passed_on(door, 1)) == 1


async def test_replies_and_receipts_are_tracked_where_the_request_asks(door: Door) -> None:
    tracking = {"replies": True, "reads": True}
    assert (await door.post(send(tracking=tracking))).status_code == 403  # a feature, like all tracking
    await door.limit(features=["smtp.enabled", "tracking.enabled"])
    for asked in (tracking, {"opens": True}, {"replies": False}, None):
        assert (await door.post(send(tracking=asked))).status_code == 202
    contents = sorted(await door.contents(), key=lambda content: content["_id"])
    assert [(one.get("replies"), one.get("reads")) for one in contents] == [(True, True), *[(None, None)] * 3]
    assert (await door.post(send(tracking={"replies": "yes"}))).status_code == 422
    assert all(one["from_"].endswith(f"@{DOMAIN}") for one in contents)
