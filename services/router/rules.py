"""Which way a message goes in this pass, or why none. Pure: no Kafka, no Mongo, no clock.

A workspace's default route is an order of transports. The first that can be used is taken; after a transport's own
failure the next one; what the recipient's side has said keeps the message where it was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.router.mx import Destination, Finding
from shared.addresses import domain_of
from shared.contracts.messages import (
    Candidate,
    Host,
    LastAttempt,
    Message,
    Reroute,
    Route,
    Seen,
    TlsMode,
    Verdict,
    VerdictKind,
)

DIRECT = "direct"
RULE = "default"
CONFIGURATION_WAIT = timedelta(seconds=2)
FIRST_DNS_WAIT, LONGEST_DNS_WAIT = 10, 1800

Kind = Literal["direct", "smarthost"]


@dataclass(frozen=True, slots=True)
class Way:
    """A transport as a route needs it; `host` is a smart host's."""

    id: str
    version: int
    name: str
    kind: Kind
    tls: TlsMode
    enabled: bool
    host: Host | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What this service knows for one workspace. A version of 0 says that there is none here yet.

    `order` is the default route's, `ways` are the transports that the workspace may use.
    """

    workspace_version: int
    order: Sequence[str]
    route_version: int
    ways: Mapping[str, Way]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A permanent finding of the DNS as a mail server would reply it (RFC 5321 section 4.2, RFC 3463)."""

    code: int
    enhanced: str
    text: str
    class_: str


REFUSALS: dict[Finding, Refusal] = {
    # RFC 7505 section 4.2
    Finding.NULL_MX: Refusal(556, "5.1.10", "the domain does not accept mail (null MX)", "invalid_domain"),
    Finding.NO_SUCH_DOMAIN: Refusal(550, "5.1.2", "the domain does not exist", "invalid_domain"),
    Finding.NO_MAIL_HOST: Refusal(550, "5.4.4", "none of the domain's MX records names a host", "routing_dns"),
    Finding.MAIL_LOOP: Refusal(554, "5.4.6", "the domain's mail leads back to this system", "routing_dns"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """How far a message gets without the DNS: a verdict, or the way it takes out of `candidates`.

    `domain` is what is to be looked up; None where nothing is.
    """

    verdict: Verdict | None = None
    taken: Way | None = None
    candidates: tuple[Candidate, ...] = ()
    domain: str | None = None


def choose(message: Message, known: Configuration, now: datetime) -> Choice:
    """The transport for this pass. Nothing is routed past its expiry or on configuration that is behind."""
    if message.expires_at <= now:
        return Choice(_verdict(VerdictKind.EXPIRED, now, reason="expired"))
    behind = known.workspace_version < message.versions.workspace
    # the platform's own transport is made at the service's first start, and always there after that
    if behind or (DIRECT in known.order and DIRECT not in known.ways):
        until = min(now + CONFIGURATION_WAIT, message.expires_at)
        return Choice(_verdict(VerdictKind.WAIT_UNTIL, now, reason="configuration", until=until))
    candidates, taken = compare(known, message.last, message.reroute)
    if taken is None:
        evidence = {"candidates": [candidate.model_dump(mode="json", exclude_none=True) for candidate in candidates]}
        return Choice(_verdict(VerdictKind.NO_ROUTE, now, reason="no_transport", evidence=evidence))
    return Choice(None, taken, candidates, domain_of(message.recipient) if taken.kind == "direct" else None)


def compare(
    known: Configuration, last: LastAttempt | None, wish: Reroute | None = None
) -> tuple[tuple[Candidate, ...], Way | None]:
    """Every transport of the route with its score and why it lost, and the one that is taken.

    The score falls from 1 along the order of failover, which begins with what is taken; 0 cannot be used. A wish goes
    before what the last attempt says, as far as the route has another way.
    """
    order = list(dict.fromkeys(known.order))
    usable = [id_ for id_ in order if id_ in known.ways and known.ways[id_].enabled]
    first, why_before = 0, ""
    failed = None
    if wish is not None and (place := _wished(usable, wish)) is not None:
        first, why_before = place, "another transport was asked for"
    elif last and last.transport in usable:
        place = usable.index(last.transport)
        if last.scope in ("recipient", "message"):
            first, why_before = place, "the message stays on the transport of its last attempt"
        elif last.scope == "transport" and len(usable) > 1:
            failed = last.transport
            first, why_before = (place + 1) % len(usable), "the failover goes on behind the transport that failed"
    ranked = usable[first:] + usable[:first]
    before = set(usable[:first])
    candidates = []
    for id_ in order:
        way = known.ways.get(id_)
        if way is None:
            lost: str | None = "unknown"
        elif not way.enabled:
            lost = "disabled"
        elif id_ == ranked[0]:
            lost = None
        elif wish is not None and id_ == wish.avoid:
            lost = "it was asked to be avoided"
        elif last and id_ == failed:
            lost = f"its last attempt failed: {last.outcome}"
        else:
            lost = why_before if id_ in before else "a transport before it in the failover order was taken"
        score = round(1 - ranked.index(id_) / len(ranked), 3) if id_ in ranked else 0.0
        candidates.append(
            Candidate(
                transport=id_, name=way.name if way else id_, kind=way.kind if way else None, score=score, lost=lost
            )
        )
    return tuple(candidates), known.ways[ranked[0]] if ranked else None


def _wished(usable: Sequence[str], wish: Reroute) -> int | None:
    """Where the failover order is to begin; None where the route cannot do what was wished for."""
    if wish.take in usable:
        return usable.index(wish.take)
    if wish.avoid in usable and len(usable) > 1:
        return (usable.index(wish.avoid) + 1) % len(usable)
    return None


def decide(
    message: Message,
    choice: Choice,
    known: Configuration,
    destination: Destination | None,
    now: datetime,
    published: datetime | None = None,
) -> Message:
    """The message with its route, or with the verdict that stops it here; `destination` is that of `choice.domain`."""
    seen = Seen(accepted=message.seen.accepted, published=published, released=message.seen.released, routed=now)
    way, verdict = choice.taken, choice.verdict
    if way is not None and destination is not None:
        verdict = _verdict_of_dns(message, way, destination, now)
    if way is None or verdict is not None:
        return message.with_changes(route=None, verdict=verdict, seen=seen)
    route = _route(message, choice, way, known, destination, now)
    versions = message.versions.with_changes(transport=way.version)
    return message.with_changes(route=route, verdict=None, seen=seen, versions=versions)


def dns_wait(pass_: int) -> timedelta:
    """How long to wait where the DNS fails: 10 s, doubling with each pass up to half an hour."""
    return timedelta(seconds=min(FIRST_DNS_WAIT * 2 ** min(pass_, 16), LONGEST_DNS_WAIT))


def _route(
    message: Message,
    choice: Choice,
    way: Way,
    known: Configuration,
    destination: Destination | None,
    now: datetime,
) -> Route:
    inputs: dict[str, Any] = {"workspace_version": known.workspace_version}
    if destination is not None:
        hosts, rollup = list(destination.hosts), destination.rollup
        inputs |= {"domain": choice.domain, "dns": str(destination.finding)}
    else:
        assert way.host is not None
        hosts, rollup = [way.host], f"smarthost:{way.id}"
    if message.last:
        inputs["last"] = message.last.model_dump(mode="json", exclude_none=True)
    if message.reroute:
        inputs["reroute"] = message.reroute.model_dump(mode="json", exclude_none=True)
    return Route(
        transport=way.id,
        transport_version=way.version,
        kind=way.kind,
        hosts=hosts,
        tls=way.tls,
        rollup=rollup,
        stand_in=destination is not None and destination.finding is Finding.PENDING,
        rule=RULE,
        rule_version=known.route_version,
        candidates=list(choice.candidates),
        inputs=inputs,
        decided_at=now,
    )


def _verdict_of_dns(message: Message, way: Way, destination: Destination, now: datetime) -> Verdict | None:
    evidence: dict[str, Any] = {"domain": domain_of(message.recipient), "transport": way.id}
    if destination.finding is Finding.FAILED:
        evidence |= {"class": "routing_dns", "code": 451, "enhanced": "4.4.3"}
        return _verdict(
            VerdictKind.WAIT_UNTIL,
            now,
            reason=str(Finding.FAILED),
            detail=f"451 4.4.3 the domain's mail hosts cannot be looked up ({destination.detail})",
            evidence=evidence,
            until=min(now + dns_wait(message.pass_), message.expires_at),
        )
    refusal = REFUSALS.get(destination.finding)
    if refusal is None:
        return None
    evidence |= {"class": refusal.class_, "code": refusal.code, "enhanced": refusal.enhanced}
    detail = f"{refusal.code} {refusal.enhanced} {refusal.text}"
    return _verdict(VerdictKind.REJECT, now, reason=str(destination.finding), detail=detail, evidence=evidence)


def _verdict(
    kind: VerdictKind,
    now: datetime,
    *,
    reason: str,
    detail: str | None = None,
    evidence: dict[str, Any] | None = None,
    until: datetime | None = None,
) -> Verdict:
    return Verdict(
        kind=kind, reason=reason, detail=detail, evidence=evidence or {}, until=until, by="router", checked_at=now
    )
