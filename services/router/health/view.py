"""What a process that routes knows of health: read every few seconds, and then decided from without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from services.router.health.breaker import Breaker, Key, Policy, Tally, in_words
from services.router.health.standing import UNTROUBLED, Health, Reputation, Standing, State
from services.router.health.store.breakers import Breakers
from services.router.health.store.reputations import Reputations
from services.router.health.store.standings import Standings


class HealthView:
    """The health as it was read last, at first that of ways and senders without any trouble."""

    def __init__(self, standings: Standings, breakers: Breakers, reputations: Reputations, policy: Policy) -> None:
        self._standings = standings
        self._breakers = breakers
        self._reputations = reputations
        self._policy = policy
        self._known = Health()

    def current(self) -> Health:
        """What was read last."""
        return self._known

    async def refresh(self) -> None:
        """Reads all there is to know; what is known already stays where that fails."""
        recent = await self._standings.read(datetime.now(UTC) - self._policy.window)
        breakers = await self._breakers.troubled()
        troubled = await self._reputations.troubled()
        senders = {domain: standing.state for domain, standing in troubled.items()}
        self._known = health_of(recent, breakers, self._policy, senders)


def health_of(
    recent: Mapping[Key, Tally],
    breakers: Mapping[Key, Breaker],
    policy: Policy,
    senders: Mapping[tuple[str, str], Reputation],
) -> Health:
    """What decisions need of what was counted and judged. Pure."""
    altogether: dict[str, Standing] = {}
    towards: dict[tuple[str, str], Standing] = {}
    for key in {*recent, *breakers}:
        standing = _standing(recent.get(key, Tally()), breakers.get(key), policy)
        transport, rollup = key
        if standing is not UNTROUBLED and rollup is None:
            altogether[transport] = standing
        elif standing is not UNTROUBLED and rollup is not None:
            towards[transport, rollup] = standing
    return Health(towards, altogether, senders)


def _standing(tally: Tally, breaker: Breaker | None, policy: Policy) -> Standing:
    score = round(1 - tally.share, 3) if tally.attempts >= policy.least else 1.0
    if breaker is not None and breaker.state is State.OPEN:
        until = f" (until {breaker.until:%H:%M:%S} UTC)" if breaker.until else ""
        return Standing(State.OPEN, score, f"{breaker.why}{until}")
    if breaker is not None and breaker.state is State.HALF_OPEN:
        return Standing(State.HALF_OPEN, score, breaker.why)
    if score == 1.0:
        return UNTROUBLED
    return Standing(State.CLOSED, score, f"lately {in_words(tally)}")
