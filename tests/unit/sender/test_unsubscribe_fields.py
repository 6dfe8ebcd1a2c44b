"""The fields of one-click unsubscribing leave whole and signed (RFC 8058 section 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from functools import cache

import dkim
import pytest

from services.sender.mail.canonical import body_hash
from services.sender.mail.dkim import Signer, sign
from shared.content import Content
from shared.dkim_keys import generate_key, txt_record
from shared.links import Link, Links, list_unsubscribe
from shared.mail.compose import compose_parts
from shared.tokens import uuid7

NOW = datetime.now(UTC)
BASES = ["https://l.test", f"https://{'links.' * 10}a-rather-long-name-of-a-shop.example:8443/posthorn/mail"]


@cache
def key() -> tuple[str, str]:
    return generate_key()


def signed(base: str, mailto: str | None) -> tuple[str, bytes]:
    url = Links(b"k" * 32).url(base, Link(kind="unsubscribe"), uuid7(), uuid7())
    content = Content(
        content_id="c",
        workspace_id="w",
        from_="Shop <news@shop.test>",
        to=["a@b.test"],
        subject="News",
        text="Hello",
        headers=dict(list_unsubscribe(url, mailto)),
        expires_at=NOW + timedelta(days=1),
    )
    composed = compose_parts(content, message_id=uuid7(), date=NOW)
    bh = body_hash(composed.whole_body())
    signature = sign([Signer("shop.test", "s1", key()[0])], composed.header, bh, now=NOW)
    return url, signature + composed.header + composed.whole_body()


def verifies(message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: txt_record(key()[1]).encode()))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("mailto", [None, f"unsubscribe+{'x' * 40}@shop.test"])
def test_the_url_is_whole_and_on_one_line(base: str, mailto: str | None) -> None:
    url, message = signed(base, mailto)
    assert f"<{url}>".encode() in message
    assert b"=?" not in message
    read = message_from_bytes(message, policy=SMTP)
    wanted = [f"<{url}>", *([f"<mailto:{mailto}>"] if mailto else [])]
    assert [part.strip() for part in read["List-Unsubscribe"].split(",")] == wanted
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_both_fields_are_signed_and_none_can_be_added() -> None:
    _, message = signed(BASES[0], "stop@shop.test")
    assert verifies(message)
    assert not verifies(message.replace(b"https://l.test/u/", b"https://m.test/u/"))
    assert not verifies(message.replace(b"One-Click", b"Two-Click"))
    for field in (
        b"List-Unsubscribe: <https://other.test/>\r\n",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ):
        assert not verifies(field + message)
