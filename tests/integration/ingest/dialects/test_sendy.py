"""Sendy's tongue: the shapes, codes and errors of its published documents."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from tests.integration.ingest.conftest import SENDER, Door, make_workspace
from tests.integration.ingest.read_model import project

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEND, FORM, BATCH, LIST = (f"/api/v1/emails{part}" for part in ("/send", "/send/multipart", "/batch", ""))
STATS = "/api/v1/stats"
NOW = datetime(2026, 3, 18, 10, 0, tzinfo=UTC)


def mail(**changes: Any) -> dict[str, Any]:
    body = {"to": "user@example.test", "subject": "Welcome!", "html": "<p>Hello</p>"}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(tenant: Door) -> Door:
    await tenant.limit(default_sender=SENDER)
    return tenant


async def messages_of(tenant: Door) -> list[Message]:
    return [Message.decode(entry["record"]) for each in await tenant.submissions() for entry in each["messages"]]


async def test_a_send_is_queued(tenant: Door) -> None:
    reply = await tenant.post(mail(unknown=1), path=SEND)
    data = reply.json()["data"]
    assert (reply.status_code, reply.json()["success"]) == (200, True)
    assert {name: data[name] for name in ("status", "to", "subject", "scheduled_at")} == {
        "status": "queued", "to": "user@example.test", "subject": "Welcome!", "scheduled_at": None,
    }  # fmt: skip
    found = (await tenant.get(f"{LIST}/{data['id']}")).json()["data"]
    assert (found["status"], found["unified_status"], found["attachments"]) == ("queued", "queued", [])


async def test_both_ways_of_attaching_make_the_same_record(tenant: Door) -> None:
    file = {"filename": "a.pdf", "content": b64encode(b"%PDF").decode(), "contentType": "application/pdf"}
    one = await tenant.post(mail(attachments=[file]), path=SEND)
    parts = [("whatever[]", ("a.pdf", b"%PDF", "application/pdf"))]
    two = await tenant.post(path=FORM, data=mail(cc="x@example.test, y@example.test"), files=parts)
    assert one.json()["data"].keys() == two.json()["data"].keys()
    for reply in (one, two):
        (stored,) = (await tenant.get(f"{LIST}/{reply.json()['data']['id']}")).json()["data"]["attachments"]
        assert set(stored) == {"id", "filename", "contentType", "sizeBytes"}
        assert (stored["filename"], stored["contentType"], stored["sizeBytes"]) == ("a.pdf", "application/pdf", 4)
    assert [message.recipient for message in await messages_of(tenant)][2:] == ["x@example.test", "y@example.test"]


async def test_json_may_take_one_megabyte_and_a_form_ten_files(tenant: Door) -> None:
    reply = await tenant.post(mail(html="x" * 1024 * 1024), path=SEND)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    parts = [("f", (f"{number}.txt", b"x")) for number in range(11)]
    reply = await tenant.post(path=FORM, data=mail(), files=parts)
    assert (reply.status_code, reply.json()["success"]) == (413, False)
    assert await tenant.nothing_stored()


async def test_what_a_refused_caller_still_writes_is_read_so_that_the_refusal_is_seen(tenant: Door) -> None:
    parts = [("f", (f"{number}.txt", b"x" * 40_000)) for number in range(30)]
    form = httpx.Request("POST", "http://posthorn", data=mail(), files=parts)
    for path, content, kind in (
        (FORM, form.read(), form.headers["content-type"]),
        (SEND, b"x" * (1024 * 1024 + 100_000), "application/json"),
    ):
        pieces = [content[start : start + 50_000] for start in range(0, len(content), 50_000)]
        left = iter(pieces)

        async def body(left: Iterator[bytes] = left) -> AsyncIterator[bytes]:
            for piece in left:
                yield piece

        reply = await tenant.post(path=path, content=body(), headers={"Content-Type": kind})
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
        assert list(left) == []
    assert await tenant.nothing_stored()


async def test_of_a_batch_one_fails_alone(tenant: Door) -> None:
    recipients = [{"to": "alice@example.test"}, {"to": "nobody"}, {"to": "bob@example.test"}]
    reply = await tenant.post({**mail(to=...), "recipients": recipients}, path=BATCH)
    body = reply.json()
    assert (reply.status_code, body["meta"]) == (200, {"total": 3})
    assert [(each["to"], each["status"]) for each in body["data"]] == [
        ("alice@example.test", "queued"), ("nobody", "failed"), ("bob@example.test", "queued"),
    ]  # fmt: skip
    assert body["data"][1]["error"]["details"][0]["field"] == "to.0"
    reply = await tenant.post({"emails": [mail(), mail(subject="Other")]}, path=BATCH)
    assert reply.json()["meta"] == {"total": 2}
    reply = await tenant.post({"subject": "x"}, path=BATCH)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_a_scheduled_one_is_queued_and_can_be_deleted(tenant: Door) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = (await tenant.post(mail(scheduled_at=at), path=SEND)).json()["data"]
    assert (data["status"], data["scheduled_at"]) == ("queued", at)
    assert (await tenant.get(f"{LIST}/{data['id']}")).json()["data"]["scheduled_at"] == at
    reply = await tenant.delete(f"{LIST}/{data['id']}")
    assert (reply.status_code, reply.json()) == (
        200, {"success": True, "data": {"id": data["id"], "status": "canceled"}},
    )  # fmt: skip


async def test_the_list_has_pages_and_filters(tenant: Door) -> None:
    await tenant.post({"emails": [mail(to=f"u{number}@example.test") for number in range(5)]}, path=BATCH)
    messages = await messages_of(tenant)
    events = [event_of(each, EventType.QUEUED, datetime.now(UTC)) for each in messages]
    bounced = event_of(messages[0], EventType.BOUNCED, datetime.now(UTC))
    await project(tenant.deployment, *events, bounced)
    body = (await tenant.get(f"{LIST}?page=2&limit=2")).json()
    assert (len(body["data"]), body["meta"]) == (2, {"total": 5, "page": 2, "limit": 2, "pages": 3})
    assert "attachments" not in body["data"][0]
    failed = (await tenant.get(f"{LIST}?status=failed")).json()["data"]
    assert [each["id"] for each in failed] == [messages[0].message_id]
    assert len((await tenant.get(f"{LIST}?to=U3@example.test")).json()["data"]) == 1
    assert (await tenant.get(f"{LIST}?from_date=2030-01-01T00:00:00Z")).json()["meta"]["total"] == 0
    reply = await tenant.get(f"{LIST}?limit=1000")
    assert (reply.status_code, reply.json()["error"]["details"][0]["field"]) == (422, "limit")


LIFE = [
    (EventType.QUEUED, "queued", "queued"),
    (EventType.SENDING, "sending", "sending"),
    (EventType.DELIVERED, "sent", "delivered"),
    (EventType.OPENED, "sent", "opened"),
    (EventType.READ, "sent", "read"),
    (EventType.REPLIED, "sent", "replied"),
    (EventType.BOUNCED, "failed", "bounced"),
]


async def test_the_unified_status_is_the_furthest_that_it_came(tenant: Door) -> None:
    id_ = (await tenant.post(mail(), path=SEND)).json()["data"]["id"]
    (message,) = await messages_of(tenant)
    for number, (type_, status, unified) in enumerate(LIFE):
        await project(tenant.deployment, event_of(message, type_, NOW + timedelta(seconds=number)))
        data = (await tenant.get(f"{LIST}/{id_}")).json()["data"]
        assert (data["status"], data["unified_status"]) == (status, unified)
    assert (data["delivered_at"], data["first_opened_at"]) == ("2026-03-18T10:00:02Z", "2026-03-18T10:00:03Z")
    assert (data["read_at"], data["first_replied_at"]) == ("2026-03-18T10:00:04Z", "2026-03-18T10:00:05Z")


async def test_a_message_that_ended_failed_shows_failed(tenant: Door) -> None:
    id_ = (await tenant.post(mail(), path=SEND)).json()["data"]["id"]
    (message,) = await messages_of(tenant)
    await project(tenant.deployment, event_of(message, EventType.FAILED, NOW), event_of(message, EventType.QUEUED, NOW))
    data = (await tenant.get(f"{LIST}/{id_}")).json()["data"]
    assert (data["status"], data["unified_status"]) == ("failed", "failed")


async def test_tracking_shows_what_came_after(tenant: Door) -> None:
    id_ = (await tenant.post(mail(), path=SEND)).json()["data"]["id"]
    (message,) = await messages_of(tenant)
    opened = event_of(message, EventType.OPENED, NOW + timedelta(minutes=1), {"ip": "192.0.2.0"})
    taken = event_of(message, EventType.DELIVERED, NOW, {"ip": "198.51.100.25", "host": "mx.example.test"})
    await project(tenant.deployment, taken, opened)
    delivered, seen = (await tenant.get(f"/api/v1/tracking/{id_}")).json()["data"]
    assert delivered == {
        "id": taken.event_id, "emailId": id_, "type": "delivered", "createdAt": "2026-03-18T10:00:00Z",
    }  # fmt: skip
    assert seen == {
        "id": opened.event_id, "emailId": id_, "type": "open", "createdAt": "2026-03-18T10:01:00Z",
        "ipAddress": "192.0.2.0",
    }  # fmt: skip


async def test_what_a_machine_opened_counts_until_a_reader_is_known(tenant: Door) -> None:
    id_ = (await tenant.post(mail(), path=SEND)).json()["data"]["id"]
    (message,) = await messages_of(tenant)
    opened = event_of(message, EventType.OPENED, NOW + timedelta(seconds=1), {"machine": True})
    await project(tenant.deployment, event_of(message, EventType.DELIVERED, NOW), opened)
    data = (await tenant.get(f"{LIST}/{id_}")).json()["data"]
    assert (data["unified_status"], data["first_opened_at"]) == ("opened", "2026-03-18T10:00:01Z")


async def test_the_statistics_count_messages_and_how_often_they_were_opened(tenant: Door) -> None:
    assert set((await tenant.get(STATS)).json()["data"].values()) == {0}
    await tenant.post({"emails": [mail(to=f"u{number}@example.test") for number in range(5)]}, path=BATCH)
    read, scanned, returned, refused, _ = await messages_of(tenant)
    later = [NOW + timedelta(minutes=number) for number in range(6)]
    events = [
        *(event_of(each, EventType.DELIVERED, NOW) for each in (read, scanned, returned)),
        *(event_of(read, EventType.OPENED, at, occurrence=str(at)) for at in later[1:4]),
        *(event_of(read, EventType.CLICKED, at, occurrence=str(at)) for at in later[4:]),
        event_of(scanned, EventType.OPENED, NOW, {"machine": True}),
        *(event_of(each, EventType.BOUNCED, later[1]) for each in (returned, refused)),
        event_of(read, EventType.COMPLAINED, later[5]),
        event_of(scanned, EventType.UNSUBSCRIBED, later[5]),
    ]
    await project(tenant.deployment, *events)
    assert (await tenant.get(STATS)).json() == {
        "success": True,
        "data": {
            "sent": 4, "delivered": 2, "opens": 4, "uniqueOpens": 2, "clicks": 2, "uniqueClicks": 1, "bounces": 2,
            "complaints": 1, "unsubscribes": 1, "openRate": 100.0, "clickRate": 50.0, "bounceRate": 50.0,
        },
    }  # fmt: skip
    assert (await tenant.get(f"{STATS}?from_date=2030-01-01T00:00:00Z")).json()["data"]["sent"] == 0
    _, tenant.key = await make_workspace(tenant.workspaces)
    assert (await tenant.get(STATS)).json()["data"]["sent"] == 0


async def test_who_asks_is_looked_at_before_what_is_asked(tenant: Door) -> None:
    for path in (f"{LIST}?limit=1000", f"{STATS}?from_date=yesterday"):
        assert (await tenant.get(path)).status_code == 422
        key, tenant.key = tenant.key, "x"
        assert (await tenant.get(path)).status_code == 401
        tenant.key = key


async def test_a_key_makes_a_request_once(tenant: Door) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first, again = [await tenant.post(mail(), path=SEND, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert [reply.headers.get("idempotency-replayed") for reply in (first, again)] == [None, "true"]


async def test_errors_have_their_shape(tenant: Door) -> None:
    reply = await tenant.post(mail(to="nobody", subject=...), path=SEND)
    error = reply.json()["error"]
    assert (reply.status_code, reply.json()["success"], error["code"]) == (422, False, "VALIDATION_ERROR")
    assert {each["field"] for each in error["details"]} == {"to.0", "subject"}
    await tenant.limit(default_sender=None)
    reply = await tenant.post(mail(), path=SEND)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "SMTP_NOT_CONFIGURED")
    reply = await tenant.post({"emails": [mail()]}, path=BATCH)
    assert reply.json()["data"][0]["error"]["code"] == "SMTP_NOT_CONFIGURED"
    assert (await tenant.post(mail(**{"from": SENDER}), path=SEND)).status_code == 200
    reply = await tenant.get("/api/v1/nothing/here")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "NOT_FOUND")
    reply = await tenant.http.put("/api/v1/emails/send")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    tenant.key = "x"
    assert (await tenant.get(LIST)).json()["error"]["code"] == "UNAUTHORIZED"


async def test_another_workspaces_mail_is_not_there(tenant: Door) -> None:
    id_ = (await tenant.post(mail(), path=SEND)).json()["data"]["id"]
    _, tenant.key = await make_workspace(tenant.workspaces)
    for reply in (await tenant.get(f"{LIST}/{id_}"), await tenant.delete(f"{LIST}/{id_}"),
                  await tenant.get(f"/api/v1/tracking/{id_}")):  # fmt: skip
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await tenant.get(LIST)).json()["data"] == []
