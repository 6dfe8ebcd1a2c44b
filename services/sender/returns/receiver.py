"""From the content of DATA to events that are durably there, or to the reply that says why not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from services.sender.bounces.live import Rules
from services.sender.returns.addresses import Return, ReturnAddresses, ReturnKind
from services.sender.returns.decisions import Identity, event_of_return, is_valid, meaning_of, named_messages
from services.sender.returns.reports import AutoReply, Complaint, Mail, Returned, read_report
from services.sender.settings import Settings
from services.sender.store.returns import KEPT, Returns
from shared.content import CHUNK_BYTES, INLINE_BYTES, Blob, Content
from shared.contracts.events import Event
from shared.contracts.topics import EVENTS
from shared.erasure import is_erased, redacted_data
from shared.failpoints import reach
from shared.kafka.publish import Outgoing, Publisher
from shared.mail.lines import check_lines
from shared.mongo.outbox import Outbox
from shared.smtp.replies import OK, TRY_AGAIN, Reply
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers

LARGE_BYTES = 64 * 1024  # reading more takes milliseconds, in which nobody else is served
ROUND = Reply(554, "5.4.6", "the message goes round in circles")
NOBODY = Reply(550, "5.1.1", "no such address here")
OVER = Reply(550, "5.1.1", "replies to this message are not taken any more")
log = structlog.get_logger(__name__)


class Receiver:
    """Takes what came back. Addresses of ours that say nothing any more are taken and forgotten: whoever probes learns
    nothing, but a person whose reply would be lost is told."""

    def __init__(
        self,
        addresses: ReturnAddresses,
        returns: Returns,
        rules: Rules,
        publisher: Publisher,
        settings: Settings,
    ) -> None:
        self._addresses = addresses
        self._returns = returns
        self._rules = rules
        self._feedback = {address.lower() for address in settings.returns_feedback_addresses}
        self._valid = timedelta(days=settings.returns_valid_days)
        self._most = settings.returns_most
        self.outbox = Outbox(returns.collection, publisher, lambda document: [_record(document)])

    async def admit(self, address: str) -> Return | Reply | None:
        """What mail to this address is about, None for one that takes complaints about any message; a refusal for all
        others. Raises PyMongoError."""
        if address.lower() in self._feedback:
            return None
        known = self._addresses.read(address)
        if known is None:
            return NOBODY
        if known.kind is ReturnKind.REPLY:
            identity = (await self._returns.identities([known.message_id])).get(known.message_id)
            if identity is None or not is_valid(identity, datetime.now(UTC), self._valid):
                return OVER
            if identity.answers_to is None:  # as a rule its own delivery is not recorded yet
                return OVER if identity.ended else TRY_AGAIN
        return known

    async def take(self, recipients: Sequence[Return | None], sender: str, content: bytes) -> Reply:
        """Stores what the message means for each of its recipients; 250 only once that is durably there. Never
        raises."""
        try:
            returned = await self._read(content, sender)
            if returned.circles:
                return ROUND
            about = list(dict.fromkeys(recipients))
            replies = await asyncio.gather(*(self._take_one(each, returned, content) for each in about))
        except PyMongoError as error:
            log.warning("database away", error=type(error).__name__)
            return TRY_AGAIN
        except Exception as error:
            log.exception("a return could not be taken", error=type(error).__name__)
            return TRY_AGAIN
        return next((reply for reply in replies if reply is not OK), OK)

    async def _read(self, content: bytes, sender: str) -> Returned:
        if len(content) < LARGE_BYTES:
            return read_report(content, sender)
        return await asyncio.to_thread(read_report, content, sender)

    async def _take_one(self, about: Return | None, returned: Returned, content: bytes) -> Reply:
        now = datetime.now(UTC)
        kind = about.kind if about is not None else None
        identity = await self._identity(about, returned)
        name = type(returned.report).__name__
        if identity is None or not is_valid(identity, now, self._valid):
            metrics.RETURNS.labels(name, "unknown" if identity is None else "expired").inc()
            return OK
        meaning = meaning_of(returned.report, kind, identity.event.type, self._rules.book, identity.rollup)
        if await self._returns.count(identity.event.message_id, self._most) >= self._most:
            metrics.RETURNS.labels(name, "too_many").inc()
            return OVER if meaning.is_reply else OK
        event = event_of_return(identity, meaning, returned.digest, now)
        if is_erased(event.recipient):  # what comes back quotes them
            event = event.with_changes(data=redacted_data(event.data))
        if meaning.is_reply:
            try:
                check_lines(content)
            except ValueError as error:
                return Reply(550, "5.6.0", str(error))
            await self._keep(event, identity, content, now)
        stored = await self._returns.add(event, now)
        metrics.RETURNS.labels(name, "told" if stored else "repeated").inc()
        if stored:
            reach("returns.stored")
            await self.outbox.offer([stored])
        return OK

    async def _identity(self, about: Return | None, returned: Returned) -> Identity | None:
        """The message that it came to the address of; of a complaint, the first that it names and that we know."""
        report = returned.report
        mentions = report.mentions if isinstance(report, Complaint | AutoReply | Mail) else ()
        ids = [about.message_id] if about is not None else named_messages(mentions, self._addresses.read)
        known = await self._returns.identities(ids) if ids else {}
        return next((known[each] for each in ids if each in known), None)

    async def _keep(self, event: Event, identity: Identity, content: bytes, now: datetime) -> None:
        """Stores what the reply says under its event's id, where whoever passes it on finds it."""
        inline = len(content) <= INLINE_BYTES
        blob = Blob(
            blob_id=event.event_id,
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
            chunks=0 if inline else -(-len(content) // CHUNK_BYTES),
            data=content if inline else None,
        )
        kept = Content(
            content_id=event.event_id,
            workspace_id=event.workspace_id,
            from_="",
            to=[identity.answers_to] if identity.answers_to else [],
            subject="",
            raw=blob,
            expires_at=now + KEPT,
        )
        await self._returns.keep(kept, content)


def _record(document: Mapping[str, Any]) -> Outgoing:
    return Outgoing(EVENTS, document["message_id"], document["event"], trace_headers(document.get("trace")))
