"""Links of one message: the open pixel, tracked clicks, unsubscribing. Pure.

A body is stored once for all who get it, so what differs by message is a **mark** in it, `<nonce>:<n>`: 16 hex digits
that were drawn for this body and stand nowhere else in it, and four digits, the place in the list of links that is kept
with it. Whoever composes a message puts that message's own URLs in their place.

A URL carries a token, unpadded base64url (RFC 4648 section 5) of 50 bytes: version, kind, workspace, message (UUIDs),
and HMAC-SHA256 (RFC 2104) cut to 128 bits over all of that and the target of a click. So nobody else can make one, it
shows no address, it leads nowhere but where it was made to lead, and to check it takes no store. Links do not end by
themselves.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NotRequired  # pydantic takes no other before Python 3.12
from uuid import UUID

from typing_extensions import TypedDict

VERSION = 1
MAC_BYTES = 16
TOKEN_CHARS = 67
MOST_LINKS = 10_000

TARGET = re.compile(r"https?://[!-~]+", re.IGNORECASE | re.ASCII)
"""What a click may lead to: an absolute http or https URI (RFC 3986) in printable ASCII."""


class LinkKind(StrEnum):
    """`manage` leads to the page of `unsubscribe`, where one may also change one's mind."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    MANAGE = "manage"


class Link(TypedDict):
    """One of a body's links, as it is stored; `url` is the target of a click."""

    kind: str
    url: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a token stands for."""

    kind: LinkKind
    workspace_id: str
    message_id: str


class InvalidLinkError(ValueError):
    """A token that we did not make, or that was made for another target or use."""


_CODES = {LinkKind.OPEN: b"o", LinkKind.CLICK: b"c", LinkKind.UNSUBSCRIBE: b"u", LinkKind.MANAGE: b"m"}
_KINDS = {code: kind for kind, code in _CODES.items()}
_PATHS = {
    LinkKind.OPEN: "/t/o/{token}.gif",
    LinkKind.CLICK: "/t/c/{token}/{target}",
    LinkKind.UNSUBSCRIBE: "/u/{token}",
    LinkKind.MANAGE: "/u/{token}",
}


class Links:
    """Makes links under a key of at least 32 bytes, and reads those made under it or one of the others."""

    def __init__(self, key: bytes, *others: bytes) -> None:
        # keys of their own: what else is signed with the given ones can never pass for a link
        self._keys = [hmac.digest(each, b"links", "sha256") for each in (key, *others)]

    def url(self, base: str, link: Link, workspace_id: str, message_id: str) -> str:
        """The URL of a link in one message, below `base` (`https://links.example`).

        Raises ValueError for ids that are no UUIDs and for a target that a click may not lead to.
        """
        kind = LinkKind(link["kind"])
        target = link.get("url", "") if kind is LinkKind.CLICK else ""
        if kind is LinkKind.CLICK and TARGET.fullmatch(target) is None:
            raise ValueError("a click leads to an absolute http or https URI")
        head = bytes((VERSION,)) + _CODES[kind] + UUID(workspace_id).bytes + UUID(message_id).bytes
        token = _encoded(head + _mac(self._keys[0], head, target))
        return base.rstrip("/") + _PATHS[kind].format(token=token, target=_encoded(target.encode()))

    def read(self, token: str, kinds: Collection[LinkKind]) -> Reference:
        """What a token of one of the kinds stands for; raises InvalidLinkError."""
        return self._read(token, "", kinds)

    def read_click(self, token: str, encoded_target: str) -> tuple[Reference, str]:
        """What a click's token stands for, and the URI to lead to; raises InvalidLinkError."""
        try:
            target = _decoded(encoded_target).decode("ascii")
        except UnicodeDecodeError as error:
            raise InvalidLinkError("no target of a link") from error
        return self._read(token, target, (LinkKind.CLICK,)), target

    def _read(self, token: str, target: str, kinds: Collection[LinkKind]) -> Reference:
        raw = _decoded(token) if len(token) == TOKEN_CHARS else b""
        head, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(key, head, target)) for key in self._keys) or head[0] != VERSION:
            raise InvalidLinkError("no token of ours")
        kind = _KINDS[head[1:2]]
        if kind not in kinds:
            raise InvalidLinkError("a token for another use")
        return Reference(kind, str(UUID(bytes=head[2:18])), str(UUID(bytes=head[18:])))


def _mac(key: bytes, head: bytes, target: str) -> bytes:
    """The head has one length, so that no other head and target are the same bytes."""
    return hmac.digest(key, head + target.encode(), "sha256")[:MAC_BYTES]


def mark(nonce: str, place: int) -> str:
    """The mark of the link at a place, below MOST_LINKS."""
    return f"{nonce}:{place:04}"


def personalised(text: str, nonce: str, links: Sequence[Link], url_of: Callable[[Link], str]) -> str:
    """The body with each mark replaced by its link's URL, asked for once for each link. A mark of no link stays."""
    urls: dict[int, str] = {}

    def url(found: re.Match[str]) -> str:
        place = int(found[1])
        if place >= len(links):
            return found[0]
        if place not in urls:
            urls[place] = url_of(links[place])
        return urls[place]

    return re.sub(rf"{re.escape(nonce)}:([0-9]{{4}})", url, text)


def list_unsubscribe(url: str, mailto: str | None = None) -> Mapping[str, str]:
    """The header fields with which mailbox providers offer to unsubscribe (RFC 2369 section 3.2, RFC 8058 section 3.1).

    `url` is the message's `unsubscribe` link, an https one where receivers are to use it; `mailto` an address that
    takes such requests. Both fields have to be signed.
    """
    other = f", <mailto:{mailto}>" if mailto else ""
    return {"List-Unsubscribe": f"<{url}>{other}", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """The bytes; raises InvalidLinkError for any text but the one that they are encoded as."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise InvalidLinkError("not base64url") from error
    if _encoded(data) != text:
        raise InvalidLinkError("not base64url")
    return data
