"""Which rule a message meets. Pure: its facts, the sets and the time are all that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from services.router.routes.model import Bounds, Hold, Quarantine, Reject, Rule, RuleSet
from shared.addresses import domain_of
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, Stream

PLATFORM, WORKSPACE = "platform", "workspace"
DEFAULT = "default"

Tiers = tuple[tuple[tuple[str, int | None], ...], ...]
"""Transports with their weights (None for the transport's own), by tiers in failover order."""


@dataclass(slots=True)
class Facts:
    """What rules may ask of a message, domains in lower case. `attempt` counts the SMTP attempts made before.

    `rollup` is None where nobody has looked for the recipient's mail hosts yet.
    """

    stream: Stream
    tags: Sequence[str]
    sender_domain: str
    recipient_domain: str
    size: int
    attempt: int
    rollup: str | None = None

    def to(self, rollup: str) -> Facts:
        return Facts(self.stream, self.tags, self.sender_domain, self.recipient_domain, self.size, self.attempt, rollup)


def facts_of(message: Message) -> Facts:
    return Facts(
        stream=message.stream,
        tags=message.tags,
        sender_domain=domain_of(message.sender).lower(),
        recipient_domain=domain_of(message.recipient).lower(),
        size=message.size,
        attempt=message.attempt,
    )


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be asked. `rule` is its name in events; a hold ends `until` then."""

    rule: str
    name: str
    tiers: Tiers
    lane: Lane | None
    hold: Hold | None
    reject: Reject | None
    checks: Sequence[Callable[[Facts], bool]]
    rollups: frozenset[str]
    until: datetime | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """One owner's set. A version of 0 says that nothing was ever written."""

    version: int = 0
    order: Sequence[str] = ()
    compiled: Sequence[Compiled] = ()
    quarantine: Quarantine | None = None
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """The rule that decides, with the version of its set, and the lane that a rule has set."""

    rule: str
    version: int
    name: str | None = None
    tiers: Tiers = ()
    hold: Hold | None = None
    reject: Reject | None = None
    lane: Lane | None = None
    lane_rule: str | None = None


def compile_set(owner: str, version: int, wanted: RuleSet) -> Rules:
    """The set of `PLATFORM` or a `WORKSPACE`."""
    compiled = tuple(_compile(owner, rule) for rule in wanted.rules)
    return Rules(version, tuple(dict.fromkeys(wanted.transports)), compiled, wanted.quarantine, frozenset(wanted.uses))


def find(facts: Facts, platform: Rules, workspace: Rules, last: Sequence[str], now: datetime) -> Found | None:
    """What decides about a message; None where that cannot be told before its rollup is known.

    The platform's rules come first, then the workspace's, then the workspace's failover order, the platform's, and
    `last`. A hold whose time has come is no rule any more. The first rule that sets a lane has set it.
    """
    lane, lane_rule = None, None
    for rules in (platform, workspace):
        for rule in rules.compiled:
            for holds in rule.checks:
                if not holds(facts):
                    break
            else:
                if rule.until is not None and rule.until <= now:
                    continue
                if rule.rollups and facts.rollup is None:
                    return None
                if rule.rollups and facts.rollup not in rule.rollups:
                    continue
                if lane is None and rule.lane is not None:
                    lane, lane_rule = rule.lane, rule.rule
                if rule.decides:
                    return Found(
                        rule.rule, rules.version, rule.name, rule.tiers, rule.hold, rule.reject, lane, lane_rule
                    )
    named, rules = (
        (f"{PLATFORM}:{DEFAULT}", platform) if platform.order and not workspace.order else (DEFAULT, workspace)
    )
    return Found(named, rules.version, tiers=_one_by_one(tuple(rules.order or last)), lane=lane, lane_rule=lane_rule)


@lru_cache(4096)
def _one_by_one(order: tuple[str, ...]) -> Tiers:
    return tuple(((id_, None),) for id_ in order)


def _compile(owner: str, rule: Rule) -> Compiled:
    when = rule.when
    checks: list[Callable[[Facts], bool]] = []
    if when.streams is not None:
        checks.append(_stream_in(frozenset(when.streams)))
    if when.tags is not None:
        checks.append(_tagged(frozenset(when.tags)))
    if when.recipient_domains is not None:
        checks.append(_recipient_in(*_domains(when.recipient_domains)))
    if when.sender_domains is not None:
        checks.append(_sender_in(*_domains(when.sender_domains)))
    if when.size is not None:
        checks.append(_size_in(*_bounds(when.size)))
    if when.attempt is not None:
        checks.append(_attempt_in(*_bounds(when.attempt)))
    return Compiled(
        rule=f"{owner}:{rule.id}",
        name=rule.name or rule.id or "",
        tiers=tuple(tuple((target.transport, target.weight) for target in tier) for tier in rule.route or ()),
        lane=rule.lane,
        hold=rule.hold,
        reject=rule.reject,
        checks=tuple(checks),
        rollups=frozenset(when.rollups or ()),
        until=rule.hold.until if rule.hold else None,
        decides=rule.decides,
    )


def _bounds(bounds: Bounds) -> tuple[float, float]:
    least, most = bounds.at_least, bounds.at_most
    return float("-inf") if least is None else least, float("inf") if most is None else most


def _domains(patterns: Sequence[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    exact = frozenset(each for each in patterns if not each.startswith("*."))
    return exact, tuple(each[1:] for each in patterns if each.startswith("*."))


def _stream_in(streams: frozenset[Stream]) -> Callable[[Facts], bool]:
    return lambda facts: facts.stream in streams


def _tagged(tags: frozenset[str]) -> Callable[[Facts], bool]:
    return lambda facts: not tags.isdisjoint(facts.tags)


def _recipient_in(exact: frozenset[str], suffixes: tuple[str, ...]) -> Callable[[Facts], bool]:
    return lambda facts: facts.recipient_domain in exact or facts.recipient_domain.endswith(suffixes)


def _sender_in(exact: frozenset[str], suffixes: tuple[str, ...]) -> Callable[[Facts], bool]:
    return lambda facts: facts.sender_domain in exact or facts.sender_domain.endswith(suffixes)


def _size_in(least: float, most: float) -> Callable[[Facts], bool]:
    return lambda facts: least <= facts.size <= most


def _attempt_in(least: float, most: float) -> Callable[[Facts], bool]:
    return lambda facts: least <= facts.attempt <= most
