"""What is answered at the links of a message. Nobody needs a key for it, and nobody gets a cookie."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from services.ingest.settings import Settings
from services.ingest.tracking import pages
from services.ingest.tracking.forms import wish_of
from services.ingest.tracking.hits import AGENT_CHARS, Hit, address_kept
from services.ingest.tracking.machines import machine_of
from services.ingest.tracking.pages import Wish
from services.ingest.tracking.recorder import Recorder
from shared.contracts.events import EventType
from shared.errors import ProblemError
from shared.links import InvalidLinkError, LinkKind, Links, Reference
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # 1 × 1, transparent
UNSEEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
ABOUT_SUBSCRIPTIONS = (LinkKind.UNSUBSCRIBE, LinkKind.MANAGE)

Subscription = Callable[[str, str, datetime], Awaitable[None]]
"""Called with a workspace's id, a recipient's address, and when they asked."""


def peer_of(request: Request) -> str | None:
    """The address at the other end of the connection."""
    return request.client.host if request.client else None


class TrackedLinks:
    """What is answered at a link. `on_unsubscribed` and `on_subscribed` change the contact's state; whatever they
    raise, the reader is asked to try again. `client_of` gives the address that a request came from."""

    def __init__(
        self,
        recorder: Recorder,
        settings: Settings,
        on_unsubscribed: Subscription | None = None,
        on_subscribed: Subscription | None = None,
        client_of: Callable[[Request], str | None] = peer_of,
    ) -> None:
        self._recorder = recorder
        self._links = Links(*settings.token_keys)
        self._settings = settings
        self._client_of = client_of
        self._effects = {Wish.OFF: on_unsubscribed, Wish.ON: on_subscribed}

    async def open(self, token: str, request: Request) -> Response:
        """The image, whatever the token is: nothing is given away, and no mail shows a broken image."""
        try:
            reference = self._links.read(token, (LinkKind.OPEN,))
        except InvalidLinkError:
            metrics.TRACKED_HITS.labels(EventType.OPENED, "refused").inc()
        else:
            await self._note(self._hit(EventType.OPENED, reference, request), request)
        return Response(GIF, 200, UNSEEN, media_type="image/gif")

    async def click(self, token: str, target: str, request: Request) -> Response:
        try:
            reference, url = self._links.read_click(token, target)
        except InvalidLinkError:
            metrics.TRACKED_HITS.labels(EventType.CLICKED, "refused").inc()
            return self.unknown()
        await self._note(self._hit(EventType.CLICKED, reference, request, url=url), request)
        return Response(None, 302, {**UNSEEN, "Location": url})

    async def ask(self, token: str) -> Response:
        try:
            reference = self._links.read(token, ABOUT_SUBSCRIPTIONS)
        except InvalidLinkError:
            return self.unknown()
        return _page(200, pages.confirmation(may_subscribe=self._may(Wish.ON, reference)))

    async def act(self, token: str, request: Request) -> Response:
        """Unsubscribes, however often it is asked to; answers once that is durable."""
        try:
            reference = self._links.read(token, ABOUT_SUBSCRIPTIONS)
        except InvalidLinkError:
            metrics.TRACKED_HITS.labels(EventType.UNSUBSCRIBED, "refused").inc()
            return self.unknown()
        try:
            wish, one_click = await wish_of(request)
        except ProblemError as problem:
            return _page(problem.status, pages.nothing_changed())
        if wish is None or not self._may(wish, reference):
            return _page(400, pages.nothing_changed())
        method = "one_click" if one_click else "page"
        hit = self._hit(EventType.UNSUBSCRIBED, reference, request, method=method)
        try:
            known = await self._change(wish, hit)
        except Exception as error:  # whatever it was, the path must not stand in a log: it holds the token
            log.warning("a subscription was not changed", message_id=hit.message_id, error=type(error).__name__)
            metrics.TRACKED_HITS.labels(EventType.UNSUBSCRIBED, "lost").inc()
            return _page(503, pages.try_again(), {"Retry-After": "60"})
        return _page(200, pages.done(wish)) if known else self.unknown()

    def unknown(self) -> Response:
        """What a link is answered that is not ours, or not whole."""
        return _page(404, pages.unknown())

    def _may(self, wish: Wish, reference: Reference) -> bool:
        """Who unsubscribes by a link needs nobody else; subscribing again takes the link for it and somebody to do
        it."""
        return wish is Wish.OFF or (reference.kind is LinkKind.MANAGE and self._effects[Wish.ON] is not None)

    async def _change(self, wish: Wish, hit: Hit) -> bool:
        """False where nothing is known of the message any more."""
        effect = self._effects[wish]
        async with asyncio.timeout(self._settings.answer_seconds):
            recipient = await (self._recorder.keep(hit) if wish is Wish.OFF else self._recorder.recipient_of(hit))
            if recipient is not None and effect is not None:
                await effect(hit.workspace_id, recipient, hit.at)
        if wish is Wish.OFF:
            metrics.TRACKED_HITS.labels(hit.type, "kept" if recipient else "unknown").inc()
        return recipient is not None

    async def _note(self, hit: Hit, request: Request) -> None:
        """Keeps a hit within a moment. Where the database is away it is lost: the reader goes on all the same. A HEAD
        is no hit: nobody has seen anything."""
        if request.method == "HEAD":
            return
        if self._recorder.knows(hit):
            metrics.TRACKED_HITS.labels(hit.type, "repeated").inc()
            return
        try:
            async with asyncio.timeout(self._settings.tracking_wait_seconds):
                recipient = await self._recorder.keep(hit)
        except Exception:  # the recorder tells of it
            metrics.TRACKED_HITS.labels(hit.type, "lost").inc()
        else:
            metrics.TRACKED_HITS.labels(hit.type, "kept" if recipient else "unknown").inc()

    def _hit(self, type_: EventType, reference: Reference, request: Request, **more: Any) -> Hit:
        now = datetime.now(UTC)
        return Hit(
            type_,
            reference.workspace_id,
            reference.message_id,
            now.replace(microsecond=now.microsecond // 1000 * 1000),
            address=address_kept(self._client_of(request), self._settings.tracking_addresses),
            user_agent=request.headers.get("user-agent", "")[:AGENT_CHARS] or None,
            machine=None if type_ is EventType.UNSUBSCRIBED else machine_of(request.headers),
            **more,
        )


def _page(status: int, page: str, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(page, status, {**pages.HEADERS, **(headers or {})})
