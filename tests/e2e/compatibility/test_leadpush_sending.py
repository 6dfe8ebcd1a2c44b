"""Leadpush's send endpoint: https://leadpush.io/docs/developer/emails-api/send-email."""

from __future__ import annotations

import inspect
from uuid import UUID

import pytest
from leadpush import AsyncLeadpush, NotFoundError

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.leadpush_client import POSTAL, arrived, domain_of, leadpush, segment

DOCUMENTED = {"from_address", "subject", "html", "text", "to", "bcc", "reply_to", "headers"}


async def test_a_bearer_key_selects_the_workspace_that_sends(account: Account, stranger: Account) -> None:
    sent = {}
    for one in (account, stranger):
        async with leadpush(one) as client:
            sent[one.home["workspace"]] = await client.emails.send(
                from_address=one.sender, subject="Code", text="482910", to=[fresh("ok")]
            )
    (mine, theirs) = (send.messages[0].uuid for send in sent.values())
    for owner, own, other in ((account, mine, theirs), (stranger, theirs, mine)):
        async with leadpush(owner) as client:
            assert (await client.get(["emails", own]))["from"] == owner.sender
            with pytest.raises(NotFoundError):
                await client.get(["emails", other])


async def test_the_older_path_sends_in_the_current_shape_to_fifty_at_most(account: Account, stranger: Account) -> None:
    path = f"/v1/workspaces/{account.home['workspace']}/emails"
    many = [f"fifty-{number}@sink.test" for number in range(51)]
    body = {"from": account.sender, "subject": "Code", "text": "482910", "to": many[:49], "bcc": many[49:]}
    refused = await account.http.post(path, json=body)
    assert {fault["code"] for fault in refused.json()["errors"]} == {"too_many_recipients"}
    accepted = await account.http.post(path, json=body | {"to": [fresh("ok")], "bcc": many[2:]})
    assert (refused.status_code, accepted.status_code) == (422, 202)
    assert accepted.json()["data"].keys() == {"accepted", "message_count", "messages"}
    assert accepted.json()["data"]["message_count"] == 50
    assert (await stranger.http.post(path, json=body)).status_code == 404


async def test_the_documented_fields_arrive_as_they_were_given(account: Account) -> None:
    to, bcc = fresh("ok"), fresh("ok")
    async with leadpush(account) as client:
        await client.emails.send(
            from_address=account.sender,
            subject="Developer API email",
            html="<p>Hello world</p>",
            text="Hello world",
            to=[to],
            bcc=[bcc],
            reply_to="reply@example.test",
            headers={"X-Correlation-ID": "abc-123"},
        )
    for recipient in (to, bcc):
        mail = await arrived(account, recipient)
        assert (mail["from"], mail["to"], mail["bcc"], mail["subject"], mail["reply-to"], mail["x-correlation-id"]) == (
            account.sender, to, None, "Developer API email", "reply@example.test", "abc-123",
        )  # fmt: skip
        bodies = {kind: mail.get_body((kind,)).get_content().strip() for kind in ("html", "plain")}
        assert bodies == {"html": "<p>Hello world</p>", "plain": "Hello world"}


async def test_nothing_beyond_the_documented_fields_is_needed(account: Account) -> None:
    assert inspect.signature(AsyncLeadpush("k").emails.send).parameters.keys() == DOCUMENTED
    to = fresh("ok")
    ids = []
    async with leadpush(account) as client:
        for _ in range(2):  # without a key for it nothing is taken for a repetition
            send = await client.emails.send(from_address=account.sender, subject="Code", text="482910", to=[to])
            ids.append(send.messages[0].uuid)
    first, second = [await account.reaches(id_, "delivered") for id_ in ids]
    assert first["uuid"] != second["uuid"]
    assert (first["tags"], first["metadata"], first["scheduled_at"]) == ([], {}, None)
    assert await account.deliveries_to(to) == 2
    mail = [kept["raw"].lower() for kept in await account.mail(to)]
    assert not any("\ncc:" in raw or "multipart/" in raw for raw in mail)


async def test_202_comes_after_the_messages_are_created(account: Account) -> None:
    body = {"from": account.sender, "subject": "Code", "text": "482910", "to": [fresh("ok"), fresh("ok")]}
    reply = await account.http.post("/v1/emails", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (202, "application/json")
    for message in reply.json()["data"]["messages"]:
        assert (await account.email(message["uuid"]))["recipient"] == message["recipient"]


async def test_the_reply_is_the_documented_one(account: Account) -> None:
    to, bcc = fresh("ok"), fresh("ok")
    body = {"from": account.sender, "subject": "Code", "text": "482910", "to": [to], "bcc": [bcc]}
    reply = (await account.http.post("/v1/emails", json=body)).json()
    ids = [message.pop("uuid") for message in reply["data"]["messages"]]
    assert len({UUID(id_) for id_ in ids}) == 2
    shown = {"from": account.sender, "status": "pending"}
    assert reply == {
        "data": {
            "accepted": True,
            "message_count": 2,
            "messages": [
                {"recipient": to, "type": "to", **shown},
                {"recipient": bcc, "type": "bcc", **shown},
            ],
        }
    }


async def test_a_suppressed_recipient_is_accepted_as_pending_and_told_later(account: Account) -> None:
    to, suppressed = fresh("ok"), fresh("ok")
    async with leadpush(account) as client:
        await client.suppressions.create(email=suppressed)
        send = await client.emails.send(
            from_address=account.sender, subject="Code", text="482910", to=[to, suppressed, fresh("permfail")]
        )
    assert [message.status for message in send.messages] == ["pending"] * 3
    ends = ("delivered", "suppressed", "bounced")
    for message, end in zip(send.messages, ends, strict=True):
        await account.reaches(message.uuid, end)
    assert await account.attempts_to(suppressed) == 0


@pytest.mark.parametrize("bodies", [{"html": "<p>482910</p>"}, {"text": "482910"}, {"html": "<p>1</p>", "text": "1"}])
async def test_one_body_is_enough_and_both_are_allowed(account: Account, bodies: dict[str, str]) -> None:
    to = fresh("ok")
    async with leadpush(account) as client:
        await client.emails.send(from_address=account.sender, subject="Code", to=[to], **bodies)
    kinds = {part.get_content_type() for part in (await arrived(account, to)).walk() if not part.is_multipart()}
    assert kinds == {{"html": "text/html", "text": "text/plain"}[name] for name in bodies}
    none = {"from": account.sender, "subject": "Code", "to": [to]}
    refused = await account.http.post("/v1/emails", json=none)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["#/html", "#/text"]


async def test_one_recipient_over_to_and_bcc_is_enough(account: Account) -> None:
    blind = fresh("ok")
    async with leadpush(account) as client:
        send = await client.emails.send(from_address=account.sender, subject="Code", text="482910", bcc=[blind])
    assert [(message.recipient, message.type) for message in send.messages] == [(blind, "bcc")]
    assert blind not in str(await arrived(account, blind))
    for nobody in ({}, {"to": []}, {"to": [], "bcc": []}):
        body = {"from": account.sender, "subject": "Code", "text": "482910", **nobody}
        refused = await account.http.post("/v1/emails", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/to")


async def test_addresses_are_normalised_and_each_comes_once_as_to_first(account: Account) -> None:
    to, blind = fresh("ok"), fresh("ok")
    async with leadpush(account) as client:
        send = await client.emails.send(
            from_address=account.sender,
            subject="Code",
            text="482910",
            to=[to, f" {to.upper()} ", to.replace("sink.test", "SINK.test")],
            bcc=[to.title(), blind.upper(), blind],
        )
    assert send.message_count == 2
    local, _, domain = blind.upper().partition("@")
    assert [(message.recipient, message.type) for message in send.messages] == [
        (to, "to"), (f"{local}@{domain.lower()}", "bcc"),
    ]  # fmt: skip
    for message in send.messages:
        await account.reaches(message.uuid, "delivered")
    assert (await account.deliveries_to(to), await account.deliveries_to(blind)) == (1, 1)


async def test_each_unique_recipient_has_a_tracked_message_blind_ones_too(account: Account) -> None:
    three, blind = [fresh("ok") for _ in range(3)], fresh("ok")
    async with leadpush(account) as client:
        send = await client.emails.send(
            from_address=account.sender, subject="Code", text="482910", to=three, bcc=[blind]
        )
    assert (send.accepted, send.message_count, len({message.uuid for message in send.messages})) == (True, 4, 4)
    for message, recipient in zip(send.messages, [*three, blind], strict=True):
        email = await account.reaches(message.uuid, "delivered")
        assert (email["recipient"], email["type"]) == (recipient, "bcc" if recipient == blind else "to")
        mail = await arrived(account, recipient)
        assert (mail["to"], mail["bcc"]) == (", ".join(three), None)


async def test_a_known_contact_is_linked_and_an_unknown_one_is_not_created(account: Account) -> None:
    known, unknown = fresh("ok"), fresh("ok")
    async with leadpush(account) as client:
        contact = await client.contacts.create(attributes={"email": known})
        send = await client.emails.send(
            from_address=account.sender, subject="Code", text="482910", to=[known.upper(), unknown]
        )
        of_known, of_unknown = [await account.reaches(one.uuid, "delivered") for one in send.messages]
        assert (of_known["contact_id"], of_unknown["contact_id"]) == (contact.uuid, None)
        with pytest.raises(NotFoundError):
            await client.contacts.get(unknown)


async def test_a_contact_s_delivery_route_is_its_messages_actual_sender(account: Account) -> None:
    routed, other = fresh("ok"), fresh("ok")
    domain = await domain_of(account)
    async with leadpush(account) as client:
        address = await client.domains.addresses(domain["uuid"]).create(
            address=f"route-{segment(routed)[3:11].lower()}",
            display_name="Alerts",
            reply_to="help@example.test",
            **POSTAL,
        )
        body = {"attributes": {"email": routed}, "delivery_route": address.uuid}
        await client.post("contacts", data=body)
        send = await client.emails.send(from_address=account.sender, subject="Code", text="482910", to=[routed, other])
    assert [message.from_address for message in send.messages] == [address.full_address, account.sender]
    assert (await arrived(account, routed))["from"] == f"Alerts <{address.full_address}>"
    assert (await arrived(account, other))["from"] == account.sender
