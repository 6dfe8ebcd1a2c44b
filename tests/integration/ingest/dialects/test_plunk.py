"""Plunk's tongue: contacts, data that stays or does not, templates, and the shapes of its documents."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest
import pytest_asyncio

from services.ingest.contacts.changes import ContactChange
from shared.auth import WORKSPACE_SCOPES
from shared.content import ContentStore
from shared.contracts.messages import Message
from tests.integration.ingest.conftest import SENDER, Door, contacts_of, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/send"
FEATURES = ["smtp.enabled", "templates.enabled", "tracking.enabled"]


def mail(**changes: Any) -> dict[str, Any]:
    body = {"to": "jane@example.test", "subject": "Welcome {{firstName ?? 'friend'}}", "body": "<b>{{code}}</b>"}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(tenant: Door) -> Door:
    await tenant.limit(default_sender=SENDER, features=FEATURES)
    return tenant


async def letters(tenant: Door) -> list[tuple[Message, Any]]:
    records = [Message.decode(entry["record"]) for each in await tenant.submissions() for entry in each["messages"]]
    contents = await ContentStore(tenant.deployment.database("content")).load([each.content_id for each in records])
    return [(record, contents[record.content_id]) for record in records]


async def emails_of(tenant: Door, body: dict[str, Any], **request: Any) -> list[dict[str, Any]]:
    reply = await tenant.post(body, path=PATH, **request)
    assert reply.status_code == 200, reply.text
    assert reply.json()["success"] is True
    assert reply.json()["data"]["timestamp"].endswith("Z")
    emails: list[dict[str, Any]] = reply.json()["data"]["emails"]
    return emails


async def test_each_recipient_is_a_contact_with_an_email_and_data_of_its_own(tenant: Door) -> None:
    await emails_of(tenant, mail(data={"firstName": "Known"}))
    to = ["jane@example.test", {"name": "John", "email": "john@example.test"}]
    emails = await emails_of(tenant, mail(to=to, data={"code": {"value": "<1>", "persistent": False}, "plan": "pro"}))
    assert [each["contact"]["email"] for each in emails] == ["jane@example.test", "john@example.test"]
    (_, _), (jane, hers), (john, his) = await letters(tenant)
    assert [each["email"] for each in emails] == [jane.message_id, john.message_id]
    assert [hers.subject, his.subject] == ["Welcome Known", "Welcome friend"]
    assert hers.html == his.html == "<b>&lt;1&gt;</b>"
    assert (his.to, jane.contact_id) == (["John <john@example.test>"], emails[0]["contact"]["id"])
    found = await contacts_of(tenant).find(tenant.workspace.id, "jane@example.test")
    assert found is not None
    assert (found["attributes"], found["subscribed"]) == ({"firstName": "Known", "plan": "pro"}, False)


async def test_subscribed_is_set_only_where_it_is_said(tenant: Door) -> None:
    async def state() -> Any:
        found = await contacts_of(tenant).find(tenant.workspace.id, "jane@example.test")
        assert found is not None
        return found["subscribed"]

    await emails_of(tenant, mail())
    assert await state() is False
    await emails_of(tenant, mail(subscribed=True))
    await emails_of(tenant, mail())
    assert await state() is True
    await emails_of(tenant, mail(subscribed=False))
    assert await state() is False


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        ({}, SENDER),
        ({"name": "Acme"}, f"Acme <{SENDER}>"),
        ({"from": SENDER}, SENDER),
        ({"from": {"name": "One", "email": SENDER}, "name": "Two"}, f"One <{SENDER}>"),
        ({"from": SENDER, "name": "Two"}, f"Two <{SENDER}>"),
    ],
)
async def test_the_sender(tenant: Door, changes: dict[str, Any], sender: str) -> None:
    await emails_of(tenant, mail(reply="help@acme.test", headers={"X-Campaign-ID": "flow"}, **changes))
    ((_, letter),) = await letters(tenant)
    assert (letter.from_, letter.reply_to, letter.headers) == (sender, "help@acme.test", {"X-Campaign-ID": "flow"})


async def test_a_template_gives_what_the_request_does_not(tenant: Door) -> None:
    fields = {"name": "T", "type": "transactional", "subject": "From template", "html": "{{a}}", "from": SENDER,
              "from_name": "Template", "reply_to": "t@acme.test"}  # fmt: skip
    id_ = (await tenant.post(fields, path="/v1/templates")).json()["id"]
    await emails_of(tenant, mail(subject=..., body=..., template=id_, data={"a": "x"}))
    await emails_of(tenant, mail(subject="Own", body=..., template=id_))
    (_, first), (_, second) = await letters(tenant)
    assert (first.subject, first.html, first.from_, first.reply_to) == (
        "From template", "x", f"Template <{SENDER}>", "t@acme.test",
    )  # fmt: skip
    assert (second.subject, second.html) == ("Own", "x")
    reply = await tenant.post(mail(template="none"), path=PATH)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "TEMPLATE_NOT_FOUND")


async def test_a_marketing_template_skips_the_unsubscribed(tenant: Door) -> None:
    fields = {"name": "M", "type": "marketing", "subject": "Offer", "html": '<a href="{{unsubscribeUrl}}">stop</a>'}
    id_ = (await tenant.post(fields, path="/v1/templates")).json()["id"]
    (off,) = await emails_of(tenant, mail(template=id_, subject=..., body=...))
    (on,) = await emails_of(tenant, mail(to="on@example.test", template=id_, subject=..., body=..., subscribed=True))
    assert (await tenant.get(f"/v1/emails/{off['email']}")).json()["status"] == "suppressed"
    assert (await tenant.get(f"/v1/emails/{on['email']}")).json()["status"] == "pending"
    await contacts_of(tenant).upsert_many(tenant.workspace.id, [ContactChange("on@example.test", subscribed=False)])
    again = (await tenant.post(path=f"/v1/emails/{on['email']}/resend")).json()["data"]["messages"][0]["uuid"]
    assert (await tenant.get(f"/v1/emails/{again}")).json()["status"] == "suppressed"


async def test_the_name_of_from_wins_then_the_request_s_then_the_template_s(tenant: Door) -> None:
    fields = {"name": "T", "type": "headless", "subject": "S", "html": "h", "from": SENDER, "from_name": "Template"}
    id_ = (await tenant.post(fields, path="/v1/templates")).json()["id"]
    both = {"from": {"name": "One", "email": SENDER}, "name": "Two"}
    for own in ({}, {"from": SENDER}, {"name": "Two"}, both):
        await emails_of(tenant, mail(template=id_, **own))
    assert [letter.from_ for _, letter in await letters(tenant)] == [
        f"{name} <{SENDER}>" for name in ("Template", "Template", "Two", "One")
    ]


async def test_data_that_only_looks_like_a_passing_value_is_kept(tenant: Door) -> None:
    data = {"price": {"value": 5, "currency": "EUR"}, "old": {"value": "x", "persistent": True}, "empty": ""}
    await emails_of(tenant, mail(subject="{{price.value}}{{old}}{{empty ?? 'no'}}", data={**data, "id": "own"}))
    ((_, letter),) = await letters(tenant)
    found = await contacts_of(tenant).find(tenant.workspace.id, "jane@example.test")
    assert found is not None
    assert (letter.subject, found["attributes"]) == ("5x", {"price": {"value": 5, "currency": "EUR"}, "old": "x"})


async def test_over_the_quota_nothing_is_stored_and_what_was_refused_is_not_counted(tenant: Door) -> None:
    await tenant.limit(default_sender=SENDER, features=FEATURES, daily_quota=3)
    to = [f"r{number}@example.test" for number in range(4)]
    reply = await tenant.post(mail(to=to), path=PATH, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "BILLING_LIMIT_EXCEEDED")
    assert await tenant.nothing_stored()
    assert await contacts_of(tenant).find(tenant.workspace.id, to[0]) is None
    full = await tenant.post(mail(to=to[0], data={str(n): "x" * 9_000 for n in range(7)}), path=PATH)
    assert full.status_code == 200, full.text
    over = await tenant.post(mail(to=to[0], data={f"more{n}": "x" * 9_000 for n in range(7)}), path=PATH)
    assert (over.status_code, over.json()["error"]["errors"][0]["field"]) == (422, "data")
    assert len(await emails_of(tenant, mail(to=to[:2]), headers={"Idempotency-Key": "k"})) == 2


async def test_attachments_have_their_limits(tenant: Door) -> None:
    def file(size: int = 1) -> dict[str, str]:
        return {"filename": "a.pdf", "content": b64encode(b"x" * size).decode(), "contentType": "application/pdf"}

    await emails_of(tenant, mail(attachments=[file()]))
    ((_, letter),) = await letters(tenant)
    assert letter.attachments[0].content_type == "application/pdf"
    for files in ([file()] * 11, [file(6 * 1024 * 1024)] * 2):
        reply = await tenant.post(mail(attachments=files), path=PATH)
        assert (reply.status_code, reply.json()["error"]["errors"][0]["field"]) == (422, "attachments")
    assert len(await tenant.submissions()) == 1


async def test_a_used_key_is_refused_whatever_it_was_used_for(tenant: Door) -> None:
    headers = {"Idempotency-Key": "k"}
    await emails_of(tenant, mail(to=["a@example.test", "b@example.test"]), headers=headers)
    for body in (mail(to=["a@example.test", "b@example.test"]), mail()):
        reply = await tenant.post(body, path=PATH, headers=headers)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
        assert error["details"]["originalStatusCode"] == 200
        assert error["details"]["originalRequestAt"].endswith("Z")
    await tenant.post(send(), headers={"Idempotency-Key": "native"})
    assert (await tenant.post(mail(), path=PATH, headers={"Idempotency-Key": "native"})).status_code == 409
    assert [each.get("key") for each in await tenant.submissions()] == ["k", None, "native"]


async def test_of_many_with_one_key_one_is_accepted(tenant: Door) -> None:
    replies = await asyncio.gather(
        *(tenant.post(mail(), path=PATH, headers={"Idempotency-Key": "k"}) for _ in range(20))
    )
    assert sorted(reply.status_code for reply in replies) == [200, *[409] * 19]
    assert len(await tenant.submissions()) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"to", "subject", "body"}),
        (mail(to=["a@example.test", "nobody"]), {"to.1"}),
        (mail(to="nobody", attachments=[{"filename": "a", "content": "YQ=="}]), {"to", "attachments.0.contentType"}),
        (mail(to={"name": "x"}), {"to"}),
        (mail(subscribed="yes"), {"subscribed"}),
        (mail(data=["x"]), {"data"}),
        (mail(subject="{{x}}", data={"x": "a\nb"}), {"subject"}),
        (mail(data={"$x": 1}), {"data.$x"}),
        (mail(to=[f"r{number}@example.test" for number in range(51)]), {"to"}),
    ],
)
async def test_faults_are_told_and_nothing_is_stored(tenant: Door, body: dict[str, Any], fields: set[str]) -> None:
    reply = await tenant.post(body, path=PATH)
    assert (reply.status_code, reply.json()["success"]) == (422, False)
    error = reply.json()["error"]
    assert (error["code"], error["statusCode"], error["message"]) == (
        "VALIDATION_ERROR",
        422,
        "Request validation failed",
    )
    assert error["requestId"] == reply.headers["x-request-id"]
    assert {each["field"] for each in error["errors"]} == fields
    assert await tenant.nothing_stored()
    assert await contacts_of(tenant).find(tenant.workspace.id, "jane@example.test") is None


async def test_codes_of_refusals(tenant: Door) -> None:
    reply = await tenant.http.post(PATH, json=mail())
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "MISSING_AUTH")
    key, tenant.key = tenant.key, "nonsense"
    assert (await tenant.post(mail(), path=PATH)).json()["error"]["code"] == "INVALID_API_KEY"
    scopes = [scope for scope in WORKSPACE_SCOPES if scope != "email.send"]
    tenant.key = (await tenant.workspaces.create_api_key(tenant.workspace.id, "less", scopes)).secret or ""
    reply = await tenant.post(mail(), path=PATH)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "FORBIDDEN")
    tenant.key = key
    await tenant.limit(features=[])
    reply = await tenant.post(mail(), path=PATH)
    assert (reply.status_code, reply.json()["error"]["code"]) == (402, "UPGRADE_REQUIRED")
    await tenant.limit(features=FEATURES, owner_verified=False)
    reply = await tenant.post(mail(), path=PATH)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "EMAIL_VERIFICATION_REQUIRED")
    assert (await tenant.http.get(PATH)).json()["error"]["code"] == "METHOD_NOT_ALLOWED"
