"""What a change of a record's schema breaks while two versions of the code run side by side.

During a roll-out both directions happen at once: new code reads what old code writes (and what has stood on the topics
for their retention), and old code reads what new code writes. So everything that was written must be read by the new
schema, and everything that is written from now on by the old one. Beyond that nothing may vanish or change its meaning:
a field that is gone, or whose default is another, is as wrong for who relies on it as one that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deploy.contracts.fitting import Misfit, Rooted, Schema, misfits

OPEN = "x-open-values"
"""Marks a field: a reader leaves out records with a value that it does not know, so further values break nothing."""
NOT_WRITTEN = "x-not-written-yet"
"""On an enum: values that this version reads and does not write. A value is made known in one version, written in the
next."""
NOTHING = object()


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Why `new` may not take the place of `old`, as sentences; [] where two versions understand each other."""
    found = [
        *(f"{_at(each)} of an older version: {each.text}" for each in _refused(old, new)),
        *(f"{_at(each)} of this version, read by an older one: {each.text}" for each in _refused(new, old)),
        *_changed(Rooted.of(old), Rooted.of(new), "/"),
    ]
    return list(dict.fromkeys(found))


def as_written(schema: Schema) -> Schema:
    """A schema of what code of this version writes."""
    written: Schema = _everywhere(schema, _only_written)
    return written


def as_read(schema: Schema) -> Schema:
    """A schema of what code of this version takes, or leaves out on purpose."""
    read: Schema = _everywhere(schema, lambda each: {"type": "string"} if each.get(OPEN) else each)
    return read


def _refused(writer: Schema, reader: Schema) -> Iterator[Misfit]:
    return misfits(Rooted.of(as_written(writer)), Rooted.of(as_read(reader)))


def _changed(old: Rooted, new: Rooted, path: str) -> Iterator[str]:
    """Fields that are gone and defaults that changed, also below."""
    fields = new.schema.get("properties", {})
    for name, was in old.schema.get("properties", {}).items():
        if name not in fields:
            yield f"`{path}{name}` is gone"
            continue
        now = fields[name]
        if was.get("default", NOTHING) != now.get("default", NOTHING):
            yield f"`{path}{name}` has another default: {was.get('default')!r} was, {now.get('default')!r} is"
        yield from _changed(old.at(was), new.at(now), f"{path}{name}/")
    for key in ("items", "additionalProperties"):
        if isinstance(old.schema.get(key), Mapping) and isinstance(new.schema.get(key), Mapping):
            yield from _changed(old.at(old.schema[key]), new.at(new.schema[key]), f"{path}*/")
    for was, now in zip(_objects(old), _objects(new), strict=False):
        yield from _changed(was, now, path)


def _objects(rooted: Rooted) -> list[Rooted]:
    """The alternatives that are objects or lists of some: pydantic keeps their order."""
    alternatives = [rooted.at(each) for each in rooted.schema.get("anyOf", ())]
    return [each for each in alternatives if each.schema.get("type") in ("object", "array")]


def _only_written(schema: Schema) -> Schema:
    left = schema.get(NOT_WRITTEN, ())
    return {**schema, "enum": [each for each in schema["enum"] if each not in left]} if left else schema


def _everywhere(schema: Any, change: Callable[[Schema], Schema]) -> Any:
    """The schema with every object in it changed. A field is no schema: it may be called as a keyword is."""
    if isinstance(schema, list):
        return [_everywhere(each, change) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    changed = change(schema)
    return {
        key: {name: _everywhere(each, change) for name, each in value.items()}
        if key in ("properties", "$defs")
        else value
        if key in ("default", "enum", "const", "examples", "required")
        else _everywhere(value, change)
        for key, value in changed.items()
    }


def _at(misfit: Misfit) -> str:
    return f"`{misfit.path.rstrip('/') or '/'}`"
