"""What stands in MAIL, RCPT and AUTH, what the door replies, and what it bounds."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.smtp import replies
from services.ingest.smtp.commands import read_base64, read_plain, recipient_address, sender_address
from services.ingest.smtp.limits import LONGEST_LOGIN_DELAY, LoginGuard
from shared.errors import Fault, ProblemError
from shared.smtp import replies as said
from shared.smtp.commands import CommandError, declared_size, read_path
from shared.smtp.limits import ByteBudget, ConnectionLimits
from shared.smtp.replies import Reply

REPLIES = {name: value for name, value in (vars(said) | vars(replies)).items() if isinstance(value, Reply)}


def refusal(act: object, *arguments: object, **named: object) -> str:
    with pytest.raises(CommandError) as caught:
        act(*arguments, **named)  # type: ignore[operator]
    return caught.value.reply.label


@pytest.mark.parametrize("name", REPLIES)
def test_every_reply_has_an_enhanced_code_of_its_class(name: str) -> None:
    reply = REPLIES[name]
    if reply.code == 354:  # RFC 2034 section 4: 2xx, 4xx and 5xx have one
        assert reply.enhanced is None
        return
    assert re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", reply.enhanced or "")
    assert str(reply.code)[0] == (reply.enhanced or "")[0]
    assert reply.encode().endswith(b"\r\n")


@given(st.text(max_size=600), st.lists(st.sampled_from(["SIZE 1", "8BITMIME"]), max_size=3))
def test_a_reply_is_lines_of_ascii_whatever_is_said_in_it(text: str, extensions: list[str]) -> None:
    lines = Reply(550, "5.6.0", text, extensions=tuple(extensions)).encode().split(b"\r\n")
    assert lines.pop() == b""
    assert len(lines) == 1 + len(extensions)
    for place, line in enumerate(lines):
        assert re.fullmatch(rb"550[ -][\x20-\x7e]{0,500}", line)
        assert (line[3:4] == b" ") == (place == len(lines) - 1)


@pytest.mark.parametrize(
    ("argument", "address", "size"),
    [
        ("FROM:<a@b.test>", "a@b.test", 0),
        ("from:<a@B.test> size=12 body=8bitmime SMTPUTF8", "a@b.test", 12),
        ("FROM: <a@b.test>  SIZE=0  AUTH=<>", "a@b.test", 0),
    ],
)
def test_forms_of_mail(argument: str, address: str, size: int) -> None:
    path = read_path("FROM", argument, "form")
    assert (sender_address(path, smtputf8=False), declared_size(path)) == (address, size)


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "FROM",
        "FROM:a@b.test",
        "TO:<a@b.test>",
        "FROM:<a@b.test>SIZE=1",
        "FROM:<<a@b.test>>",
        "FROM:<a> SIZE=1 size=2",
    ],
)
def test_what_is_no_mail(argument: str) -> None:
    assert refusal(read_path, "FROM", argument, "form") == "501 5.5.4"


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ("SIZE=", "501 5.5.4"),
        ("SIZE=-1", "501 5.5.4"),
        ("SIZE=" + "9" * 21, "501 5.5.4"),
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("SMTPUTF8=1", "501 5.5.4"),
        ("RET=HDRS", "555 5.5.4"),
    ],
)
def test_parameters_that_were_not_offered(parameters: str, label: str) -> None:
    assert refusal(declared_size, read_path("FROM", f"FROM:<a@b.test> {parameters}", "form")) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", "553 5.1.3"),
        ("postmaster", "553 5.1.3"),
        ("a@b@c.test", "553 5.1.3"),
        ("@relay.test:a@b.test", "553 5.1.3"),
        ("a@[127.0.0.1]", "553 5.1.3"),
        ("zoë@b.test", "553 5.6.7"),
    ],
)
def test_what_is_no_recipient(text: str, label: str) -> None:
    assert refusal(recipient_address, read_path("TO", f"TO:<{text}>", "form"), smtputf8=False) == label


def test_recipients_outside_ascii() -> None:
    path = read_path("TO", "TO:<zoë@bücher.test>", "form")
    assert recipient_address(path, smtputf8=True) == "zoë@xn--bcher-kva.test"
    assert refusal(recipient_address, read_path("TO", "TO:<a@b.test> NOTIFY=NEVER", "form"), smtputf8=True) == (
        "555 5.5.4"
    )


def test_nobody_is_no_sender() -> None:
    assert refusal(sender_address, read_path("FROM", "FROM:<>", "form"), smtputf8=False) == "553 5.1.7"


def test_auth_plain() -> None:
    assert read_plain(b"\0user\0pass word") == ("user", "pass word")
    assert read_plain(b"user\0user\0pass") == ("user", "pass")
    for other in (b"other\0user\0pass", b"user\0pass", b"", b"\0user\0pass\0", b"\0\xff\0pass"):
        assert read_plain(other) is None
    assert read_base64(b64encode(b"\0a\0b")) == b"\0a\0b"
    assert refusal(read_base64, b"*") == "501 5.7.0"
    assert refusal(read_base64, b"no base64!") == "501 5.5.2"


@pytest.mark.parametrize(
    ("problem", "label"),
    [
        (ProblemError(503, "unavailable", "d"), "451 4.3.0"),
        (ProblemError(429, "rate_limited", "d"), "451 4.3.0"),
        (ProblemError(409, "idempotency_key_in_use", "d"), "451 4.3.0"),
        (ProblemError(429, "quota_exceeded", "d"), "452 4.7.1"),
        (ProblemError(413, "too_large", "d"), "552 5.3.4"),
        (ProblemError(403, "upgrade_needed", "d"), "550 5.7.1"),
        (ProblemError(422, "invalid", "d", errors=[Fault("#/from", "sender_not_verified", "d")]), "550 5.7.1"),
        (ProblemError(422, "idempotency_key_reused", "d"), "550 5.6.0"),
    ],
)
def test_refusals_of_the_core_in_smtp(problem: ProblemError, label: str) -> None:
    assert replies.of_problem(problem).label == label


def test_connections_are_counted_by_address_too() -> None:
    limits = ConnectionLimits(3, 2)
    assert [limits.enter("a"), limits.enter("a"), limits.enter("a"), limits.enter("b"), limits.enter("c")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    limits.leave("a")
    assert limits.enter("c")


def test_bytes_are_taken_whole_or_not_at_all() -> None:
    budget = ByteBudget(10)
    assert [budget.take(6), budget.take(5), budget.take(4), budget.take(1)] == [True, False, True, False]
    budget.give_back(6)
    assert budget.take(6)


def test_guesses_wait_longer_each_time() -> None:
    guard = LoginGuard(1.0)
    delays = []
    for now in range(8):
        delays.append(guard.delay("a", "user", now))
        guard.failed("a", "user", now)
    assert delays == [0, 1, 2, 4, 8, 16, LONGEST_LOGIN_DELAY, LONGEST_LOGIN_DELAY]
    assert guard.delay("b", "user", 8) == guard.delay("a", "other", 8) == 0
    assert guard.delay("a", "user", 8 + 1000) == 0
    guard.passed("a", "user")
    assert guard.delay("a", "user", 8) == 0
