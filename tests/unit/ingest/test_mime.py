"""A whole message from a caller: what goes on is what came."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acceptance.mime import SINGLETONS, STRIPPED, MimeMessage, parse_mime
from services.ingest.acceptance.mime_plan import derived_key, digest_of_mime, recipients_of
from shared.addresses import Mailbox
from shared.mail.lines import check_lines
from tests.unit.ingest.mime_messages import FROM, FULL, ID, NOW, body_of, fields_of, message, parsed, refused

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


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.lists(st.tuples(names, folded), max_size=6), bodies, st.sets(st.sampled_from(["Date", "Message-ID", "Bcc"])))
def test_nothing_is_changed_but_what_must_be(extra: list[tuple[str, str]], body: bytes, given_fields: set[str]) -> None:
    lines = [FROM, *(f"{name}: {value}" for name, value in extra)]
    lines += [f"{name}: <1@acme.test>" for name in sorted(given_fields)]
    data = message(*lines, body=body)
    if not body.isascii() and not is_utf8(body) and "content-type" not in {name.lower() for name, _ in extra}:
        assert refused(data) == (550, "5.6.0")
        return
    result = parse_mime(data, now=NOW, new_id=ID)
    assert body_of(result.raw) == body or email.message_from_bytes(result.raw).get_payload(decode=True) == body
    assert body.isascii() == (body_of(result.raw) == body)
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
    # Python's parser keeps the blank between two encoded words, which is not to be shown (RFC 2047 section 6.2)
    assert (result.from_mailbox.name or "").split() == [name]
    assert "".join(oracle["From"].addresses[0].display_name.split()) == name
    assert result.subject.split() == oracle["Subject"].split()
    assert (result.to, result.cc) == (["jane@example.test", "bob@example.test"], ["list@example.test"])
    assert body_of(result.raw) == body_of(data) or not data.isascii()
    assert result.raw.isascii()
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


def test_local_parts_outside_ascii_need_smtputf8() -> None:
    lines = ("From: jürgen@acme.test", "To: zoë@example.test")
    assert refused(message(*lines)) == (550, "5.6.7")
    result = parsed(*lines, smtputf8=True)
    assert (result.from_mailbox.address, result.to) == ("jürgen@acme.test", ["zoë@example.test"])
    assert "jürgen@acme.test".encode() in result.raw


def test_eight_bit_text_is_written_in_seven_and_said_what_it_is() -> None:
    result = parsed(FROM, body="Viele Grüße an alle daheim\r\n".encode())
    after = dict(fields_of(result.raw))
    assert (after["MIME-Version"], after["Content-Transfer-Encoding"]) == ("1.0", "quoted-printable")
    assert after["Content-Type"] == "text/plain; charset=utf-8"
    assert result.raw.endswith(b"\r\n\r\nViele Gr=C3=BC=C3=9Fe an alle daheim\r\n")
    first = ("Content-Transfer-Encoding: 8bit", "MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1")
    latin = parse_mime(message(*first, *FULL, body=b"Viele Gr\xfc\xdfe\r\n"), now=NOW, new_id=ID)
    assert latin.raw == message(
        "Content-Transfer-Encoding: quoted-printable", *first[1:], *FULL, body=b"Viele Gr=FC=DFe\r\n"
    )
    begin, end = latin.from_place
    assert latin.raw[begin:end].startswith(b"From: ")
    assert refused(message(FROM, body=b"Gr\xfc\xdfe\r\n")) == (550, "5.6.0")


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
