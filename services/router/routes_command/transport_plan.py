"""Which transports a file makes, changes and leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.router.api.bodies import TransportBody, TransportSettings, faults_of_transport
from services.router.routes.configuration import DIRECT
from services.router.routes_command.plan import Act, Change, Step
from services.router.routes_command.present import Present
from services.router.routes_command.references import References, View
from services.router.routes_command.route_file import RouteFile, TransportEntry

FIELDS = ("name", "kind", "host", *(name for name in TransportSettings.model_fields if name != "password"))


def transport_steps(file: RouteFile, present: Present, references: References, *, passwords: bool) -> Iterator[Step]:
    """Those of the file; with `passwords` those that are there are given theirs again. Faults go to the references."""
    for key, entry in (file.transports or {}).items():
        view = references.bound[key]
        wanted = _wanted(key, entry, view)
        _check(entry, view, key, wanted["name"], references, present.platform)
        secret = _needs_password(entry, view, passwords=passwords)
        changes = list(_changes(view or {}, wanted, made=view is None))
        if secret:
            changes.append(Change("password", None, f"from ${entry.password_env}"))
        if view is None or changes:
            env = entry.password_env if secret else None
            act: Act = "create" if view is None else "change"
            yield Step(act, "transport", key, references.keys[key], changes, _body(view, wanted, changes), env)


def left_out(file: RouteFile, present: Present, references: References, *, prune: bool) -> Iterator[Step]:
    """The owner's transports that the file does not name; they stay unless they are to be pruned."""
    if file.transports is None:
        return
    named = set(references.keys.values())
    for each in present.own:
        if each["id"] not in named and each["id"] != DIRECT:
            yield Step("remove" if prune else "leave", "transport", present.label(each["id"]), each["id"])


def _wanted(key: str, entry: TransportEntry, view: View | None) -> dict[str, Any]:
    """As the API takes and shows it, without the password."""
    name = entry.name or (key if view is None or view["id"] != key else view["name"])
    fields = entry.model_dump(mode="json", include={*FIELDS})
    return {**{field: fields.get(field) for field in FIELDS}, "name": name}


def _body(view: View | None, wanted: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """What is sent: all of a new transport, of one that is there what changes; no user name, no password."""
    if view is None:
        return dict(wanted)
    body = {change.field: wanted[change.field] for change in changes if change.field in wanted}
    return body | ({"password": None} if view["has_password"] and wanted["username"] is None else {})


def _needs_password(entry: TransportEntry, view: View | None, *, passwords: bool) -> bool:
    """Nobody can tell whether a password that is there is the same: it is kept unless all are to be given again."""
    if entry.username is None or entry.password_env is None:
        return False
    return view is None or not view["has_password"] or passwords


def _check(
    entry: TransportEntry, view: View | None, key: str, name: str, references: References, platform: bool
) -> None:
    """What the API would refuse for the form of a transport alone."""
    path = ("transports", key)
    if view is not None and view["kind"] != entry.kind:
        references.fault((*path, "kind"), f"it is a {view['kind']}, and stays one: give another kind another name")
        return
    kept = entry.username is not None and view is not None and view["has_password"]
    fields: dict[str, Any] = {field: getattr(entry, field, None) for field in FIELDS}
    password = "…" if entry.password_env is not None or kept else None
    whole = TransportBody.model_construct(**{**fields, "name": name, "password": password})
    for fault in faults_of_transport(whole, allow_private=True, shared=platform):  # what is private the API decides
        parts = fault.pointer.removeprefix("#/").replace("password", "password_env").split("/")
        place = [int(part) if part.isdecimal() else part for part in parts]
        references.fault((*path, *place), fault.detail)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], *, made: bool) -> Iterator[Change]:
    defaults = {name: each.get_default(call_default_factory=True) for name, each in TransportBody.model_fields.items()}
    for name in FIELDS:
        if name == "name" and made:
            continue
        was = defaults.get(name) if made else before[name]
        if was != after[name] or (made and name == "kind"):
            yield Change(name, None if made else in_words(was), in_words(after[name]))


def in_words(value: Any) -> str | None:
    """A value in a line; None for none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
