"""A reply as the message that passes it on."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acceptance.mime import MimeError, MimeMessage, parse_mime
from services.ingest.replies.forwarding import forwarded
from shared.mail.headers import ComposeError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b"--b\r\nContent-Type: text/plain\r\n\r\nYes, please.\r\n--b--\r\n"
REPLY = (
    b"Received: from there.example by here.example\r\n"
    b"Return-Path: <jane@mailbox.example>\r\n"
    b"DKIM-Signature: v=1; d=mailbox.example\r\n"
    b"Authentication-Results: here.example; dkim=pass\r\n"
    b"From: =?utf-8?q?J=C3=A4ne?= Doe <jane@mailbox.example>\r\n"
    b"Sender: assistant@mailbox.example\r\n"
    b"To: replies+token@bounce.acme.example\r\n"
    b"Cc: other@mailbox.example\r\n"
    b"Bcc: hidden@mailbox.example\r\n"
    b"Subject: Re: Your\r\n code\r\n"
    b"Message-ID: <m1@mailbox.example>\r\n"
    b"In-Reply-To: <o1@acme.example>\r\n"
    b"X-Posthorn-Stream: security\r\n"
    b"X-Posthorn-Idempotency-Key: k\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + BODY
)


def passed_on(reply: bytes, *, smtputf8: bool = False) -> MimeMessage:
    raw = forwarded(
        reply, sender="no-reply@acme.example", target="Help <help@acme.example>", host="mail.posthorn.example",
        id_="event-1", at=NOW, smtputf8=smtputf8,
    )  # fmt: skip
    return parse_mime(raw, now=NOW, new_id="event-1", smtputf8=smtputf8)


def read(mime: MimeMessage) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(mime.raw, policy=SMTP))


def test_it_comes_from_the_sender_that_was_answered_and_an_answer_goes_to_who_wrote_it() -> None:
    mime = passed_on(REPLY)
    message = read(mime)
    assert str(message["from"]) == "Jäne Doe <no-reply@acme.example>"
    assert str(message["reply-to"]) == "Jäne Doe <jane@mailbox.example>"
    assert str(message["to"]) == "Help <help@acme.example>"
    assert (mime.to, mime.cc, mime.sender) == (["help@acme.example"], [], None)
    assert str(message["subject"]) == "Re: Your code"
    assert (str(message["in-reply-to"]), str(message["message-id"])) == ("<o1@acme.example>", "<m1@mailbox.example>")
    assert mime.raw.endswith(b"\r\n\r\n" + BODY)
    assert len(message.get_all("received", [])) == 2


def test_nothing_of_its_header_is_the_platform_s_business() -> None:
    mime = passed_on(REPLY)
    message = read(mime)
    for name in ("bcc", "dkim-signature", "authentication-results", "return-path", "sender", "cc"):
        assert name not in message
    assert (mime.stream, mime.idempotency_key, mime.tracking, mime.tags) == (None, None, "none", ["reply"])


def test_an_answer_goes_where_the_reply_itself_wants_it() -> None:
    reply = b"Reply-To: jane@elsewhere.example\r\n" + REPLY
    assert str(read(passed_on(reply))["reply-to"]) == "jane@elsewhere.example"
    assert str(read(passed_on(reply))["from"]) == "Jäne Doe <no-reply@acme.example>"


@pytest.mark.parametrize("author", [b"", b"From: a@b.test, c@d.test\r\n", b"From: undisclosed\r\n", b"From: \xff@\r\n"])
def test_one_whose_author_cannot_be_read_is_passed_on_without_one(author: bytes) -> None:
    message = read(passed_on(author + b"Subject: Hi\r\n\r\nx\r\n"))
    assert str(message["from"]) == "no-reply@acme.example"
    assert "reply-to" not in message


def test_twice_the_same_field_and_lines_that_are_none_are_left_out() -> None:
    mime = passed_on(b"no field at all\r\n folded\r\nSubject: one\r\nSubject: two\r\n: x\r\n\r\nx\r\n")
    assert mime.subject == "one"


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_passed_on_or_refused_in_words(noise: bytes, smtputf8: bool) -> None:
    lines = b"\r\n".join(noise.replace(b"\r", b"").replace(b"\0", b"").split(b"\n"))
    for reply in (lines + b"\r\n", b"Subject: " + lines + b"\r\n" + REPLY, REPLY[:60] + lines + REPLY[60:]):
        try:
            mime = passed_on(reply, smtputf8=smtputf8)
        except (MimeError, ComposeError):
            continue
        assert mime.from_mailbox.address == "no-reply@acme.example"
        assert mime.to == ["help@acme.example"]
