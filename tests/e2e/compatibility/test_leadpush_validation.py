"""What Leadpush's send endpoint refuses, and how its library reads that."""

from __future__ import annotations

from typing import Any

import pytest
from leadpush import ApiError, ForbiddenError, NotFoundError, UnauthorizedError, ValidationError

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.leadpush_client import arrived, leadpush, new_key, new_workspace


async def refused_with(account: Account, **fields: Any) -> dict[str, str]:
    """The codes of a refused request's faults, by pointer."""
    body = {"from": account.sender, "subject": "Code", "text": "482910", "to": [fresh("ok")]} | fields
    reply = await account.http.post("/v1/emails", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json"), reply.text
    return {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}


async def test_from_must_be_a_verified_sender_of_the_key_s_workspace(account: Account, stranger: Account) -> None:
    async with leadpush(account) as client:
        pending = await client.domains.create(name=f"{fresh('p').partition('+')[2].partition('@')[0]}.example")
        for sender in (f"a@{pending.name}", stranger.sender, "someone@nowhere.example"):
            with pytest.raises(ValidationError) as refused:
                await client.emails.send(from_address=sender, subject="Code", text="1", to=[fresh("ok")])
            assert [fault["pointer"] for fault in refused.value.response["errors"]] == ["#/from"]
        await pending.delete()


async def test_an_owner_without_smtp_access_is_told_to_upgrade(account: Account) -> None:
    _, key = await new_workspace(account, owner_verified=True)
    async with leadpush(account, key) as client:
        with pytest.raises(ForbiddenError) as refused:
            await client.emails.send(from_address=account.sender, subject="Code", text="1", to=[fresh("ok")])
    told = refused.value.response
    assert (refused.value.status, told["error"], told["feature"]) == (403, "upgrade_needed", "smtp.enabled")


async def test_an_owner_whose_address_is_unverified_is_told_so(account: Account) -> None:
    _, key = await new_workspace(account, features=["smtp.enabled"])
    async with leadpush(account, key) as client:
        with pytest.raises(ForbiddenError) as refused:
            await client.emails.send(from_address=account.sender, subject="Code", text="1", to=[fresh("ok")])
    assert (refused.value.status, refused.value.response["error"]) == (403, "email_verification_required")


async def test_headers_are_an_object_of_strings(account: Account) -> None:
    assert await refused_with(account, headers=["X-A: 1"]) == {"#/headers": "wrong_type"}
    assert await refused_with(account, headers=[{"name": "X-A", "value": "1"}]) == {"#/headers": "wrong_type"}
    given = {"X-A": 1, "X-B": None, "X-C": ["1"], "X-D": {"a": "1"}, "X-E": True}
    assert await refused_with(account, headers=given) == {f"#/headers/{name}": "wrong_type" for name in given}


async def test_header_names_and_values_keep_to_their_characters(account: Account) -> None:
    names = ("X A", "X_A", "X:A", "X.A", "Ü", "", "X-A\r\nBcc")
    for name in names:
        assert list((await refused_with(account, headers={name: "1"})).values()) == ["invalid_header_name"], name
    for value in ("a\r\nBcc: b@sink.test", "a\nb", "a\rb"):
        assert await refused_with(account, headers={"X-A": value}) == {"#/headers/X-A": "line_break"}


async def test_reserved_headers_cannot_be_overridden(account: Account) -> None:
    named = ("From", "To", "Bcc", "Reply-To", "Subject", "Message-ID", "Return-Path")
    alike = ("Cc", "Sender", "Date", "DKIM-Signature", "Received", "MIME-Version", "Content-Type", "Content-Anything")
    names = [*named, *alike, "mEsSaGe-Id", "SUBJECT"]
    for name in names:
        assert await refused_with(account, headers={name: "x"}) == {f"#/headers/{name}": "reserved_header"}


async def test_x_leadpush_headers_are_reserved_but_the_tag(account: Account) -> None:
    for name in ("X-Leadpush-Tracking", "X-Leadpush-Anything", "x-leadpush-id"):
        assert await refused_with(account, headers={name: "x"}) == {f"#/headers/{name}": "reserved_header"}
    to, tag = fresh("ok"), fresh("tag")
    async with leadpush(account) as client:
        send = await client.emails.send(
            from_address=account.sender, subject="Code", text="1", to=[to, fresh("ok")], headers={"X-Leadpush-Tag": tag}
        )
        assert (await arrived(account, to))["x-leadpush-tag"] is None
        for message in send.messages:
            assert (await account.reaches(message.uuid, "delivered"))["tags"] == [tag]
        found = await client.get("emails", params={"tag": tag})
    assert {one["uuid"] for one in found["data"]} == {message.uuid for message in send.messages}


async def test_the_page_s_examples_of_headers_are_carried(account: Account) -> None:
    to = fresh("ok")
    async with leadpush(account) as client:
        headers = {"X-Correlation-ID": "abc-123", "Auto-Submitted": "auto-generated"}
        await client.emails.send(from_address=account.sender, subject="Code", text="1", to=[to], headers=headers)
    mail = await arrived(account, to)
    assert {name: mail[name] for name in headers} == headers


async def test_every_error_and_empty_body_is_one_that_the_library_reads(account: Account) -> None:
    poor = await new_key(account, "email.history")
    async with leadpush(account, "ph_live_nobody") as client:
        with pytest.raises(UnauthorizedError):
            await client.domains.list()
    async with leadpush(account, poor["key"]) as client:
        with pytest.raises(ForbiddenError):
            await client.emails.send(from_address=account.sender, subject="Code", text="1", to=[fresh("ok")])
    async with leadpush(account) as client:
        with pytest.raises(NotFoundError):
            await client.contacts.get("nobody@sink.test")
        with pytest.raises(NotFoundError):
            await client.get("nothing/here")
        with pytest.raises(ValidationError) as refused:
            await client.emails.send(from_address="", subject="", to=[])
        assert len(refused.value.response["errors"]) == 5
        for call, status in (
            (client.delete("emails"), 405),
            (client.post("suppressions", {"email": "x" * 70_000}), 413),
        ):
            with pytest.raises(ApiError) as other:
                await call
            assert (type(other.value), other.value.status, other.value.response["status"]) == (ApiError, status, status)
        contact = await client.contacts.create(attributes={"email": fresh("ok")})
        assert await client.post(["contacts", contact.uuid, "events"], {"event_name": "x"}) is None
        assert await client.delete(["contacts", contact.uuid]) is None
