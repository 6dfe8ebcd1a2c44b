"""In which order a message tries the transports of its route, and why the others lost. Pure.

Tiers come in their order. In a tier the message's id draws, by weight times health (rendezvous hashing: the same id
always draws the same, and a change of one weight moves only what it must). What the last attempt or somebody's wish
says then turns this order, and transports in trouble go behind the others; the first is taken, whatever its trouble.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from services.router.health import UNTROUBLED, Health, Standing, State
from services.router.routes.configuration import Way
from services.router.routes.matching import Tiers
from services.router.routes.turning import STRAIGHT, Turn, turn_of
from shared.contracts.messages import Candidate, LastAttempt, Reroute

HALF_OPEN_SHARE = 10
"""One in so many messages tries a transport whose breaker is half open."""
MOST_KEPT = 10_000
FREE, BREAKER, AVOIDED, FULL = range(4)
TOOK_BEFORE = "a transport before it in the failover order was taken"
NO_WAY_IS_FREE = "every way is in trouble, and this one comes first"
MORE_THAN_ITS_DAY = "all of its sources have sent their share of today"


@dataclass(slots=True)
class Entry:
    """A transport that can be used, at its place in the message's failover order."""

    way: Way
    tier: int
    place: int
    standing: Standing
    trouble: int


@dataclass(slots=True)
class Ranked:
    """`candidates` in the order of the rule; `why` the one was taken; `health` where it is not all well."""

    candidates: tuple[Candidate, ...]
    taken: Way | None = None
    why: str | None = None
    health: Mapping[str, Standing] = field(default_factory=dict)


def rank(
    tiers: Tiers,
    ways: Mapping[str, Way],
    message_id: str,
    health: Health,
    rollup: str | None,
    last: LastAttempt | None = None,
    wish: Reroute | None = None,
) -> Ranked:
    """Every transport of the tiers with its score and why it lost, and the one that is taken.

    The score falls from 1 along the order in which they would be tried; 0 cannot be used. `rollup` is the recipient's.
    """
    standings: dict[str, Standing] = {}
    drawn: list[tuple[Way, int]] = []
    for number, tier in enumerate(tiers):
        there = [(ways[id_], weight) for id_, weight in tier if id_ in ways and ways[id_].enabled]
        standings |= {way.id: health.standing(way.id, way.rollup(rollup)) for way, _ in there}
        drawn += [(way, number) for way in _drawn(there, standings, message_id)]
    if last is None and wish is None and all(standing is UNTROUBLED for standing in standings.values()):
        named = tuple(ways[id_] for tier in tiers for id_, _ in tier if id_ in ways)
        return _untroubled(tuple(tiers), named, tuple(drawn))
    turn = turn_of([way.id for way, _ in drawn], last, wish)
    return _judged(tiers, ways, drawn, standings, turn, message_id, health)


@lru_cache(MOST_KEPT)
def _untroubled(tiers: Tiers, ways: tuple[Way, ...], drawn: tuple[tuple[Way, int], ...]) -> Ranked:
    """What nearly every message comes to: nothing of it depends on the message but the draw."""
    standings = {way.id: UNTROUBLED for way, _ in drawn}
    return _judged(tiers, {way.id: way for way in ways}, drawn, standings, STRAIGHT, "", Health())


def _judged(
    tiers: Tiers,
    ways: Mapping[str, Way],
    drawn: Sequence[tuple[Way, int]],
    standings: Mapping[str, Standing],
    turn: Turn,
    message_id: str,
    health: Health,
) -> Ranked:
    entries = {
        way.id: Entry(
            way, number, place, standings[way.id], _trouble(way.id, standings[way.id], turn, message_id, health)
        )
        for place, (way, number) in enumerate(turn.turned(drawn))
    }
    order = sorted(entries.values(), key=lambda entry: (entry.trouble, entry.place))
    scores = {entry.way.id: round(1 - rank / len(order), 3) for rank, entry in enumerate(order)}
    taken = order[0] if order else None
    candidates = []
    for number, tier in enumerate(tiers):
        for id_, weight in tier:
            way, entry = ways.get(id_), entries.get(id_)
            if entry is None or taken is None:
                lost: str | None = "disabled" if way else "unknown"
            else:
                lost = None if entry is taken else _why_lost(entry, taken, turn)
            candidates.append(
                Candidate(
                    transport=id_,
                    name=way.name if way else id_,
                    kind=way.kind if way else None,
                    score=scores.get(id_, 0.0),
                    tier=number,
                    weight=weight if weight is not None or way is None else way.weight,
                    lost=lost,
                )
            )
    troubled = {id_: standing for id_, standing in standings.items() if standing != UNTROUBLED}
    return Ranked(
        tuple(candidates), taken.way if taken else None, _why_taken(taken, order, turn) if taken else None, troubled
    )


def _drawn(tier: Sequence[tuple[Way, int | None]], standings: Mapping[str, Standing], message_id: str) -> list[Way]:
    """The ways of a tier in the order that the message draws: the chance to be first is by weight times health."""
    if len(tier) < 2:
        return [way for way, _ in tier]
    weights = [float(way.weight if weight is None else weight) for way, weight in tier]
    worth = [weight * standings[way.id].score for weight, (way, _) in zip(weights, tier, strict=True)]
    if not any(worth):
        worth = weights if any(weights) else [1.0] * len(tier)
    keys = [
        -math.log(_chance(message_id, way.id)) / each if each else math.inf
        for (way, _), each in zip(tier, worth, strict=True)
    ]
    return [way for _, (way, _) in sorted(zip(keys, tier, strict=True), key=lambda pair: pair[0])]


def _chance(message_id: str, of: str) -> float:
    """Above 0 and at most 1, the same for the same two."""
    digest = blake2b(f"{message_id}:{of}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) + 1) / 2**64


def _trouble(id_: str, standing: Standing, turn: Turn, message_id: str, health: Health) -> int:
    if id_ in turn.full:
        return FULL
    if id_ == turn.avoided:
        return AVOIDED
    if id_ == turn.wished:
        return FREE
    if id_ == turn.stays:  # for its greylisting: only where it fails with everybody is that of no use
        standing = health.standing(id_, None)
        return BREAKER if standing.state is State.OPEN else FREE
    if standing.state is State.OPEN:
        return BREAKER
    if standing.state is State.HALF_OPEN and _chance(message_id, f"try:{id_}") > 1 / HALF_OPEN_SHARE:
        return BREAKER
    return FREE


def _why_lost(entry: Entry, taken: Entry, turn: Turn) -> str:
    if entry.trouble == FULL:
        return MORE_THAN_ITS_DAY
    if entry.trouble == AVOIDED:
        return "it was asked to be avoided"
    if entry.way.id == turn.failed:
        return turn.why_failed
    if entry.trouble == BREAKER and (entry.place < taken.place or taken.trouble == FREE):
        return _breaker_of(entry)
    if entry.way.id in turn.before:
        return turn.why_before
    if entry.tier == taken.tier:
        return "the draw by weight in its tier fell on another"
    return TOOK_BEFORE


def _breaker_of(entry: Entry) -> str:
    why = f": {entry.standing.why}" if entry.standing.why else ""
    if entry.standing.state is State.HALF_OPEN:
        return f"its breaker is half open, and this message is not one of the few that try it{why}"
    return f"its breaker is open{why}"


def _why_taken(taken: Entry, order: Sequence[Entry], turn: Turn) -> str:
    if taken.trouble in (BREAKER, FULL):
        return NO_WAY_IS_FREE
    if any(entry.place < taken.place and entry.trouble == BREAKER for entry in order):
        return "the breakers of those before it are not closed"
    if turn.why_first is not None:
        return turn.why_first
    if len(order) == 1:
        return "there is no other that can be used"
    if any(entry.tier == taken.tier and entry is not taken for entry in order):
        return "the draw by weight in its tier fell on it"
    return "it is the first in the failover order"
