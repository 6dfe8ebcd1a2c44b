"""One delivery: compose, sign, converse, mark before the dot, and how that stands."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.sender.arrivals import Held
from services.sender.destinations.name import provider_of
from services.sender.mail.letters import Letters
from services.sender.queue.active import ActiveHolds
from services.sender.retry import RetrySchedule
from services.sender.rules import (
    WARMED_UP,
    Settled,
    held_back,
    parked,
    patience,
    settle_outcome,
    unbuildable,
    unexpected,
)
from services.sender.smtp.attempt import attempt
from services.sender.smtp.behind import Behind
from services.sender.smtp.connections import Connections
from services.sender.smtp.conversation import AfterDot, nobody
from services.sender.smtp.outcomes import Abandoned, Ambiguous, Delivered, Outcome, Relayed
from services.sender.supplies import Supply
from services.sender.tls.sts_policies import StsPolicies
from shared.content import ContentGoneError, ContentUnreadableError
from shared.failpoints import reach
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled, traceparent_of

log = structlog.get_logger(__name__)
Mark = Callable[[Held], Awaitable[bool]]
Heard = Callable[[Held, Outcome], None]
POLICY_WAIT = timedelta(seconds=5)


class Delivery:
    """Delivers what was claimed. `mark` makes the data-sent mark durable; False means that the dot must not leave.

    `heard` is told of every outcome.
    """

    def __init__(
        self,
        connections: Connections,
        policies: StsPolicies | None,
        mark: Mark,
        heard: Heard,
        holds: ActiveHolds,
        schedule: RetrySchedule,
        letters: Letters,
        tracing: Tracing,
        rng: Random,
    ) -> None:
        self._letters = letters
        self._connections = connections
        self._policies = policies
        self._mark = mark
        self._heard = heard
        self._holds = holds
        self._schedule = schedule
        self._tracing = tracing
        self._rng = rng

    async def deliver(
        self, held: Held, supply: Supply, pass_on: AfterDot = nobody, behind: Behind | None = None
    ) -> tuple[Settled | None, str | None]:
        """How the delivery stands after one attempt, and its span's traceparent; None where the lease was lost.

        `pass_on` says which other goes on behind it when its dot has left; it begins in the place `behind` another.
        """
        try:
            return await self._deliver(held, supply, pass_on, behind)
        finally:
            if behind is not None:
                self._connections.leave(behind)

    async def _deliver(
        self, held: Held, supply: Supply, pass_on: AfterDot, behind: Behind | None
    ) -> tuple[Settled | None, str | None]:
        await self._holds.fresh()
        now = datetime.now(UTC)
        if (hold := self._holds.of(held.message)) is not None and not hold.ends:
            return held_back(held.message, hold, now), held.trace
        if supply.behind is not None:
            until = now + patience(held.message, now)
            return parked(held.message, now, until, f"configuration: {supply.behind}"), held.trace
        if supply.full:
            return parked(held.message, now, now, WARMED_UP), held.trace
        if held.message.expires_at <= now:
            # never past its expiry: the router ends it with the verdict of this pass
            return parked(held.message, now, now, "expired"), held.trace
        known = await self._with_policy(supply)
        if known is None:
            until = now + patience(held.message, now, POLICY_WAIT)
            return parked(held.message, now, until, "mta_sts"), held.trace
        span = self._span(held)
        trace = traceparent_of(span) if span else held.trace
        try:
            outcome = await self._attempt(held, known, pass_on, behind)
        except (ContentGoneError, ContentUnreadableError) as error:
            # in the middle of a body or before: no dot has left, and a content that is gone ends its message next time
            log.warning("a content could not be read", message_id=held.id, reason=str(error))
            _end(span, "content", None)
            return parked(held.message, now, now + patience(held.message, now), "content"), trace
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
            refused=held.refused,
        )
        self._heard(held, outcome)
        _end(span, str(outcome.type), outcome)
        _count(held, outcome, trace)
        return settled, trace

    async def _with_policy(self, supply: Supply) -> Supply | None:
        """The supply with what MTA-STS says of the recipient's domain; None where that is not known yet."""
        egress = supply.egress
        if self._policies is None or egress is None or egress.domain is None:
            return supply
        found = await self._policies.of(egress.domain)
        return None if found is None else replace(supply, egress=replace(egress, sts=found))

    async def _attempt(
        self, held: Held, supply: Supply, pass_on: AfterDot, behind: Behind | None
    ) -> Outcome | Abandoned:
        message, content, egress = held.message, supply.content, supply.egress
        if content is None:
            return unbuildable("content_gone", "the content has expired or was erased")
        assert egress is not None
        try:
            letter = await self._letters.of(message, content, supply)
        except ContentGoneError as error:
            return unbuildable("content_gone", str(error))
        except ValueError as error:
            return unbuildable("cannot_be_built", str(error))
        held.answers_to = letter.answers_to
        return await attempt(
            self._connections,
            egress,
            letter.envelope,
            letter.data,
            lambda: self._before_dot(held),
            lambda connection: pass_on(connection) if self._connections.may_be_followed(connection) else None,
            behind,
        )

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
            ("network.local.address", said.source),
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
    rollup = provider_of(route.rollup) if route else "none"
    labels = {"outcome": str(outcome.type), "class": str(outcome.class_ or "none"), "rollup": rollup}
    metrics.count(metrics.OUTCOMES, 1, **labels)
    if isinstance(outcome, Ambiguous):
        metrics.AMBIGUOUS.labels(rollup).inc()
    if isinstance(outcome, Delivered | Relayed):
        seconds = (datetime.now(UTC) - held.message.due_at).total_seconds()
        metrics.observe(metrics.END_TO_END, seconds, trace, lane=str(held.message.lane))
    for phase, ms in outcome.timings:
        metrics.observe(metrics.SMTP_PHASE, ms / 1000, phase=phase)
