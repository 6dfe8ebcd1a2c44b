"""What differs by message: its own links in place of the marks in its bodies, and the header fields to unsubscribe."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from shared.content import Content
from shared.contracts.messages import Message
from shared.links import Link, LinkKind, Links, list_unsubscribe, personalised
from shared.mail.mime import quoted_printable

UNSUBSCRIBE = Link(kind=LinkKind.UNSUBSCRIBE.value)


def personal(content: Content, message: Message, links: Links, base: str) -> Content:
    """The content as this one message says it; `base` is where its links begin. Raises ValueError."""
    if content.nonce is None and not content.unsubscribe:
        return content
    nonce = content.nonce

    def url_of(link: Link) -> str:
        return links.url(base, link, message.workspace_id, message.message_id)

    changes: dict[str, object] = {}
    if nonce is not None and content.raw is not None:
        assert content.raw.data is not None
        data = _personalised(content.raw.data, nonce, content.links, url_of)
        changes["raw"] = content.raw.model_copy(update={"data": data, "size": len(data)})
    elif nonce is not None:
        bodies = {"html": content.html, "text": content.text}
        changes |= {
            name: personalised(body, nonce, content.links, url_of) for name, body in bodies.items() if body is not None
        }
    given = {name.lower() for name in content.headers}
    if content.unsubscribe and "list-unsubscribe" not in given:
        changes["headers"] = {**content.headers, **list_unsubscribe(url_of(UNSUBSCRIBE))}
    return content.model_copy(update=changes)


def _personalised(message: bytes, nonce: str, links: Sequence[Link], url_of: Callable[[Link], str]) -> bytes:
    """A whole message with each of its marks, which stand in quoted-printable on lines of their own, as its URL."""
    urls = [quoted_printable(url_of(link).encode()) for link in links]
    return re.sub(rb"%b:([0-9]{4})" % nonce.encode(), lambda found: urls[int(found[1])], message)
