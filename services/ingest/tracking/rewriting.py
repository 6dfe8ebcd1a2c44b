"""Marks in what is stored: links, the open pixel, and the URLs that templates name. Pure.

Nothing of an HTML text changes but the values of the links that are marked, and the pixel that is put into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import getrandbits
from typing import Self

from services.ingest.tracking.tags import Tag, tags_of
from services.ingest.tracking.targets import target_of
from shared.links import MOST_LINKS, Link, LinkKind, mark, personalised

LINKED = frozenset({"a", "area"})
OPT_OUT = "data-posthorn-track"
PIXEL = '<img src="{mark}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'


@dataclass(frozen=True, slots=True)
class Tracked:
    """What of a message is tracked."""

    opens: bool = False
    clicks: bool = False
    replies: bool = False
    reads: bool = False

    @classmethod
    def of_header(cls, value: str) -> Self:
        """What a tracking header asks for: `all` (opens and clicks), `opens`, `clicks` or `none`; any other value
        counts as `all`."""
        word = value.strip().lower()
        return cls(opens=word not in ("clicks", "none"), clicks=word not in ("opens", "none"))


@dataclass(slots=True)
class Marks:
    """The links of one body, each once, in the order of their marks. `nonce` stands nowhere in the body."""

    nonce: str
    links: list[Link] = field(default_factory=list)
    _places: dict[tuple[LinkKind, str], int] = field(default_factory=dict)

    @classmethod
    def for_texts(cls, *texts: str) -> Self:
        """Marks that stand in none of the texts that a body is made from."""
        while True:
            nonce = f"{getrandbits(64):016x}"
            if not any(nonce in text for text in texts):
                return cls(nonce)

    def mark(self, kind: LinkKind, url: str = "") -> str | None:
        """The mark of a link; None where the body has as many as it may have."""
        place = self._places.get((kind, url))
        if place is None:
            place = len(self.links)
            if place >= MOST_LINKS:
                return None
            self._places[kind, url] = place
            self.links.append(Link(kind=kind.value, url=url) if url else Link(kind=kind.value))
        return mark(self.nonce, place)

    def variables(self) -> Mapping[str, str]:
        """Marks for the variables that templates always have; to be drawn before anything else is marked."""
        unsubscribe, manage = self.mark(LinkKind.UNSUBSCRIBE), self.mark(LinkKind.MANAGE)
        assert unsubscribe is not None
        assert manage is not None
        return {"unsubscribeUrl": unsubscribe, "subscribeUrl": manage, "manageUrl": manage}


def with_marks(html: str, marks: Marks, tracked: Tracked) -> str:
    """The HTML with a mark in each `href` of `a` and `area` that leads to http or https, and with the pixel.

    Links with `data-posthorn-track="off"` stay as they are, as does what stands in comments and scripts.
    """
    if not (tracked.opens or tracked.clicks):
        return html
    tags, whole = tags_of(html, LINKED)
    changes: list[tuple[int, int, str]] = []
    if tracked.clicks:
        for tag in tags:
            target = _target(html, tag)
            start, end = tag.values.get("href", (0, 0))
            # a value that holds a mark gets its own URL where the message is composed
            if target and marks.nonce not in target:
                changes.append((start, end, marks.mark(LinkKind.CLICK, target) or html[start:end]))
    if tracked.opens and (pixel := marks.mark(LinkKind.OPEN)):
        place = _place_of_pixel(tags, whole)
        changes.append((place, place, PIXEL.format(mark=pixel)))
    return _spliced(html, sorted(changes))


def _target(html: str, tag: Tag) -> str | None:
    if "href" not in tag.values:
        return None
    start, end = tag.values.get(OPT_OUT, (0, 0))
    if html[start:end].strip().lower() == "off":
        return None
    start, end = tag.values["href"]
    return target_of(html[start:end])


def _place_of_pixel(tags: list[Tag], whole: int) -> int:
    """Before the last end of the body, or of the document, or at the end of what is whole."""
    ends = {tag.name: tag.start for tag in tags if tag.is_end and tag.name in ("body", "html")}
    return ends.get("body", ends.get("html", whole))


def _spliced(text: str, changes: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, new in changes:
        pieces += text[at:start], new
        at = end
    return "".join((*pieces, text[at:]))


def readable(body: str | None, nonce: str | None, links: Sequence[Link]) -> str | None:
    """A stored body for its sender to read: links lead where they were meant to, none is a message's own."""
    if body is None or nonce is None:
        return body
    return personalised(body, nonce, links, lambda link: link.get("url") or f"#{link['kind']}")
