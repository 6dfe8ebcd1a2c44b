"""A workspace that keeps no content: what messages say goes with their end, and is shown to nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from services.ingest.accounts.workspaces import EVERY_FEATURE
from services.ingest.disposal import Disposal
from services.ingest.handlers import Projection
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from shared.contracts.entities import Sender
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS
from shared.kafka.batch import Incoming
from shared.service import Base
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, make_workspace, send

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILE = {"filename": "a.txt", "content": "aGVsbG8="}


@pytest.fixture
def projection(module_door: Door) -> Projection:
    base = Base("ingest", module_door.deployment.settings(Settings), {"projector"})
    return Projection(Messages(base.database), Disposal(base))


async def discreet(door: Door, **changes: Any) -> Door:
    """A workspace of its own that keeps no content."""
    fields = {"keep_content": False, "features": list(EVERY_FEATURE), **changes}
    workspace, key = await make_workspace(door.workspaces, **fields)
    await door.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    await door.workspaces.create_sender(workspace.id, Sender(address=SENDER, verified=True))
    return replace(door, workspace=workspace, key=key)


async def records(door: Door) -> list[Message]:
    submissions = door.deployment.database("ingest")["submissions"]
    found = await submissions.find({"workspace_id": door.workspace.id}).to_list(None)
    return [Message.decode(bytes(one["record"])) for each in found for one in each["messages"]]


async def says(projection: Projection, message: Message, type_: EventType, **data: Any) -> None:
    event = event_of(message, type_, datetime.now(UTC), data)
    raw = ConsumerRecord(EVENTS, 0, 0, 0, 0, b"", event.encode(), None, 0, 0, ())
    await projection.events([Incoming(event, EVENTS, raw)])


async def found(door: Door, said: str) -> list[str]:
    """The messages that are found by what somebody says."""
    return [each["uuid"] for each in (await door.get(f"/v1/emails?q={said}")).json()["data"]]


async def contents(door: Door) -> int:
    found = door.deployment.database("content")["contents"]
    return int(await found.count_documents({"workspace_id": door.workspace.id}))


async def test_a_content_goes_when_the_last_message_that_shares_it_has_ended(
    module_door: Door, projection: Projection
) -> None:
    door = await discreet(module_door)
    assert (await door.post(send(to=["a@x.test", "b@x.test"], attachments=[FILE]))).status_code == 202
    first, second = await records(door)
    submission = await door.deployment.database("ingest")["submissions"].find_one({"_id": first.submission_id})
    assert submission is not None
    assert "subject" not in submission
    await says(projection, first, EventType.DELIVERED)
    await says(projection, second, EventType.DEFERRED, next_at="2099-01-01T00:00:00+00:00")
    assert await contents(door) == 1
    await says(projection, second, EventType.FAILED)
    assert await contents(door) == 0
    await says(projection, second, EventType.FAILED)  # read again
    await says(projection, first, EventType.BOUNCED)  # a bounce that comes later
    assert (await found(door, "code"), await found(door, "a@x.test")) == ([], [first.message_id])
    shown = (await door.get(f"/v1/emails/{first.message_id}")).json()
    assert (shown["subject"], shown["status"]) == (None, "bounced")


async def test_what_is_kept_elsewhere_is_refused_here(module_door: Door, projection: Projection) -> None:
    door = await discreet(module_door)
    await door.post(send(to=["a@x.test"], attachments=[FILE]))
    (message,) = await records(door)
    path = f"/v1/emails/{message.message_id}"
    shown = [await door.get(f"{path}/{part}") for part in ("content", "attachments/x")]
    asked = [*shown, await door.post(path=f"{path}/resend")]
    assert [(each.status_code, each.json()["code"]) for each in asked] == [(410, "content_not_kept")] * 3
    template = (await door.post({"name": "t", "subject": "s", "text": "{{code}}"}, "/v1/templates")).json()["id"]
    previews = [
        await door.post(send(), "/v1/emails/preview"),
        await door.post({"data": {}}, f"/v1/templates/{template}/preview"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in previews] == [(403, "content_not_kept")] * 2
    assert (await door.get("/v1/emails/0190b0b0-0000-7000-8000-000000000000/content")).status_code == 404
    assert await contents(door) == 1


async def test_a_content_that_was_sent_again_stays_for_the_last_of_them(tenant: Door, projection: Projection) -> None:
    """Of a request in which somebody was erased: its content is shared with what was sent again."""
    await tenant.post(send(to=["a@x.test"]))
    (first,) = await records(tenant)
    assert (await tenant.post(path=f"/v1/emails/{first.message_id}/resend")).status_code == 202
    submissions = tenant.deployment.database("ingest")["submissions"]
    await submissions.update_many({"workspace_id": tenant.workspace.id}, {"$set": {"dispose": True}})
    again = next(each for each in await records(tenant) if each.resend_of)
    await says(projection, first, EventType.DELIVERED)
    assert await found(tenant, "code") == [first.message_id]
    assert await contents(tenant) == 1
    await says(projection, again, EventType.DELIVERED)
    assert await contents(tenant) == 0
    assert await submissions.count_documents({"workspace_id": tenant.workspace.id, "subject": {"$exists": True}}) == 0
    assert (await tenant.get(f"/v1/emails/{first.message_id}")).json()["subject"] is None
    assert await found(tenant, "code") == []
    await says(projection, first, EventType.OPENED)  # whose submission has no subject any more
    assert await found(tenant, "code") == []
    assert len(await found(tenant, "a@x.test")) == 2
    assert (await tenant.post(path=f"/v1/emails/{first.message_id}/resend")).json()["code"] == "content_gone"
