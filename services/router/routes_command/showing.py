"""What is there as a file that, applied, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from services.router.api.bodies import SourceBody, TransportBody
from services.router.routes.configuration import DIRECT
from services.router.routes_command.present import Present


def file_of(present: Present) -> str:
    """Without passwords: each stands as the name of a variable that might have it."""
    transports = {_key(each, present): _entry(each, present) for each in present.own if _is_shown(each)}
    return dumped({"transports": transports, **rules_of(present)})


def rules_of(present: Present) -> dict[str, Any]:
    """The file's parts that are the set of rules, with transports by their names."""
    data: dict[str, Any] = {
        "order": [present.label(id_) for id_ in present.rules["transports"]],
        "rules": [_rule(rule, present) for rule in present.rules["rules"]],
    }
    if quarantine := present.rules.get("quarantine"):
        pool = quarantine.get("pool")
        data["quarantine"] = {"pool": present.label(pool)} if pool else {"hold": True}
    return data


def dumped(data: Mapping[str, Any]) -> str:
    """As YAML."""
    return str(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=110))


def _is_shown(view: Mapping[str, Any]) -> bool:
    """The built-in one is there without a file, as long as it is as it was made."""
    return bool(view["id"] != DIRECT or _settings(view))


def _key(view: Mapping[str, Any], present: Present) -> str:
    return view["id"] if view["id"] == DIRECT else present.label(view["id"])


def _entry(view: Mapping[str, Any], present: Present) -> dict[str, Any]:
    entry = {"kind": view["kind"], **_settings(view)}
    if _key(view, present) != view["name"] and view["id"] != DIRECT:
        entry = {"name": view["name"], **entry}
    if view["has_password"]:
        made = re.sub(r"[^A-Z0-9]+", "_", view["name"].upper()).strip("_")
        entry["password_env"] = f"{made or 'TRANSPORT'}_PASSWORD" if not made[:1].isdigit() else f"T_{made}_PASSWORD"
    return entry


def _settings(view: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as it is by itself."""
    settings = {}
    for name, field in TransportBody.model_fields.items():
        if name in ("name", "kind", "password"):
            continue
        value = view[name]
        if value != field.get_default(call_default_factory=True):
            settings[name] = [_source(each) for each in value] if name == "sources" else value
    return settings


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    shown = SourceBody.model_validate(source).model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return dict(shown)


def _rule(rule: Mapping[str, Any], present: Present) -> dict[str, Any]:
    """Nothing that is empty, no name that is the id."""
    shown = {name: value for name, value in rule.items() if value != {} and (name != "name" or value != rule["id"])}
    if "route" in rule:
        shown["route"] = [_tier(tier, present) for tier in rule["route"]]
    return shown


def _tier(tier: Sequence[Mapping[str, Any]], present: Present) -> list[dict[str, Any]]:
    return [{**target, "transport": present.label(target["transport"])} for target in tier]
