"""What a message asks of a host, and which fields it gets, by what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from functools import cache
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from services.sender.mail.dkim import Signer
from services.sender.mail.outgoing import SLOW_BYTES, MailMaker, Outgoing
from services.sender.mail.personal import LinksBelow
from shared.content import Blob, Content, ContentStore
from shared.dkim_keys import generate_key
from shared.links import Links
from tests.fixtures.messages import a_message

RAW = "From: a@shop.test\r\nSubject: Hi\r\n{fields}\r\n{body}\r\n"


@cache
def signers() -> Sequence[Signer]:
    return [Signer("shop.test", "s1", generate_key(1024)[0])]


async def made(size: int = 100, **fields: Any) -> Outgoing:
    """Of a content in memory: no store is asked."""
    store = ContentStore(AsyncIOMotorClient("mongodb://127.0.0.1:1", connect=False)["content"])
    maker = MailMaker(store, LinksBelow(Links(b"k" * 32), "https://l.test"), "posthorn1")
    content = Content(
        **{
            "content_id": "c",
            "workspace_id": "w",
            "from_": "Shop <a@shop.test>",
            "to": ["b@x.test"],
            "subject": "Größe",
            "text": "Grüße",
            "expires_at": datetime.now(UTC),
            **fields,
        }
    )
    return await maker.make(a_message(size=size), content, signers())


def raw(body: str = "x", fields: str = "") -> Blob:
    data = RAW.format(body=body, fields=fields).encode()
    return Blob(blob_id="b", size=len(data), digest="", data=data)


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, (False, False)),
        ({"from_": "Jürgen <a@shop.test>", "to": ["Zoë <b@x.test>"]}, (False, False)),
        ({"to": ["zoë@x.test"]}, (True, False)),
        ({"reply_to": "zoë@x.test"}, (True, False)),
        ({"raw": raw()}, (False, False)),
        ({"raw": raw(body="ü")}, (False, True)),
        ({"raw": raw(fields="Reply-To: zoë@x.test\r\n")}, (True, False)),
    ],
)
async def test_a_host_is_asked_for_nothing_that_is_not_needed(fields: dict[str, Any], asks: tuple[bool, bool]) -> None:
    """SMTPUTF8 where a header is not ASCII (RFC 6531 section 3.1), 8BITMIME where a body is not (RFC 6152)."""
    mail = await made(**fields)
    assert (mail.smtputf8, mail.eight_bit) == asks


async def test_a_large_message_is_made_as_a_small_one_is() -> None:
    small, large = await made(), await made(size=SLOW_BYTES)
    assert isinstance(large.data, bytes)
    assert isinstance(small.data, bytes)
    assert large.size == len(large.data)
    assert message_from_bytes(large.data).keys() == message_from_bytes(small.data).keys()


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ("", "product:w1:posthorn1"),
        ("Feedback-ID: their:own\r\n", "their:own"),
        ("DKIM-Signature: v=1; h=from:feedback-id\r\n", None),
    ],
)
async def test_a_whole_message_gets_feedback_id_unless_that_would_change_its_word(
    fields: str, value: str | None
) -> None:
    mail = await made(raw=raw(fields=fields))
    assert isinstance(mail.data, bytes)
    assert message_from_bytes(mail.data).get_all("Feedback-ID") == (None if value is None else [value])
    assert mail.data.endswith(raw(fields=fields).data or b"?")


@pytest.mark.parametrize("fields", [{"raw": raw(body="a\nb")}, {"headers": {"Bcc": "x@y.test"}}, {"text": "\ud800"}])
async def test_what_cannot_be_sent_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bare|bcc|no text"):
        await made(**fields)
