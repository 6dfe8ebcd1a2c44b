"""Plunk's Idempotency-Key: a used one is refused, the first reply is not given again."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import TIME, contact, error_of, mail, post


def new_key() -> str:
    return f"receipt-{secrets.token_hex(8)}"


async def test_a_reused_key_is_refused_with_what_the_first_request_was(account: Account) -> None:
    key, to = new_key(), fresh("ok")
    assert (await post(account, key, to=to)).status_code == 200
    for again in (to, fresh("ok")):
        error = error_of(await post(account, key, to=again), 409, "IDEMPOTENCY_KEY_REUSED")
        details = error["details"]
        assert set(details) == {"key", "originalRequest", "originalRequestAt", "originalStatusCode"}
        assert (details["key"], details["originalRequest"], details["originalStatusCode"]) == (
            key,
            "POST /v1/send",
            200,
        )
        assert TIME.fullmatch(details["originalRequestAt"])
        age = datetime.now(UTC) - datetime.fromisoformat(details["originalRequestAt"])
        assert timedelta(seconds=-5) < age < timedelta(minutes=2)
    assert await contact(account, again) is None
    await mail(account, to)


async def test_a_key_is_the_project_s_over_all_endpoints_and_nobody_else_s(account: Account, stranger: Account) -> None:
    key = new_key()
    await account.send(fresh("ok"), headers={"Idempotency-Key": key})
    details = error_of(await post(account, key), 409, "IDEMPOTENCY_KEY_REUSED")["details"]
    assert (details["originalRequest"], details["originalStatusCode"]) == ("POST /v1/emails", 202)
    assert (await post(stranger, key)).status_code == 200


async def test_a_key_is_released_by_a_refusal_and_kept_by_an_acceptance(account: Account) -> None:
    key = new_key()
    for refused, status in (({"to": "nobody"}, 422), ({"template": "nonsense"}, 404), ({"from": "a@b.example"}, 422)):
        assert (await post(account, key, **refused)).status_code == status  # type: ignore[arg-type]
    assert (await post(account, key)).status_code == 200
    assert (await post(account, key)).status_code == 409


async def test_of_requests_at_once_with_one_key_one_is_sent(account: Account) -> None:
    key, to = new_key(), [fresh("ok"), fresh("ok")]
    replies = await asyncio.gather(*(post(account, key, to=to) for _ in range(10)))
    assert sorted(reply.status_code for reply in replies) == [200, *[409] * 9]
    for reply in replies:
        if reply.status_code == 409:
            details = error_of(reply, 409, "IDEMPOTENCY_KEY_REUSED")["details"]
            assert details["originalStatusCode"] in (None, 200)  # null while the first one is under way
    for each in to:
        await mail(account, each)


async def test_a_key_has_1_to_255_printable_ascii_characters(account: Account) -> None:
    for good in (f"a key of words ~!{secrets.token_hex(4)}", secrets.token_hex(127) + "x"):
        assert (await post(account, good)).status_code == 200, good
    for bad in ("", "x" * 256, "tab\there"):
        error_of(await post(account, bad), 400, "BAD_REQUEST")
