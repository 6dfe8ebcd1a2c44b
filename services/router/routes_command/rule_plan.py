"""Which rules, order and quarantine a file sets, and how they differ from what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from services.router.routes.faults import faults_of
from services.router.routes.model import Quarantine, Rule, RuleSet, read_set, with_ids
from services.router.routes_command.plan import Change, Step
from services.router.routes_command.present import Present
from services.router.routes_command.references import References
from services.router.routes_command.route_file import FileRule, RouteFile
from services.router.routes_command.transport_plan import in_words

Plain = Mapping[str, Any]
Labels = Mapping[str, str]


def wanted_set(file: RouteFile, present: Present, references: References) -> RuleSet:
    """The set as the file has it, what it does not name as it is there. Faults go to the references."""
    there = read_set(present.rules)
    order, rules, quarantine = there.transports, there.rules, there.quarantine
    if file.order is not None:
        order = [references.key_of(name, ("order", place)) for place, name in enumerate(file.order)]
    if file.rules is not None:
        rules = [_rule(rule, ("rules", place), references) for place, rule in enumerate(file.rules)]
    if file.manages_quarantine:
        quarantine = _quarantine(file, references)
    wanted = RuleSet.model_construct(transports=order, rules=rules, quarantine=quarantine)
    if not references.faults:
        for fault in faults_of(wanted, references.known, shared=present.platform):
            references.fault(file_path(fault.pointer), fault.detail)
    return wanted


def file_path(pointer: str) -> list[str | int]:
    """Where in a file stands what the API calls by this JSON pointer."""
    parts = [int(part) if part.isdecimal() else part for part in pointer.removeprefix("#").split("/") if part]
    return ["order", *parts[1:]] if parts[:1] == ["transports"] else parts


def plain_set(wanted: RuleSet, *, platform: bool) -> dict[str, Any]:
    """As the API takes and shows it."""
    data: dict[str, Any] = {
        "transports": list(wanted.transports),
        "rules": [rule.model_dump(mode="json", exclude_none=True) for rule in wanted.rules],
    }
    if platform or wanted.quarantine is not None:
        data["quarantine"] = wanted.quarantine.model_dump(mode="json") if wanted.quarantine else None
    return data


def setting_changes(before: Plain, after: Plain, labels: Labels) -> Iterator[Change]:
    """Of the order and the quarantine."""
    was, now = (", ".join(labels.get(id_, id_) for id_ in each["transports"]) or None for each in (before, after))
    if before["transports"] != after["transports"]:
        yield Change("order", was, now)
    if before.get("quarantine") != after.get("quarantine"):
        yield Change("quarantine", *(_quarantined(each.get("quarantine"), labels) for each in (before, after)))


def rule_steps(before: Sequence[Plain], after: Sequence[Plain], labels: Labels) -> Iterator[Step]:
    """Rules by their ids, in the order of the new set, those that go last."""
    old, new = ({rule["id"]: rule for rule in rules} for rules in (before, after))
    places = {rule["id"]: place for place, rule in enumerate(before)}
    stay = _staying([id_ for id_ in old if id_ in new], [id_ for id_ in new if id_ in old])
    for place, (id_, rule) in enumerate(new.items()):
        fields = list(_field_changes(old.get(id_, {}), rule, labels))
        if id_ not in old:
            yield Step("create", "rule", id_, changes=[Change("at", None, str(place)), *fields])
            continue
        if id_ not in stay:
            yield Step("move", "rule", id_, changes=[Change("at", str(places[id_]), str(place))])
        if fields:
            yield Step("change", "rule", id_, changes=fields)
    for id_ in old:
        if id_ not in new:
            yield Step("remove", "rule", id_)


def _staying(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """Those that keep their order among each other; the others have moved."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return {id_ for block in blocks for id_ in before[block.a : block.a + block.size]}


def _field_changes(before: Plain, after: Plain, labels: Labels) -> Iterator[Change]:
    was, now = _flat(before, labels), _flat(after, labels)
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            yield Change(name, was.get(name), now.get(name))


def _flat(rule: Plain, labels: Labels) -> dict[str, str | None]:
    """Field by field, conditions each by itself, transports by their names."""
    fields: dict[str, str | None] = {}
    for name, value in rule.items():
        if name == "route":
            fields[name] = " then ".join(_tier(tier, labels) for tier in value)
        elif isinstance(value, Mapping):
            fields |= {f"{name}.{inner}": in_words(each) for inner, each in value.items()}
        elif name != "id":
            fields[name] = in_words(value)
    return fields


def _tier(tier: Sequence[Plain], labels: Labels) -> str:
    named = [(labels.get(each["transport"], each["transport"]), each.get("weight")) for each in tier]
    return " + ".join(name if weight is None else f"{name} ({weight})" for name, weight in named)


def _quarantined(quarantine: Plain | None, labels: Labels) -> str | None:
    if quarantine is None:
        return None
    pool = quarantine.get("pool")
    return labels.get(pool, pool) if pool else "hold"


def _rule(rule: FileRule, path: tuple[str | int, ...], references: References) -> Rule:
    data = rule.model_dump(mode="python", exclude_none=True)
    for number, tier in enumerate(data.get("route", ())):
        for place, target in enumerate(tier):
            where = (*path, "route", number, place, "transport")
            target["transport"] = references.key_of(target["transport"], where)
    return with_ids(Rule.model_validate(data)) if not references.faults else Rule.model_construct(id=rule.id)


def _quarantine(file: RouteFile, references: References) -> Quarantine | None:
    if file.quarantine is None:
        return None
    pool = file.quarantine.pool
    key = references.key_of(pool, ("quarantine", "pool")) if pool is not None else None
    return Quarantine.model_construct(pool=key, hold=file.quarantine.hold)
