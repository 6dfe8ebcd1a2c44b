"""From the content of DATA to a message that is durably there, or to the reply that says why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from opentelemetry.trace import SpanKind
from pymongo.errors import PyMongoError

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.gates import require_sending
from services.ingest.acceptance.mime import MimeError, MimeMessage, parse_mime
from services.ingest.acceptance.senders import Senders
from services.ingest.acceptance.storing import Admitted, Call
from services.ingest.accounts.request_limits import RequestLimits
from services.ingest.settings import Settings
from services.ingest.smtp import replies
from shared.addresses import Mailbox
from shared.auth import Principal
from shared.errors import ProblemError, answered_within
from shared.smtp.commands import CommandError
from shared.smtp.replies import TRY_AGAIN, Reply
from shared.telemetry import metrics, names
from shared.telemetry.tracing import Tracing, traceparent_of
from shared.tokens import uuid7

DOOR, SPAN = "smtp", "SMTP DATA"
OUR_FAULTS = ("internal_error", "unavailable")
SLOW_BYTES = 256 * 1024  # reading more takes milliseconds, in which nobody else is served
log = structlog.get_logger(__name__)


class Receiver:
    """Takes messages in for the workspaces of those who have logged in."""

    def __init__(self, admission: Admission, senders: Senders, tracing: Tracing, settings: Settings) -> None:
        self._admission = admission
        self._senders = senders
        self._tracing = tracing
        self._seconds = settings.answer_seconds
        self._limits = RequestLimits(settings)

    async def begin(self, principal: Principal, sender: str) -> None:
        """What has to be right before a message is read: the workspace's gates, its limits, and the sender.

        Raises CommandError and ProblemError.
        """
        require_sending(principal)
        if self._limits.take(principal).violated:
            raise CommandError(replies.TOO_FAST)
        await self._check_sender(principal, sender)

    async def _check_sender(self, principal: Principal, address: str) -> None:
        """Raises CommandError for an address that is no sender of the workspace."""
        async with answered_within(self._seconds):
            origin = await self._senders.resolve(principal.workspace_id, Mailbox(None, address))
        if origin is None:
            raise CommandError(replies.NOT_A_SENDER)

    async def take(self, principal: Principal, recipients: Sequence[str], content: bytes) -> Reply:
        """Stores the message; 250 with the submission's id only once it is durably there. Never raises."""
        began = time.monotonic()
        span = self._tracing.start(SPAN, None, SpanKind.SERVER)
        try:
            reply, code = await self._take(principal, recipients, content, traceparent_of(span))
        except Exception as error:
            log.exception("a message could not be taken", error=type(error).__name__)
            reply, code = TRY_AGAIN, "internal_error"
        metrics.count(metrics.ASKED, door=DOOR, result="failed" if code in OUR_FAULTS else "refused" if code else "ok")
        if code:
            metrics.REFUSED.labels(code, DOOR).inc()
        if self._tracing.wants(span, failed=code in OUR_FAULTS):
            attributes = {names.MAIL_RECIPIENTS: len(recipients), names.MAIL_SMTP_CODE: reply.code}
            self._tracing.end_server_span(span, SPAN, time.monotonic() - began, attributes, code)
        return reply

    async def _take(
        self, principal: Principal, recipients: Sequence[str], content: bytes, trace: str
    ) -> tuple[Reply, str | None]:
        """The reply, and the error's code beside a refusal."""
        try:
            mime = await self._parsed(principal, content)
            if mime.sender is not None:
                await self._check_sender(principal, mime.sender)
            admitted = await self._admit(Call(principal, DOOR, trace, mime.idempotency_key), mime, recipients)
        except MimeError as error:
            return Reply(error.code, error.enhanced, str(error)), "invalid_message"
        except CommandError as error:
            return error.reply, "sender_not_verified"
        except ProblemError as problem:
            return replies.of_problem(problem), problem.code
        except PyMongoError as error:
            log.warning("database away", error=type(error).__name__)
            return TRY_AGAIN, "unavailable"
        return Reply(250, "2.0.0", f"queued as {admitted.reply.decode()}"), None

    async def _parsed(self, principal: Principal, content: bytes) -> MimeMessage:
        now, id_, smtputf8 = datetime.now(UTC), uuid7(), principal.workspace.smtputf8
        if len(content) < SLOW_BYTES:
            return parse_mime(content, now=now, new_id=id_, smtputf8=smtputf8)
        return await asyncio.to_thread(parse_mime, content, now=now, new_id=id_, smtputf8=smtputf8)

    async def _admit(self, call: Call, mime: MimeMessage, recipients: Sequence[str]) -> Admitted:
        async with answered_within(self._seconds):
            return await self._admission.admit_mime(call, mime, recipients)
