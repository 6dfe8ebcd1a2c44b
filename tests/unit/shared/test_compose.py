"""Composed messages against Python's own parser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.content import Content
from shared.mail.compose import compose
from shared.mail.headers import ComposeError

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
BODIES = st.text(st.characters(exclude_categories=("Cs",)), max_size=400)


def content(**changes: Any) -> Content:
    fields: dict[str, Any] = {
        "content_id": "c",
        "workspace_id": "w",
        "from_": "Shop <orders@shop.test>",
        "to": ["jane@example.test"],
        "subject": "Hello",
        "text": "Hello\n",
        "expires_at": NOW,
    }
    return Content(**{**fields, **changes})


def composed(**changes: Any) -> bytes:
    return compose(content(**changes), message_id="0193-a", date=NOW)


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def text_of(part: EmailMessage) -> str:
    """The decoded text; the bytes themselves, as `get_content` replaces what it dislikes."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def with_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(text=BODIES, html=BODIES)
@example(text="a \nb\t\n.\n..\nFrom x\n", html="<p>" + "x" * 3000 + "</p>")
@example(text="ü" * 100 + "\r\r\n\n", html="=?=3D=\n= \n")
@example(text="\0\x01\x0c\x85", html="\n\n\n")
def test_both_bodies_are_read_as_they_were_written(text: str, html: str) -> None:
    raw = composed(text=text, html=html)
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert raw.isascii()
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    message = parsed(raw)
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert with_lf(text_of(plain)) == with_lf(text)
    assert with_lf(text_of(rich)) == with_lf(html)


@given(BODIES)
def test_a_single_body_ends_its_last_line(text: str) -> None:
    message = parsed(composed(text=text))
    assert message.get_content_type() == "text/plain"
    assert with_lf(text_of(message)).removesuffix("\n") == with_lf(text).removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("short\n", "7bit"),
        ("x" * 76, "7bit"),
        ("x" * 77, "quoted-printable"),
        ("trailing \n", "quoted-printable"),
        ("mostly ASCII, and one ü", "quoted-printable"),
        ("日本語の本文です", "base64"),
    ],
)
def test_the_shortest_encoding_is_taken(text: str, encoding: str) -> None:
    assert parsed(composed(text=text))["Content-Transfer-Encoding"] == encoding


def test_the_fields_that_a_message_must_have() -> None:
    raw = compose(content(), message_id="0193-a", date=NOW.astimezone(timezone(timedelta(hours=2))))
    message = parsed(raw)
    assert message["Message-ID"] == "<0193-a@shop.test>"
    assert message["Date"] == "Fri, 20 Nov 2026 12:30:00 +0000"
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Shop <orders@shop.test>"
    for name in message:
        assert len(message.get_all(name, [])) == 1
    assert "Bcc" not in message


def test_who_is_visible() -> None:
    message = parsed(composed(to=["Jané <j@x.test>", "k@x.test"], cc=["l@x.test"], reply_to="Help <h@shop.test>"))
    assert [a.addr_spec for a in message["To"].addresses] == ["j@x.test", "k@x.test"]
    assert [a.addr_spec for a in message["Cc"].addresses] == ["l@x.test"]
    assert message["Reply-To"] == "Help <h@shop.test>"
    assert parsed(composed(to=[]))["To"] == "undisclosed-recipients:;"


def test_callers_headers_stay_whole() -> None:
    url = "<https://shop.test/u/" + "x" * 400 + ">"
    headers = {"List-Unsubscribe": url, "Auto-Submitted": "no", "X-Größe".replace("öß", "oess"): "Größe 5"}
    raw = composed(headers=headers)
    assert url.encode() in raw
    message = parsed(raw)
    assert message.get_all("Auto-Submitted") == ["no"]
    assert message["X-Groesse"] == "Größe 5"


@pytest.mark.parametrize("name", ["Subject", "bcc", "DKIM-Signature", "Content-Type"])
def test_what_is_ours_cannot_be_set_by_a_caller(name: str) -> None:
    with pytest.raises(ComposeError):
        composed(headers={name: "x"})


def test_a_message_is_always_the_same_bytes_with_a_boundary_of_its_own() -> None:
    first = composed(html="<p>ü</p>")
    assert first == composed(html="<p>ü</p>")
    boundaries = {
        re.search(rb'boundary="([^"]+)"', compose(content(html="x"), message_id=message_id, date=NOW)).group(1)  # type: ignore[union-attr]
        for message_id in ("a", "b", "c")
    }
    assert len(boundaries) == 3
    assert all(len(boundary) <= 70 for boundary in boundaries)


def test_a_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(ComposeError):
        composed(text="\ud800")
