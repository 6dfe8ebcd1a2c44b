"""Admission: from a parsed request to messages that are durably there. Nothing but its return means accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from services.ingest.acceptance.documents import Accepted, Letter, Plan
from services.ingest.acceptance.examination import Examination, Examined
from services.ingest.acceptance.idempotency import digest_of
from services.ingest.acceptance.marking import allowed, marked, tracked_of
from services.ingest.acceptance.mime import MimeMessage
from services.ingest.acceptance.mime_marking import MarkedMime, marked_mime
from services.ingest.acceptance.mime_plan import derived_key, digest_of_mime, raw_by_mailbox, recipients_of
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.storing import Admitted, Call, KeyUse, Render, Storing
from services.ingest.acceptance.times import Times
from services.ingest.acceptance.validation import Recipient
from services.ingest.accounts.quota import Taken
from services.ingest.faults import Faults
from services.ingest.forms import LONGEST_SUBJECT
from services.ingest.rules import KEPT_AFTER
from services.ingest.settings import Settings
from services.ingest.store.uploads import File, Uploads
from services.ingest.templates.template import Template
from services.ingest.tracking.rewriting import Tracked
from shared.addresses import parse_mailbox
from shared.auth import Principal
from shared.content import Attachment, Content
from shared.contracts.messages import Message, RecipientType
from shared.contracts.topics import Stream
from shared.errors import ProblemError

LARGE_BYTES = 256 * 1024


class Admission:
    """Checks, resolves and stores requests; the one way in behind every door."""

    def __init__(self, examination: Examination, storing: Storing, uploads: Uploads, settings: Settings) -> None:
        self._examination = examination
        self._storing = storing
        self._uploads = uploads
        self._life = timedelta(hours=settings.expires_hours)
        self._resend_life = timedelta(minutes=settings.smtp_resend_minutes)

    async def admit(
        self, call: Call, request: SendRequest, faults: Faults, render: Render, uploaded: Sequence[File] = ()
    ) -> Admitted:
        """Accepts the request, or replays the reply that its key stands for.

        `faults` are those found in reading it, `uploaded` the files that came beside it. Raises ProblemError, and
        PyMongoError where it is not known whether the request was stored.
        """
        now = now_ms()
        digest = None
        if call.key is not None and not any(faults):
            digest = digest_of(request, uploaded, call.door)
            replayed = await self._storing.earlier_reply(call, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        tracked = tracked_of(request, call.principal)
        examined = await self._examination.examine(call.principal, request, faults, now, uploaded)
        faults.raise_any()
        plan = await self._plan(call, examined, tracked, now)
        return await self._storing.store(call, plan, digest, render)

    async def original_of(self, call: Call) -> KeyUse | None:
        """How the call's key was used before, None where it was not: for doors that give no reply twice."""
        return await self._storing.first_use(call, now_ms())

    async def count(self, principal: Principal, recipients: int) -> Taken | None:
        """Counts the recipients of several calls against the quota at once; raises a 429 problem, nothing counted."""
        return await self._storing.count(principal, recipients)

    async def template(self, principal: Principal, template_id: str) -> Template | None:
        """A template of the caller's workspace, for doors whose requests say more about it than the core's do."""
        return await self._examination.template(principal, template_id)

    async def preview(self, principal: Principal, request: SendRequest, faults: Faults) -> Examined:
        """The request as it would be sent; raises the problem that sending it would."""
        tracked_of(request, principal)
        examined = await self._examination.examine(principal, request, faults, now_ms())
        faults.raise_any()
        return examined

    async def admit_mime(
        self, call: Call, mime: MimeMessage, addresses: Sequence[str], key_life: timedelta | None = None
    ) -> Admitted:
        """Accepts a whole message for the envelope's recipients; the reply is the submission's id.

        Without a key of the caller's, the same message for the same recipients from the same credential within
        minutes is the one whose reply was lost; `key_life` is given where a key is held longer than others. Raises
        ProblemError, and PyMongoError as `admit` does.
        """
        now, principal = now_ms(), call.principal
        recipients = recipients_of(mime, addresses)
        digest = digest_of_mime(mime, recipients)
        if call.key is not None:
            replayed = await self._storing.earlier_reply(call, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        elif mime.message_id is not None:
            # not looked up first: nearly all are new, and the insert tells
            call = call.under(derived_key(principal.key_id, mime.message_id, digest))
            key_life = self._resend_life
        faults = Faults()
        origin = await self._examination.origin(principal, mime.from_mailbox, faults)
        faults.raise_any()
        assert origin is not None
        tracked = allowed(Tracked.of_header(mime.tracking) if mime.tracking else None, principal)
        times = Times(None, now + self._life)
        addressed = await self._examination.addressed(principal, recipients, origin)
        marked = await _marked_mime(raw_by_mailbox(mime, origin, addressed), tracked)
        until = times.expires_at + KEPT_AFTER
        blobs = await asyncio.gather(*(self._uploads.keep(raw, until) for raw in marked.raws.values()))
        letter = Letter(
            to=mime.to,
            cc=mime.cc,
            subject=mime.subject[:LONGEST_SUBJECT],
            raw=dict(zip(marked.raws, blobs, strict=True)),
            nonce=marked.nonce,
            links=marked.links,
        )
        plan = Plan(
            principal=principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=letter,
            recipients=addressed,
            times=times,
            stream=stream_of(principal, mime.stream),
            size=max(blob.size for blob in blobs),
            tags=mime.tags,
        )
        return await self._storing.store(call, plan, digest, _submission_id, key_life)

    async def resend(self, call: Call, record: Message, content: Content, render: Render) -> Admitted:
        """Accepts a message again, with the content that it had, for the same recipient: one who has unsubscribed does
        not get a marketing message again."""
        now = now_ms()
        digest = None
        if call.key is not None:
            digest = sha256(f"resend:{record.message_id}".encode()).digest()
            replayed = await self._storing.earlier_reply(call, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        faults = Faults()
        sender = parse_mailbox(content.from_, smtputf8=True)
        origin = await self._examination.origin(call.principal, sender, faults)
        faults.raise_any()
        assert origin is not None
        times = Times(None, now + self._life)
        until = times.expires_at + KEPT_AFTER
        if not await self._storing.keep_content(content.content_id, until):
            raise ProblemError(404, "content_gone", "What this message says is not kept any more.")
        await self._uploads.prolong(list(content.blobs()), until)
        recipient = Recipient(record.recipient, record.recipient_type, record.recipient)
        (addressed,) = await self._examination.addressed(
            call.principal, [recipient], origin, marketing=content.marketing
        )
        plan = Plan(
            principal=call.principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=Letter(content.to, content.cc, content.subject),
            recipients=[replace(addressed, origin=origin)],  # the content's From stays
            times=times,
            stream=record.stream,
            size=record.size,
            tags=record.tags,
            metadata=record.metadata,
            on_ambiguous=record.on_ambiguous,
            content_id=content.content_id,
            resend_of=record.message_id,
        )
        return await self._storing.store(call, plan, digest, render)

    async def _plan(self, call: Call, examined: Examined, tracked: Tracked, now: datetime) -> Plan:
        request, checked, origin = examined.request, examined.checked, examined.origin
        assert origin is not None
        recipients = await self._examination.addressed(
            call.principal, checked.recipients, origin, marketing=examined.marketing
        )
        attachments = await self._uploads.attach(checked.files, checked.times.expires_at + KEPT_AFTER)
        return Plan(
            principal=call.principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=await _letter(examined, attachments, tracked),
            recipients=recipients,
            times=checked.times,
            stream=stream_of(call.principal, request.stream),
            size=checked.size,
            tags=checked.tags,
            metadata=checked.metadata,
            on_ambiguous=request.on_ambiguous or "retry",
        )


def _submission_id(accepted: Sequence[Accepted]) -> bytes:
    return accepted[0].submission_id.encode()


async def _letter(examined: Examined, attachments: Sequence[Attachment], tracked: Tracked) -> Letter:
    """The letter, made in a thread where its bodies are large: looking through them takes as long as they are."""
    if examined.checked.size < LARGE_BYTES:
        return letter_of(examined, attachments, tracked)
    return await asyncio.to_thread(letter_of, examined, attachments, tracked)


async def _marked_mime(raws: Mapping[str, bytes], tracked: Tracked) -> MarkedMime:
    """Marked in a thread where the message is large."""
    if sum(map(len, raws.values())) < LARGE_BYTES:
        return marked_mime(raws, tracked)
    return await asyncio.to_thread(marked_mime, raws, tracked)


def letter_of(examined: Examined, attachments: Sequence[Attachment], tracked: Tracked) -> Letter:
    """What the recipients read, with marks where that differs by message."""
    request, checked = examined.request, examined.checked
    unsubscribe = examined.marketing or request.unsubscribe_link is True
    bodies = marked(request.html, request.text, examined.marks, tracked, unsubscribe=unsubscribe)
    return Letter(
        to=[one.mailbox for one in checked.recipients if one.type is RecipientType.TO],
        cc=[one.mailbox for one in checked.recipients if one.type is RecipientType.CC],
        subject=request.subject or "",
        reply_to=checked.reply_to,
        html=bodies.html,
        text=bodies.text,
        headers=checked.headers,
        attachments=attachments,
        nonce=bodies.nonce,
        links=bodies.links,
        unsubscribe=unsubscribe,
        marketing=examined.marketing,
        replies=tracked.replies,
        reads=tracked.reads,
    )


def stream_of(principal: Principal, asked: str | None) -> Stream:
    return Stream(asked or principal.key.default_stream or principal.workspace.default_stream)


def now_ms() -> datetime:
    """As MongoDB keeps it: to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
