"""What counts for which breaker. Pure.

A smart host has one breaker: every failure of its own, and every block, is about all that it is given. A direct
transport has one towards each rollup, for blocks and failures of its own, and one altogether, for being cut off from
the network: that is believed where destinations cannot be reached that had been reached before, and several of them. So
one provider that is down does not open it, nor does mail to hosts that were never there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from services.router.health.breaker import Breaker, Key, Policy, Tally, judge
from services.router.health.counts import TRANSPORTS_OWN, UNREACHED
from services.router.health.slots import HORIZON, OTHERS, Pair, Span, Way, summed
from services.router.health.standing import State

DIRECT = "direct"
MOST_NAMED = 20
MOST_TOLD = 1000


def tallies(ways: Mapping[Pair, Way], reached: Collection[Pair], policy: Policy) -> dict[Key, Tally]:
    """The tally of each breaker that there was an attempt for. `reached` are the destinations of direct transports that
    are known to have been reached before."""
    found: dict[Key, Tally] = {}
    direct: dict[str, dict[str, Way]] = {}
    for (transport, rollup), way in ways.items():
        if way.kind == DIRECT:
            direct.setdefault(transport, {})[rollup] = way
            if rollup != OTHERS:
                found[transport, rollup] = _tally(way)
        else:
            before, here = found.get((transport, None), Tally()), _tally(way)
            found[transport, None] = Tally(before.attempts + here.attempts, before.troubled + here.troubled)
    for transport, rollups in direct.items():
        known = {rollup: way for rollup, way in rollups.items() if (transport, rollup) in reached}
        found[transport, None] = _of_network(known, policy)
    return found


def worth_telling(judged: Mapping[Key, Tally], policy: Policy) -> dict[Key, Tally]:
    """The tallies that a decision takes into account, the worst ones where they are many."""
    found = {key: tally for key, tally in judged.items() if tally.troubled and tally.attempts >= policy.least}
    worst = sorted(found, key=lambda key: (-found[key].share, -found[key].attempts, key[0], key[1] or ""))
    return {key: found[key] for key in worst[:MOST_TOLD]}


def transitions(
    spans: Sequence[Span],
    recent: Mapping[Key, Tally],
    breakers: Mapping[Key, Breaker],
    reached: Collection[Pair],
    now: datetime,
    policy: Policy,
) -> list[Breaker]:
    """The breakers that change now, as they are after it. `recent` are the tallies of the window."""
    changed = []
    for key in {*recent, *breakers}:
        breaker = breakers.get(key) or Breaker(key)
        tally = recent.get(key, Tally())
        if breaker.since is not None and _counts_by_itself(breaker, now, policy):
            cut_off = {(key[0], rollup) for rollup in breaker.tally.cut_off}
            ways = summed(spans, breaker.since, *key)
            tally = tallies(ways, {*reached, *cut_off}, policy).get(key, Tally())
        after = judge(breaker, tally, now, policy)
        if after is not breaker:
            changed.append(after)
    return changed


def _counts_by_itself(breaker: Breaker, now: datetime, policy: Policy) -> bool:
    """Whether it is judged by another time than the window: by what came after its last change."""
    if breaker.state is State.CLOSED:
        return breaker.since is not None and breaker.since > now - policy.window
    return breaker.state is State.HALF_OPEN


def judged_from(breakers: Iterable[Breaker], now: datetime, policy: Policy) -> datetime:
    """As far back as anything is judged by: a half-open one waits for its few attempts longer than a window."""
    tried = [each.since for each in breakers if each.state is State.HALF_OPEN and each.since is not None]
    return max(now - HORIZON, min([now - policy.window, *tried]))


def reached_in(ways: Mapping[Pair, Way]) -> set[Pair]:
    """The destinations of direct transports that at least one attempt reached."""
    return {
        pair
        for pair, way in ways.items()
        if way.kind == DIRECT and pair[1] != OTHERS and way.counts["attempts"] > way.counts[UNREACHED]
    }


def _tally(way: Way) -> Tally:
    return Tally(way.counts["attempts"], way.counts[TRANSPORTS_OWN] + way.counts["blocked"])


def _of_network(known: Mapping[str, Way], policy: Policy) -> Tally:
    missed = {rollup: way.counts[UNREACHED] for rollup, way in known.items()}
    attempts = {rollup: way.counts["attempts"] for rollup, way in known.items()}
    cut_off = sorted(rollup for rollup in known if missed[rollup] >= policy.share * attempts[rollup])
    if len(cut_off) < policy.rollups:
        return Tally(sum(attempts.values()), unclear=sum(missed.values()))
    troubled = sum(missed[rollup] for rollup in cut_off)
    return Tally(sum(attempts.values()), troubled, sum(missed.values()) - troubled, tuple(cut_off[:MOST_NAMED]))
