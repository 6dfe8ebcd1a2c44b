"""What is wrong with a set of rules beyond the form of its fields, each fault by its JSON pointer. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from services.router.routes.model import MAX_TRANSPORTS, RESERVED, Bounds, Rule, RuleSet
from shared.errors import Fault

MAX_BYTES = 48 * 1024
UNKNOWN = "There is no such transport."
ACTIONS = ("route", "hold", "reject")


def faults_of(wanted: RuleSet, known: Collection[str], *, shared: bool) -> list[Fault]:
    """All faults. `known` are the transports that the set's owner may use, `shared` says that the set is the
    platform's."""
    faults = [*_faults_of_order(wanted.transports, known)]
    ids = [rule.id for rule in wanted.rules]
    for place, rule in enumerate(wanted.rules):
        pointer = f"#/rules/{place}"
        faults += _faults_of_id(rule, pointer, ids[:place])
        faults += _faults_of_conditions(rule, pointer)
        faults += _faults_of_action(rule, pointer)
        faults += _faults_of_route(rule, pointer, known)
        if before := _that_leaves_nothing_to(rule, wanted.rules[:place]):
            text = f"No message comes to this rule: {before.id} before it takes all that it could."
            faults.append(Fault(pointer, "unreachable", text))
    faults += _faults_of_quarantine(wanted, known, shared=shared)
    if len(json.dumps(wanted.to_data())) > MAX_BYTES:
        faults.append(Fault("#", "too_large", f"A set of rules may have {MAX_BYTES} bytes of JSON."))
    return faults


def _faults_of_order(transports: Sequence[str], known: Collection[str]) -> Iterator[Fault]:
    for place, id_ in enumerate(transports):
        if id_ not in known:
            yield Fault(f"#/transports/{place}", "unknown_transport", UNKNOWN)
        elif id_ in transports[:place]:
            yield Fault(f"#/transports/{place}", "repeated", "A transport stands in the order once.")


def _faults_of_id(rule: Rule, pointer: str, before: Collection[str | None]) -> Iterator[Fault]:
    if rule.id is None:
        yield Fault(f"{pointer}/id", "required", "A rule needs an id, or a name to make one from.")
    elif rule.id in RESERVED:
        yield Fault(f"{pointer}/id", "reserved", f"{rule.id} names what decides where no rule does.")
    elif rule.id in before:
        yield Fault(f"{pointer}/id", "repeated", "Another rule of this set has this id.")


def _faults_of_conditions(rule: Rule, pointer: str) -> Iterator[Fault]:
    for name in ("size", "attempt"):
        bounds: Bounds | None = getattr(rule.when, name)
        if bounds is None:
            continue
        if bounds.at_least is None and bounds.at_most is None:
            yield Fault(f"{pointer}/when/{name}", "empty", "It needs at_least, at_most or both.")
        elif bounds.at_least is not None and bounds.at_most is not None and bounds.at_least > bounds.at_most:
            yield Fault(f"{pointer}/when/{name}", "empty", "Nothing is at least this and at most that.")


def _faults_of_action(rule: Rule, pointer: str) -> Iterator[Fault]:
    given = [name for name in ACTIONS if getattr(rule, name) is not None]
    if not given and rule.lane is None:
        yield Fault(pointer, "no_action", "A rule needs a route, a lane, a hold or a reject.")
    for name in given[1:]:
        yield Fault(f"{pointer}/{name}", "one_action", f"A rule with a {given[0]} has no {name}.")
    if rule.lane is not None and given and given[0] != "route":
        yield Fault(f"{pointer}/lane", "one_action", f"A rule with a {given[0]} has no lane.")


def _faults_of_route(rule: Rule, pointer: str, known: Collection[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    if len(rule.targets) > MAX_TRANSPORTS:
        yield Fault(f"{pointer}/route", "too_many", f"A rule has at most {MAX_TRANSPORTS} transports in all its tiers.")
    for number, tier in enumerate(rule.route or ()):
        for place, target in enumerate(tier):
            where = f"{pointer}/route/{number}/{place}/transport"
            if target.transport not in known:
                yield Fault(where, "unknown_transport", UNKNOWN)
            elif target.transport in seen:
                yield Fault(where, "repeated", "A transport stands in a rule once.")
            seen.add(target.transport)
        if all(target.weight == 0 for target in tier):
            yield Fault(f"{pointer}/route/{number}", "no_weight", "A tier needs a transport with a weight above 0.")


def _faults_of_quarantine(wanted: RuleSet, known: Collection[str], *, shared: bool) -> Iterator[Fault]:
    quarantine = wanted.quarantine
    if quarantine is None:
        return
    if not shared:
        yield Fault("#/quarantine", "operator_only", "Only the platform's rules have a quarantine.")
    elif (quarantine.pool is None) == (not quarantine.hold):
        yield Fault("#/quarantine", "one_action", "A quarantine is a pool or a hold.")
    elif quarantine.pool is not None and quarantine.pool not in known:
        yield Fault("#/quarantine/pool", "unknown_transport", UNKNOWN)


def _that_leaves_nothing_to(rule: Rule, before: Sequence[Rule]) -> Rule | None:
    """A rule before it that decides for ever what all messages come to, or all that meet the same conditions."""
    lasting = (each for each in before if each.decides and not (each.hold and each.hold.until))
    return next((each for each in lasting if each.when.always_hold or each.when == rule.when), None)
