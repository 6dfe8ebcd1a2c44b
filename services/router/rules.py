"""Which way a message goes in this pass, or why none. Pure: no Kafka, no Mongo, no clock.

A rule of the platform's or of the workspace's, else a failover order, names the transports; the last attempt, wishes
and health say which of them is taken. What the recipient's side has said keeps the message where it was said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from services.router.health import Health, Reputation, Standing
from services.router.mx import Destination, Finding
from services.router.routes.configuration import DIRECT, LAST_ORDER, Configuration, Way
from services.router.routes.matching import PLATFORM, Facts, Found, facts_of, find
from services.router.routes.model import Hold
from services.router.routes.ranking import Ranked, rank
from services.router.verdicts import (
    held,
    not_yet_known,
    of_dns,
    of_rule,
    verdict,
    without_transport,
)
from shared.contracts.messages import Message, Route, Seen, Verdict, VerdictKind
from shared.contracts.topics import Lane

CONFIGURATION_WAIT = timedelta(seconds=2)
LOOK_AGAIN = timedelta(seconds=60)
QUARANTINE = f"{PLATFORM}:quarantine"
POOR = "the sending domain's reputation is poor"
BY_ITS_POOL = f"{POOR}: its mail takes the pool of the quarantine"


@dataclass(frozen=True, slots=True)
class Choice:
    """How far a message gets without the DNS: a verdict, or what its rules have `found` by its `facts`.

    `domain` is what is to be looked up; None where nothing is.
    """

    facts: Facts
    verdict: Verdict | None = None
    found: Found | None = None
    domain: str | None = None


def choose(message: Message, known: Configuration, health: Health, now: datetime) -> Choice:
    """The rule for this pass. Nothing is routed past its expiry or on configuration that is behind."""
    facts = facts_of(message)
    if message.expires_at <= now:
        return Choice(facts, verdict(VerdictKind.EXPIRED, now, reason="expired"))
    if known.workspace_version < message.versions.workspace:
        return Choice(facts, _behind(message, now))
    found = _found(facts, message, known, health, now)
    looks_up = found is None or any(
        id_ in known.ways and known.ways[id_].kind == "direct" for tier in found.tiers for id_, _ in tier
    )
    return Choice(facts, None, found, facts.recipient_domain if looks_up else None)


def decide(
    message: Message,
    choice: Choice,
    known: Configuration,
    destination: Destination | None,
    health: Health,
    now: datetime,
    *,
    published: datetime | None = None,
    look_again: timedelta = LOOK_AGAIN,
) -> Message:
    """The message with its route, or with the verdict that stops it here; `destination` is that of `choice.domain`.

    What a rule holds is looked at again after `look_again` at first.
    """
    seen = Seen(accepted=message.seen.accepted, published=published, released=message.seen.released, routed=now)
    if choice.verdict is not None:
        return message.with_changes(route=None, verdict=choice.verdict, seen=seen)
    facts, found = choice.facts, choice.found
    if destination is not None and destination.finding is not Finding.PENDING:
        facts = facts.to(destination.rollup)
    if found is None:
        found = _found(facts, message, known, health, now)
    if found is None:
        return message.with_changes(route=None, verdict=not_yet_known(message, now), seen=seen)
    lane = found.lane or message.stream.lane
    # the platform's own transport is made at the service's first start, and always there after that
    if DIRECT not in known.ways and any(id_ == DIRECT for tier in found.tiers for id_, _ in tier):
        return message.with_changes(lane=lane, route=None, verdict=_behind(message, now), seen=seen)
    rollup = destination.rollup if destination is not None else None
    ranked = rank(found.tiers, known.ways, message.message_id, health, rollup, message.last, message.reroute)
    inputs = _inputs(message, facts, found, known, destination, health, ranked)
    stopped = _stopped(message, found, ranked, destination, now, look_again)
    if stopped is not None or ranked.taken is None:
        assert stopped is not None
        evidenced = stopped.with_changes(rule=found.rule, rule_version=found.version, inputs=inputs)
        return message.with_changes(lane=lane, route=None, verdict=evidenced, seen=seen)
    route = _route(ranked, ranked.taken, found, inputs, destination, now)
    versions = message.versions.with_changes(transport=ranked.taken.version)
    return message.with_changes(lane=lane, route=route, verdict=None, seen=seen, versions=versions)


def _behind(message: Message, now: datetime) -> Verdict:
    until = min(now + CONFIGURATION_WAIT, message.expires_at)
    return verdict(VerdictKind.WAIT_UNTIL, now, reason="configuration", until=until)


def _found(facts: Facts, message: Message, known: Configuration, health: Health, now: datetime) -> Found | None:
    """The rule that decides, or the quarantine in place of its route."""
    found = find(facts, known.platform, known.workspace, LAST_ORDER, now)
    quarantine = known.platform.quarantine
    if found is None or not found.tiers or quarantine is None:
        return found
    if (found.lane or facts.stream.lane) is Lane.CRITICAL:
        return found
    if health.reputation(message.workspace_id, facts.sender_domain) is not Reputation.POOR:
        return found
    pool = known.ways.get(quarantine.pool) if quarantine.pool else None
    quarantined = replace(found, rule=QUARANTINE, version=known.platform.version, name="quarantine")
    if pool is not None and pool.enabled:
        return replace(quarantined, tiers=(((pool.id, None),),))
    return replace(quarantined, tiers=(), hold=Hold(reason=POOR))


def _stopped(
    message: Message,
    found: Found,
    ranked: Ranked,
    destination: Destination | None,
    now: datetime,
    look_again: timedelta,
) -> Verdict | None:
    """What stops the message here, None where it goes on."""
    if found.hold is not None:
        return held(message, found.hold, now, look_again)
    if found.reject is not None:
        return of_rule(found.reject, now)
    if ranked.taken is None:
        return without_transport(ranked.candidates, now)
    if ranked.taken.kind == "direct" and destination is not None:
        return of_dns(message, ranked.taken.id, destination, now)
    return None


def _inputs(
    message: Message,
    facts: Facts,
    found: Found,
    known: Configuration,
    destination: Destination | None,
    health: Health,
    ranked: Ranked,
) -> dict[str, Any]:
    """All that the decision was made from; what is nothing out of the ordinary is left out."""
    inputs: dict[str, Any] = {
        "workspace_version": known.workspace_version,
        "rules": {"workspace": known.workspace.version, "platform": known.platform.version},
        "stream": str(facts.stream),
        "sender_domain": facts.sender_domain,
        "recipient_domain": facts.recipient_domain,
        "size": facts.size,
        "attempt": facts.attempt,
    }
    if facts.tags:
        inputs["tags"] = list(facts.tags)
    if destination is not None:
        inputs |= {"dns": str(destination.finding), "rollup": destination.rollup}
    if found.lane_rule is not None:
        inputs["lane_rule"] = found.lane_rule
    if message.last:
        inputs["last"] = message.last.model_dump(mode="json", exclude_none=True)
    if message.reroute:
        inputs["reroute"] = message.reroute.model_dump(mode="json", exclude_none=True)
    reputation = health.reputation(message.workspace_id, facts.sender_domain)
    if reputation is not Reputation.GOOD:
        inputs["reputation"] = str(reputation)
    if ranked.health:
        inputs["health"] = {id_: _told(each, health.standing(id_, None)) for id_, each in ranked.health.items()}
    return inputs


def _told(standing: Standing, altogether: Standing) -> dict[str, Any]:
    """A standing towards the destination, and the state towards all of them where that is another."""
    told: dict[str, Any] = {"state": str(standing.state), "score": standing.score}
    if standing.why:
        told["why"] = standing.why
    if altogether.state is not standing.state:
        told["altogether"] = str(altogether.state)
    return told


def _route(
    ranked: Ranked, way: Way, found: Found, inputs: dict[str, Any], destination: Destination | None, now: datetime
) -> Route:
    mx: Literal["plain", "authentic"] | None = None
    if way.kind == "direct":
        assert destination is not None
        hosts, rollup = list(destination.hosts), destination.rollup
        if destination.finding in (Finding.MX, Finding.IMPLICIT):
            mx = "authentic" if destination.authentic else "plain"
    else:
        assert way.host is not None
        hosts, rollup = [way.host], f"smarthost:{way.id}"
    return Route(
        transport=way.id,
        transport_version=way.version,
        kind=way.kind,
        hosts=hosts,
        tls=way.tls,
        rollup=rollup,
        mx=mx,
        stand_in=way.kind == "direct" and destination is not None and destination.finding is Finding.PENDING,
        rule=found.rule,
        rule_version=found.version,
        why=BY_ITS_POOL if found.rule == QUARANTINE else ranked.why,
        candidates=list(ranked.candidates),
        inputs=inputs,
        decided_at=now,
    )
