"""Sendy: one e-mail and the list of them (seed 004)."""

from __future__ import annotations

import re
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.sendy_caller import EMAILS, code_of, data_of, email, posted, reaches, welcome
from tests.fixtures.deployment import eventually

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIMES = ("sent_at", "delivered_at", "first_opened_at", "read_at", "first_replied_at")


async def test_one_email_shows_its_states_and_times(account: Account) -> None:
    id_ = (await posted(account, to := fresh("ok")))["id"]
    shown = await reaches(account, id_, "delivered")
    at = {name: shown[name] for name in ("created_at", *TIMES)}
    assert shown == {
        "id": id_,
        "to": to,
        "from": account.sender,
        "subject": "Welcome!",
        "status": "sent",
        "unified_status": "delivered",
        "scheduled_at": None,
        "attachments": [],
        **at,
    }
    assert all(TIME.fullmatch(at[name]) for name in ("created_at", "sent_at", "delivered_at"))
    assert at["created_at"] <= at["sent_at"] <= at["delivered_at"]
    assert [at[name] for name in TIMES[2:]] == [None] * 3


async def test_an_email_is_there_as_soon_as_it_was_accepted(account: Account) -> None:
    made = await posted(account, fresh("ok"), scheduled_at="2026-12-31T00:00:00+01:00")
    shown = await email(account, made["id"])
    assert (shown["status"], shown["scheduled_at"]) == ("queued", "2026-12-30T23:00:00Z")


async def test_the_list_has_pages_and_filters(account: Account) -> None:
    to, other = fresh("ok"), fresh("permfail")
    emails = [*(welcome(to, subject=f"S{number}") for number in range(3)), welcome(other)]
    made = data_of(await account.http.post(f"{EMAILS}/batch", json={"emails": emails}))
    await reaches(account, made[0]["id"], "delivered")
    bounced = await reaches(account, made[3]["id"], "bounced")

    async def listed(**params: Any) -> tuple[list[str], dict[str, int]]:
        reply = await account.http.get(EMAILS, params=params)
        assert all(each.keys() >= {"status", "unified_status", *TIMES} for each in data_of(reply))
        return [each["id"] for each in data_of(reply)], reply.json()["meta"]

    async def all_there() -> bool:
        return len((await listed(to=to))[0]) == 3

    await eventually(all_there, what="three e-mails in the list")
    newest_first = sorted((each["id"] for each in made[:3]), reverse=True)
    assert await listed(to=to.upper()) == (newest_first, {"total": 3, "page": 1, "limit": 20, "pages": 1})
    assert await listed(to=to, limit=2) == (newest_first[:2], {"total": 3, "page": 1, "limit": 2, "pages": 2})
    assert await listed(to=to, limit=2, page=2) == (newest_first[2:], {"total": 3, "page": 2, "limit": 2, "pages": 2})
    assert await listed(to=to, page=9) == ([], {"total": 3, "page": 9, "limit": 20, "pages": 1})
    assert (await listed(to=other, status="failed", order="ignored"))[0] == [bounced["id"]]
    assert (await listed(to=other, status="sent"))[0] == []
    at = bounced["created_at"]
    assert (await listed(to=other, from_date=at, to_date="2030-01-01T00:00:00Z"))[0] == [bounced["id"]]
    assert (await listed(to=other, to_date=at))[0] == []


async def test_a_parameter_that_makes_no_sense_is_told(account: Account) -> None:
    wrong = {"page": 0, "limit": 101, "status": "lost", "from_date": "yesterday"}
    refused = await account.http.get(EMAILS, params=wrong)
    assert code_of(refused) == (422, "VALIDATION_ERROR")
    assert {each["field"] for each in refused.json()["error"]["details"]} == wrong.keys()


async def test_a_repeated_key_is_answered_with_the_first_reply(account: Account) -> None:
    headers, body = {"Idempotency-Key": fresh("ok")}, welcome(fresh("ok"))
    first, again = [await account.http.post(f"{EMAILS}/send", json=body, headers=headers) for _ in range(2)]
    assert data_of(first) == data_of(again)
    assert [reply.headers.get("idempotency-replayed") for reply in (first, again)] == [None, "true"]
