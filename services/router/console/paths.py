"""Which way the mail of a stream takes now, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.router.console.wording import listed, quoted
from services.router.explanation import candidates_of
from services.router.health import UNTROUBLED, Health, Standing, State
from services.router.routes.configuration import Configuration
from services.router.routes.matching import DEFAULT, PLATFORM
from services.router.routes.model import Rule
from services.router.rules import QUARANTINE
from shared.contracts.messages import Candidate, Message, Verdict, VerdictKind
from shared.contracts.topics import Lane, Stream

NAMES: Mapping[Stream, str] = {
    Stream.AUTHENTICATION: "Authentication",
    Stream.SECURITY: "Security",
    Stream.BILLING: "Billing",
    Stream.PRODUCT: "Product",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A transport that takes mail, and what part of it, from 0 to 1."""

    id: str
    name: str
    part: float


@dataclass(frozen=True, slots=True)
class Aside:
    """A transport that the route names and that does not take its part now, and why."""

    id: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Path:
    """The way of one stream's ordinary mail: by `ways`, or by none where a rule or a fault stops it, for the reason in
    `why`. `tone` and `state` are of its badge; `some` are the rules that take some of the stream's mail before."""

    stream: Stream
    name: str
    lane: Lane
    tone: str
    state: str
    ways: Sequence[Share]
    why: str
    aside: Sequence[Aside]
    some: Sequence[Rule]

    @property
    def title(self) -> str:
        """`Direct`, `Direct (75 %) and Relay (25 %)`; nothing where it takes no way."""
        if len(self.ways) == 1:
            return self.ways[0].name
        return listed(f"{way.name} ({way.part:.0%})" for way in self.ways)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A candidate, how it stands towards the message's destination, and why it does not take its part."""

    candidate: Candidate
    standing: Standing
    aside: str | None


def path_of(message: Message, known: Configuration, health: Health, some: Sequence[Rule]) -> Path:
    """The path that a stream's decided message stands for."""
    placed = [_placed(each, known, health, message) for each in candidates_of(message)]
    taken = next((each for each in placed if each.candidate.lost is None), None) if message.route else None
    ways = _shares(placed, taken) if taken else []
    aside = [Aside(each.candidate.transport, each.candidate.name, each.aside) for each in placed if each.aside]
    shown = {way.id for way in ways} | {each.id for each in aside}
    spare = [each.candidate.name for each in placed if each.candidate.transport not in shown]
    tone, state = _state(message, taken)
    return Path(
        message.stream, NAMES[message.stream], message.lane, tone, state, ways, _why(message, known, spare), aside, some
    )


def beset(path: Path, failing: Mapping[str, str]) -> Path:
    """The path with what its transports' breakers do not say yet: by id, why some of them fail just now."""
    fails = [Aside(way.id, way.name, failing[way.id]) for way in path.ways if way.id in failing]
    if not fails:
        return path
    tone, state = ("warn", "Fails over") if path.tone == "good" else (path.tone, path.state)
    return replace(path, tone=tone, state=state, aside=[*path.aside, *fails])


def _placed(each: Candidate, known: Configuration, health: Health, message: Message) -> _Placed:
    way = known.ways.get(each.transport)
    if way is None:
        return _Placed(each, UNTROUBLED, "it is not there any more")
    if not way.enabled:
        return _Placed(each, UNTROUBLED, "it is disabled")
    standing = health.standing(way.id, way.rollup(message.route.rollup if message.route else None))
    if standing.state is State.OPEN:
        return _Placed(each, standing, f"its breaker is open: {standing.why}")
    if standing.state is State.HALF_OPEN:
        return _Placed(each, standing, f"one message in ten tries it again: {standing.why}")
    return _Placed(each, standing, None)


def _shares(placed: Sequence[_Placed], taken: _Placed) -> list[Share]:
    """The transports of the tier that is taken, with their parts by weight times health."""
    together = [each for each in placed if each.candidate.tier == taken.candidate.tier and each.aside is None]
    worth = {each.candidate.transport: (each.candidate.weight or 0) * each.standing.score for each in together}
    whole = sum(worth.values())
    if taken not in together or not whole:
        return [Share(taken.candidate.transport, taken.candidate.name, 1.0)]
    shares = [
        Share(each.candidate.transport, each.candidate.name, worth[each.candidate.transport] / whole)
        for each in together
        if worth[each.candidate.transport]
    ]
    return sorted(shares, key=lambda share: -share.part)


def _state(message: Message, taken: _Placed | None) -> tuple[str, str]:
    if message.verdict is not None:
        return STOPPED.get(message.verdict.kind, ("warn", "Waits"))
    assert taken is not None
    if taken.aside is not None:
        return "bad", "In trouble"
    return ("warn", "Failed over") if taken.candidate.tier else ("good", "Flows")


STOPPED = {VerdictKind.REJECT: ("bad", "Refused"), VerdictKind.NO_ROUTE: ("bad", "No way out")}


def _why(message: Message, known: Configuration, spare: Sequence[str]) -> str:
    """By which rule, and what stands by; or what stops it."""
    if message.verdict is not None:
        return _stopped(message.verdict, known)
    assert message.route is not None
    by = _by(message.route.rule, known)
    if not spare:
        return f"{by}; nothing stands by"
    return f"{by}; {listed(spare)} {'stands' if len(spare) == 1 else 'stand'} by"


def _by(rule: str, known: Configuration) -> str:
    if rule == QUARANTINE:
        return "as the sending domain’s reputation is poor, and the platform has a pool for such mail"
    if rule == f"{PLATFORM}:{DEFAULT}":
        return "as the platform’s failover order says"
    if rule == DEFAULT:
        ordered = known.workspace.order
        return "as the workspace’s failover order says" if ordered else "as no rule or failover order says otherwise"
    return f"as {rule_name(rule, known)} says"


def rule_name(rule: str, known: Configuration) -> str:
    """A rule as events name it, in words; of the platform's, a workspace learns the id alone."""
    owner, _, id_ = rule.partition(":")
    if owner == PLATFORM:
        return f"the platform’s rule {id_}"
    return f"rule {quoted(next((each.name for each in known.workspace.compiled if each.rule == rule), id_))}"


def _stopped(verdict: Verdict, known: Configuration) -> str:
    if verdict.kind is VerdictKind.NO_ROUTE:
        return f"None of its transports can be used, {_by(verdict.rule or DEFAULT, known)}: mail fails"
    by = rule_name(verdict.rule, known) if verdict.rule and verdict.rule != QUARANTINE else "the platform’s quarantine"
    said = f": {verdict.detail}" if verdict.detail else ""
    if verdict.kind is VerdictKind.REJECT:
        return f"Refused by {by}: {verdict.reason}{said}"
    return f"Held by {by}{said}" if verdict.reason == "held" else f"Waits for {verdict.reason}"
