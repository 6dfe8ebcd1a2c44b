"""A contact as a form: an entry for each attribute that it has or that a field is declared for, and a new one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import orjson

from services.ingest.contacts.attributes import IDENTITY
from services.ingest.contacts.fields import Field

Kind = Literal["text", "number", "boolean", "nested"]
PREFIX = "attribute."
KINDS = [("text", "text"), ("number", "a number"), ("boolean", "true or false")]
BOOLEANS = [("", "–"), ("true", "true"), ("false", "false")]
OF_A_FIELD: dict[str, Kind] = {"integer": "number", "boolean": "boolean"}
NEW = ("new_name", "new_value", "new_kind")


@dataclass(frozen=True, slots=True)
class Entry:
    """An attribute: the `value` is its text, empty where it has none. One of `nested` data can only be looked at.
    `hint` is what a declared field asks of it."""

    name: str
    kind: Kind
    value: str
    hint: str | None = None

    @property
    def field(self) -> str:
        return field_named(self.name)


def field_named(attribute: str) -> str:
    """The form's field for an attribute; it is an id of the page too, which no space may stand in."""
    return f"{PREFIX}{quote(attribute, safe='')}"


def entries_of(attributes: Mapping[str, Any], fields: Mapping[str, Field]) -> list[Entry]:
    """The entries of a contact's attributes: those of declared fields first, then the others by name."""
    declared = [
        Entry(name, OF_A_FIELD.get(one.type, "text"), text_of(attributes.get(name)), hint_of(one))
        for name, one in fields.items()
    ]
    others = sorted(name for name in attributes if name not in fields and name != IDENTITY)
    return [*declared, *(Entry(name, kind_of(attributes[name]), text_of(attributes[name])) for name in others)]


def filled(address: str, route: str | None, entries: list[Entry]) -> dict[str, str]:
    """The fields of the form."""
    values = {entry.field: entry.value for entry in entries if entry.kind != "nested"}
    return {IDENTITY: address, "delivery_route": route or "", **values, **dict.fromkeys(NEW, ""), "new_kind": "text"}


def changes_of(before: Mapping[str, str], given: Mapping[str, str], entries: list[Entry]) -> dict[str, Any]:
    """What the fields ask the API for, of what differs from `before`: an attribute that is emptied is taken away."""
    attributes: dict[str, Any] = {}
    if given[IDENTITY] != before[IDENTITY]:
        attributes[IDENTITY] = given[IDENTITY]
    for entry in entries:
        if entry.field in given and given[entry.field] != before[entry.field]:
            attributes[entry.name] = value_of(given[entry.field], entry.kind)
    if given["new_name"] or given["new_value"]:
        kind: Kind = next((kind for kind in ("number", "boolean") if kind == given["new_kind"]), "text")
        attributes[given["new_name"]] = value_of(given["new_value"], kind)
    changes: dict[str, Any] = {"attributes": attributes} if attributes else {}
    if given["delivery_route"] != before["delivery_route"]:
        changes["delivery_route"] = given["delivery_route"] or None
    return changes


def field_at(given: Mapping[str, str], pointer: str) -> str:
    """The form's field that a fault of the API is shown at."""
    name = pointer.removeprefix("#/").removeprefix("attributes/").replace("~1", "/").replace("~0", "~")
    if field_named(name) in given:
        return field_named(name)
    return "new_name" if pointer.startswith("#/attributes/") and name == given["new_name"] else name


def value_of(text: str, kind: Kind) -> Any:
    """The value that a text stands for, None for nothing; a text that is none of its kind stays a text, for the API to
    judge."""
    if not text:
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return number_or(text) if kind == "number" else text


def number_or(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "nested" if isinstance(value, dict | list) else "text"


def text_of(value: Any) -> str:
    """A value as a field shows it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def hint_of(field: Field) -> str:
    shape = field.text or field.iso_format
    return f"{field.type}, {shape}" if shape else field.type
