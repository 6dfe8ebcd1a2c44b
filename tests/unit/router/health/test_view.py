"""What a decision is told: the breaker first, the score of what happened lately, and both in words."""

from __future__ import annotations

from datetime import timedelta

from services.router.health import UNTROUBLED, Reputation, State
from services.router.health.breaker import Breaker, Key, Policy, Tally
from services.router.health.view import health_of
from tests.unit.router.health.events import NOW

POLICY = Policy()


def test_what_stands_how() -> None:
    recent: dict[Key, Tally] = {
        ("relay", None): Tally(20, 5),
        ("quiet", None): Tally(3, 3),
        ("fine", None): Tally(50, 0),
        ("direct", "google"): Tally(20, 15),
        ("direct", None): Tally(100, 0),
    }
    breakers = {
        breaker.key: breaker
        for breaker in (
            Breaker(("direct", "google"), State.OPEN, NOW, NOW + timedelta(minutes=1), 1, "75% blocked"),
            Breaker(("held", None), State.OPEN, NOW, None, 1, "the contract is over"),
            Breaker(("tried", None), State.HALF_OPEN, NOW, why="it did not answer"),
            Breaker(("fine", None), State.CLOSED, NOW),
        )
    }
    health = health_of(recent, breakers, POLICY, {("w1", "shop.test"): Reputation.POOR})
    assert set(health.altogether) == {"relay", "held", "tried"}
    relay = health.standing("relay", None)
    assert (relay.state, relay.score) == (State.CLOSED, 0.75)
    assert relay.why == "lately 25% of its attempts failed for reasons of its own, or were blocked"
    google = health.standing("direct", "google")
    assert (google.state, google.score) == (State.OPEN, 0.25)
    assert google.why == "75% blocked (until 12:01:00 UTC)"
    assert health.standing("direct", "yahoo") is UNTROUBLED
    assert health.standing("held", "smarthost:held").why == "the contract is over"
    tried = health.standing("tried", None)
    assert (tried.state, tried.why) == (State.HALF_OPEN, "it did not answer")
    assert health.standing("quiet", None) is UNTROUBLED
    assert health.reputation("w1", "shop.test") is Reputation.POOR
    assert health.reputation("w2", "shop.test") is Reputation.GOOD
