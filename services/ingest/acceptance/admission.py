"""Admission: from a parsed request to messages that are durably there. Nothing but its return means accepted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from services.ingest.acceptance.documents import (
    KEPT_AFTER,
    Addressed,
    Letter,
    Plan,
)
from services.ingest.acceptance.faults import Faults
from services.ingest.acceptance.files import File
from services.ingest.acceptance.idempotency import digest_of
from services.ingest.acceptance.mime import MimeMessage
from services.ingest.acceptance.mime_plan import derived_key, digest_of_mime, raw_by_mailbox, recipients_of
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.senders import DeliveryRoutes, Origin, Senders
from services.ingest.acceptance.storing import Admitted, Call, Render, Storing
from services.ingest.acceptance.times import Times
from services.ingest.acceptance.validation import LONGEST_SUBJECT, Checked, Recipient, check
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.settings import Settings
from services.ingest.store.submissions import Submissions
from services.ingest.store.uploads import Uploads
from shared.addresses import parse_mailbox
from shared.auth import Principal
from shared.content import Attachment, Content
from shared.contracts.messages import Message, RecipientType
from shared.contracts.topics import Stream
from shared.errors import ProblemError
from shared.mongo.entity_cache import EntityCache


def require_sending(principal: Principal) -> None:
    """The workspace's own gates; raises a 403 problem with the members that callers of such APIs look for."""
    if "smtp.enabled" not in principal.workspace.features:
        raise ProblemError(
            403,
            "upgrade_needed",
            "This workspace has no access to sending.",
            members={"error": "upgrade_needed", "feature": "smtp.enabled"},
        )
    if not principal.workspace.owner_verified:
        raise ProblemError(
            403,
            "email_verification_required",
            "The address of the workspace's owner has to be verified before anything is sent.",
            members={"error": "email_verification_required"},
        )


class Admission:
    """Checks, resolves and stores requests; the one way in behind every door."""

    def __init__(
        self,
        cache: EntityCache,
        contacts: ContactLookup,
        submissions: Submissions,
        uploads: Uploads,
        settings: Settings,
    ) -> None:
        self._senders = Senders(cache)
        self._routes = DeliveryRoutes(cache, self._senders)
        self._contacts = contacts
        self._storing = Storing(submissions, timedelta(hours=settings.idempotency_hours))
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
        checked, origin = await self.examine(call.principal, request, faults, now, uploaded)
        faults.raise_any()
        assert origin is not None
        plan = await self._plan(call, request, checked, origin, now)
        return await self._storing.store(call, plan, digest, render)

    async def admit_mime(self, call: Call, mime: MimeMessage, addresses: Sequence[str]) -> Admitted:
        """Accepts a whole message for the envelope's recipients; the reply is the submission's id.

        Without a key of the caller's, the same message for the same recipients from the same credential within
        minutes is the one whose reply was lost. Raises ProblemError, and PyMongoError as `admit` does.
        """
        now, principal = now_ms(), call.principal
        recipients = recipients_of(mime, addresses)
        digest = digest_of_mime(mime, recipients)
        key_life = None
        if call.key is not None:
            replayed = await self._storing.earlier_reply(call, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        elif mime.message_id is not None:
            # not looked up first: nearly all are new, and the insert tells
            call = call.under(derived_key(principal.key_id, mime.message_id, digest))
            key_life = self._resend_life
        origin = await self._senders.resolve(principal.workspace_id, mime.from_mailbox)
        if origin is None:
            faults = Faults()
            faults.add("#/from", "sender_not_verified", "From is no verified sender, nor of a verified domain.")
            faults.raise_any()
            raise AssertionError
        times = Times(None, now + self._life)
        addressed = await self._with_origins(principal.workspace_id, recipients, origin)
        raws = raw_by_mailbox(mime, origin, addressed)
        blobs = [await self._uploads.keep(raw, times.expires_at + KEPT_AFTER) for raw in raws.values()]
        plan = Plan(
            principal=principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=Letter(mime.to, mime.cc, mime.subject[:LONGEST_SUBJECT], raw=dict(zip(raws, blobs, strict=True))),
            recipients=addressed,
            times=times,
            stream=stream_of(principal, mime.stream),
            size=len(mime.raw),
            tags=mime.tags,
        )
        return await self._storing.store(call, plan, digest, _submission_id, key_life)

    async def resend(self, call: Call, record: Message, content: Content, render: Render) -> Admitted:
        """Accepts a message again, with the content that it had, for the same recipient."""
        now = now_ms()
        digest = None
        if call.key is not None:
            digest = sha256(f"resend:{record.message_id}".encode()).digest()
            replayed = await self._storing.earlier_reply(call, digest, now)
            if replayed is not None:
                return Admitted(replayed, replayed=True)
        origin = await self._senders.resolve(call.principal.workspace_id, parse_mailbox(content.from_, smtputf8=True))
        if origin is None:
            faults = Faults()
            faults.add("#", "sender_not_verified", f"{content.from_} is no verified sender any more.")
            faults.raise_any()
            raise AssertionError
        times = Times(None, now + self._life)
        until = times.expires_at + KEPT_AFTER
        if not await self._storing.keep_content(content.content_id, until):
            raise ProblemError(404, "content_gone", "What this message says is not kept any more.")
        await self._uploads.prolong(list(content.blobs()), until)
        recipient = Recipient(record.recipient, record.recipient_type, record.recipient)
        plan = Plan(
            principal=call.principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=Letter(content.to, content.cc, content.subject),
            recipients=[Addressed(recipient, origin)],
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

    async def examine(
        self,
        principal: Principal,
        request: SendRequest,
        faults: Faults,
        now: datetime,
        uploaded: Sequence[File] = (),
    ) -> tuple[Checked, Origin | None]:
        """The request as it would be sent, and from whom; every fault is told, and None stands beside one."""
        checked = check(request, principal.workspace, now, self._life, faults, uploaded)
        origin = None
        if checked.sender is not None:
            origin = await self._senders.resolve(principal.workspace_id, checked.sender)
            if origin is None:
                faults.add("#/from", "sender_not_verified", "`from` is no verified sender, nor of a verified domain.")
        return checked, origin

    async def _plan(self, call: Call, request: SendRequest, checked: Checked, origin: Origin, now: datetime) -> Plan:
        principal = call.principal
        recipients = await self._with_origins(principal.workspace_id, checked.recipients, origin)
        attachments = await self._uploads.attach(checked.files, checked.times.expires_at + KEPT_AFTER)
        return Plan(
            principal=principal,
            door=call.door,
            trace=call.trace,
            accepted_at=now,
            letter=letter_of(request, checked, attachments),
            recipients=recipients,
            times=checked.times,
            stream=stream_of(principal, request.stream),
            size=checked.size,
            tags=checked.tags,
            metadata=checked.metadata,
            on_ambiguous=request.on_ambiguous or "retry",
        )

    async def _with_origins(
        self, workspace_id: str, recipients: Sequence[Recipient], origin: Origin
    ) -> list[Addressed]:
        contacts = await self._contacts.find(workspace_id, [one.address for one in recipients])
        routed = await self._routes.of(workspace_id, contacts)
        return [Addressed(one, routed.get(one.address.lower(), origin)) for one in recipients]


def _submission_id(accepted: Sequence[Accepted]) -> bytes:
    return accepted[0].submission_id.encode()


def letter_of(request: SendRequest, checked: Checked, attachments: Sequence[Attachment]) -> Letter:
    return Letter(
        to=[one.mailbox for one in checked.recipients if one.type is RecipientType.TO],
        cc=[one.mailbox for one in checked.recipients if one.type is RecipientType.CC],
        subject=request.subject or "",
        reply_to=checked.reply_to,
        html=request.html,
        text=request.text,
        headers=checked.headers,
        attachments=attachments,
    )


def stream_of(principal: Principal, asked: str | None) -> Stream:
    return Stream(asked or principal.key.default_stream or principal.workspace.default_stream)


def now_ms() -> datetime:
    """As MongoDB keeps it: to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
