"""Sending requests made to break a header block, each with what its message must say if it is accepted."""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass
from typing import Any

import idna
from hypothesis import strategies as st

BREAKS = [
    "\r", "\n", "\r\n", "\0", "\t", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029",
    "\ud800",
    "\r\nBcc: eve@evil.test", "\nBcc: eve@evil.test", "\r\n\r\n<p>body</p>", "\r\n folded", "\n\tfolded", "\r\n.\r\n",
]  # fmt: skip
ODD = [
    " ", "  ", ",", ";", ":", "<", ">", '"', "\\", '\\"', "(", ")", "@", "'", "=", "?", "=?", "?=", "%0d%0a", "\\r\\n",
    "=?utf-8?q?x?=", "=?UTF-8?B?QmNjOiBldmVAZXZpbC50ZXN0?=", "=?utf-8?q?=0D=0ABcc:_eve@evil.test?=", "=?x",
    "&#13;&#10;",
    "eve@evil.test", "<eve@evil.test>", "Friends: a@b.test;", "é", "ß", "日本語", "😀", "\u202e", "\ufeff", "\u00a0",
    "\u3000", "e\u0301", "\u200d", "Bcc: eve@evil.test", "x" * 80, "ü" * 80, "word " * 40, "{{name}}",
]  # fmt: skip
PLAIN = st.sampled_from(["", "Jane", "Jane Doe", "a", "J. Doe-X_1", " Jane ", "O'Neill"])
TAME = st.lists(st.sampled_from([*ODD, "Jane", "a b", "1"]), min_size=1, max_size=4).map("".join)
WILD = st.tuples(TAME, st.sampled_from(BREAKS), TAME).map("".join)
LONG = st.sampled_from(["x" * 998, "x" * 999, "ü" * 998, "a " * 499, "x" * 200, "ü" * 200, "x y" * 66])
ANYTHING = st.text(max_size=8)


def seldom(rare: st.SearchStrategy[Any], often: st.SearchStrategy[Any], times: int = 15) -> st.SearchStrategy[Any]:
    """The rare once in so many times: one fault is enough to have a request refused."""
    return st.integers(0, times - 1).flatmap(lambda drawn: often if drawn else rare)


TEXT = seldom(st.one_of(WILD, LONG, ANYTHING), st.one_of(PLAIN, TAME, TAME), 8)
NAMES = seldom(TEXT, st.one_of(PLAIN, TAME), 12)

LOCALS = [
    "jane", "j.d", "a+b", "JANE", "x" * 64, "x" * 65, ".a", "a.", "a..b", '"a b"', '"a"', "a,b", "a b", "jörg",
    "\u65e5\u672c",
    "o'neill", "=?utf-8?q?x?=", "=?utf-8?q?a?=b", "a\r\nb", "a\0b", "", "a(b)", "a\\b", "e\u0301", "\u202ea",
    "a\u2028b",
]  # fmt: skip
DOMAINS = [
    "example.test", "EXAMPLE.test", "bücher.test", "xn--bcher-kva.test", "日本.test", "straße.test", "example.test.",
    "[127.0.0.1]", "a b.test", "-a.test", "a..test", f"{'x' * 63}.test", f"{'x' * 64}.test", "test", "",
    "exam\r\nple.test", "example.test\r\nBcc: eve@evil.test", "example.test, eve@evil.test", "a_b.test",
    "bu\u0308cher.test",
]  # fmt: skip
HEADER_NAMES = [
    "X-One", "x-one", "X-Two", "List-Unsubscribe", "List-Id", "Auto-Submitted", "Priority", "X-Posthorn-Tag",
    "Bcc", "To",
    "Subject", "X One", "X:One", "X\r\nBcc", "Ü", "", "Content-Type", "Sender", "Resent-To", "X" * 76, "X" * 77,
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A mailbox as it is written, and what it means; `address` None where it is to mean nothing that may be sent to."""

    text: str
    name: str = ""
    address: str | None = None


def _written(name: str, local: str, domain: str, form: int) -> Asked:
    address = f"{local}@{domain}"
    wire = _wire(local, domain)
    if form == 0:
        return Asked(address, "", wire)
    if form == 1:
        return Asked(f"{name} <{address}>", name, wire)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return Asked(f'"{escaped}" <{address}>', name, wire)


def _wire(local: str, domain: str) -> str | None:
    try:
        return f"{unicodedata.normalize('NFC', local)}@{idna.encode(domain, uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return None


GOOD_MAILBOXES = st.builds(
    _written, NAMES, st.sampled_from(["jane", "j.d", "a+b", "jörg"]), st.sampled_from(["example.test", "bücher.test"]),
    st.sampled_from([0, 2, 2, 2]),
)  # fmt: skip
ANY_MAILBOXES = st.builds(
    _written, NAMES, st.sampled_from(LOCALS), st.sampled_from(DOMAINS), st.sampled_from([0, 1, 2])
)
NO_MAILBOXES = st.builds(
    Asked,
    st.sampled_from([
        "Friends: a@b.test, c@d.test;", "a@b.test, c@d.test", "a@b.test;c@d.test", "Jane <a@b.test> <c@d.test>",
        "Jane <a@b.test", "<>", "", "<a@b.test>, eve@evil.test", "a@b.test (Jane)", "undisclosed-recipients:;",
        "Jane <a@b.test>\r\nBcc: eve@evil.test", "@a.test:b@c.test", "a@b@c.test", "Jane <a@b.test>x",
    ]),
)  # fmt: skip
MAILBOXES = seldom(ANY_MAILBOXES | NO_MAILBOXES, GOOD_MAILBOXES, 12)
FILES = st.fixed_dictionaries(
    {"filename": NAMES, "content": st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode())},
    optional={
        "content_type": st.sampled_from(
            ["text/plain", "image/png", "a/b", "text/plain", "image/png; name=x",
    "text/plain\r\nBcc: eve@evil.test", 'a/b; c="d e"', "multipart/mixed",
             "text/plain; " + "; ".join(f"a{n}={'b' * 90}" for n in range(12)), "x"]
        ),
        "content_id": st.sampled_from(["logo@acme", "x@y", "=?utf-8?q?x?=", "a>\r\nBcc: eve@evil.test", "a b",
    "x" * 200]),
    },
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A request's body, with its mailboxes as they were meant."""

    body: dict[str, Any]
    mailboxes: dict[str, list[Asked]]


@st.composite
def hostile_requests(draw: st.DrawFn, sender_domain: str = "acme.test") -> Hostile:
    """Any request; most have one odd thing or none, so that many are accepted."""
    senders = [_written(draw(NAMES), "alerts", sender_domain, form) for form in (0, 2)]
    mailboxes = {
        "from": [draw(st.sampled_from(senders))],
        "to": draw(st.lists(MAILBOXES, min_size=1, max_size=3)),
        "cc": draw(st.lists(GOOD_MAILBOXES, max_size=2)),
        "bcc": draw(st.lists(GOOD_MAILBOXES, max_size=1)),
        "reply_to": draw(st.lists(GOOD_MAILBOXES, max_size=1)),
    }
    body: dict[str, Any] = {"subject": draw(TEXT), "text": draw(st.text(max_size=20))}
    for field in ("to", "cc", "bcc"):
        body[field] = [each.text for each in mailboxes[field]]
    for field in ("from", "reply_to"):
        for each in mailboxes[field]:
            body[field] = each.text
    optional = {
        "headers": seldom(
            st.dictionaries(st.sampled_from(HEADER_NAMES) | TEXT, TEXT, max_size=3),
            st.dictionaries(st.sampled_from(["X-One", "X-Two", "List-Unsubscribe"]), TEXT, max_size=2),
            6,
        ),
        "tags": st.lists(TEXT, max_size=2),
        "unsubscribe_link": st.booleans(),
        "attachments": st.lists(FILES, max_size=2),
        "data": st.fixed_dictionaries({"name": TEXT | st.lists(TEXT, max_size=3) | st.none()}),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional)), max_size=3))
    return Hostile(body | {field: draw(optional[field]) for field in sorted(chosen)}, mailboxes)
