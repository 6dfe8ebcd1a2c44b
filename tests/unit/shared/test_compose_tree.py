"""Whole messages against Python's own parser: what is built is what is read, whatever parts it has (RFC 2046, 2387)."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.content import Attachment, Content
from shared.mail.compose import compose, compose_parts
from shared.mail.lines import check_lines

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
PRINTABLE = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp"))
BODY = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=120)
NAME = st.text(PRINTABLE, min_size=1, max_size=40).map(str.strip).filter(bool)
FILE = st.tuples(NAME, st.binary(max_size=300), st.booleans())


def attachment(number: int, name: str, data: bytes, inline: bool) -> Attachment:
    return Attachment(
        blob_id=f"b{number}",
        size=len(data),
        digest=sha256(data).hexdigest(),
        data=data,
        filename=name,
        content_type="application/x-test",
        content_id=f"c{number}" if inline else None,
    )


def content(text: str | None, html: str | None, files: list[Attachment]) -> Content:
    return Content(
        content_id="c",
        workspace_id="w",
        from_="Shop <orders@shop.test>",
        to=["jane@example.test"],
        subject="Hello",
        text=text,
        html=html,
        attachments=files,
        expires_at=NOW,
    )


def leaves(part: EmailMessage, within: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], EmailMessage]]:
    """Every leaf with the multiparts that it stands in."""
    if not part.is_multipart():
        return [(within, part)]
    kind = part.get_content_subtype()
    return [leaf for one in part.iter_parts() for leaf in leaves(one, (*within, kind))]  # type: ignore[arg-type]


@settings(deadline=None)
@given(BODY, BODY, st.lists(FILE, max_size=4))
@example("--x\r\n", "<p>", [('a"b\\c.txt', b"", False), ("=?utf-8?q?x?=", b"\r\n.\r\n", True), ("ü" * 40, b"x", True)])
def test_the_parts_are_what_was_put_in(
    text: str | None, html: str | None, given_files: list[tuple[str, bytes, bool]]
) -> None:
    files = [attachment(number, *one) for number, one in enumerate(given_files)]
    raw = compose(content(text, html, files), message_id="0193-a", date=NOW)
    check_lines(raw)
    assert raw.isascii()
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    found = leaves(message)
    inline = [one for one in files if one.content_id is not None and html is not None]
    others = [one for one in files if one not in inline]
    texts = [body for body in (text, html) if body is not None] or [""]

    shown = [part.get_payload(decode=True).decode() for _, part in found[: len(texts)]]  # type: ignore[union-attr]
    assert [lf(one).removesuffix("\n") for one in shown] == [lf(one).removesuffix("\n") for one in texts]
    read = found[len(texts) :]
    assert [part.get_filename() for _, part in read] == [one.filename for one in inline + others]
    assert [part.get_payload(decode=True) for _, part in read] == [one.data for one in inline + others]
    levels = (*["mixed"] * bool(others), *["related"] * bool(inline), *["alternative"] * (len(texts) > 1))
    assert found[0][0] == levels
    for where, part in found:
        assert not part.defects
        if part["Content-ID"]:
            kind = "related" if html is not None else "mixed"
            assert (where[-1], part.get_content_disposition()) == (kind, "inline")


def lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(BODY, BODY, st.lists(FILE, min_size=1, max_size=3))
def test_files_left_in_the_store_stand_where_their_bytes_would(
    text: str | None, html: str | None, given_files: list[tuple[str, bytes, bool]]
) -> None:
    files = [attachment(number, *one) for number, one in enumerate(given_files)]
    left = [one.model_copy(update={"data": None}) for one in files]
    whole = compose_parts(content(text, html, files), message_id="m", date=NOW)
    parts = compose_parts(content(text, html, left), message_id="m", date=NOW)
    named = [piece for piece in parts.body if not isinstance(piece, bytes)]
    assert {one.blob_id for one in named} == {one.blob_id for one in files}
    assert parts.header == whole.header
    written = iter(whole.body)
    assert all(piece in written for piece in parts.body if isinstance(piece, bytes))
