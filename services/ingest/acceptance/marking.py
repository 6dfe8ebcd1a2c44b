"""What is tracked of a message, and how it offers to unsubscribe: marks in its bodies. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.acceptance.send_request import SendRequest
from services.ingest.tracking.rewriting import Marks, Tracked, with_marks
from shared.auth import Principal
from shared.links import Link, LinkKind

FEATURE = "tracking.enabled"
LINK_HTML = '<p><a href="{mark}">Unsubscribe</a></p>'
LINK_TEXT = "\n\nUnsubscribe: {mark}\n"


@dataclass(frozen=True, slots=True)
class Marked:
    """Bodies with marks, and what the marks stand for; `nonce` None where there are none."""

    html: str | None
    text: str | None
    nonce: str | None = None
    links: tuple[Link, ...] = ()


def tracked_of(request: SendRequest, principal: Principal) -> Tracked:
    """What is tracked of a request; raises as `allowed` does."""
    asked = request.tracking
    if asked is None:
        return allowed(None, principal)
    tracked = Tracked(opens=asked.opens, clicks=asked.clicks, replies=asked.replies, reads=asked.reads)
    return allowed(tracked, principal)


def allowed(asked: Tracked | None, principal: Principal) -> Tracked:
    """What is tracked: what the caller asks for, else the workspace's default, where it has the feature.

    Raises a 403 problem where a caller asks for what the workspace has not.
    """
    if asked is None:
        has_feature = FEATURE in principal.workspace.features
        default = principal.workspace.default_tracking if has_feature else []
        return Tracked(opens="opens" in default, clicks="clicks" in default)
    if asked != Tracked():
        principal.require_feature(FEATURE)
    return asked


def marked(html: str | None, text: str | None, marks: Marks, tracked: Tracked, *, unsubscribe: bool) -> Marked:
    """The bodies with everything marked that differs by message."""
    if unsubscribe:
        html, text = _with_unsubscribe(html, text, marks)
    if html:
        html = with_marks(html, marks, tracked)
    if not marks.links:
        return Marked(html, text)
    return Marked(html, text, marks.nonce, tuple(marks.links))


def _with_unsubscribe(html: str | None, text: str | None, marks: Marks) -> tuple[str | None, str | None]:
    """A body without a link of its own to unsubscribe gets one at its end."""
    mark = marks.mark(LinkKind.UNSUBSCRIBE)
    assert mark is not None
    if html and mark not in html:
        place = html.lower().rfind("</body>")
        at = place if place >= 0 else len(html)
        html = html[:at] + LINK_HTML.format(mark=mark) + html[at:]
    if text and mark not in text:
        text = text.rstrip() + LINK_TEXT.format(mark=mark)
    return html, text
