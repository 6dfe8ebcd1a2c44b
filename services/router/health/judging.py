"""What is judged for all processes: breakers every few seconds, sending domains every minute.

Any number of processes may do it at once: what was counted, the breakers and the reputations stand in MongoDB, and a
change is written only over what it was decided from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from services.router.health import reputation
from services.router.health.breaker import Breaker, Policy
from services.router.health.counts import Counts
from services.router.health.reputation import Thresholds
from services.router.health.slots import HORIZON, Pair, Span, summed
from services.router.health.standing import Reputation, State
from services.router.health.store.breakers import Breakers
from services.router.health.store.hours import WINDOW, Hours
from services.router.health.store.reputations import Reputations, Standing
from services.router.health.store.slots import Slots
from services.router.health.store.standings import Standings
from services.router.health.tallies import judged_from, reached_in, tallies, transitions, worth_telling
from shared.telemetry import metrics

log = structlog.get_logger(__name__)


class Judging:
    """Feeds the pure rules with what was counted, and writes what they decide."""

    def __init__(
        self,
        slots: Slots,
        hours: Hours,
        breakers: Breakers,
        standings: Standings,
        reputations: Reputations,
        policy: Policy,
        thresholds: Thresholds,
    ) -> None:
        self._slots = slots
        self._hours = hours
        self._breakers = breakers
        self._standings = standings
        self._reputations = reputations
        self._policy = policy
        self._thresholds = thresholds
        self._reached: dict[Pair, datetime] | None = None

    async def breakers(self) -> None:
        """Judges every breaker once."""
        now = datetime.now(UTC)
        breakers = await self._breakers.all()
        everything = self._reached is None  # what was reached before this process began
        start = now - HORIZON if everything else judged_from(breakers.values(), now, self._policy)
        spans = await self._slots.since(start)
        reached = self._reached_by(spans, now)
        recent = tallies(summed(spans, now - self._policy.window), reached, self._policy)
        await self._standings.write(worth_telling(recent, self._policy), now)
        after = transitions(spans, recent, breakers, reached, now, self._policy)
        changed = await self._breakers.change(after)
        for breaker in changed:
            _tell(breaker)
        _observe((breakers | {breaker.key: breaker for breaker in changed}).values())

    async def reputations(self) -> None:
        """Adds the hours up and judges every sending domain that was complained of, or stands worse than good."""
        now = datetime.now(UTC)
        await self._hours.renew(now)
        known = await self._reputations.troubled()
        domains = {*known, *await self._hours.complained_of(now - WINDOW)}
        known |= await self._reputations.of_domains(domains - known.keys())
        sums = await self._hours.of_domains(domains, now - WINDOW)
        judged = []
        for domain in domains:
            before, counts = known.get(domain, Standing(domain)), sums.get(domain, Counter())
            state = reputation.judge(before.state, counts["complained"], counts["accepted"], self._thresholds)
            judged.append(replace(before, state=state, since=before.since if state is before.state else now))
        changed = [each for each in judged if each.state is not known.get(each.domain, Standing(each.domain)).state]
        for standing in await self._reputations.change(changed):
            _tell_of_sender(standing, sums.get(standing.domain, Counter()))
        states = Counter(standing.state for standing in judged)
        for state in (Reputation.WARNED, Reputation.POOR):
            metrics.REPUTATIONS.labels(state).set(states[state])

    def _reached_by(self, spans: Sequence[Span], now: datetime) -> Collection[Pair]:
        """The destinations of direct transports that were reached within the last hour, as far as is known here."""
        reached = (self._reached or {}) | dict.fromkeys(reached_in(summed(spans)), now)
        self._reached = {pair: at for pair, at in reached.items() if at > now - HORIZON}
        return self._reached.keys()


def _tell(breaker: Breaker) -> None:
    transport, rollup = breaker.key
    metrics.BREAKER_TRANSITIONS.labels(_what(breaker), breaker.state).inc()
    log.warning(
        "breaker changed",
        transport=transport,
        rollup=rollup,
        state=breaker.state,
        until=breaker.until and breaker.until.isoformat(),
        why=breaker.why,
        by=breaker.by,
    )


def _tell_of_sender(standing: Standing, counts: Counts) -> None:
    metrics.REPUTATION_CHANGES.labels(standing.state).inc()
    workspace, domain = standing.domain
    log.warning(
        "reputation changed",
        workspace=workspace,
        domain=domain,
        state=standing.state,
        complained=counts["complained"],
        accepted=counts["accepted"],
    )


def _observe(breakers: Iterable[Breaker]) -> None:
    states = Counter((_what(breaker), breaker.state) for breaker in breakers)
    for what in ("transport", "rollup"):
        for state in (State.OPEN, State.HALF_OPEN):
            metrics.BREAKERS.labels(what, state).set(states[what, state])


def _what(breaker: Breaker) -> str:
    return "transport" if breaker.key[1] is None else "rollup"
