"""One delivery: whether it may begin, an attempt, and how it stands then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from services.sender.arrivals import Held
from services.sender.attempts import Attempts
from services.sender.own_faults import unexpected
from services.sender.queue.active import ActiveHolds
from services.sender.rules import WARMED_UP, Settled, held_back, parked, patience
from services.sender.smtp.behind import Behind
from services.sender.smtp.outcomes import Abandoned, Outcome
from services.sender.smtp.transaction import AfterDot, nobody
from services.sender.spans import begin_failed_span, begin_span, count_first, count_outcome, end_span
from services.sender.supplies import Supply
from services.sender.tls.sts_policies import StsPolicies
from shared.content import ContentGoneError, ContentUnreadableError
from shared.telemetry.tracing import Tracing, is_sampled, traceparent_of

log = structlog.get_logger(__name__)
Heard = Callable[[Held, Outcome], None]
POLICY_WAIT = timedelta(seconds=5)


class Delivery:
    """Delivers what was claimed. `settle` is `settle_outcome` with its schedule and dice; `heard` is told of every
    outcome."""

    def __init__(
        self,
        attempts: Attempts,
        policies: StsPolicies | None,
        holds: ActiveHolds,
        settle: Callable[..., Settled],
        heard: Heard,
        tracing: Tracing,
    ) -> None:
        self._attempts = attempts
        self._policies = policies
        self._holds = holds
        self._settle = settle
        self._heard = heard
        self._tracing = tracing

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
                self._attempts.leave(behind)

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
        span = begin_span(self._tracing, held)
        trace = traceparent_of(span) if span else held.trace
        count_first(held, trace)
        try:
            outcome = await self._attempts.make(held, known, pass_on, behind)
        except (ContentGoneError, ContentUnreadableError) as error:
            # in the middle of a body or before: no dot has left, and a content that is gone ends its message next time
            log.warning("a content could not be read", message_id=held.id, reason=str(error))
            end_span(span, "content")
            return parked(held.message, now, now + patience(held.message, now), "content"), trace
        except Exception as error:
            log.exception("attempt failed by our own fault", message_id=held.id)
            outcome = unexpected(error, marked=held.marked)
        except BaseException:
            end_span(span, "cut")
            raise
        if isinstance(outcome, Abandoned):
            end_span(span, "abandoned")
            return None, trace
        settled = self._settle(
            held.message,
            outcome,
            datetime.now(UTC),
            attempt=held.attempt + 1,
            ambiguous=held.ambiguous,
            refused=held.refused,
        )
        self._heard(held, outcome)
        if span is None and not is_sampled(held.trace):
            span = begin_failed_span(self._tracing, held, outcome.type)
            trace = traceparent_of(span) if span else held.trace
        end_span(span, str(outcome.type), outcome)
        count_outcome(held, outcome, trace)
        return settled, trace

    async def _with_policy(self, supply: Supply) -> Supply | None:
        """The supply with what MTA-STS says of the recipient's domain; None where that is not known yet."""
        egress = supply.egress
        if self._policies is None or egress is None or egress.domain is None:
            return supply
        found = await self._policies.of(egress.domain)
        return None if found is None else replace(supply, egress=replace(egress, sts=found))
