"""Sendy: mail for later, and mail that is not wanted any more (seed 004)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.sendy_caller import EMAILS, code_of, data_of, email, posted, reaches
from tests.fixtures.deployment import eventually


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_scheduled_one_is_queued_and_goes_when_its_time_has_come(account: Account) -> None:
    due = in_seconds(4)
    made = await posted(account, fresh("ok"), scheduled_at=due)
    assert (made["status"], made["scheduled_at"]) == ("queued", due)
    shown = await email(account, made["id"])
    assert (shown["status"], shown["unified_status"], shown["scheduled_at"]) == ("queued", "queued", due)
    assert (shown["sent_at"], shown["delivered_at"]) == (None, None)
    gone = await reaches(account, made["id"], "delivered")
    assert gone["sent_at"] >= due
    assert gone["scheduled_at"] == due


async def test_a_scheduled_one_can_be_canceled_and_what_is_gone_cannot(account: Account) -> None:
    scheduled = await posted(account, stays := fresh("ok"), scheduled_at=in_seconds(3600))
    gone = await posted(account, fresh("ok"))
    wanted = {"success": True, "data": {"id": scheduled["id"], "status": "canceled"}}
    for _ in range(2):  # asked again it is so still
        reply = await account.http.delete(f"{EMAILS}/{scheduled['id']}")
        assert (reply.status_code, reply.json()) == (200, wanted)
    shown = await reaches(account, scheduled["id"], "failed")
    assert (shown["status"], shown["sent_at"]) == ("canceled", None)
    await reaches(account, gone["id"], "delivered")
    assert code_of(await account.http.delete(f"{EMAILS}/{gone['id']}")) == (409, "CONFLICT")
    assert await account.attempts_to(stays) == 0


async def test_what_waits_to_be_tried_again_is_canceled_as_soon_as_that_can_be(account: Account) -> None:
    id_ = (await posted(account, to := fresh("tempfail")))["id"]

    async def is_tried() -> bool:
        return await account.attempts_to(to) > 0

    async def is_canceled() -> dict[str, Any] | None:
        shown = await email(account, id_)
        return shown if shown["status"] == "canceled" else None

    await eventually(is_tried, seconds=30, what=f"an attempt to {to}")
    reply = await account.http.delete(f"{EMAILS}/{id_}")
    assert (reply.status_code, reply.json()["success"], reply.json()["data"]["id"]) == (202, True, id_)
    await eventually(is_canceled, seconds=30, what=f"{id_} canceled")


async def test_a_time_that_is_none_is_refused(account: Account) -> None:
    for time in ("tomorrow", "2026-03-18T10:00:00", in_seconds(100 * 86_400)):
        body = {"to": fresh("ok"), "subject": "S", "text": "t", "scheduled_at": time}
        refused = await account.http.post(f"{EMAILS}/send", json=body)
        assert code_of(refused) == (422, "VALIDATION_ERROR")
        assert [each["field"] for each in refused.json()["error"]["details"]] == ["scheduled_at"]
    assert data_of(await account.http.get(EMAILS, params={"to": body["to"]})) == []
