"""What counts as breaking: each rule by hand, and all of them against a validator that knows none of them."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from deploy.contracts.breaking import NOT_WRITTEN, OPEN, as_read, as_written, breaking_changes
from deploy.contracts.schemas import schemas
from tests.contract.made_schemas import RECORDS, Schema, changed, instances

OLD: Schema = {
    "type": "object",
    "required": ["id", "kind", "inner"],
    "properties": {
        "v": {"const": 1, "default": 1, "type": "integer"},
        "id": {"type": "string", "title": "Id"},
        "kind": {"$ref": "#/$defs/Kind"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "size": {"type": "integer", "minimum": 0, "default": 0},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "code": {"type": "string", "pattern": "^[a-z]+$", "default": "a"},
        "extra": {"type": "object", "additionalProperties": True, "default": {}},
        "inner": {"$ref": "#/$defs/Inner"},
        "hosts": {"type": "array", "items": {"$ref": "#/$defs/Inner"}, "default": []},
    },
    "$defs": {
        "Kind": {"type": "string", "enum": ["a", "b"]},
        "Inner": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}


def _with(path: str, value: Any) -> Schema:
    """The old schema with another value at a path; None takes away what is there."""

    def put(into: Any, names: list[str]) -> Any:
        name, rest = names[0], names[1:]
        if not rest and value is None:
            return {key: each for key, each in into.items() if key != name}
        return {**into, name: put(into.get(name, {}), rest) if rest else value}

    return put(OLD, path.split("/"))


HARMLESS = {
    "a field more": _with("properties/more", {"type": "string", "default": "x"}),
    "a field more, null": _with("properties/more", {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
    "a field more below": _with("$defs/Inner/properties/port", {"type": "integer", "default": 25}),
    "other words": _with("properties/id", {"type": "string", "description": "what it is"}),
    "a value that is not written yet": _with(
        "$defs/Kind", {"type": "string", "enum": ["a", "b", "c"], NOT_WRITTEN: ["c"]}
    ),
}
BREAKING = {
    "a field is gone": (_with("properties/note", None), "`/note` is gone"),
    "a field below is gone": (_with("$defs/Inner/properties", {"title": {"type": "string"}}), "`/inner/name` is gone"),
    "another type": (_with("properties/id", {"type": "integer"}), "string is written, and integer is read"),
    "no null any more": (_with("properties/note", {"type": "string", "default": None}), "null"),
    "null from now on": (_with("properties/id", {"anyOf": [{"type": "string"}, {"type": "null"}]}), "null is written"),
    "required from now on": (_with("required", ["id", "kind", "inner", "note"]), "is required and may be missing"),
    "not required any more": (_with("required", ["id", "inner"]), "is required and may be missing"),
    "a new required field": (
        {**_with("properties/more", {"type": "string"}), "required": [*OLD["required"], "more"]},
        "`/more` of an older version: is required",
    ),
    "a value less": (_with("$defs/Kind", {"type": "string", "enum": ["a"]}), "'b' is written and not read"),
    "a value more": (_with("$defs/Kind", {"type": "string", "enum": ["a", "b", "c"]}), "read by an older one: 'c'"),
    "a narrower bound": (_with("properties/size", {"type": "integer", "minimum": 1, "default": 0}), "minimum 1"),
    "a wider bound": (_with("properties/size", {"type": "integer", "minimum": -1, "default": 0}), "minimum 0"),
    "another pattern": (_with("properties/code", {"type": "string", "pattern": "^[a-f]+$", "default": "a"}), "pattern"),
    "another default": (_with("properties/size", {"type": "integer", "minimum": 0, "default": 9}), "another default"),
    "a list's items": (_with("properties/tags", {"type": "array", "items": {"type": "integer"}, "default": []}), "/*"),
    "a map's values": (
        _with("properties/extra", {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}),
        "anything is written, and string is read",
    ),
    "another version": (_with("properties/v", {"const": 2, "default": 2, "type": "integer"}), "1 is written"),
    "a keyword that nobody knows": (_with("properties/id", {"type": "string", "contentEncoding": "base64"}), "content"),
}  # fmt: skip


@pytest.mark.parametrize("new", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nothing(new: Schema) -> None:
    assert breaking_changes(OLD, new) == []


@pytest.mark.parametrize(("new", "said"), BREAKING.values(), ids=BREAKING)
def test_what_breaks(new: Schema, said: str) -> None:
    found = breaking_changes(OLD, new)
    assert any(said in each for each in found), found


def test_values_that_readers_leave_out_may_come() -> None:
    old = _with("properties/kind", {"$ref": "#/$defs/Kind", OPEN: True})
    new = {**old, "$defs": {**old["$defs"], "Kind": {"type": "string", "enum": ["a", "b", "c"]}}}
    assert breaking_changes(old, new) == []
    assert breaking_changes(new, _with("$defs/Kind", {"type": "string", "enum": ["a", "b", "c"]})) == []
    assert breaking_changes(OLD, new), "what is not marked in the older version is refused there"


def test_a_value_is_made_known_in_one_version_and_written_in_the_next() -> None:
    known = _with("$defs/Kind", {"type": "string", "enum": ["a", "b", "c"], NOT_WRITTEN: ["c"]})
    written = _with("$defs/Kind", {"type": "string", "enum": ["a", "b", "c"]})
    assert breaking_changes(OLD, known) == breaking_changes(known, written) == []
    assert breaking_changes(OLD, written)


class _Old(BaseModel):
    id: str
    note: str | None = None


class _New(_Old):
    count: int = Field(default=0, ge=0)


class _Worse(BaseModel):
    id: str
    note: str | None = None
    count: int


def test_it_reads_what_pydantic_makes() -> None:
    old, new, worse = (each.model_json_schema() for each in (_Old, _New, _Worse))
    assert breaking_changes(old, new) == []
    assert breaking_changes(old, worse) == ["`/count` of an older version: is required and may be missing"]


@pytest.mark.parametrize("name", schemas())
def test_no_record_breaks_itself(name: str) -> None:
    assert breaking_changes(schemas()[name], schemas()[name]) == []


@given(st.data())
def test_what_is_compatible_is_read_both_ways(data: st.DataObject) -> None:
    """The oracle: instances of each schema, as its writers make them, are taken by the other one's readers."""
    old = data.draw(RECORDS)
    new = data.draw(changed(old))
    assume(not breaking_changes(old, new))
    for writer, reader in ((old, new), (new, old)):
        record = data.draw(instances(as_written(writer)))
        assert jsonschema_rs.validator_for(as_read(reader)).is_valid(record), (record, writer, reader)


@given(st.data())
def test_what_a_reader_refuses_is_breaking(data: st.DataObject) -> None:
    """The same from the other side: whatever a change makes unreadable is found."""
    old = data.draw(RECORDS)
    new = data.draw(changed(old))
    record = data.draw(instances(as_written(old)))
    if not jsonschema_rs.validator_for(as_read(new)).is_valid(record):
        assert breaking_changes(old, new), (record, old, new)
        assert breaking_changes(new, old), (record, old, new)


@given(RECORDS)
def test_no_schema_breaks_itself(schema: Schema) -> None:
    assert breaking_changes(schema, schema) == []


@given(st.data())
def test_a_further_field_that_need_not_be_there_breaks_nothing(data: st.DataObject) -> None:
    old = data.draw(RECORDS)
    new = {**old, "properties": {**old["properties"], "further": data.draw(RECORDS)}}
    assert breaking_changes(old, new) == []
