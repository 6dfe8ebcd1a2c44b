"""What a message says of where answers to it go."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.returns.addresses import Return, ReturnAddresses, ReturnKind
from services.sender.returns.outgoing import Asking, Returning
from services.sender.smtp.notifications import Notifications, xtext
from services.sender.smtp.peers import Egress
from shared.content import Content
from shared.contracts.messages import TlsMode
from shared.mail.compose import compose
from tests.fixtures.messages import a_message

ADDRESSES = ReturnAddresses(b"k" * 32)
RETURNING = Returning(ADDRESSES)
MESSAGE = a_message(sender="no-reply@acme.example")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def content(**changes: Any) -> Content:
    fields: dict[str, Any] = {
        "from_": "Acme <no-reply@acme.example>",
        "to": ["ann@a.test"],
        "subject": "Hi",
        "text": "x",
    }
    return Content(content_id="c", workspace_id="w1", expires_at=NOW, **(fields | changes))


def header(of: Content, domain: str | None, name: str) -> Any:
    own = RETURNING.content(of, MESSAGE, domain)
    return message_from_bytes(compose(own, message_id=MESSAGE.message_id, date=NOW), policy=SMTP)[name]


def test_the_envelope_s_sender_is_the_message_s_own_where_there_is_a_return_domain() -> None:
    address = RETURNING.mail_from(MESSAGE, "bounce.acme.example")
    assert address.endswith("@bounce.acme.example")
    assert ADDRESSES.read(address) == Return(ReturnKind.BOUNCE, MESSAGE.message_id)
    assert RETURNING.mail_from(MESSAGE, None) == "no-reply@acme.example"


@pytest.mark.parametrize(
    ("reply_to", "shown"),
    [("Support, Acme <help@acme.example>", "Support, Acme"), ("help@acme.example", ""), (None, "Acme")],
)
def test_replies_go_through_us_under_the_name_that_they_were_meant_for(reply_to: str | None, shown: str) -> None:
    quoted = reply_to and reply_to.replace("Support, Acme", '"Support, Acme"')
    (mailbox,) = header(content(reply_to=quoted, replies=True), "bounce.acme.example", "reply-to").addresses
    assert mailbox.display_name == shown
    assert ADDRESSES.read(mailbox.addr_spec) == Return(ReturnKind.REPLY, MESSAGE.message_id)


def test_a_receipt_goes_to_the_envelope_s_sender() -> None:
    asked = header(content(reads=True), "bounce.acme.example", "disposition-notification-to")
    assert str(asked) == f"<{RETURNING.mail_from(MESSAGE, 'bounce.acme.example')}>"
    own = content(reads=True, headers={"disposition-notification-to": "me@acme.example"})
    assert str(header(own, "bounce.acme.example", "disposition-notification-to")) == "me@acme.example"


@pytest.mark.parametrize("tracked", [{}, {"replies": True}, {"reads": True}])
def test_what_is_not_tracked_or_has_no_way_back_stays(tracked: dict[str, bool]) -> None:
    plain = content(reply_to="help@acme.example", **tracked)
    assert RETURNING.content(plain, MESSAGE, None) == plain
    assert RETURNING.content(content(), MESSAGE, "bounce.acme.example") == content()


@pytest.mark.parametrize(
    ("asking", "relayed", "asked"),
    [
        ("smarthosts", True, True), ("smarthosts", False, False), ("everywhere", True, True),
        ("everywhere", False, True), ("never", True, False), ("never", False, False),
    ],
)  # fmt: skip
def test_who_is_asked_for_reports(asking: Asking, relayed: bool, asked: bool) -> None:
    egress = Egress("t", 1, (), TlsMode.OPPORTUNISTIC, "us.example", relayed=relayed)
    wanted = Returning(ADDRESSES, asking).notifications(MESSAGE, egress)
    assert (wanted == Notifications(MESSAGE.message_id)) == asked
    if asked:
        more = Returning(ADDRESSES, asking, successes=True).notifications(MESSAGE, egress)
        assert more is not None
        assert "NOTIFY=SUCCESS,FAILURE,DELAY " in more.of_rcpt("ann@a.test")


def test_the_parameters_of_rfc_3461() -> None:
    asked = Notifications("a+b=c")
    assert asked.of_mail() == " RET=HDRS ENVID=a+2Bb+3Dc"
    assert asked.of_rcpt("ann+1@a.test") == " NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2B1@a.test"
    assert asked.of_rcpt("änn@a.test") == " NOTIFY=FAILURE,DELAY"


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_xtext_is_printable_and_can_be_read_again(text: str) -> None:
    written = xtext(text)
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", written)
    assert re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), written) == text
