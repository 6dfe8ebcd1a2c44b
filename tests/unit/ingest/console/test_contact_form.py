"""A contact's form: fields out of attributes, and attributes out of fields."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.console.contact_form import (
    Kind,
    changes_of,
    entries_of,
    field_at,
    filled,
    kind_of,
    text_of,
    value_of,
)
from services.ingest.contacts.fields import Field

AGE = Field("1", "age", "integer", None, None, None, "2026-01-01T00:00:00Z")
SITE = Field("2", "site", "text", "url", None, None, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("", "text", None),
        ("33", "text", "33"),
        ("33", "number", 33),
        ("1.5", "number", 1.5),
        ("old", "number", "old"),
        ("true", "boolean", True),
        ("False", "boolean", False),
        ("perhaps", "boolean", "perhaps"),
    ],
)
def test_a_text_stands_for_a_value_of_its_kind(text: str, kind: Kind, value: Any) -> None:
    assert value_of(text, kind) == value
    assert type(value_of(text, kind)) is type(value)


@pytest.mark.parametrize("value", ["text", 33, 1.5, True, False])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert value_of(text_of(value), kind_of(value)) == value


def test_declared_fields_come_first_and_say_what_they_ask_for() -> None:
    entries = entries_of({"zip": "1", "age": 33, "cart": {"a": 1}}, {"age": AGE, "site": SITE})
    assert [(entry.name, entry.kind, entry.hint) for entry in entries] == [
        ("age", "number", "integer"),
        ("site", "text", "text, url"),
        ("cart", "nested", None),
        ("zip", "text", None),
    ]


def test_only_what_was_changed_is_asked_for() -> None:
    entries = entries_of({"first name": "Ann", "age": 33, "cart": [1]}, {})
    before = filled("ann@example.test", None, entries)
    assert "attribute.cart" not in before
    assert changes_of(before, before, entries) == {}
    given = {**before, "attribute.first%20name": "", "new_name": "vip", "new_value": "true", "new_kind": "boolean"}
    assert changes_of(before, given, entries) == {"attributes": {"first name": None, "vip": True}}
    moved = {**before, "email": "anna@example.test", "delivery_route": "s"}
    assert changes_of(before, moved, entries) == {"attributes": {"email": "anna@example.test"}, "delivery_route": "s"}


def test_a_fault_is_shown_at_the_field_that_it_is_about() -> None:
    entries = entries_of({"a/b": "1"}, {})
    given = {**filled("ann@example.test", None, entries), "new_name": "$x"}
    assert field_at(given, "#/attributes/a~1b") == "attribute.a%2Fb"
    assert field_at(given, "#/attributes/$x") == "new_name"
    assert field_at(given, "#/attributes/email") == "email"
    assert field_at(given, "#/delivery_route") == "delivery_route"
