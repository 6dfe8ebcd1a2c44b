"""A whole message from a caller: what goes on is what came, and what was asked for was heard."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acceptance.mime import (
    LARGEST_HEADER,
    MOST_RECEIVED,
    SINGLETONS,
    STRIPPED,
    MimeError,
    MimeMessage,
    parse_mime,
)
from services.ingest.acceptance.mime_plan import derived_key, digest_of_mime, recipients_of
from services.ingest.acceptance.mime_tree import DEEPEST, MOST_PARTS
from shared.addresses import Mailbox
from shared.mail.lines import check_lines

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = "01a1ff9b-0072-73ed-a9d5-cc6701713794"
FROM = "From: alerts@acme.test"
FULL = (FROM, "Date: Fri, 20 Nov 2026 12:00:00 +0000", "Message-ID: <1@acme.test>")

names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: name.lower() not in SINGLETONS | STRIPPED and not name.lower().startswith(("x-posthorn", "x-leadpush"))
)
texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30).filter(
    lambda text: "=?" not in text
)
folded = st.lists(texts, min_size=1, max_size=3).map("\r\n ".join)
bodies = st.lists(st.binary(max_size=60).map(lambda line: line.translate(None, b"\r\n\0")), max_size=8).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)


def message(*lines: str, body: bytes = b"hello\r\n") -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def parsed(*lines: str, body: bytes = b"hello\r\n", smtputf8: bool = False) -> MimeMessage:
    return parse_mime(message(*lines, body=body), now=NOW, new_id=ID, smtputf8=smtputf8)


def refused(data: bytes) -> tuple[int, str]:
    with pytest.raises(MimeError) as caught:
        parse_mime(data, now=NOW, new_id=ID)
    assert str(caught.value)
    return caught.value.code, caught.value.enhanced


def fields_of(raw: bytes) -> list[tuple[str, str]]:
    return [(name, value) for name, value in email.message_from_bytes(raw, policy=email.policy.compat32).items()]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def body_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


@given(st.lists(st.tuples(names, folded), max_size=6), bodies, st.sets(st.sampled_from(["Date", "Message-ID", "Bcc"])))
def test_nothing_is_changed_but_what_must_be(extra: list[tuple[str, str]], body: bytes, given_fields: set[str]) -> None:
    lines = [FROM, *(f"{name}: {value}" for name, value in extra)]
    lines += [f"{name}: <1@acme.test>" for name in sorted(given_fields)]
    data = message(*lines, body=body)
    if not body.isascii() and not is_utf8(body) and "content-type" not in {name.lower() for name, _ in extra}:
        assert refused(data) == (550, "5.6.0")
        return
    result = parse_mime(data, now=NOW, new_id=ID)
    assert body_of(result.raw) == body
    check_lines(result.raw)
    before, after = fields_of(data), fields_of(result.raw)
    assert after[: len(before) - ("Bcc" in given_fields)] == [pair for pair in before if pair[0] != "Bcc"]
    added = {name for name, _ in after[len(before) - ("Bcc" in given_fields) :]}
    allowed = {"Date", "Message-ID"} - given_fields
    there = {name.lower() for name, _ in extra}
    if not body.isascii():
        mime = {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
        allowed |= {name for name in mime if name.lower() not in there}
    assert added == allowed


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)
def test_what_pythons_mailer_writes_is_read_as_it_was_meant(name: str, subject: str, text: str) -> None:
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = email.headerregistry.Address(name, addr_spec="alerts@acme.test")  # type: ignore[attr-defined]
    made["To"] = "Jane <Jane@example.test>, bob@example.test"
    made["Cc"] = "list@example.test"
    made["Subject"] = subject
    made.set_content(text.replace("\0", ""))
    data = made.as_bytes()
    result = parse_mime(data, now=NOW, new_id=ID)
    oracle = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert result.from_mailbox.address == "alerts@acme.test"
    assert (result.from_mailbox.name or "").split() == oracle["From"].addresses[0].display_name.split()
    assert result.subject.split() == oracle["Subject"].split()
    assert (result.to, result.cc) == (["jane@example.test", "bob@example.test"], ["list@example.test"])
    assert body_of(result.raw) == body_of(data)
    assert email.message_from_bytes(result.raw, policy=email.policy.SMTP).get_content() == oracle.get_content()


def test_a_complete_message_goes_on_byte_by_byte() -> None:
    data = message(*FULL, "Received: from a by b; Fri, 20 Nov 2026 11:59:00 +0000", "DKIM-Signature: v=1; b=x")
    result = parse_mime(data, now=NOW, new_id=ID)
    assert result.raw == data
    assert result.message_id == "<1@acme.test>"


def test_date_and_message_id_are_made_where_they_are_missing() -> None:
    after = dict(fields_of(parsed(FROM).raw))
    assert after["Message-ID"] == f"<{ID}@acme.test>"
    assert parsedate_to_datetime(after["Date"]) == NOW
    assert parsed(FROM).message_id is None, "what we made tells no two messages apart"
    assert dict(fields_of(parsed(FROM, "Message-ID:").raw))["Message-ID"] == f"<{ID}@acme.test>"


@pytest.mark.parametrize("name", sorted(STRIPPED))
def test_what_only_others_may_say_is_taken_out(name: str) -> None:
    result = parsed(FROM, f"{name}: secret@b.test\r\n  folded", "X-Other: stays")
    assert b"secret" not in result.raw
    assert b"folded" not in result.raw
    assert b"X-Other: stays\r\n" in result.raw


@pytest.mark.parametrize("name", sorted(SINGLETONS))
def test_a_field_that_may_stand_once_does_not_stand_twice(name: str) -> None:
    assert refused(message(FROM, f"{name.title()}: <a@acme.test>", f"{name}: <b@acme.test>")) == (550, "5.6.0")


@pytest.mark.parametrize(
    "value",
    [
        "a@acme.test, b@acme.test",
        "<a@acme.test> <b@evil.test>",
        "Doe, Jane <a@acme.test>",
        "b@evil.test <a@acme.test>",
        "team: a@acme.test;",
        "<@relay.test:a@acme.test>",
        "a@acme.test (b (c))",
        "nobody",
        "",
        "Jane <>",
    ],
)
def test_an_author_is_one_mailbox(value: str) -> None:
    assert refused(message(f"From: {value}")) == (550, "5.6.0")
    assert refused(message(FROM, f"Sender: {value}")) == (550, "5.6.0")


@pytest.mark.parametrize(
    ("value", "mailbox"),
    [
        ("a@Acme.Test", Mailbox(None, "a@acme.test")),
        (" <a@acme.test> ", Mailbox(None, "a@acme.test")),
        ("Jane Doe <a@acme.test>", Mailbox("Jane Doe", "a@acme.test")),
        ('"Doe, \\"J\\"" <a@acme.test>', Mailbox('Doe, "J"', "a@acme.test")),
        ("J. Doe\r\n\t<a@acme.test>", Mailbox("J. Doe", "a@acme.test")),
        ("=?utf-8?q?J=C3=BCrgen?= <a@acme.test>", Mailbox("Jürgen", "a@acme.test")),
        ("=?iso-8859-1?q?J=FCrgen?= =?utf-8?b?w5xs?= <a@acme.test>", Mailbox("JürgenÜl", "a@acme.test")),
        ("a@acme.test (Jane Doe)", Mailbox("Jane Doe", "a@acme.test")),
        ("=?nonsense?q?x?= <a@acme.test>", Mailbox("=?nonsense?q?x?=", "a@acme.test")),
    ],
)
def test_forms_of_an_author(value: str, mailbox: Mailbox) -> None:
    assert parsed(f"From: {value}").from_mailbox == mailbox


@pytest.mark.parametrize("piece", [b"\r", b"\n", b"\0", b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n"])
def test_bare_line_ends_and_nul_are_refused_wherever_they_stand(piece: bytes) -> None:
    assert refused(message(*FULL, body=b"a" + piece + b"b\r\n")) == (550, "5.6.11")
    assert refused(message(*FULL, "Subject: a").replace(b": a", b": a" + piece)) == (550, "5.6.11")


@pytest.mark.parametrize("size", [998, 999, 5000])
def test_lines_are_at_most_998_octets(size: int) -> None:
    data = message(*FULL, body=b"short\r\n" * 300 + b"x" * size + b"\r\nshort\r\n")
    if size <= 998:
        assert parse_mime(data, now=NOW, new_id=ID).raw == data
    else:
        assert refused(data) == (550, "5.6.0")
        assert refused(message(*FULL, f"X-Long: {'x' * size}")) == (550, "5.6.0")


@pytest.mark.parametrize("data", [b"", b"\r\nbody\r\n", b"hello world\r\n", message("Subject: no author")])
def test_a_header_with_an_author_is_needed(data: bytes) -> None:
    assert refused(data) == (550, "5.6.0")


@pytest.mark.parametrize("line", ["no field", "Space : x", ": x", " begins with a fold", "Näme: x"])
def test_every_line_of_the_header_is_a_field(line: str) -> None:
    assert refused(message(line, FROM) if line.startswith(" ") else message(FROM, line)) == (550, "5.6.0")


def test_a_message_may_be_nothing_but_its_header() -> None:
    result = parse_mime(b"From: a@acme.test\r\nSubject: s\r\n", now=NOW, new_id=ID)
    assert body_of(result.raw) == b""
    assert result.raw.endswith(b"\r\n\r\n")


def test_a_header_has_its_bound_and_so_has_the_way_behind_it() -> None:
    assert refused(message(FROM, *["X-A: " + "x" * 900] * (LARGEST_HEADER // 900))) == (552, "5.3.4")
    received = ["Received: from a by b; Fri, 20 Nov 2026 11:59:00 +0000"] * MOST_RECEIVED
    assert parsed(FROM, *received).raw.count(b"Received:") == MOST_RECEIVED
    assert refused(message(FROM, *received, received[0])) == (554, "5.4.6")


def test_raw_utf8_is_encoded_where_encoded_words_may_stand() -> None:
    lines = ("From: Jürgen <a@acme.test>", "To: Zoë <z@bücher.test>, b@c.test", "Subject: Größe", "X-Note: ü")
    result = parsed(*lines)
    assert result.raw.partition(b"\r\n\r\n")[0].isascii()
    assert (result.subject, result.from_mailbox.name) == ("Größe", "Jürgen")
    assert result.to == ["z@xn--bcher-kva.test", "b@c.test"]
    shown = email.message_from_bytes(result.raw, policy=email.policy.SMTP)
    assert shown["From"].addresses[0].display_name == "Jürgen"
    assert [each.display_name for each in shown["To"].addresses] == ["Zoë", ""]
    assert (shown["Subject"], shown["X-Note"]) == ("Größe", "ü")


@pytest.mark.parametrize("line", ["Content-Type: text/plain; name=ü", "References: <ü@acme.test>"])
def test_raw_utf8_is_refused_where_machines_read(line: str) -> None:
    assert refused(message(FROM, line)) == (550, "5.6.0")


def test_header_bytes_that_are_no_utf8_are_refused() -> None:
    assert refused(message(FROM, "Subject: x").replace(b": x", b": \xfc")) == (550, "5.6.0")


def test_local_parts_outside_ascii_need_smtputf8() -> None:
    lines = ("From: jürgen@acme.test", "To: zoë@example.test")
    assert refused(message(*lines)) == (550, "5.6.7")
    result = parsed(*lines, smtputf8=True)
    assert (result.from_mailbox.address, result.to) == ("jürgen@acme.test", ["zoë@example.test"])
    assert "jürgen@acme.test".encode() in result.raw


def test_eight_bit_text_is_said_to_be_so() -> None:
    after = dict(fields_of(parsed(FROM, body="Grüße\r\n".encode()).raw))
    assert (after["MIME-Version"], after["Content-Transfer-Encoding"]) == ("1.0", "8bit")
    assert after["Content-Type"] == "text/plain; charset=utf-8"
    latin = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit")
    data = message(*FULL, *latin, body=b"Gr\xfc\xdfe\r\n")
    assert parse_mime(data, now=NOW, new_id=ID).raw == data
    assert refused(message(FROM, body=b"Gr\xfc\xdfe\r\n")) == (550, "5.6.0")


def multipart(parts: int, depth: int = 1) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for level in range(depth):
        line = b"--b%d\r\n" % level
        inner = line + body if level else (line + body) * parts
        body = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % level + inner + b"--b%d--\r\n" % level
    return message(*FULL, "MIME-Version: 1.0")[: -len(b"\r\nhello\r\n")] + body


def test_parts_and_levels_are_bounded() -> None:
    data = multipart(MOST_PARTS - 1)
    assert parse_mime(data, now=NOW, new_id=ID).raw == data
    assert len(list(email.message_from_bytes(data).walk())) == MOST_PARTS
    assert refused(multipart(MOST_PARTS)) == (552, "5.3.4")
    data = multipart(1, DEEPEST - 1)
    assert parse_mime(data, now=NOW, new_id=ID).raw == data
    assert len(list(email.message_from_bytes(data).walk())) == DEEPEST
    assert refused(multipart(1, DEEPEST)) == (552, "5.3.4")


def test_forwarded_messages_count_as_levels() -> None:
    body = b"\r\nx\r\n"
    for _ in range(DEEPEST):
        body = b"Content-Type: message/rfc822\r\n\r\n" + body
    assert refused(b"From: a@acme.test\r\n" + body) == (552, "5.3.4")


def test_what_the_header_asks_for_is_read_and_taken_out() -> None:
    result = parsed(
        FROM,
        "X-Posthorn-Tag: one",
        "x-posthorn-tag: =?utf-8?q?zw=C3=B6lf?=",
        'X-Leadpush-Tag: "two words"',
        "X-Leadpush-Tag: one",
        "X-Posthorn-Stream: Security",
        "X-Posthorn-Tracking: opens",
        "X-Posthorn-Idempotency-Key: order-1",
    )
    assert result.tags == ["one", "zwölf", "two words"]
    assert (result.stream, result.tracking, result.idempotency_key) == ("security", "opens", "order-1")
    assert b"X-Posthorn" not in result.raw.title()
    assert b"X-Leadpush" not in result.raw.title()
    nothing = parsed(FROM)
    assert (nothing.tags, nothing.stream, nothing.tracking, nothing.idempotency_key) == ([], None, None, None)


@pytest.mark.parametrize(
    ("value", "tracking"),
    [("all", "all"), ("opens", "opens"), ('"clicks"', "clicks"), ("NONE", "none"), ("nonsense", "all"), ("", "all")],
)
def test_leadpushs_tracking_means_all_unless_it_says_otherwise(value: str, tracking: str) -> None:
    assert parsed(FROM, f"X-Leadpush-Tracking: {value}").tracking == tracking


def test_leadpushs_empty_tag_is_none() -> None:
    assert parsed(FROM, "X-Leadpush-Tag:", 'X-Leadpush-Tag: ""').tags == []


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Posthorn-Tag:",),
        ("X-Posthorn-Tag: " + "x" * 129,),
        ("X-Posthorn-Tag: x",) * 21,
        ("X-Posthorn-Tracking: some",),
        ("X-Posthorn-Stream: marketing",),
        ("X-Posthorn-Stream: billing", "X-Posthorn-Stream: billing"),
        ("X-Posthorn-Idempotency-Key: two words",),
        ("X-Posthorn-Idempotency-Key: a", "X-Posthorn-Idempotency-Key: a"),
        ("X-Posthorn-Tags: x",),
        ("X-Leadpush-Anything: x",),
    ],
)
def test_what_means_nothing_is_told(lines: tuple[str, ...]) -> None:
    assert refused(message(FROM, *lines)) == (550, "5.6.0")


def test_another_author_takes_the_place_of_the_first() -> None:
    result = parsed("Subject: s", "From: Old\r\n <alerts@acme.test>", "To: b@c.test")
    changed = result.sent_from(Mailbox("Zoë", "route@acme.test"))
    assert changed == result.raw.replace(b"Old\r\n <alerts@acme.test>", b"=?utf-8?q?Zo=C3=AB?= <route@acme.test>")


def test_types_of_recipients() -> None:
    result = parsed(FROM, "To: Jane <Jane@Example.test>, both@c.test", "Cc: cc@c.test, both@c.test")
    envelope = ["blind@c.test", "cc@c.test", "jane@example.test", "JANE@example.test", "both@c.test"]
    found = [(one.address, one.type.value) for one in recipients_of(result, envelope)]
    assert found == [
        ("jane@example.test", "to"), ("both@c.test", "to"), ("cc@c.test", "cc"), ("blind@c.test", "bcc")
    ]  # fmt: skip


def test_the_same_message_made_anew_is_the_same() -> None:
    def written(boundary: str, subject: str = "s", text: str = "t") -> MimeMessage:
        content_type = f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"'
        body = f"--{boundary}\r\n\r\n{text}\r\n--{boundary}--\r\n".encode()
        return parsed(FROM, f"Subject: {subject}", f"Message-ID: <{boundary}@acme.test>", content_type, body=body)

    def digest(result: MimeMessage, *addresses: str) -> bytes:
        return digest_of_mime(result, recipients_of(result, addresses or ("a@b.test",)))

    first = digest(written("one"))
    assert digest(written("other")) == first
    assert digest(written("one", subject="x")) != first
    assert digest(written("one", text="x")) != first
    assert digest(written("one"), "a@b.test", "b@b.test") != first
    keys = [derived_key(*each, first) for each in (("k", "<1@a>"), ("k", "<1@a>"), ("l", "<1@a>"), ("k", "<2@a>"))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
