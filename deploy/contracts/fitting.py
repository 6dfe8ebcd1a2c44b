"""Whether a reader takes everything that a writer may write, by the JSON Schemas of the two.

The writer's schema is closed (it writes the fields that it declares and no others), the reader's is open (it ignores
what it does not know), as the records are. Of JSON Schema this knows what pydantic makes of records; a keyword that
it does not know has to be the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

NOTES = {"title", "description", "default", "examples", "$defs", "$id", "$schema", "deprecated"}
EXTENSION = "x-"
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
STRUCTURE = {"type", "enum", "const", "anyOf", "$ref", "properties", "required", "additionalProperties", "items"}


@dataclass(frozen=True)
class Misfit:
    """Something that is written and not read; `path` is where, `/` the record itself."""

    path: str
    text: str


@dataclass(frozen=True)
class Rooted:
    """A schema with the definitions that its references mean."""

    schema: Schema
    definitions: Mapping[str, Schema]

    @classmethod
    def of(cls, schema: Schema) -> Rooted:
        return cls(schema, schema.get("$defs", {})).resolved()

    def resolved(self) -> Rooted:
        schema = self.schema
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return Rooted(schema, self.definitions)

    def at(self, schema: Schema | bool) -> Rooted:
        """A part of it; `true` is the schema that takes everything."""
        return Rooted({} if isinstance(schema, bool) else schema, self.definitions).resolved()

    @property
    def constraints(self) -> dict[str, Any]:
        return {key: value for key, value in self.schema.items() if key not in NOTES and not key.startswith(EXTENSION)}

    @property
    def values(self) -> list[Any] | None:
        """The values that it allows, where it lists them."""
        return [self.schema["const"]] if "const" in self.schema else self.schema.get("enum")


def misfits(writer: Rooted, reader: Rooted, path: str = "/") -> Iterator[Misfit]:
    """What the writer may write and the reader refuses; nothing where the reader takes all of it."""
    if not reader.constraints:
        return
    if "anyOf" in writer.schema:
        for each in writer.schema["anyOf"]:
            yield from misfits(writer.at(each), reader, path)
        return
    if "anyOf" in reader.schema:
        yield from _none_of(writer, reader, path)
        return
    if writer.values is not None:
        yield from _values(writer.values, reader, path)
        return
    if reader.values is not None:
        yield Misfit(path, f"any {_type(writer)} is written, and only {_listed(reader.values)} is read")
        return
    if not _is_type(writer.schema.get("type"), reader.schema.get("type")):
        yield Misfit(path, f"{_type(writer)} is written, and {_type(reader)} is read")
        return
    yield from _bounds(writer.schema, reader.schema, path)
    yield from _parts(writer, reader, path)
    for key in sorted(reader.constraints.keys() - STRUCTURE - {*LOWER, *UPPER}):
        if writer.schema.get(key) != reader.schema[key]:
            yield Misfit(path, f"{key} {reader.schema[key]!r} is not held by what is written")


def _none_of(writer: Rooted, reader: Rooted, path: str) -> Iterator[Misfit]:
    """Nothing where one alternative takes it; else what is wrong with the one of its own type."""
    alternatives = [reader.at(each) for each in reader.schema["anyOf"]]
    if writer.values is not None:
        ones = [(value, writer.at({"enum": [value]})) for value in writer.values]
        refused = [value for value, one in ones if all(any(misfits(one, each, path)) for each in alternatives)]
        if refused:
            yield Misfit(path, f"{_listed(refused)} is written and not read")
        return
    found = [list(misfits(writer, each, path)) for each in alternatives]
    if all(found):
        of_its_type = [each.schema.get("type") == writer.schema.get("type") for each in alternatives]
        own = next((each for each, is_own in zip(found, of_its_type, strict=True) if is_own), None)
        yield from own or [Misfit(path, f"{_type(writer)} is written, and no alternative reads it")]


def _values(values: list[Any], reader: Rooted, path: str) -> Iterator[Misfit]:
    if reader.values is not None:
        refused = [value for value in values if not any(_same(value, each) for each in reader.values)]
    elif reader.constraints.keys() <= {"type"}:
        refused = [value for value in values if not _is_type(_type_of(value), reader.schema.get("type"))]
    else:
        refused = values
    if refused:
        yield Misfit(path, f"{_listed(refused)} is written and not read")


def _bounds(writer: Schema, reader: Schema, path: str) -> Iterator[Misfit]:
    for key in LOWER:
        if key in reader and not (key in writer and writer[key] >= reader[key]):
            yield Misfit(path, f"{key} {reader[key]} is not held by what is written")
    for key in UPPER:
        if key in reader and not (key in writer and writer[key] <= reader[key]):
            yield Misfit(path, f"{key} {reader[key]} is not held by what is written")


def _parts(writer: Rooted, reader: Rooted, path: str) -> Iterator[Misfit]:
    """The items of lists and the fields of objects, of two schemas of the same type."""
    yield from misfits(
        writer.at(writer.schema.get("items", {})), reader.at(reader.schema.get("items", {})), f"{path}*/"
    )
    written, read = writer.schema.get("properties", {}), reader.schema.get("properties", {})
    for name in sorted(set(reader.schema.get("required", ())) - set(writer.schema.get("required", ()))):
        yield Misfit(f"{path}{name}", "is required and may be missing")
    rest = _further(reader)
    for name in sorted(written):
        if (taken := read.get(name, rest)) is False:
            yield Misfit(f"{path}{name}", "is written and not read")
        else:
            yield from misfits(writer.at(written[name]), reader.at(taken), f"{path}{name}/")
    further = writer.schema.get("additionalProperties", not writer.schema.get("properties"))
    if further is False:
        return
    if rest is False:
        yield Misfit(path, "any field is written, and not read")
        return
    for taken in (*(read[name] for name in sorted(read.keys() - written.keys())), rest):
        yield from misfits(writer.at(further), reader.at(taken), f"{path}*/")


def _further(reader: Rooted) -> Schema | bool:
    further: Schema | bool = reader.schema.get("additionalProperties", True)
    return further


def _is_type(written: str | None, read: str | None) -> bool:
    return read is None or written == read or (written, read) == ("integer", "number")


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _same(value: Any, other: Any) -> bool:
    """JSON's equality, in which true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _type(rooted: Rooted) -> str:
    return str(rooted.schema.get("type", "anything"))


def _listed(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)
