"""Kafka in: `replied` events. Each reply is admitted as a new message, once, however often its event comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import structlog

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.mime import MimeError, MimeMessage, parse_mime
from services.ingest.acceptance.storing import Call
from services.ingest.replies.forwarding import forwarded
from services.ingest.settings import Settings
from shared.auth import Principal
from shared.content import Content, ContentStore
from shared.contracts.entities import ApiKey, Kind, Workspace
from shared.contracts.events import Event, EventType
from shared.contracts.topics import EVENTS
from shared.errors import ProblemError, answered_within
from shared.kafka.batch import Incoming
from shared.kafka.fetching import Fetching
from shared.mail.headers import address_of
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache
from shared.service import Base
from shared.telemetry import metrics

DOOR = "reply"
# Longer than the content is kept: whoever reads the events from their first one finds the key, or no content.
KEY_LIFE = timedelta(days=9)
KEY = ApiKey(name=DOOR, digest="", prefix="", scopes=[])
log = structlog.get_logger(__name__)


class UnansweredError(TimeoutError):
    """The database did not answer in time: the batch waits and comes again."""


class Forwarder:
    """Passes replies on. What can never be passed on is counted and left; for what only failed now, the batch waits."""

    def __init__(self, admission: Admission, contents: ContentStore, cache: EntityCache, settings: Settings) -> None:
        self._admission = admission
        self._contents = contents
        self._cache = cache
        self._seconds = settings.answer_seconds
        self._host = urlsplit(settings.public_url).hostname or "localhost"

    async def handle(self, batch: list[Incoming[Event]]) -> None:
        replies = [one for one in batch if one.record.type is EventType.REPLIED and "content_id" in one.record.data]
        if not replies:
            return
        contents, workspaces = await asyncio.gather(
            self._contents.load(one.record.data["content_id"] for one in replies),
            self._cache.many(Kind.WORKSPACE, {one.record.workspace_id: 0 for one in replies}),
        )
        results = await asyncio.gather(*(self._pass_on(one, contents, workspaces) for one in replies))
        for result in results:
            metrics.REPLIES.labels(result).inc()

    async def _pass_on(
        self, one: Incoming[Event], contents: Mapping[str, Content], workspaces: Mapping[str, Entity]
    ) -> str:
        """What became of the reply. Raises UnansweredError and what the database raises."""
        event = one.record
        content, workspace = contents.get(event.data["content_id"]), workspaces.get(event.workspace_id)
        if content is None or content.workspace_id != event.workspace_id or workspace is None:
            return "gone"
        principal = _principal(workspace)
        try:
            mime = self._message(event, content, smtputf8=principal.workspace.smtputf8)
        except ValueError as error:
            log.warning("a reply cannot be passed on", event_id=event.event_id, error=type(error).__name__)
            return "unreadable"
        call = Call(principal, DOOR, one.trace, event.event_id).already_counted()
        try:
            async with answered_within(self._seconds):
                await self._admission.admit_mime(call, mime, [address_of(content.to[0])], KEY_LIFE)
        except ProblemError as problem:
            if problem.status >= 500 or problem.status == 409:
                raise UnansweredError(problem.code) from problem
            log.warning("a reply cannot be passed on", event_id=event.event_id, code=problem.code)
            return problem.code
        if not principal.workspace.keep_content:
            await self._contents.delete([content.content_id])
        return "passed on"

    def _message(self, event: Event, content: Content, *, smtputf8: bool) -> MimeMessage:
        """The message to admit; raises ValueError."""
        if content.raw is None or content.raw.data is None or not content.to:
            raise MimeError("the content is no reply")
        raw = forwarded(
            content.raw.data,
            sender=event.sender,
            target=content.to[0],
            host=self._host,
            id_=event.event_id,
            at=event.occurred_at,
            smtputf8=smtputf8,
        )
        return parse_mime(raw, now=datetime.now(UTC), new_id=event.event_id, smtputf8=smtputf8)


def attach_replies(base: Base, admission: Admission, settings: Settings) -> None:
    """Attaches the consumer that passes replies on."""
    contents = ContentStore(base.content_database)
    forwarder = Forwarder(admission, contents, base.cache, settings)
    base.consume("replies", {EVENTS: Event}, forwarder.handle, Fetching.behind(settings))


def _principal(workspace: Entity) -> Principal:
    """The workspace itself: nobody asks for this, and no key is needed for it."""
    return Principal(DOOR, KEY, workspace.id, Workspace.model_validate(workspace.data), workspace.version)
