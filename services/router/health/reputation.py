"""What a sending domain is worth by its recipients' complaints. Pure.

Mailbox providers ask for less than 0.1 % and take 0.3 % for the end (Gmail's sender guidelines, Yahoo's alike).
"""

from __future__ import annotations

from dataclasses import dataclass

from services.router.health.standing import Reputation

RANKS = [Reputation.GOOD, Reputation.WARNED, Reputation.POOR]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of complaints among what was accepted, above which a domain is warned, or poor. Fewer than `complaints`,
    or less mail than `accepted`, says nothing. A domain gets better below `eased` of the share that it got worse at."""

    warned: float = 0.001
    poor: float = 0.003
    complaints: int = 3
    accepted: int = 100
    eased: float = 0.8


def judge(before: Reputation, complained: int, accepted: int, thresholds: Thresholds) -> Reputation:
    """The reputation after what was counted in the window, by what it was before."""
    now = _above(complained, accepted, thresholds, 1.0)
    if RANKS.index(now) >= RANKS.index(before):
        return now
    return min(before, _above(complained, accepted, thresholds, thresholds.eased), key=RANKS.index)


def _above(complained: int, accepted: int, thresholds: Thresholds, eased: float) -> Reputation:
    if complained < thresholds.complaints or accepted < thresholds.accepted:
        return Reputation.GOOD
    if complained > thresholds.poor * eased * accepted:
        return Reputation.POOR
    return Reputation.WARNED if complained > thresholds.warned * eased * accepted else Reputation.GOOD
