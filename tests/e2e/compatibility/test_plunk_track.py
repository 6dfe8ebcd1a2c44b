"""Plunk's `POST /v1/track`: an event of a contact, which is created or changed with it."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import TIME, UUID, contact, error_of, post


async def track(account: Account, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    body = {"event": "purchase", "email": fresh("ok")} | fields
    return await account.http.post("/v1/track", json=body, headers=headers)


async def test_an_event_is_recorded_for_a_contact_with_all_of_its_data(account: Account) -> None:
    email, data = fresh("ok"), {"plan": "pro", "orderId": {"value": "12345", "persistent": False}}
    reply = await track(account, email=email, data=data)
    assert (reply.status_code, set(reply.json())) == (200, {"success", "data"}), reply.text
    told = reply.json()["data"]
    assert set(told) == {"contact", "event", "timestamp"}
    assert UUID.fullmatch(told["event"])
    assert TIME.fullmatch(told["timestamp"])
    found = await contact(account, email)
    assert found
    assert (found["uuid"], found["attributes"]) == (told["contact"], {"email": email, "plan": "pro"})
    (event,) = (await account.get(f"/v1/contacts/{found['uuid']}/events"))["data"]
    assert (event["uuid"], event["event_name"]) == (told["event"], "purchase")
    assert event["attributes"] == {"plan": "pro", "orderId": "12345"}


async def test_a_tracked_contact_is_subscribed_if_new_and_stays_as_it_is_if_known(account: Account) -> None:
    email = fresh("ok")
    for given, expected in (({}, True), ({"subscribed": False}, False), ({}, False), ({"subscribed": True}, True)):
        assert (await track(account, email=email, **given)).status_code == 200
        assert ((await contact(account, email)) or {})["subscribed"] is expected, given


async def test_names_that_the_platform_gives_are_refused(account: Account) -> None:
    for name in ("email.sent", "contact.subscribed", "segment.vip.entry"):
        email = fresh("ok")
        error = error_of(await track(account, email=email, event=name), 422, "VALIDATION_ERROR")
        assert [(each["field"], each["code"]) for each in error["errors"]] == [("event", "reserved_event")]
        assert await contact(account, email) is None
    error = error_of(await track(account, email="nobody", event="", data=5), 422, "VALIDATION_ERROR")
    assert {each["field"] for each in error["errors"]} == {"email", "event", "data"}


async def test_an_event_needs_the_scope_for_contacts_and_no_other(account: Account) -> None:
    async def as_key(scope: str) -> dict[str, str]:
        key = (await account.make("/v1/api-keys", name="contract", scopes=[scope]))["key"]
        return {"Authorization": f"Bearer {key}"}

    assert (await track(account, await as_key("contacts"))).status_code == 200
    error_of(await track(account, await as_key("email.send")), 403, "FORBIDDEN")


async def test_a_key_is_one_over_events_and_emails(account: Account) -> None:
    tracked, sent = (f"{kind}-{secrets.token_hex(8)}" for kind in ("tracked", "sent"))
    assert (await track(account, {"Idempotency-Key": tracked})).status_code == 200
    assert (await post(account, sent)).status_code == 200
    for again in (await track(account, {"Idempotency-Key": tracked}), await post(account, tracked)):
        details = error_of(again, 409, "IDEMPOTENCY_KEY_REUSED")["details"]
        assert (details["originalRequest"], details["originalStatusCode"]) == ("POST /v1/track", 200)
    details = error_of(await track(account, {"Idempotency-Key": sent}), 409, "IDEMPOTENCY_KEY_REUSED")["details"]
    assert details["originalRequest"] == "POST /v1/send"
