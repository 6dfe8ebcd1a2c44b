"""What a message says, as views: shown as text, or as HTML in a frame that lets it do nothing and call nobody. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from services.ingest.tracking.rewriting import readable
from shared.content import Attachment, Content

VIEWS = (("html", "HTML"), ("text", "Text"), ("source", "Source"), ("headers", "Headers"))
MOST_SHOWN = 256 * 1024
MOST_PICTURES = 2 * 1024 * 1024
CONTENT_ID = re.compile(r"cid:([^\s\"'>)]+)", re.IGNORECASE)
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PREVIEW_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A message's parts. `source` is the HTML as it was written, of a whole message its MIME text."""

    html: str | None
    text: str | None
    source: str
    headers: list[tuple[str, str]]
    attachments: list[Attachment] = field(default_factory=list)


def views_of(content: Content, raw: bytes | None = None) -> Said:
    """The views of a content; `raw` is the whole message of one that came so, or its beginning."""
    if raw is not None:
        return _of_mime(content, raw)
    html = readable(content.html, content.nonce, content.links)
    text = readable(content.text, content.nonce, content.links)
    named = [
        ("From", content.from_),
        ("To", ", ".join(content.to)),
        ("Cc", ", ".join(content.cc)),
        ("Reply-To", content.reply_to or ""),
        ("Subject", content.subject),
    ]
    headers = [(name, value) for name, value in named if value] + list(content.headers.items())
    return Said(html, text, (html or text or "")[:MOST_SHOWN], headers, content.attachments)


def _of_mime(content: Content, raw: bytes) -> Said:
    source = raw[:MOST_SHOWN].decode("utf-8", "replace")
    message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
    headers = [(name, _unfolded(str(value))) for name, value in message.items()]
    return Said(_part(content, message, "html"), _part(content, message, "plain"), source, headers)


def _part(content: Content, message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    if part is None:
        return None
    try:
        text = str(part.get_content())
    except (LookupError, UnicodeError, ValueError):
        return None  # in a character set that nobody knows; the source shows it
    return readable(text, content.nonce, content.links)


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n\s+", " ", value)


def framed(said: Said) -> str:
    """The HTML with its own pictures inside it; what it would fetch stays away, as the frame's policy says."""
    pictures: dict[str, str] = {}
    left = MOST_PICTURES
    for one in said.attachments:
        if one.content_id and one.data is not None and one.content_type in PICTURES and len(one.data) <= left:
            left -= len(one.data)
            data = base64.b64encode(one.data).decode()
            pictures[one.content_id.strip("<>")] = f"data:{one.content_type};base64,{data}"
    return CONTENT_ID.sub(lambda match: pictures.get(match[1], match[0]), said.html or "")
