"""What an accepted request answers and stores."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.contacts.changes import ContactChange
from shared.content import ContentStore
from shared.contracts.entities import Kind, Sender
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, Stream
from shared.mongo.entities import Entities
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, contacts_of, make_workspace, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEED = {
    "from": SENDER,
    "subject": "Developer API email",
    "html": "<p>Hello world</p>",
    "text": "Hello world",
    "to": ["known@example.test", "other@example.test", "third@example.test"],
    "bcc": ["audit@example.test"],
    "reply_to": "reply@example.test",
    "headers": {"X-Correlation-ID": "abc-123", "Auto-Submitted": "auto-generated"},
}


async def test_the_published_example_gets_the_published_reply(tenant: Door) -> None:
    reply = await tenant.post(SEED)
    assert reply.status_code == 202, reply.text
    assert reply.headers["content-type"] == "application/json"
    data = reply.json()["data"]
    assert list(reply.json()) == ["data"]
    assert list(data) == ["accepted", "message_count", "messages"]
    assert data["accepted"] is True
    assert data["message_count"] == 4
    assert [list(message) for message in data["messages"]] == [["uuid", "recipient", "type", "from", "status"]] * 4
    assert [(m["recipient"], m["type"]) for m in data["messages"]] == [
        ("known@example.test", "to"),
        ("other@example.test", "to"),
        ("third@example.test", "to"),
        ("audit@example.test", "bcc"),
    ]
    assert {(m["from"], m["status"]) for m in data["messages"]} == {(SENDER, "pending")}
    assert len({uuid.UUID(m["uuid"]) for m in data["messages"]}) == 4
    assert all(uuid.UUID(m["uuid"]).version == 7 for m in data["messages"])


async def test_one_submission_and_one_content_hold_everything(tenant: Door) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    reply = await tenant.post(
        {**SEED, "from": f"Acme <{SENDER}>", "cc": ["C <c@example.test>"], "tags": ["otp"], "metadata": {"order": "7"}},
        headers={"traceparent": trace},
    )
    shown = reply.json()["data"]["messages"]
    [submission] = await tenant.submissions()
    [content] = await tenant.contents()
    assert submission["workspace_id"] == tenant.workspace.id
    assert (submission["lane"], submission["door"], submission["subject"]) == ("standard", "rest", SEED["subject"])
    assert submission["pending"] == [message["id"] for message in submission["messages"]]
    assert [(m["id"], m["recipient"], m["type"], m["sender"]) for m in submission["messages"]] == [
        (m["uuid"], m["recipient"], m["type"], SENDER) for m in shown
    ]
    assert [m["type"] for m in shown] == ["to", "to", "to", "cc", "bcc"]
    assert submission["sweeps"] == 0
    assert not {"key", "key_until", "digest", "reply"} & set(submission)
    assert submission["expires_at"] - submission["accepted_at"] == timedelta(hours=48)
    record = Message.decode(submission["messages"][4]["record"])
    assert (record.message_id, record.submission_id) == (shown[4]["uuid"], submission["_id"])
    assert (record.recipient, record.recipient_type, record.sender) == ("audit@example.test", "bcc", SENDER)
    assert (record.pass_, record.attempt, record.on_ambiguous) == (0, 0, "retry")
    assert (record.tags, record.metadata) == (["otp"], {"order": "7"})
    assert (record.versions.workspace, record.versions.domain) == (tenant.workspace.version, tenant.domain.version)
    assert (record.lane, record.stream) == (Lane.STANDARD, Stream.PRODUCT)
    assert record.accepted_at == submission["accepted_at"] == record.seen.accepted
    assert record.expires_at == submission["expires_at"]
    assert record.trace == submission["trace"]
    assert (record.trace or "").split("-")[1] == trace.split("-")[1]
    assert record.size == sum(len(str(SEED[name])) for name in ("subject", "html", "text"))
    assert SEED["subject"].encode() not in submission["messages"][4]["record"]
    assert content["expires_at"] - submission["expires_at"] == timedelta(days=7)
    loaded = (await ContentStore(tenant.deployment.database("content")).load([record.content_id]))[record.content_id]
    assert (loaded.from_, loaded.to, loaded.cc) == (f"Acme <{SENDER}>", SEED["to"], ["C <c@example.test>"])
    assert (loaded.subject, loaded.html, loaded.text) == (SEED["subject"], SEED["html"], SEED["text"])
    assert (loaded.reply_to, loaded.headers) == (SEED["reply_to"], SEED["headers"])
    assert loaded.workspace_id == tenant.workspace.id


async def test_recipients_are_unique_without_regard_to_case_and_the_first_list_wins(tenant: Door) -> None:
    reply = await tenant.post(
        send(
            to=["One@Example.TEST", "one@example.test"],
            cc=["ONE@example.test", "two@example.test"],
            bcc=["Two@example.test", "one@EXAMPLE.test", "three@bücher.test"],
        )
    )
    assert [(m["recipient"], m["type"]) for m in reply.json()["data"]["messages"]] == [
        ("One@example.test", "to"),
        ("two@example.test", "cc"),
        ("three@xn--bcher-kva.test", "bcc"),
    ]
    [content] = await tenant.contents()
    assert (content["to"], content["cc"]) == (["One@example.test"], ["two@example.test"])
    assert "three" not in str(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": ..., "bcc": ["audit@example.test"]},
        {"to": [], "cc": ["c@example.test"]},
        {"html": ..., "text": "482910"},
        {"html": None, "text": "482910", "headers": None, "cc": None},
        {"to": ["Name <a@example.test>"]},
        {"from": f"anyone@{DOMAIN}"},
        {"from": f"ALERTS@{DOMAIN.upper()}"},
        {"headers": {"X-A": "ä", "List-Unsubscribe": "<https://acme.test/u>"}},
        {"on_ambiguous": "fail", "stream": "billing"},
    ],
)
async def test_what_else_is_accepted(tenant: Door, changes: dict[str, Any]) -> None:
    reply = await tenant.post(send(**changes))
    assert reply.status_code == 202, reply.text
    assert len(await tenant.submissions()) == 1


async def test_a_path_with_the_keys_own_workspace_is_the_same(tenant: Door) -> None:
    reply = await tenant.post(SEED, path=f"/v1/workspaces/{tenant.workspace.id}/emails")
    assert reply.status_code == 202
    assert reply.json()["data"]["message_count"] == 4


async def test_tag_headers_become_tags_and_leave_the_message(tenant: Door) -> None:
    reply = await tenant.post(
        send(tags=["a"], headers={"X-Leadpush-Tag": '"welcome mail"', "x-posthorn-tag": "a", "X-Kept": "1"})
    )
    assert reply.status_code == 202, reply.text
    [submission] = await tenant.submissions()
    [content] = await tenant.contents()
    assert Message.decode(submission["messages"][0]["record"]).tags == ["a", "welcome mail"]
    assert content["headers"] == {"X-Kept": "1"}


async def test_the_stream_is_the_requests_else_the_keys_else_the_workspaces(tenant: Door) -> None:
    key = await tenant.workspaces.create_api_key(tenant.workspace.id, "otp", default_stream="authentication")
    other, other_key = await make_workspace(tenant.workspaces, default_stream="security")
    domain, _ = await tenant.workspaces.create_domain(other.id, DOMAIN, verified=True)
    for headers, changes in (
        ({}, {}),
        ({}, {"stream": "security"}),
        ({"Authorization": f"Bearer {key.secret}"}, {}),
        ({"Authorization": f"Bearer {key.secret}"}, {"stream": "billing"}),
        ({"Authorization": f"Bearer {other_key}"}, {}),
    ):
        assert (await tenant.post(send(**changes), headers=headers)).status_code == 202
    found = [*await tenant.submissions(), *await tenant.submissions(other.id)]
    records = [Message.decode(submission["messages"][0]["record"]) for submission in found]
    assert [record.stream for record in records] == ["product", "security", "authentication", "billing", "security"]
    assert [submission["lane"] for submission in found] == [record.lane for record in records]
    assert [record.lane for record in records] == ["standard", "critical", "critical", "standard", "critical"]
    assert records[4].versions.domain == domain.version


async def test_a_contacts_delivery_route_changes_the_sender_of_its_message_alone(tenant: Door) -> None:
    route = await tenant.workspaces.create_sender(
        tenant.workspace.id, Sender(address=f"Care@{DOMAIN}", name="Customer Care", verified=True)
    )
    unverified = await tenant.workspaces.create_sender(
        tenant.workspace.id, Sender(address=f"new@{DOMAIN}", verified=False)
    )
    other, _ = await make_workspace(tenant.workspaces)
    foreign = await tenant.workspaces.create_sender(other.id, Sender(address="x@other.test", verified=True))
    await tenant.post(send(to=["known@example.test"]))
    for address, delivery_route in (
        ("Known@example.test", route.id),
        ("second@example.test", unverified.id),
        ("third@example.test", foreign.id),
        ("fourth@example.test", None),
    ):
        change = ContactChange(address=address, delivery_route=delivery_route)
        await contacts_of(tenant).create(tenant.workspace.id, change)
    to = ["KNOWN@example.test", "second@example.test", "third@example.test", "fourth@example.test"]

    async def shown() -> list[str]:
        reply = await tenant.post(send(to=to))
        return [message["from"] for message in reply.json()["data"]["messages"]]

    async def settled() -> bool:
        return await shown() == [f"care@{DOMAIN}", SENDER, SENDER, SENDER]

    await eventually(settled)
    submission = (await tenant.submissions())[-1]
    records = [Message.decode(message["record"]) for message in submission["messages"]]
    contents = {content["_id"]: content for content in await tenant.contents()}
    assert contents[records[0].content_id]["from_"] == f"Customer Care <care@{DOMAIN}>"
    assert contents[records[0].content_id]["to"] == to
    assert {contents[record.content_id]["from_"] for record in records[1:]} == {SENDER}
    assert records[0].versions.domain == tenant.domain.version


async def test_a_sender_whose_domain_cannot_sign_is_refused_at_the_door(tenant: Door) -> None:
    """An address of its own opens nothing: without a verified domain and a key for it mail could not go out signed."""
    await tenant.workspaces.create_sender(tenant.workspace.id, Sender(address="ops@elsewhere.test", verified=True))
    await tenant.workspaces.create_domain(tenant.workspace.id, "unproven.test", verified=False)
    keyless = {"name": "keyless.test", "verified": True, "active": None, "keys": []}
    await Entities(tenant.deployment.database("ingest")).put(Kind.DOMAIN, "keyless", tenant.workspace.id, keyless)
    for domain in ("elsewhere.test", "unproven.test", "keyless.test"):
        reply = await tenant.post(send(**{"from": f"ops@{domain}"}))
        assert reply.status_code == 422, domain
        assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [
            ("#/from", "sender_not_verified")
        ]
    assert await tenant.nothing_stored()
