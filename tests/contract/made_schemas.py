"""Schemas such as pydantic makes of records, changes to them as somebody would make them, and what fits a schema."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

WORDS = ("a", "b", "c", "d", "e")
NAMES = st.sampled_from(WORDS)
NULL: Schema = {"type": "null"}


def _bounded(type_: str, low: str, high: str) -> st.SearchStrategy[Schema]:
    bounds = st.fixed_dictionaries({}, optional={low: st.integers(0, 3), high: st.integers(4, 8)})
    return bounds.map(lambda found: {"type": type_, **found})


ENUMS = st.lists(NAMES, min_size=1, max_size=4, unique=True).map(lambda values: {"type": "string", "enum": values})
LEAVES: st.SearchStrategy[Schema] = st.one_of(
    st.just({}),
    st.sampled_from(["string", "integer", "number", "boolean"]).map(lambda type_: {"type": type_}),
    _bounded("integer", "minimum", "maximum"),
    _bounded("number", "minimum", "maximum"),
    _bounded("string", "minLength", "maxLength"),
    st.sampled_from(["^a+$", "^[ab]+$"]).map(lambda pattern: {"type": "string", "pattern": pattern}),
    ENUMS,
    ENUMS.flatmap(
        lambda enum: st.sampled_from(enum["enum"]).map(lambda one: {**enum, "x-not-written-yet": [one]})
    ).filter(lambda enum: len(enum["enum"]) > 1),
    NAMES.map(lambda value: {"type": "string", "const": value}),
)


def _larger(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    lists = st.builds(lambda items, bounds: {"type": "array", "items": items, **bounds}, inner, _LIST_BOUNDS)
    maps = inner.map(lambda values: {"type": "object", "additionalProperties": values})
    optional = inner.map(lambda some: {"anyOf": [some, NULL]})
    either = st.lists(inner, min_size=2, max_size=2).map(lambda some: {"anyOf": some})
    return st.one_of(lists, maps, optional, either, records(inner))


_LIST_BOUNDS = st.fixed_dictionaries({}, optional={"minItems": st.integers(0, 1), "maxItems": st.integers(2, 3)})


def records(fields: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Objects with some fields, of which some are required."""

    def require(properties: dict[str, Schema]) -> st.SearchStrategy[Schema]:
        required = st.lists(st.sampled_from(sorted(properties)), unique=True)
        return required.map(lambda names: {"type": "object", "properties": properties, "required": names})

    return st.dictionaries(NAMES, fields, min_size=1, max_size=4).flatmap(require)


ANY = st.recursive(LEAVES, _larger, max_leaves=6)
RECORDS = records(ANY)


@st.composite
def changed(draw: st.DrawFn, schema: Schema) -> Schema:
    """The schema, with some of it as somebody has written it anew."""
    new = dict(schema)
    if "properties" in new:
        fields = dict(new["properties"])
        name = draw(NAMES)
        match draw(st.sampled_from(["same", "inside", "other", "gone", "required"])):
            case "inside" if name in fields:
                fields[name] = draw(changed(fields[name]))
            case "other":
                fields[name] = draw(ANY)
            case "gone" if len(fields) > 1:
                fields.pop(name, None)
            case "required":
                new["required"] = draw(st.lists(st.sampled_from(sorted(fields)), unique=True))
        new["properties"] = fields
        new["required"] = [each for each in new["required"] if each in fields]
        return new
    for key in ("items", "additionalProperties"):
        if isinstance(new.get(key), dict):
            return {**new, key: draw(changed(new[key]))}
    if "anyOf" in new:
        return {"anyOf": [draw(changed(each)) for each in new["anyOf"]]}
    if "enum" in new and draw(st.booleans()):
        return draw(ENUMS)
    if draw(st.booleans()):
        return draw(LEAVES)
    return new


def instances(schema: Schema) -> st.SearchStrategy[Any]:
    """What code that declares this schema may write: its own fields, and no others."""
    if "anyOf" in schema:
        return st.one_of([instances(each) for each in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -9), schema.get("maximum", 9))
        case "number":
            return st.one_of(
                st.integers(schema.get("minimum", -9), schema.get("maximum", 9)),
                st.floats(schema.get("minimum", -9), schema.get("maximum", 9)),
            )
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True).map(lambda text: text.rstrip("\n"))
        case "string":
            return st.one_of(
                st.text("abcxyz", min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 9)),
                NAMES.filter(lambda text: schema.get("minLength", 0) <= len(text)),
            )
        case "array":
            items = instances(schema.get("items", {}))
            return st.lists(items, min_size=schema.get("minItems", 0), max_size=schema.get("maxItems", 3))
        case "object" if "properties" in schema:
            fields = {name: instances(each) for name, each in schema["properties"].items()}
            needed = {name: each for name, each in fields.items() if name in schema.get("required", ())}
            return st.fixed_dictionaries(needed, optional={k: v for k, v in fields.items() if k not in needed})
        case "object":
            further = schema.get("additionalProperties", {})
            return st.dictionaries(NAMES, instances({} if further is True else further), max_size=3)
    return st.one_of(st.none(), st.booleans(), st.integers(-9, 9), NAMES, st.lists(NAMES, max_size=2))
