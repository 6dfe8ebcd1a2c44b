"""One delivery: compose, sign, converse, mark before the dot, and how that stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.sender.arrivals import Held
from services.sender.mail.dkim import Signer
from services.sender.mail.personal import personal
from services.sender.queue.active import ActiveHolds
from services.sender.retry import RetrySchedule
from services.sender.rules import (
    Settled,
    held_back,
    parked,
    patience,
    rollup_label,
    settle_outcome,
    unbuildable,
    unexpected,
)
from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections
from services.sender.smtp.conversation import Envelope
from services.sender.smtp.outcomes import Abandoned, Ambiguous, Delivered, Outcome, Relayed
from services.sender.supplies import Supply
from shared.content import Content
from shared.contracts.messages import Message
from shared.failpoints import reach
from shared.links import Links
from shared.mail.compose import compose, needs_smtputf8
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled, traceparent_of

log = structlog.get_logger(__name__)
Mark = Callable[[Held], Awaitable[bool]]
LARGE_BYTES = 256 * 1024  # composing more takes milliseconds, in which nobody else is served


@dataclass(frozen=True, slots=True)
class LinksBelow:
    """What signs the links in mail, and the URL that they begin with."""

    links: Links
    base: str


class Delivery:
    """Delivers what was claimed. `mark` makes the data-sent mark durable; False means that the dot must not leave."""

    def __init__(
        self,
        connections: Connections,
        mark: Mark,
        holds: ActiveHolds,
        schedule: RetrySchedule,
        links: LinksBelow,
        tracing: Tracing,
        rng: Random,
    ) -> None:
        self._links = links
        self._connections = connections
        self._mark = mark
        self._holds = holds
        self._schedule = schedule
        self._tracing = tracing
        self._rng = rng

    async def deliver(self, held: Held, supply: Supply) -> tuple[Settled | None, str | None]:
        """How the delivery stands after one attempt, and its span's traceparent; None where the lease was lost."""
        await self._holds.fresh()
        now = datetime.now(UTC)
        if (hold := self._holds.of(held.message)) is not None and not hold.ends:
            return held_back(held.message, hold, now), held.trace
        if supply.behind is not None:
            until = now + patience(held.message, now)
            return parked(held.message, now, until, f"configuration: {supply.behind}"), held.trace
        if held.message.expires_at <= now:
            # never past its expiry: the router ends it with the verdict of this pass
            return parked(held.message, now, now, "expired"), held.trace
        span = self._span(held)
        trace = traceparent_of(span) if span else held.trace
        try:
            outcome = await self._attempt(held, supply)
        except Exception as error:
            log.exception("attempt failed by our own fault", message_id=held.id)
            outcome = unexpected(error, marked=held.marked)
        except BaseException:
            _end(span, "cut", None)
            raise
        if isinstance(outcome, Abandoned):
            _end(span, "abandoned", None)
            return None, trace
        settled = settle_outcome(
            held.message,
            outcome,
            datetime.now(UTC),
            attempt=held.attempt + 1,
            ambiguous=held.ambiguous,
            schedule=self._schedule,
            rng=self._rng,
        )
        _end(span, str(outcome.type), outcome)
        _count(held, outcome, trace)
        return settled, trace

    async def _attempt(self, held: Held, supply: Supply) -> Outcome | Abandoned:
        message, content, egress = held.message, supply.content, supply.egress
        if content is None:
            return unbuildable("content_gone", "the content has expired or was erased")
        assert egress is not None
        assert supply.signer is not None
        try:
            if message.size < LARGE_BYTES:
                signed = self._build(message, content, supply.signer)
                # a conversation yields to others while it waits; composing does not
                await asyncio.sleep(0)
            else:
                signed = await asyncio.to_thread(self._build, message, content, supply.signer)
        except ValueError as error:
            return unbuildable("cannot_be_built", str(error))
        smtputf8 = needs_smtputf8(content, message.recipient)
        eight_bit = content.raw is not None and not signed.isascii()
        envelope = Envelope(message.sender, message.recipient, len(signed), smtputf8, eight_bit)
        return await attempt(self._connections, egress, envelope, signed, lambda: self._before_dot(held))

    def _build(self, message: Message, content: Content, signer: Signer) -> bytes:
        """The message as it goes out. Raises ValueError for content that cannot be made into one."""
        own = personal(content, message, self._links.links, self._links.base)
        body = compose(own, message_id=message.message_id, date=message.due_at)
        return signer.sign(body, now=datetime.now(UTC)) + body

    async def _before_dot(self, held: Held) -> bool:
        safe_until = held.safe_until  # what is renewed meanwhile may be somebody else's by then
        hold = self._holds.of(held.message)
        if (hold is not None and not hold.ends) or not await self._mark(held):
            return False
        reach("sender.marked")
        if time.monotonic() >= safe_until:
            # stalled since: others may have taken the delivery for sent, and sent it again
            return False
        held.marked = True
        return True

    def _span(self, held: Held) -> Span | None:
        if not is_sampled(held.trace):
            return None
        route = held.message.route
        assert route is not None
        attributes = {
            "mail.message_id": held.id,
            "mail.attempt": held.attempt + 1,
            "mail.pass": held.message.pass_,
            "mail.transport": route.transport,
            "mail.rollup": route.rollup,
        }
        return self._tracing.start("smtp.deliver", held.trace, SpanKind.CLIENT, attributes)


def _end(span: Span | None, outcome: str, said: Outcome | None) -> None:
    if span is None:
        return
    span.set_attribute("mail.outcome", outcome)
    if said is not None:
        for name, value in (
            ("server.address", said.host),
            ("network.peer.address", said.ip),
            ("mail.smtp.code", said.code),
            ("mail.enhanced_code", said.enhanced),
            ("mail.stage", said.stage and str(said.stage)),
            ("tls.protocol.version", said.tls_version),
        ):
            if value is not None:
                span.set_attribute(name, value)
        if not isinstance(said, Delivered | Relayed):
            span.set_status(Status(StatusCode.ERROR, outcome))
    span.end()


def _count(held: Held, outcome: Outcome, trace: str | None) -> None:
    route = held.message.route
    rollup = rollup_label(route.rollup) if route else "none"
    metrics.OUTCOMES.labels(str(outcome.type), str(outcome.class_ or "none"), rollup).inc()
    if isinstance(outcome, Ambiguous):
        metrics.AMBIGUOUS.labels(rollup).inc()
    if isinstance(outcome, Delivered | Relayed):
        seconds = (datetime.now(UTC) - held.message.due_at).total_seconds()
        metrics.observe(metrics.END_TO_END, seconds, trace, lane=str(held.message.lane))
    for phase, ms in outcome.timings:
        metrics.SMTP_PHASE.labels(phase).observe(ms / 1000)
