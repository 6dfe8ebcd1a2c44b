"""What differs by message: its own links in place of the marks in its bodies, and the header fields to unsubscribe."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.content import Content
from shared.contracts.messages import Message
from shared.links import Link, LinkKind, Links, list_unsubscribe, personalised
from shared.mail.encodings import quoted_printable

UNSUBSCRIBE = Link(kind=LinkKind.UNSUBSCRIBE.value)
_MARK = rb"%b:([0-9]{4})"
_MARK_CHARS = 21


@dataclass(frozen=True, slots=True)
class LinksBelow:
    """What signs the links in mail, and the URL that they begin with."""

    links: Links
    base: str

    def url(self, link: Link, message: Message) -> str:
        return self.links.url(self.base, link, message.workspace_id, message.message_id)


def personal(content: Content, message: Message, links: LinksBelow) -> Content:
    """The content as this one message says it, but for a whole message that is left in the store. Raises ValueError."""
    if content.nonce is None and not content.unsubscribe:
        return content
    changes: dict[str, object] = {}
    if content.raw is not None:
        filling = MarkFilling.of(content, message, links)
        if filling is not None and content.raw.data is not None:
            data = filling.update(content.raw.data) + filling.finish()
            changes["raw"] = content.raw.model_copy(update={"data": data, "size": len(data)})
    elif content.nonce is not None:
        nonce, bodies = content.nonce, {"html": content.html, "text": content.text}
        changes |= {
            name: personalised(body, nonce, content.links, lambda link: links.url(link, message))
            for name, body in bodies.items()
            if body is not None
        }
    given = {name.lower() for name in content.headers}
    if content.unsubscribe and "list-unsubscribe" not in given:
        changes["headers"] = {**content.headers, **list_unsubscribe(links.url(UNSUBSCRIBE, message))}
    return content.model_copy(update=changes)


class MarkFilling:
    """Puts URLs in place of the marks in a whole message, which stand in quoted-printable on lines of their own.

    The message comes in blocks, however it is cut.
    """

    def __init__(self, nonce: str, urls: list[bytes]) -> None:
        self._mark = re.compile(_MARK % nonce.encode())
        self._urls = urls
        self._rest = b""

    @classmethod
    def of(cls, content: Content, message: Message, links: LinksBelow) -> MarkFilling | None:
        """None for a content without marks. Raises ValueError."""
        if content.nonce is None:
            return None
        return cls(content.nonce, [quoted_printable(links.url(link, message).encode()) for link in content.links])

    def update(self, block: bytes) -> bytes:
        """What is sure of it by now; a mark that may have begun at the end is kept."""
        data = self._rest + block
        whole = max((found.end() for found in self._mark.finditer(data)), default=0)
        end = max(whole, len(data) - _MARK_CHARS + 1)
        self._rest = data[end:]
        return self._filled(data[:end])

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return self._filled(rest)

    def _filled(self, data: bytes) -> bytes:
        return self._mark.sub(self._url, data)

    def _url(self, found: re.Match[bytes]) -> bytes:
        """A mark of no link stays."""
        place = int(found[1])
        return self._urls[place] if place < len(self._urls) else found[0]
