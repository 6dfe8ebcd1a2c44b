"""What ingest marks in a whole message, and what the sender makes of it: read with Python's email package."""

from __future__ import annotations

import email.policy
import re
from base64 import encodebytes
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acceptance.mime import parse_mime
from services.ingest.acceptance.mime_marking import marked_mime
from services.ingest.tracking.rewriting import Marks, Tracked, with_marks
from services.sender.mail.personal import LinksBelow, personal
from shared.content import Blob, Content
from shared.links import LinkKind, Links, personalised
from shared.mail.lines import check_lines
from shared.tokens import uuid7
from tests.fixtures.messages import a_message

BOTH = Tracked(opens=True, clicks=True)
HTML = '<html><body><p>Größe = <a href="https://shop.test/a?b=1&amp;c=2">hier</a></p></body></html>\r\n'
BASE = "https://links.test"
LINKS = Links(bytes(32))
MESSAGE = a_message(workspace_id=uuid7())
POLICY = email.policy.SMTP.clone(cte_type="8bit")


def sent(raw: bytes, tracked: Tracked = BOTH) -> bytes:
    """The message as the sender would send it for one recipient."""
    made = marked_mime({"a": raw}, tracked)
    data = made.raws["a"]
    content = Content(
        content_id="c", workspace_id="w", from_="a@acme.test", subject="", expires_at=datetime.now(UTC),
        raw=Blob(blob_id="b", size=len(data), digest="", data=data), nonce=made.nonce, links=list(made.links),
    )  # fmt: skip
    own = personal(content, MESSAGE, LinksBelow(LINKS, BASE))
    assert own.raw is not None
    assert own.raw.data is not None
    check_lines(own.raw.data)
    return own.raw.data


def composed(cte: str, *, charset: str = "utf-8", html: str = HTML) -> bytes:
    """A text, an HTML, an HTML file and a message in a message."""
    message = EmailMessage(policy=POLICY)
    message["From"], message["To"], message["Subject"] = "a@acme.test", "b@example.test", "Your order"
    message.set_content("See https://shop.test/a\n")
    message.add_alternative(html, subtype="html", cte=cte, charset=charset)
    message.add_attachment(b'<a href="https://shop.test/file">', maintype="text", subtype="html", filename="a.html")
    inner = EmailMessage(policy=POLICY)
    inner["From"] = "c@example.test"
    inner.set_content('<a href="https://shop.test/inner">x</a>\n', subtype="html")
    message.add_attachment(inner)
    return message.as_bytes()


def html_of(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=POLICY)
    assert isinstance(parsed, EmailMessage)
    body = parsed.get_body(("html",))
    assert isinstance(body, EmailMessage)
    return body


def targets(html: str) -> list[str]:
    """What the links of an HTML lead to, those that are ours by their target."""
    found = []
    for url in re.findall(r'href="([^"]*)"', html):
        token, _, target = url.removeprefix(f"{BASE}/t/c/").partition("/")
        found.append(LINKS.read_click(token, target)[1] if url.startswith(BASE) else url)
    return found


@pytest.mark.parametrize("cte", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_the_html_is_tracked_and_nothing_else_changes(cte: str, charset: str) -> None:
    raw = composed(cte, charset=charset)
    result = sent(raw)
    part = html_of(result)
    html = part.get_content()
    assert targets(html) == ["https://shop.test/a?b=1&c=2"]
    (token,) = re.findall(rf'<img src="{BASE}/t/o/([^"]+)\.gif"', html)
    assert LINKS.read(token, (LinkKind.OPEN,)).workspace_id == MESSAGE.workspace_id
    assert "Größe = " in html
    assert part.get_content_charset() == charset
    # byte for byte up to the HTML's header, and from its end on
    begin = raw.index(b"Content-Type: text/html")
    begin_of_end = raw.index(b"\r\n--", begin)
    assert result.startswith(raw[:begin])
    assert result.endswith(raw[begin_of_end:])
    assert sent(raw, Tracked()) == raw


@pytest.mark.parametrize(
    ("tracked", "links", "pixels"), [(Tracked(opens=True), 0, 1), (Tracked(clicks=True), 1, 0), (BOTH, 1, 1)]
)
def test_only_what_is_asked_for_is_tracked(tracked: Tracked, links: int, pixels: int) -> None:
    html = html_of(sent(composed("8bit"), tracked)).get_content()
    assert (html.count(f"{BASE}/t/c/"), html.count(f"{BASE}/t/o/")) == (links, pixels)


def test_a_message_that_is_nothing_but_html_is_tracked() -> None:
    head = b"From: a@acme.test\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n"
    parsed = message_from_bytes(sent(head + b'<a href="https://shop.test/">x</a>\r\n'), policy=POLICY)
    assert isinstance(parsed, EmailMessage)
    assert (parsed["MIME-Version"], parsed["Content-Transfer-Encoding"]) == ("1.0", "quoted-printable")
    assert targets(parsed.get_content()) == ["https://shop.test/"]


def wrapped(kind: str, html: bytes, *fields: str) -> bytes:
    part = "".join(f"{each}\r\n" for each in ("Content-Type: text/html; charset=utf-8", *fields)).encode()
    return (
        f"From: a@acme.test\r\nMIME-Version: 1.0\r\nContent-Type: {kind}; boundary=bb\r\n\r\n--bb\r\n".encode()
        + part + b"\r\n" + html + b"\r\n--bb\r\nContent-Type: text/plain\r\n\r\nx\r\n--bb--\r\n"
    )  # fmt: skip


LINK = b'<a href="https://shop.test/">x</a>'


@pytest.mark.parametrize(
    "raw",
    [
        wrapped("multipart/signed", LINK),
        wrapped("multipart/encrypted", LINK),
        wrapped("multipart/mixed", LINK, "Content-Disposition: ATTACHMENT; filename=a.html"),
        wrapped("multipart/mixed", LINK, "Content-Transfer-Encoding: x-own"),
        wrapped("multipart/mixed", b"no base64!" + LINK, "Content-Transfer-Encoding: base64"),
        wrapped("multipart/mixed", LINK + b"\xff"),
        wrapped("multipart/mixed", LINK).replace(b"charset=utf-8", b"charset=utf-16"),
        wrapped("multipart/mixed", LINK).replace(b"charset=utf-8", b"charset=none-such"),
        wrapped("multipart/mixed", encodebytes(LINK + b"\r\n--bb\r\n").replace(b"\n", b"\r\n"),
                "Content-Transfer-Encoding: base64"),
        b"From: a@acme.test\r\n\r\n" + LINK + b"\r\n",
    ],
    ids=["signed", "encrypted", "a file", "unknown encoding", "no base64", "not its charset", "not ASCII's charset",
         "unknown charset", "a hidden boundary", "no HTML"],
)  # fmt: skip
def test_what_cannot_be_changed_for_sure_stays_as_it_is(raw: bytes) -> None:
    assert sent(raw) == raw
    assert marked_mime({"a": raw}, BOTH).nonce is None


def test_of_several_texts_the_first_has_the_pixel() -> None:
    raw = wrapped("multipart/mixed", LINK).replace(b"text/plain\r\n\r\nx", b"text/html\r\n\r\n" + LINK)
    first, second = (part.get_content() for part in message_from_bytes(sent(raw), policy=POLICY).iter_parts())
    assert (first.count("/t/o/"), second.count("/t/o/")) == (1, 0)
    assert targets(first) == targets(second) == ["https://shop.test/"]


def test_messages_that_differ_by_their_from_have_the_same_links() -> None:
    raw = composed("quoted-printable")
    parsed = parse_mime(raw, now=datetime.now(UTC), new_id="i")
    assert parsed.raw.endswith(raw[raw.index(b"\r\n\r\n") :])
    made = marked_mime({"a": raw, "b": raw.replace(b"From: a@", b"From: other@")}, BOTH)
    assert made.raws["b"] == made.raws["a"].replace(b"From: a@", b"From: other@")
    assert len(made.links) == 2


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=120)


@given(st.lists(st.one_of(TEXT, st.just('<a href="https://shop.test/x y">'), st.just("\r\n"), st.just(" " * 80))))
def test_any_html_comes_out_as_it_does_composed(pieces: list[str]) -> None:
    """In base64, which alone can hold any text: what readers decode is what marking the text itself gives."""
    html = "".join(pieces)
    body = encodebytes(html.encode()).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    result = sent(wrapped("multipart/mixed", body, "Content-Transfer-Encoding: base64"))
    marks = Marks.for_texts(html)
    expected = personalised(
        with_marks(html, marks, BOTH), marks.nonce, marks.links,
        lambda link: LINKS.url(BASE, link, MESSAGE.workspace_id, MESSAGE.message_id),
    )  # fmt: skip
    assert html_of(result).get_payload(decode=True) == expected.encode()
