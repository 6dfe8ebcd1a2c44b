"""From one request to the recipients' mail server: what is answered, what arrives, and on which lane it went."""

from __future__ import annotations

from email import message_from_string

import pytest

from deploy.local.dkim_check import dkim_verifies
from shared.contracts.topics import Lane
from tests.e2e.account import Account, fresh
from tests.e2e.records import topics_of


async def test_a_request_becomes_one_signed_message_for_each_recipient(account: Account) -> None:
    one, two = fresh("ok"), fresh("ok")
    body = {
        "from": account.sender,
        "subject": "Developer API email",
        "html": "<p>Hello world</p>",
        "text": "Hello world",
        "to": [one, one.upper()],
        "bcc": [two, one],
        "reply_to": "reply@example.test",
        "headers": {"X-Correlation-ID": "abc-123", "Auto-Submitted": "auto-generated"},
    }
    reply = await account.http.post("/v1/emails", json=body)
    assert reply.status_code == 202
    answer = reply.json()
    ids = [message.pop("uuid") for message in answer["data"]["messages"]]
    common = {"from": account.sender, "status": "pending"}
    assert answer == {
        "data": {
            "accepted": True,
            "message_count": 2,
            "messages": [{"recipient": one, "type": "to", **common}, {"recipient": two, "type": "bcc", **common}],
        }
    }
    for message_id, recipient in zip(ids, (one, two), strict=True):
        email = await account.reaches(message_id, "delivered")
        assert (email["uuid"], email["recipient"]) == (message_id, recipient)
        (kept,) = await account.mail(recipient)
        assert kept["recipients"] == [recipient]
        assert await account.attempts_to(recipient) == await account.deliveries_to(recipient) == 1
        _is_signed_and_whole(account, kept["raw"], one)


def _is_signed_and_whole(account: Account, raw: str, to: str) -> None:
    assert dkim_verifies(raw.encode(), account.stack.env["POSTHORN_LOCAL_DNS"])
    assert not dkim_verifies(raw.replace("Hello", "Hallo").encode(), account.stack.env["POSTHORN_LOCAL_DNS"])
    message = message_from_string(raw)
    assert f"d={account.sender.partition('@')[2]};" in message["DKIM-Signature"].replace("\r\n\t", " ")
    assert (message["From"], message["To"], message["Bcc"]) == (account.sender, to, None)
    assert (message["Subject"], message["Reply-To"]) == ("Developer API email", "reply@example.test")
    assert message["X-Correlation-ID"] == "abc-123"
    parts = {part.get_content_type(): part.get_payload().strip() for part in message.walk() if not part.is_multipart()}
    assert parts == {"text/plain": "Hello world", "text/html": "<p>Hello world</p>"}


@pytest.mark.parametrize(("stream", "lane"), [("authentication", Lane.CRITICAL), ("billing", Lane.STANDARD)])
async def test_a_message_keeps_to_its_lane_from_acceptance_to_its_retry(
    account: Account, stream: str, lane: Lane
) -> None:
    (message_id,) = await account.send(fresh("defer-once"), stream=stream)
    await account.reaches(message_id, "delivered")
    seen = await topics_of(account.stack, message_id)
    assert [name for name in seen if name.startswith("mail.") and name != "mail.events"] == [
        f"mail.{stage}.{lane}" for stage in ("accepted", "cleared", "due", "routed")
    ]
