"""What can be done beside a single send: batches, previews, cancelling, resending."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.store.schedule import Schedule
from shared.contracts.record import rfc3339
from tests.integration.ingest.conftest import Door, make_workspace, send

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ahead(**life: Any) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**life))


async def test_one_bad_item_of_a_batch_fails_alone(tenant: Door) -> None:
    items = [
        send(to=["a@example.test"]),
        send(to=["not an address"]),
        send(to=["b@example.test", "c@example.test"], idempotency_key="own"),
        {"nonsense": True},
        send(idempotency_key=7),
    ]
    reply = await tenant.post({"emails": items}, path="/v1/emails/batch", headers={"Idempotency-Key": "batch"})
    assert reply.status_code == 200
    data = reply.json()["data"]
    assert (data["accepted"], data["refused"]) == (2, 3)
    assert [result["status"] for result in data["results"]] == [202, 422, 202, 422, 400]
    assert data["results"][2]["data"]["message_count"] == 2
    assert data["results"][1]["error"]["errors"][0]["pointer"] == "#/to/0"
    assert {each["key"] for each in await tenant.submissions()} == {"batch#0", "own"}
    again = await tenant.post({"emails": items}, path="/v1/emails/batch", headers={"Idempotency-Key": "batch"})
    results = again.json()["data"]["results"]
    assert [result.get("replayed") for result in results] == [True, None, True, None, None]
    assert [results[0]["data"], results[2]["data"]] == [data["results"][0]["data"], data["results"][2]["data"]]
    assert len(await tenant.submissions()) == 2


async def test_a_batch_of_five_hundred_is_taken_and_one_more_is_not(tenant: Door) -> None:
    items = [send(to=[f"r{number}@example.test"]) for number in range(500)]
    reply = await tenant.post({"emails": items}, path="/v1/emails/batch")
    assert reply.json()["data"]["accepted"] == 500
    assert len(await tenant.submissions()) == 500
    reply = await tenant.post({"emails": [*items, send()]}, path="/v1/emails/batch")
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "#/emails")
    assert (await tenant.post({"emails": []}, path="/v1/emails/batch")).status_code == 422
    assert len(await tenant.submissions()) == 500


async def test_a_preview_shows_the_message_and_stores_nothing(tenant: Door) -> None:
    file = {"filename": "a.png", "content": b64encode(b"x" * 3000).decode(), "content_id": "shown"}
    body = send(html='<img src="cid:other">', attachments=[file])
    reply = await tenant.post(body, path="/v1/emails/preview")
    assert reply.status_code == 200, reply.text
    data = reply.json()["data"]
    assert (data["subject"], data["html"], data["to"]) == (body["subject"], body["html"], body["to"])
    assert 4000 < data["mime_bytes"] < 6000
    assert {warning["code"] for warning in data["warnings"]} == {"no_text", "missing_image", "unused_image"}
    reply = await tenant.post(send(to=["nobody"]), path="/v1/emails/preview")
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "#/to/0")
    assert await tenant.nothing_stored()


async def test_a_scheduled_message_waits_and_can_be_canceled_until_it_goes(tenant: Door) -> None:
    at = ahead(hours=2)
    reply = await tenant.post(send(to=["a@example.test", "b@example.test"], scheduled_at=at))
    first, second = reply.json()["data"]["messages"]
    assert first["status"] == "scheduled"
    (submission,) = await tenant.submissions()
    assert "pending" not in submission
    view = (await tenant.get(f"/v1/emails/{first['uuid']}")).json()
    assert (view["status"], view["scheduled_at"]) == ("scheduled", at)
    canceled = await tenant.delete(f"/v1/emails/{first['uuid']}")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert (await tenant.delete(f"/v1/emails/{first['uuid']}")).status_code == 200
    assert (await tenant.get(f"/v1/emails/{first['uuid']}")).json()["status"] == "canceled"
    schedule = Schedule(tenant.deployment.database("ingest"))
    assert await schedule.release(datetime.now(UTC) + timedelta(hours=1), 10) == 0
    assert await schedule.release(datetime.now(UTC) + timedelta(hours=3), 10) == 1
    (submission,) = await tenant.submissions()
    assert submission["pending"] == [second["uuid"]]
    late = await tenant.delete(f"/v1/emails/{second['uuid']}")
    assert (late.status_code, late.json()["code"]) == (409, "already_gone")


async def test_when_all_is_canceled_nothing_waits(tenant: Door) -> None:
    reply = await tenant.post(send(scheduled_at=ahead(hours=2)))
    uuid = reply.json()["data"]["messages"][0]["uuid"]
    assert (await tenant.delete(f"/v1/emails/{uuid}")).status_code == 200
    (submission,) = await tenant.submissions()
    assert "due_at" not in submission
    assert "purge_at" in submission
    assert (await tenant.delete(f"/v1/emails/{uuid}")).status_code == 200, "asked again by who lost the reply"


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"scheduled_at": "tomorrow"}, "#/scheduled_at", "invalid_time"),
        ({"scheduled_at": ahead(days=91)}, "#/scheduled_at", "too_late"),
        ({"scheduled_at": ahead(days=2), "expires_at": ahead(days=1)}, "#/expires_at", "before_scheduled_at"),
        ({"scheduled_at": ahead(days=2), "expires_at": ahead(days=10)}, "#/expires_at", "too_late"),
    ],
)
async def test_times_that_cannot_be(tenant: Door, changes: dict[str, str], pointer: str, code: str) -> None:
    reply = await tenant.post(send(**changes))
    assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [(pointer, code)]
    assert await tenant.nothing_stored()


async def test_what_has_gone_is_canceled_by_its_owner(tenant: Door) -> None:
    uuid = (await tenant.post(send())).json()["data"]["messages"][0]["uuid"]
    reply = await tenant.delete(f"/v1/emails/{uuid}")
    assert (reply.status_code, reply.json()["status"]) == (202, "pending")
    (submission,) = await tenant.submissions()
    assert "cancel_requested_at" in submission["messages"][0]
    assert "unpublished" in submission


async def test_a_message_is_sent_again_with_what_it_said(tenant: Door) -> None:
    file = {"filename": "a.bin", "content": b64encode(b"x" * 2_000_000).decode()}
    first = (await tenant.post(send(attachments=[file], tags=["t"]))).json()["data"]["messages"][0]
    path = f"/v1/emails/{first['uuid']}/resend"
    reply = await tenant.post(path=path, headers={"Idempotency-Key": "again"})
    assert reply.status_code == 202, reply.text
    second = reply.json()["data"]["messages"][0]
    assert second["recipient"] == first["recipient"]
    view = (await tenant.get(f"/v1/emails/{second['uuid']}")).json()
    assert (view["resend_of"], view["tags"], view["subject"]) == (first["uuid"], ["t"], "Your code")
    old, new = [(await tenant.get(f"/v1/emails/{each['uuid']}/content")).json() for each in (first, second)]
    assert old["attachments"][0]["id"] == new["attachments"][0]["id"]
    replayed = await tenant.post(path=path, headers={"Idempotency-Key": "again"})
    assert (replayed.content, replayed.headers["idempotency-replayed"]) == (reply.content, "true")
    await tenant.deployment.database("content")["contents"].delete_many({})
    gone = await tenant.post(path=path)
    assert (gone.status_code, gone.json()["code"]) == (404, "content_gone")
    assert len(await tenant.submissions()) == 2


@pytest.mark.parametrize(
    ("method", "part"), [("GET", "content"), ("GET", "attachments/x"), ("POST", "resend"), ("DELETE", "")]
)
async def test_another_workspaces_message_is_not_there(tenant: Door, method: str, part: str) -> None:
    uuid = (await tenant.post(send())).json()["data"]["messages"][0]["uuid"]
    _, tenant.key = await make_workspace(tenant.workspaces)
    reply = await tenant.http.request(
        method, f"/v1/emails/{uuid}/{part}".rstrip("/"), headers={"Authorization": f"Bearer {tenant.key}"}
    )
    assert (reply.status_code, reply.json()["detail"]) == (404, "No such message.")
