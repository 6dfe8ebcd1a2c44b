"""The JSON Schema of each record, as a reader of this version takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from deploy.contracts.breaking import OPEN
from deploy.contracts.catalogue import RECORDS
from shared.contracts.record import Record

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_name(record: type[Record]) -> str:
    """`Message` of version 1 is `Message.1`: a new version is a schema beside the one before."""
    return f"{record.__name__}.{record.model_fields['v'].default}"


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each record, by its name and version."""
    return {schema_name(record): {"$schema": DIALECT, **schema_of(record)} for record in RECORDS}


def schema_of(record: type[Record]) -> dict[str, Any]:
    """One record's schema, with the definitions that it needs."""
    schema = record.model_json_schema()
    _open(schema, record)
    return schema


def definitions(records: Iterable[type[Record]], ref_template: str) -> dict[str, Any]:
    """The schemas of records and of all that is in them, by their names."""
    some = list(records)
    _, found = models_json_schema([(record, "validation") for record in some], ref_template=ref_template)
    made: dict[str, Any] = found["$defs"]
    for record in some:
        _open(made[record.__name__], record)
    return made


def _open(schema: dict[str, Any], record: type[Record]) -> None:
    if record.newer_by:
        schema["properties"][record.newer_by][OPEN] = True
