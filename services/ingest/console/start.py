"""From an empty workspace to its first delivered message: a key, a snippet with it, and that message's trace, live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Changes, actor_of
from services.ingest.accounts.grants import require_within
from services.ingest.accounts.keys import ApiKeys
from services.ingest.api.keys import SCOPE as KEYS
from services.ingest.api.listing import Listing
from services.ingest.api.messages import SCOPE as HISTORY
from services.ingest.api.messages import MessageReader
from services.ingest.console.message import shown
from services.ingest.console.snippets import PLACEHOLDER, Values, snippets_of
from services.ingest.settings import Settings
from services.ingest.store.owned import Owned
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.contracts.entities import ApiKey, Kind
from shared.contracts.record import rfc3339
from shared.service import Base

PATH = "/console/start"
NAME, SCOPES = "First message", ("email.send", "email.history")


def start_pages(console: Console, base: Base, changes: Changes, settings: Settings, reader: MessageReader) -> APIRouter:
    router = console.router()
    pages = console.pages
    anybody, may_read, may_make = console.gate.page(), console.gate.page(HISTORY), console.gate.action(KEYS)
    senders = Owned(base.entities, Kind.SENDER)
    keys = ApiKeys(changes, settings.pepper_bytes)

    async def show(request: Request, visitor: Visitor, key: str | None) -> Response:
        sender = await sender_of(senders, visitor)
        values = Values(
            base_url=settings.public_url,
            key=key or PLACEHOLDER,
            sender=sender or "you@your-domain.example",
            recipient=visitor.principal.workspace.owner_email,
            smtp_host=settings.smtp_public_host or urlsplit(settings.public_url).hostname or "",
            smtp_port=settings.smtp_port,
        )
        since = rfc3339(datetime.now(UTC))
        return pages.show(
            request, visitor, "start.html", sender=sender, key=key, snippets=snippets_of(values), since=since,
            message=None,
        )  # fmt: skip

    @router.get(PATH)
    async def start(request: Request, visitor: Visitor = anybody) -> Response:
        return await show(request, visitor, None)

    @router.post(PATH)
    async def make_key(request: Request, visitor: Visitor = may_make) -> Response:
        """A key whose text is on this page alone, and never again."""
        scopes = [scope for scope in SCOPES if visitor.may(scope)] or list(SCOPES)
        require_within(visitor.principal, ApiKey(name=NAME, digest="", prefix="", scopes=scopes))
        actor = actor_of(base.authenticator, request, visitor.principal)
        _, text = await keys.create(actor, visitor.workspace_id, {"name": NAME, "scopes": scopes})
        return await show(request, visitor, text)

    @router.get(f"{PATH}/live")
    async def follow(request: Request, since: datetime, visitor: Visitor = may_read) -> Response:
        newest = Listing.model_validate({"from": since, "limit": 1})

        async def render() -> str:
            found = (await reader.list(visitor.workspace_id, newest))["data"]
            return pages.part("start_story.html", **await story(reader, visitor, found))

        return await console.live(request, render)

    return router


async def sender_of(senders: Owned, visitor: Visitor) -> str | None:
    """An address that the workspace may send from; None where it has none yet."""
    if visitor.principal.workspace.default_sender:
        return visitor.principal.workspace.default_sender
    found = await senders.page(visitor.workspace_id, None, 25)
    return next((one.data["address"] for one in found if one.data["verified"]), None)


async def story(reader: MessageReader, visitor: Visitor, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The trace of the first of the messages, where there is one."""
    if not found:
        return {"message": None}
    return shown(await reader.document(visitor.workspace_id, found[0]["uuid"], detail=True))
